"""Rows like codes, and what scikit-learn's solvers find of them."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC


def draw(n, d, k, seed, spread=2.0):
    """Return rows whose columns differ much in variance and hang together, as those of codes do."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    X = rng.normal(size=(n, d)) * 10 ** rng.uniform(-spread, 0, d)
    X = X @ np.linalg.qr(rng.normal(size=(d, d)))[0] + 0.5 * rng.normal(size=(k, d))[y] + 1.0
    return X, y, rng.uniform(0.5, 2, n)


def objective(kind, X, y, weight, C, coef, intercept):
    decision = X @ coef.T + intercept
    k = len(coef)
    if kind == "logistic":
        values = np.column_stack([np.zeros(len(X)), decision]) if k == 1 else decision
        top = values.max(axis=1)
        loss = np.log(np.exp(values - top[:, None]).sum(axis=1)) + top - values[np.arange(len(y)), y]
        return C * weight @ loss + (coef**2).sum() / 2
    signs = np.where(y[:, None] == (np.arange(k) if k > 1 else np.array([1])), 1, -1)
    loss = (np.maximum(0, 1 - signs * decision) ** 2).sum(axis=1)
    return C * weight @ loss + (coef**2).sum() / 2 + (intercept**2).sum() / 2


def fit_reference(kind, X, y, weight, C, max_iter=200_000):
    if kind == "logistic":
        model = LogisticRegression(C=C, tol=1e-8, max_iter=min(max_iter, 20_000))
    else:
        model = LinearSVC(C=C, tol=1e-8, max_iter=max_iter, dual=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y, sample_weight=weight)
