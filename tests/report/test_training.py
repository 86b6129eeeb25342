"""Which training images lie next to each image, and which of them get a thumbnail."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation.checks.neighbours import normalize
from cnncodes.images import ImageRecord
from cnncodes.report.training import NEAREST, choose_training_tiles, find_training, round_similarity


@given(n=st.integers(1, 20), m=st.integers(2, 20), shared=st.integers(0, 20), seed=st.integers(0, 99))
def test_the_nearest_come_first_and_none_is_the_image_itself(n: int, m: int, shared: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes, others = (rng.normal(size=(count, 6)).astype(np.float32) for count in (n, m))
    shared = min(shared, n, m)
    others[:shared] = codes[:shared]
    records = [ImageRecord(f"{i}", b"", "x") for i in range(m)]
    keys = [f"{i}" if i < shared else f"new {i}" for i in range(n)]
    found = find_training(keys, codes, records, others, "")
    assert found.index.shape == (n, min(NEAREST, m - (shared > 0)))
    cosine = normalize(codes) @ normalize(others).T
    for i in range(shared):
        cosine[i, i] = -np.inf
    expected = -np.sort(-cosine, axis=1)[:, : found.index.shape[1]]
    np.testing.assert_allclose(found.cosine, expected, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(cosine, found.index, axis=1), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("cosine", "shown"), [(1.0, 100), (0.9999, 99), (0.996, 99), (0.004, 0), (-1.0, -100)]
)
def test_a_similarity_of_one_is_kept_for_codes_that_are_the_same(cosine: float, shown: int) -> None:
    assert round_similarity(np.array([cosine], np.float32)).tolist() == [shown]


def test_what_is_shown_gets_thumbnails_first_then_what_is_near_to_most() -> None:
    rng = np.random.default_rng(0)
    codes, others = rng.normal(size=(60, 4)).astype(np.float32), rng.normal(size=(90, 4)).astype(np.float32)
    records = [ImageRecord(f"{i}", b"", "x") for i in range(90)]
    training = find_training([f"new {i}" for i in range(60)], codes, records, others, "")
    chosen = choose_training_tiles(training, [7, 3], 30).tolist()
    first = {*training.index[[7, 3]].ravel().tolist()}
    assert {*chosen[: len(first)]} == first and len({*chosen}) == len(chosen) == 30
    counts = np.bincount(training.index.ravel(), minlength=90)
    rest = counts[chosen[len(first) :]]
    assert (np.diff(rest) <= 0).all() and rest[-1] >= counts[list({*range(90)} - {*chosen})].max()
    everything = choose_training_tiles(training, [], 10**6)
    assert sorted(everything.tolist()) == np.unique(training.index).tolist()
