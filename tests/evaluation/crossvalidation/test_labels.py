"""Several labels an image: heads name them that had not seen it, nor its copies or group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from cnncodes import ImageMultiLabelClassifier, load_backbone
from cnncodes.errors import ResultWarning, SourceError, UsageError
from cnncodes.evaluation import MultiLabelCrossValidation, cross_validate

N = 24
RNG = np.random.default_rng(0)


def draw(number: int) -> tuple[np.ndarray[Any, Any], set[str]]:
    picture = RNG.integers(0, 60, (32, 32, 3), dtype=np.uint8)
    has = {name for bit, name in enumerate(("red", "green")) if number >> bit & 1}
    picture[:16, :, 0] += 150 * ("red" in has)
    picture[16:, :, 1] += 150 * ("green" in has)
    return picture, has


PICTURES, LABELS = zip(*(draw(number) for number in range(N)), strict=True)


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Any:
    backbone, memory = load_backbone(), tmp_path_factory.mktemp("memory")

    def make(head: str = "ridge", **params: Any) -> ImageMultiLabelClassifier:
        views = {"train_views": "center", "test_views": "center"}
        return ImageMultiLabelClassifier(backbone, head, n_jobs=1, memory=Path(memory), **views, **params)

    return make


def test_labels_are_told_and_judged(make: Any) -> None:
    clf = make("knn")
    found = cross_validate(clf, PICTURES, LABELS, cv=3)
    assert isinstance(found, MultiLabelCrossValidation)
    assert (found.folds, found.classes.tolist(), found.not_held_out) == (3, ["green", "red"], [])
    assert found.named.shape == found.proba.shape == (1, N, 2) and found.y.shape == (N, 2)
    f1 = f1_score(found.y, found.named[0], average="micro")
    assert found.evaluation.micro_f1.value == pytest.approx(f1) and f1 > 0.9
    assert found.micro_f1_by_repeat == [pytest.approx(f1)] and not hasattr(clf, "_named")


def test_repetitions_are_counted_as_images(make: Any) -> None:
    texts = ["|".join(sorted(labels)) or "|" for labels in LABELS]
    told: list[tuple[int, int, int]] = []
    estimator = make("knn", label_delimiter="|")
    found = cross_validate(
        estimator, PICTURES, texts, cv=2, repeats=2, on_fold=lambda *numbers: told.append(numbers)
    )
    assert told == [(i, 4, 0) for i in range(1, 5)]
    figures = found.evaluation
    assert figures.n == figures.subset_accuracy.n == N and figures.n_groups is None
    assert [label.recall.n for label in figures.per_label] == [N // 2, N // 2]
    assert figures.hamming_loss.value == pytest.approx((found.named != found.y).mean())


@pytest.mark.slow
def test_groups_and_copies_are_on_one_side(make: Any) -> None:
    groups = [*np.arange(N) // 2, *np.arange(N) // 2]
    found = cross_validate(make("knn"), PICTURES * 2, LABELS * 2, groups=groups, cv=3)
    assert found.evaluation.n_groups == N // 2 and found.evaluation.n == 2 * N
    assert (found.proba[0, :N] == found.proba[0, N:]).all()


def test_a_label_of_one_group_is_in_no_figure_and_its_image_counts_for_the_others(make: Any) -> None:
    labels = [{*LABELS[0], "odd"}, *LABELS[1:]]
    with pytest.warns(ResultWarning, match=r"1 of 3 labels could not be held out: .* have, or lack, 'odd'"):
        found = cross_validate(make("knn"), PICTURES, labels, cv=3)
    assert (found.not_held_out, found.classes.tolist()) == (["odd"], ["green", "red"])
    assert found.evaluation.n == N and found.named.shape == (1, N, 2)


def test_what_cannot_be_divided_or_learned_is_said(make: Any) -> None:
    with pytest.raises(SourceError, match=r"no label can be held out: .* 'green', 'red'"):
        cross_validate(make(), PICTURES, LABELS, groups=["anna"] * N)
    with pytest.raises(SourceError, match="1 label is on all of the 24 images"):
        cross_validate(make(), PICTURES, [{"sea"}] * N)
    with pytest.raises(UsageError, match="none of the 24 labels holds the delimiter"):
        cross_validate(make(label_delimiter="|"), PICTURES, ["red"] * N)


def test_few_groups_are_not_repeated_alike(make: Any) -> None:
    groups = np.arange(N) // 4 % 5
    with pytest.warns(ResultWarning, match="^1 repetition instead of 2"):
        found = cross_validate(make("knn"), PICTURES, LABELS, groups=groups, cv=5, repeats=2)
    assert found.repeats == len(found.micro_f1_by_repeat) == len(found.proba) == 1
