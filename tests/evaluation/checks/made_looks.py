"""Looks of pictures that were never made."""

from __future__ import annotations

import numpy as np

from cnncodes.evaluation.checks.looking import Look

NOTHING = np.zeros((64, 64), np.uint8)


def draw_looks(n: int, rng: np.random.Generator) -> list[Look]:
    """Draw looks that say nothing of anything."""
    return [
        Look(
            content=str(i),
            width=int(rng.integers(300, 500)),
            height=int(rng.integers(300, 500)),
            n_bytes=int(rng.integers(10_000, 90_000)),
            format=str(rng.choice(["JPEG", "PNG"])),
            mode="RGB",
            thumbnail=NOTHING,
            border=(float(rng.uniform(0, 255)), 9.0, 9.0),
            brightness=float(rng.uniform(0, 255)),
            spread=50.0,
        )
        for i in range(n)
    ]
