"""Rows like codes with numbers that depend on them."""

from __future__ import annotations

import numpy as np


def slopes(n=120, d=30, targets=1, noise=0.5, seed=0):
    """Return rows of columns that differ in scale, and linear functions of them with noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * rng.uniform(0.5, 4, d) + 3
    Y = X @ rng.normal(size=(d, targets)) + rng.normal(0, noise, (n, targets))
    return X, Y[:, 0] if targets == 1 else Y
