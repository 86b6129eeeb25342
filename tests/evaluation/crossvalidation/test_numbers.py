"""Numbers: each image is predicted by heads that had not seen it, nor its copies or group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from cnncodes import ImageRegressor, load_backbone
from cnncodes.backbones import Backbone
from cnncodes.errors import ResultWarning, SourceError, UsageError
from cnncodes.evaluation import NumberCrossValidation, cross_validate

N = 24
LEVELS = np.linspace(20, 230, N)
RNG = np.random.default_rng(0)
PICTURES = [np.clip(level + RNG.normal(0, 15, (32, 32, 3)), 0, 255).astype(np.uint8) for level in LEVELS]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone()


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memory")


@pytest.fixture(scope="module")
def make(backbone: Backbone, memory: Path) -> Any:
    views = {"train_views": "center", "test_views": "center"}

    def make(head: Any = "ridge", **params: Any) -> ImageRegressor:
        return ImageRegressor(backbone, head, n_jobs=1, memory=memory, **{**views, **params})

    return make


def test_what_varies_with_the_images_is_told_and_judged(make: Any) -> None:
    found = cross_validate(make("knn"), PICTURES, LEVELS, cv=3)
    assert isinstance(found, NumberCrossValidation)
    assert (found.folds, found.repeats, found.prediction.shape) == (3, 1, (1, N, 1))
    r2 = r2_score(LEVELS, found.prediction[0, :, 0])
    assert found.evaluation.r2.value == pytest.approx(r2) and r2 > 0.8
    assert found.r2_by_repeat == [[found.evaluation.r2.value]]


def test_repetitions_are_counted_as_images_and_drawn_together(make: Any) -> None:
    told: list[tuple[int, int, int]] = []
    found = cross_validate(
        make("knn"), PICTURES, LEVELS, cv=3, repeats=3, on_fold=lambda *numbers: told.append(numbers)
    )
    assert told == [(i, 9, 0) for i in range(1, 10)]
    figures = found.evaluation
    assert figures.n == figures.mae.n == N and figures.n_groups is None
    assert figures.r2.value == pytest.approx(np.mean(found.r2_by_repeat))
    assert figures.mae.value == pytest.approx(np.abs(found.prediction[:, :, 0] - LEVELS).mean())
    assert figures.covered is not None and figures.covered.n == N and figures.coverage == 0.9
    assert len(np.unique(found.prediction, axis=0)) == 3  # of other folds


@pytest.mark.slow
def test_copies_and_groups_are_on_one_side(make: Any) -> None:
    # A nearest neighbour knows whatever it has seen.
    numbers = RNG.permutation(LEVELS)
    copies = cross_validate(make(KNeighborsRegressor(1)), PICTURES * 2, np.tile(numbers, 2), cv=4)
    assert (copies.prediction[0, :N] == copies.prediction[0, N:]).all()
    assert copies.evaluation.r2.value < 0.5 and copies.evaluation.n_groups == N
    grouped = cross_validate(make("knn"), PICTURES, LEVELS, groups=np.arange(N) // 4, cv=3)
    assert grouped.evaluation.n_groups == N // 4 and grouped.evaluation.n == N


@pytest.mark.slow
def test_of_several_targets_each_has_its_figures(make: Any) -> None:
    reg = make("knn")
    found = cross_validate(reg, PICTURES, np.stack([LEVELS, -LEVELS / 10], axis=1), cv=3, repeats=2)
    assert found.prediction.shape == (2, N, 2) and len(found.r2_by_repeat) == len(found.evaluations) == 2
    first, second = found.evaluations
    assert first.mae.value == pytest.approx(10 * second.mae.value)
    with pytest.raises(UsageError, match="2 targets: look at evaluations"):
        _ = found.evaluation
    assert not hasattr(reg, "predictor_")


@pytest.mark.slow
def test_what_has_no_intervals_has_the_other_figures(make: Any) -> None:
    found = cross_validate(make(KNeighborsRegressor(2)), PICTURES, LEVELS, cv=2)
    assert found.evaluation.covered is None and found.evaluation.width is None
    assert found.evaluation.mae.n == N


@pytest.mark.filterwarnings("ignore:all images are of one group")
def test_fewer_folds_than_asked_for_are_said(make: Any) -> None:
    groups = np.arange(N) % 2
    with pytest.warns(ResultWarning, match="^2 folds instead of 9: there are images of no more groups"):
        assert cross_validate(make("knn"), PICTURES, LEVELS, groups=groups, cv=9).folds == 2


def test_what_cannot_be_divided_or_learned_is_said(make: Any) -> None:
    with pytest.raises(SourceError, match="all images are of one group.* Give images of 2 groups"):
        cross_validate(make(), PICTURES, LEVELS, groups=["anna"] * N)
    with pytest.raises(SourceError, match="all 24 targets are 3"):
        cross_validate(make(), PICTURES, [3] * N)
    with pytest.raises(UsageError, match=r"1 of 24 targets is missing .*position 2"):
        cross_validate(make(), PICTURES, [*LEVELS[:2], np.nan, *LEVELS[3:]])
    with pytest.raises(UsageError, match="top_k is for classes"):
        cross_validate(make(), PICTURES, LEVELS, top_k=3)  # type: ignore[call-overload]


def test_few_groups_are_not_repeated_alike(make: Any) -> None:
    groups = np.repeat(np.arange(5), [3, 4, 5, 6, 6])
    with pytest.warns(ResultWarning, match="^1 repetition instead of 3"):
        found = cross_validate(make("knn"), PICTURES, LEVELS, groups=groups, cv=5, repeats=3)
    assert found.repeats == len(found.r2_by_repeat[0]) == len(found.prediction) == 1
    found = cross_validate(make("knn"), PICTURES, LEVELS, groups=groups, cv=2, repeats=3)
    assert found.repeats == 3 and len(set(found.r2_by_repeat[0])) == 3
