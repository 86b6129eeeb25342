"""Products of rows and weights do not depend on threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnncodes.heads.products import Products


@pytest.mark.parametrize("n", [1, 1023, 2049, 5000])
def test_they_are_those_of_centred_rows_and_the_same_bits_by_threads(n):
    rng = np.random.default_rng(n)
    X, at, slope = rng.normal(size=(n, 7)) + 3, rng.normal(size=(3, 8)), rng.normal(size=(n, 3))
    mean = X.mean(axis=0)
    alone = Products(X, mean)
    np.testing.assert_allclose(alone.decide(at), (X - mean) @ at[:, :-1].T + at[:, -1], atol=1e-10)
    gradient = np.column_stack([slope.T @ (X - mean), slope.sum(axis=0)])
    np.testing.assert_allclose(alone.pull(slope), gradient, atol=1e-9)
    with ThreadPoolExecutor(3) as pool:
        threads = Products(X, mean, pool.map)
        np.testing.assert_array_equal(threads.decide(at), alone.decide(at))
        np.testing.assert_array_equal(threads.pull(slope), alone.pull(slope))


@pytest.mark.parametrize("n", [1, 2049])
def test_slopes_may_be_made_on_the_way(n):
    rng = np.random.default_rng(n)
    X, at, factor = rng.normal(size=(n, 7)) + 3, rng.normal(size=(3, 8)), rng.normal(size=(n, 3))
    alone = Products(X, X.mean(axis=0))
    expected = alone.pull(alone.decide(at) * factor)
    with ThreadPoolExecutor(3) as pool:
        for run in (map, pool.map):
            found = Products(X, X.mean(axis=0), run).turn(at, lambda step, rows: step * factor[rows])
            np.testing.assert_array_equal(found, expected)
