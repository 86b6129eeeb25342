"""Heads, pictures and hostile names for reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnncodes.heads.linear import LinearScorer
from cnncodes.images import ImageRecord
from cnncodes.report import Material

#: Length of the small network's codes.
CODE_SIZE = 5

MakeMaterial = Callable[..., Material]

#: Names that would be something else than text if anybody let them.
HOSTILE = (
    "</script><script>window.broken = 1</script>",
    '"><img src=x onerror="window.broken = 2">',
    "' onmouseover='window.broken = 3",
    "<!-- <script>",
    "two\nlines\u2028three",
    "\u202egpj.exe",
    "שלום",
    "bytes \udcff that are no text",
    "]]>&amp;${title}$body",
)


def make_head(
    classes: Sequence[str], *, seed: int = 0, code_size: int = CODE_SIZE, **changes: Any
) -> LinearScorer:
    """Return a head with random weights."""
    rng = np.random.default_rng(seed)
    rows = 1 if len(classes) == 2 else len(classes)
    coef, intercept = rng.standard_normal((rows, code_size)), rng.standard_normal(rows)
    return LinearScorer(coef, intercept, np.array(list(classes)), **changes)


def draw_records(labels: Sequence[str], keys: Sequence[str] | None = None) -> list[ImageRecord]:
    """Return pictures of one colour and some noise in memory, the colours by class."""
    rng = np.random.default_rng(0)
    colors = {label: rng.integers(40, 216, 3) for label in sorted(set(labels))}
    records = []
    for i, label in enumerate(labels):
        pixels = np.clip(colors[label] + rng.integers(-30, 31, (40, 52, 3)), 0, 255).astype(np.uint8)
        records.append(ImageRecord(f"{i:05}.png" if keys is None else keys[i], pixels, label))
    return records
