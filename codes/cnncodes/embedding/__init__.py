"""Embedding: images in, codes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.embedding.colors import measure_colors, training_records
    from cnncodes.embedding.embedder import DEFAULT_BATCH_SIZE, Embedder
    from cnncodes.embedding.job import EmbedSummary, embed
    from cnncodes.embedding.lanes import count_lanes, run_lanes
    from cnncodes.embedding.settling import settle_plans

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "EmbedSummary",
    "Embedder",
    "count_lanes",
    "embed",
    "measure_colors",
    "run_lanes",
    "settle_plans",
    "training_records",
]

# Lazily: the parts that need Arrow are not for those who only predict.
__getattr__, __dir__ = attach(
    __name__,
    {
        "DEFAULT_BATCH_SIZE": "embedder",
        "EmbedSummary": "job",
        "Embedder": "embedder",
        "count_lanes": "lanes",
        "embed": "job",
        "measure_colors": "colors",
        "run_lanes": "lanes",
        "settle_plans": "settling",
        "training_records": "colors",
    },
)
