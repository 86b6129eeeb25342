"""Rows like codes, and scikit-learn's checks, for the tests of all heads."""

from __future__ import annotations

import numpy as np
from sklearn.utils.estimator_checks import check_estimator

NAMES = np.array(["ant", "bee", "cat", "dog"])
# scikit-learn skips this one itself unless SCIPY_ARRAY_API is set before scipy is imported.
SKIPPED = {"check_array_api_input"}


def blobs(n=120, d=30, k=4, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    X = rng.normal(size=(k, d))[y] * spread + rng.normal(size=(n, d)) * rng.uniform(0.5, 4, d) + 3
    return X, NAMES[y]


def find_failures(head):
    """Return which of scikit-learn's checks a head fails, and why."""
    results = check_estimator(head, on_fail=None, on_skip=None)
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= SKIPPED
    assert sum(r["status"] == "passed" for r in results) > 40
    return [(r["check_name"], r["exception"]) for r in results if r["status"] not in ("passed", "skipped")]
