"""Averaging over an image's rows, with linear heads and with any other classifier."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.svm import SVC

from cnncodes.estimators.aggregation import average_rows, score_images
from cnncodes.heads.linear import LinearScorer

RNG = np.random.default_rng(0)
CLASSES = np.array(["a", "b", "c"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 6), min_size=0, max_size=20))
def test_average_rows_is_the_mean_of_each_images_rows(counts: list[int]) -> None:
    values = RNG.normal(size=(sum(counts), 3))
    expected = [part.mean(axis=0) for part in np.split(values, np.cumsum(counts)[:-1])] if counts else []
    np.testing.assert_allclose(
        average_rows(values, np.array(counts, dtype=np.int64)).reshape(-1, 3), np.reshape(expected, (-1, 3))
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_three_answers_of_a_linear_head_agree(n_classes: int) -> None:
    rows = 1 if n_classes == 2 else n_classes
    head = LinearScorer(RNG.normal(size=(rows, 5)), RNG.normal(size=rows), CLASSES[:n_classes])
    scores = score_images(head, RNG.normal(size=(40, 5)), np.full(10, 4))
    assert scores.proba is not None and scores.decision is not None
    np.testing.assert_array_equal(scores.labels, head.classes[scores.proba.argmax(axis=1)])
    votes = scores.decision > 0 if n_classes == 2 else scores.decision.argmax(axis=1)
    np.testing.assert_array_equal(scores.labels, head.classes[np.asarray(votes, dtype=int)])


@pytest.mark.parametrize(
    "head", [KNeighborsClassifier(3), SVC(), SVC(decision_function_shape="ovo"), NearestCentroid()]
)
def test_any_classifier_answers_with_one_row_an_image(head: object) -> None:
    y = np.repeat(["a", "b", "c", "d"], 10)
    X = RNG.normal(size=(40, 5)) + np.repeat(np.arange(4), 10)[:, None] * 5
    head.fit(X, y)  # type: ignore[attr-defined]
    scores = score_images(head, np.repeat(X, 2, axis=0), np.full(40, 2))
    assert (scores.labels == y).mean() > 0.9
