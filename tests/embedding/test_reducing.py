"""The mean over an image's views as its one row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnncodes import CodeExtractor, embed, read_codes
from cnncodes.embedding.reducing import reduce_views
from cnncodes.errors import SpaceMismatch, UsageError
from cnncodes.store import Failure

PICTURES = [np.random.default_rng(i).integers(0, 256, (30 + i, 40, 3), dtype=np.uint8) for i in range(3)]


@pytest.mark.slow
def test_the_mean_is_that_of_the_views(tmp_path: Path) -> None:
    summary = embed(PICTURES, tmp_path / "mean.codes", views="tencrop", reduce="mean", dtype="float32")
    embed(PICTURES, tmp_path / "all.codes", views="tencrop", dtype="float32")
    means, codes = read_codes(tmp_path / "mean.codes"), read_codes(tmp_path / "all.codes")
    assert (summary.rows, summary.views, len(means)) == (3, 30, 3)
    np.testing.assert_allclose(means.X, codes.X.reshape(3, 10, -1).mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(means.X, CodeExtractor(views="tencrop").fit_transform(PICTURES), rtol=1e-6)
    assert means.plan == codes.plan and means.reduced and not codes.reduced


def test_means_and_views_do_not_mix(tmp_path: Path) -> None:
    embed(PICTURES[:1], tmp_path / "x.codes", views="flip", reduce="mean")
    with pytest.raises(SpaceMismatch, match=r"reduce: 'mean' \(stored\) against 'none' \(now\)"):
        embed(PICTURES[:1], tmp_path / "x.codes", views="flip")


def test_another_reduction_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reduce must be 'none' or 'mean'. Got 'max'"):
        embed(PICTURES, tmp_path / "x.codes", reduce="max")
    assert not (tmp_path / "x.codes").exists()


def test_a_failure_stays_one() -> None:
    failure = Failure("a", "decode", "broken")
    assert reduce_views(failure) is failure
