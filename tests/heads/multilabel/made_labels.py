"""Rows whose labels a noisy linear function of them decides."""

from __future__ import annotations

import numpy as np


def make_labels(n=150, n_labels=4, n_columns=12, seed=0):
    """Return float64 rows and an indicator in which some rows have no label."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_columns))
    limits = np.linspace(0.2, 1.2, n_labels)
    Y = (X @ rng.normal(size=(n_columns, n_labels)) / 3 + rng.normal(0, 0.5, (n, n_labels)) > limits).astype(
        int
    )
    return X, Y
