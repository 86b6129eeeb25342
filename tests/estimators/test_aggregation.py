"""Averaging over an image's rows, with linear heads and with any other classifier."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.svm import SVC

from cnncodes.errors import UsageError
from cnncodes.estimators.aggregation import average_rows, check_aggregate, score_images
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


AVERAGES = ("decision", "probability", "code")


@pytest.mark.parametrize("kind", ["logistic", "linear-svm", "ridge"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("aggregate", ["auto", *AVERAGES])
def test_the_answers_agree_whatever_is_averaged(kind: str, n_classes: int, aggregate: str) -> None:
    rows = 1 if n_classes == 2 else n_classes
    head = LinearScorer(RNG.normal(size=(rows, 5)), RNG.normal(size=rows), CLASSES[:n_classes], kind=kind)
    scores = score_images(head, RNG.normal(size=(200, 5)), np.full(50, 4), aggregate)
    assert scores.proba is not None and scores.decision is not None
    np.testing.assert_allclose(scores.proba.sum(axis=1), 1)
    np.testing.assert_array_equal(scores.labels, head.classes[scores.proba.argmax(axis=1)])
    votes = scores.decision > 0 if n_classes == 2 else scores.decision.argmax(axis=1)
    np.testing.assert_array_equal(scores.labels, head.classes[np.asarray(votes, dtype=int)])


def test_each_average_is_what_it_says() -> None:
    head = LinearScorer(RNG.normal(size=(3, 5)), RNG.normal(size=3), CLASSES)
    X, counts = RNG.normal(size=(40, 5)).astype(np.float32), np.full(10, 4)
    by = {name: score_images(head, X, counts, name) for name in AVERAGES}
    views = X.reshape(10, 4, 5)
    np.testing.assert_allclose(
        by["decision"].decision, head.decision(X).reshape(10, 4, 3).mean(axis=1), atol=1e-9
    )
    proba = head.proba_from_decision(head.decision(X)).reshape(10, 4, 3).mean(axis=1)
    np.testing.assert_allclose(by["probability"].proba, proba)
    np.testing.assert_allclose(by["code"].decision, head.decision(views.mean(axis=1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("aggregate", ["auto", *AVERAGES])
def test_one_view_is_its_own_average(aggregate: str) -> None:
    head = LinearScorer(RNG.normal(size=(3, 5)), RNG.normal(size=3), CLASSES)
    X = RNG.normal(size=(40, 5))
    scores = score_images(head, X, np.ones(40, np.int64), aggregate)
    np.testing.assert_allclose(scores.proba, head.proba_from_decision(head.decision(X)))


def test_any_classifier_averages_what_it_is_told_to() -> None:
    y = np.repeat(["a", "b", "c"], 10)
    X = RNG.normal(size=(30, 5)) + np.repeat(np.arange(3), 10)[:, None]
    head = SVC().fit(X, y)
    counts = np.full(10, 3)
    decision = score_images(head, X, counts, "decision")
    assert decision.proba is None
    mean = head.decision_function(X).reshape(10, 3, 3).mean(axis=1)
    np.testing.assert_allclose(decision.decision, mean)
    np.testing.assert_array_equal(decision.labels, head.classes_[mean.argmax(axis=1)])
    code = score_images(head, X, counts, "code")
    np.testing.assert_array_equal(code.labels, head.predict(X.reshape(10, 3, 5).mean(axis=1)))


def test_votes_of_pairs_of_classes_cannot_be_averaged() -> None:
    y = np.repeat(["a", "b", "c", "d"], 5)
    head = SVC(decision_function_shape="ovo").fit(RNG.normal(size=(20, 5)), y)
    with pytest.raises(UsageError, match="not one for each class.*aggregate='code'"):
        score_images(head, RNG.normal(size=(4, 5)), np.array([4]), "decision")


@pytest.mark.parametrize(
    ("aggregate", "head", "words"),
    [
        ("mean", SVC(), "must be one of 'auto'.*Got 'mean'"),
        (None, SVC(), "Got None"),
        ("probability", SVC(), "predict_proba.*SVC has none"),
        ("decision", KNeighborsClassifier(), "decision_function.*KNeighborsClassifier has none"),
    ],
)
def test_what_a_head_does_not_have(aggregate: object, head: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_aggregate(aggregate, head)


def test_what_is_averaged_of_any_classifier_decides_all_its_answers() -> None:
    y = np.repeat(["a", "b", "c"], 30)
    X = RNG.normal(size=(90, 5)) + np.repeat(np.arange(3), 30)[:, None]
    head = LogisticRegression(C=100).fit(X, y)
    for labels, size in ((["a", "b", "c"], 90), (["a", "b"], 60)):
        fitted = head if len(labels) == 3 else LogisticRegression(C=100).fit(X[:60], y[:60])
        scores = score_images(fitted, X[:size], np.full(size // 3, 3), "probability")
        assert scores.proba is not None and scores.decision is not None
        np.testing.assert_array_equal(scores.labels, fitted.classes_[scores.proba.argmax(axis=1)])
        votes = scores.decision > 0 if len(labels) == 2 else scores.decision.argmax(axis=1)
        np.testing.assert_array_equal(scores.labels, fitted.classes_[np.asarray(votes, dtype=int)])
