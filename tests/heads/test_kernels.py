"""What pairs of classes decide: by its definition, and without an array of all rows' pairs."""

from __future__ import annotations

import tracemalloc
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.heads.kernels import compute_kernel, decide_by_pairs

Array = npt.NDArray[Any]


def decide_one_by_one(kernel: Array, dual: Array, counts: Array, intercept: Array) -> Array:
    owner = np.repeat(np.arange(len(counts)), counts)
    decision = np.zeros((len(kernel), len(counts)))
    for (i, j), bias in zip(combinations(range(len(counts)), 2), intercept, strict=True):
        value = kernel[:, owner == i] @ dual[owner == i, j - 1] + kernel[:, owner == j] @ dual[owner == j, i]
        value = value + bias
        decision[:, i] -= np.logaddexp(0, -3 * value)
        decision[:, j] -= np.logaddexp(0, 3 * value)
        if len(counts) == 2:
            return np.asarray(-value[:, None])
    return decision


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=7),
    st.integers(0, 9),
    st.floats(1e-3, 1e3),
    st.integers(0, 2**32 - 1),
)
def test_pairs_decide_as_they_are_defined(counts: list[int], rows: int, scale: float, seed: int) -> None:
    rng, n_classes, total = np.random.default_rng(seed), len(counts), sum(counts)
    kernel = rng.random((rows, total)).astype(np.float32)
    dual = scale * rng.normal(size=(total, n_classes - 1))
    intercept = scale * rng.normal(size=n_classes * (n_classes - 1) // 2)
    given_ = kernel, dual, np.array(counts), intercept
    found = decide_by_pairs(*given_)
    assert found.shape == (rows, 1 if n_classes == 2 else n_classes)
    np.testing.assert_allclose(found, decide_one_by_one(*given_), rtol=1e-9, atol=1e-12 * scale)


def test_many_classes_take_no_array_of_all_rows_and_pairs() -> None:
    rng, n_classes, rows = np.random.default_rng(0), 300, 600
    kernel = rng.random((rows, n_classes))
    dual = rng.normal(size=(n_classes, n_classes - 1))
    intercept = np.zeros(n_classes * (n_classes - 1) // 2)
    tracemalloc.start()
    decide_by_pairs(kernel, dual, np.ones(n_classes, int), intercept)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80 * 2**20  # of all rows they would take 430 MB


def test_the_kernel_comes_some_rows_at_a_time_and_whole() -> None:
    rng = np.random.default_rng(0)
    rows, around = rng.normal(size=(3, 2)), rng.normal(size=(5000, 2)).astype(np.float32)
    parts = list(compute_kernel(rows, around, 0.5))
    assert [part.shape[1] for _, part in parts] == [4096, 904]
    distances = ((rows[:, None] - around.astype(np.float64)) ** 2).sum(axis=2)
    np.testing.assert_allclose(np.hstack([part for _, part in parts]), np.exp(-0.5 * distances), rtol=1e-9)
