"""Embedding: images in, codes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

_HOMES = {
    "DEFAULT_BATCH_SIZE": "embedder",
    "EmbedSummary": "job",
    "Embedder": "embedder",
    "count_lanes": "lanes",
    "embed": "job",
    "measure_colors": "colors",
    "run_lanes": "lanes",
    "settle_plans": "settling",
    "training_records": "colors",
}


def __getattr__(name: str) -> Any:
    # Lazily: a process that only decodes does without Parquet and the network.
    if name not in _HOMES:
        raise AttributeError(f"module 'cnncodes.embedding' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"cnncodes.embedding.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
