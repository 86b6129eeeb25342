"""The nearest of all others, block by block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation.checks import neighbours
from cnncodes.evaluation.checks.neighbours import find_nearest, find_neighbours, normalize


@given(n=st.integers(1, 60), k=st.integers(0, 8), block=st.integers(1, 20), seed=st.integers(0, 99))
def test_they_are_those_of_the_whole_matrix(n: int, k: int, block: int, seed: int) -> None:
    codes = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_BLOCK", block)
        found = find_neighbours(codes, k)
    cosine = normalize(codes) @ normalize(codes).T
    np.fill_diagonal(cosine, -np.inf)
    k = min(k, n - 1)
    expected = -np.sort(-cosine, axis=1)[:, :k]
    assert found.index.shape == found.cosine.shape == (n, k)
    np.testing.assert_allclose(found.cosine, expected, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(cosine, found.index, axis=1), expected, atol=1e-6)
    assert all(len({*row}) == k and i not in row for i, row in enumerate(found.index.tolist()))


def test_a_code_of_zeros_is_near_nobody() -> None:
    found = find_neighbours(np.array([[0, 0], [1, 0], [2, 0]], np.float32), 1)
    assert found.cosine.ravel().tolist() == [0.0, 1.0, 1.0]


@given(
    n=st.integers(0, 40),
    m=st.integers(0, 40),
    k=st.integers(0, 8),
    block=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_the_nearest_of_others_are_those_of_the_whole_matrix(
    n: int, m: int, k: int, block: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    codes, others = (rng.normal(size=(count, 5)).astype(np.float32) for count in (n, m))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_BLOCK", block)
        found = find_nearest(codes, others, k)
    cosine, k = normalize(codes) @ normalize(others).T, min(k, m)
    expected = -np.sort(-cosine, axis=1)[:, :k]
    assert found.index.shape == found.cosine.shape == (n, k)
    np.testing.assert_allclose(found.cosine, expected, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(cosine, found.index, axis=1), expected, atol=1e-6)
