"""Probabilities for other shares of the classes, against simulations whose truth is known."""

from __future__ import annotations

import json
import warnings
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import has_fit_parameter

from cnncodes import ImageClassifier, load
from cnncodes.errors import ResultWarning, SavedModelError, UsageError
from cnncodes.estimators.aggregation import Scores
from cnncodes.estimators.priors import (
    adjust_probabilities,
    adjust_scores,
    estimate_shares,
    find_shares,
    require_shares,
    settle_shares,
)
from cnncodes.heads.selection import make_head

MEANS = np.array([[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, 1.5, 0.5]])
TRAINED, MET = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])


def draw(rng: np.random.Generator, n: int, shares: Any) -> tuple[Any, Any]:
    y = rng.choice(3, n, p=shares)
    return (rng.normal(size=(n, 3)) + MEANS[y]).astype(np.float32), y


def posterior(X: Any, shares: Any) -> Any:
    logs = np.log(shares) - ((X[:, None].astype(float) - MEANS) ** 2).sum(axis=2) / 2
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def log_loss(proba: Any, y: Any) -> float:
    return float(-np.log(np.maximum(proba[np.arange(len(y)), y], 1e-12)).mean())


SHARES = arrays(np.float64, 4, elements=st.floats(0.01, 1)).map(lambda row: row / row.sum())


@given(SHARES, SHARES, SHARES)
def test_there_and_back_is_nothing(proba: Any, old: Any, new: Any) -> None:
    there = adjust_probabilities([proba], old, new)
    assert there.sum() == pytest.approx(1)
    np.testing.assert_allclose(adjust_probabilities(there, new, old), [proba], rtol=1e-9)
    np.testing.assert_allclose(adjust_probabilities([proba], old, old), [proba], rtol=1e-9)


def test_bayess_rule_for_one_prior_becomes_that_for_another() -> None:
    X, _ = draw(np.random.default_rng(0), 200, MET)
    np.testing.assert_allclose(
        adjust_probabilities(posterior(X, TRAINED), TRAINED, MET), posterior(X, MET), rtol=1e-9
    )
    tiny = adjust_probabilities([[1.0, 1e-300]], [0.5, 0.5], [1e-9, 1 - 1e-9])
    assert np.isfinite(tiny).all() and tiny.sum() == 1
    assert adjust_probabilities([[1.0, 0.0]], [0.5, 0.5], [0.1, 0.9]).tolist() == [[1.0, 0.0]]


def test_a_class_that_an_estimate_may_have_lost_is_named() -> None:
    sure = np.repeat([[0.999, 0.0005, 0.0005], [0.3, 0.4, 0.3]], [99, 1], axis=0)
    scores = Scores(np.array(["a", "b", "c"]), np.full(100, "a"), None, sure)
    with pytest.warns(ResultWarning, match="less than one of 100 images is of 'b', 'c': such"):
        _, shares = adjust_scores(scores, np.full(3, 1 / 3), "estimate")
    assert (shares[1:] * 100 < 1).all()
    even = np.repeat(np.eye(3) * 0.9 + 0.1 / 3, [30, 30, 40], axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adjust_scores(Scores(scores.classes, scores.labels, None, even), np.full(3, 1 / 3), "estimate")
        adjust_scores(scores, np.full(3, 1 / 3), {"a": 0.998, "b": 0.001, "c": 0.001})  # the user's own


def test_shares_are_estimated_from_images_without_a_class() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(20):
        X, _ = draw(rng, 1000, MET)
        found.append(estimate_shares(posterior(X, TRAINED), TRAINED))
    np.testing.assert_allclose(np.mean(found, axis=0), MET, atol=0.015)  # unbiased
    np.testing.assert_allclose(found, np.broadcast_to(MET, (20, 3)), atol=0.08)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_estimated_shares_make_the_images_likelier_than_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, _ = draw(rng, 60, MET)
    proba = posterior(X, TRAINED)
    shares = estimate_shares(proba, TRAINED)

    def likelihood(one: Any) -> float:
        return float(np.log((proba * one / TRAINED).sum(axis=1)).sum())

    assert shares.sum() == pytest.approx(1)
    for other in (MET, TRAINED, rng.dirichlet(np.ones(3))):
        assert likelihood(shares) >= likelihood(other) - 1e-6


WEIGHTS = (None, "balanced", {0: 1.0, 1: 2.0, 2: 5.0})


CASES = [
    pytest.param(kind, weight, marks=[pytest.mark.slow] * (kind == "rbf-svm" and weight != "balanced"))
    for kind in ("logistic", "lda", "centroid", "knn", "linear-svm", "ridge", "rbf-svm")
    for weight in WEIGHTS
]


@pytest.mark.parametrize(("kind", "weight"), CASES)
def test_every_head_is_corrected_for_what_it_was_trained_on(kind: str, weight: Any) -> None:
    """Whatever the class weights: where shares have changed, the correction helps and comes near Bayes."""
    rng = np.random.default_rng(2)
    X, y = draw(rng, 600, TRAINED)
    head = make_head(kind, class_weight=weight, n_jobs=1).fit(X, y)
    X, y = draw(rng, 4000, MET)
    shares = find_shares(*draw_labels(), head)
    assert shares is not None
    corrected = adjust_probabilities(head.predict_proba(X), shares, MET)
    before, after, best = (log_loss(p, y) for p in (head.predict_proba(X), corrected, posterior(X, MET)))
    if weight is None or weight == "balanced":
        assert after < before
    assert after - best < {"knn": 0.12, "ridge": 0.15}.get(kind, 0.08)


def draw_labels() -> tuple[Any, None]:
    """Return the labels that the heads above were trained on."""
    return draw(np.random.default_rng(2), 600, TRAINED)[1], None


def test_the_shares_of_training_go_by_weights() -> None:
    y, weight = np.array(["a", "a", "b"]), np.array([1.0, 1.0, 6.0])
    X = np.eye(3, dtype=np.float32)
    nothing = LogisticRegression().fit(X, y)
    assert find_shares(y, None, nothing).tolist() == pytest.approx([2 / 3, 1 / 3])
    assert find_shares(y, weight, nothing).tolist() == [0.25, 0.75]
    balanced = LogisticRegression(class_weight="balanced").fit(X, y)
    assert find_shares(y, weight, make_pipeline(balanced)).tolist() == [0.5, 0.5]
    search = GridSearchCV(balanced, {"C": [1.0]}, cv=2).fit(np.arange(6.0)[:, None] % 2, [0, 1] * 3)
    assert find_shares(y, weight, search).tolist() == [0.5, 0.5]
    named = LogisticRegression(class_weight={"a": 3.0}).fit(X, y)
    assert find_shares(y, None, named).tolist() == pytest.approx([6 / 7, 1 / 7])
    forest = RandomForestClassifier(class_weight="balanced_subsample")
    assert find_shares(y, None, forest).tolist() == [0.5, 0.5]
    assert find_shares(y, None, GaussianNB()).tolist() == pytest.approx([2 / 3, 1 / 3])
    assert find_shares(y, None, LogisticRegression(class_weight="own")) is None


def balanced(C: float = 1.0) -> LogisticRegression:
    return LogisticRegression(C=C, class_weight="balanced")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*probability.*:FutureWarning")
@pytest.mark.parametrize(
    "head",
    [
        SVC(probability=True, class_weight="balanced"),
        CalibratedClassifierCV(LinearSVC(class_weight="balanced")),
        CalibratedClassifierCV(balanced(), method="isotonic"),
        StackingClassifier([("one", balanced())]),
        StackingClassifier([("one", LogisticRegression())], final_estimator=balanced()),
        GridSearchCV(GridSearchCV(balanced(), {"C": [1.0]}, cv=2), {"estimator__C": [1.0]}, cv=2),
        GaussianNB(priors=[0.2, 0.3, 0.5]),
        LinearDiscriminantAnalysis(priors=[0.2, 0.3, 0.5]),
        BernoulliNB(fit_prior=False),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_shares_are_those_that_probabilities_stand_for(head: Any, weighted: bool) -> None:
    """Read from the probabilities themselves, where the truth is known."""
    rng = np.random.default_rng(3)
    X, y = draw(rng, 2000, TRAINED)
    head = clone(head)
    takes = has_fit_parameter(head, "sample_weight") or isinstance(head, StackingClassifier | GridSearchCV)
    weight = np.array([1.0, 1.0, 4.0])[y] if weighted and takes else None
    fitted = head.fit(X, y) if weight is None else head.fit(X, y, sample_weight=weight)
    X, _ = draw(rng, 3000, np.full(3, 1 / 3))
    ratios = np.log(np.clip(fitted.predict_proba(X), 1e-3, 1)) - np.log(posterior(X, np.full(3, 1 / 3)))
    implied = np.exp(np.median(ratios - ratios.mean(axis=1, keepdims=True), axis=0))
    np.testing.assert_allclose(find_shares(y, weight, fitted), implied / implied.sum(), atol=0.09)


@pytest.mark.parametrize(
    "head",
    [
        VotingClassifier([("one", balanced()), ("other", LogisticRegression())], voting="soft"),
        BaggingClassifier(balanced(), 3),
        OneVsRestClassifier(balanced()),
        AdaBoostClassifier(DecisionTreeClassifier(class_weight="balanced"), n_estimators=2),
        CalibratedClassifierCV(balanced(), method="temperature"),
        BaggingClassifier(GaussianNB(priors=[0.6, 0.2, 0.2]), 3),
        VotingClassifier([("one", BernoulliNB(fit_prior=False))], voting="soft"),
        GaussianNB(priors=[0.6, 0.4, 0.0]),
    ],
)
def test_what_shares_classifiers_within_another_take_is_not_guessed(head: Any) -> None:
    X, y = draw(np.random.default_rng(3), 300, TRAINED)
    shares = find_shares(y, None, head.fit(X, y))
    assert shares is None
    with pytest.raises(UsageError, match="class weights or priors of classifiers within"):
        require_shares(shares)


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"a": 0.5, "b": 0.6, "c": 0.1}, "They sum to 1.2, for all 3 classes"),
        ({"a": 0.5, "b": 0.5}, "leave out 1 of 3 classes, for which a sum of 1 leaves nothing"),
        ({"a": 0.8, "b": 0.5}, "leave out 1 of 3 classes, for which a sum of 1.3 leaves nothing"),
        ({"d": 0.5}, "'d', which is no class. Known: a, b, c"),
        ({"a": 0.0}, "above 0 and at most 1"),
        ({"a": float("nan")}, "above 0 and at most 1"),
        ({"a": "much"}, "Got 'much' for 'a'"),
        ({np.str_("a"): np.float64(2)}, "Got 2.0 for 'a'"),
        ({np.str_("d"): 0.5}, "priors name 'd', which"),
        ({}, "a share for each class"),
        ("guess", "or 'estimate'. Got 'guess'"),
        ([0.2, 0.8], r"Got \[0.2, 0.8\] instead"),
        (pd.DataFrame({"a": [0.2]}), "Got a DataFrame instead"),
        (pd.Series([0.5, 0.2], index=["a", "a"]), "names one twice"),
        (pd.Series([0.5], index=["d"]), "'d', which is no class"),
    ],
)
def test_what_are_no_shares_is_refused(priors: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settle_shares(priors, np.array(["a", "b", "c"]), TRAINED)


def test_classes_that_are_numbers_are_told_to_be_given_as_such() -> None:
    with pytest.raises(UsageError, match="no class: the classes are numbers, such as 0, and no text"):
        settle_shares({"0": 0.5}, np.array([0, 1, 2]), TRAINED)
    with pytest.raises(UsageError, match="Did you mean '0'"):
        settle_shares({0: 0.5}, np.array(["0", "1", "2"]), TRAINED)


def test_a_series_is_a_share_for_each_class_of_its_index() -> None:
    classes, shares = np.array([0, 1, 2]), {2: 0.7, 0: 0.1}
    expected = settle_shares(shares, classes, TRAINED)
    np.testing.assert_array_equal(settle_shares(pd.Series(shares), classes, TRAINED), expected)


def test_scores_without_probabilities_or_shares_are_refused() -> None:
    scores = Scores(np.array(["a", "b"]), np.array(["a"]), np.array([-1.0]), None)
    with pytest.raises(UsageError, match="this head gives none"):
        adjust_scores(scores, np.array([0.5, 0.5]), {"a": 0.1})
    with pytest.raises(UsageError, match="does not know which shares"):
        adjust_scores(scores, None, {"a": 0.1})


@pytest.fixture(scope="module")
def fitted(pictures: Any) -> ImageClassifier:
    clf = ImageClassifier(head="lda", train_views="center", test_views="center", class_weight="balanced")
    return clf.fit(pictures.arrays[:15], pictures.labels[:15])  # six, six and three


def test_the_classifier_predicts_for_other_shares(
    fitted: ImageClassifier, pictures: Any, tmp_path: Any
) -> None:
    X = pictures.arrays[-3:]
    plain = fitted.predict_proba(X)
    priors = {"dark": 0.98, "light": 0.01}
    changed = fitted.predict_proba(X, priors=priors)
    np.testing.assert_allclose(changed, adjust_probabilities(plain, np.full(3, 1 / 3), [0.98, 0.01, 0.01]))
    assert (fitted.predict(X, priors=priors) == fitted.classes_[changed.argmax(axis=1)]).all()
    with pytest.warns(UserWarning, match="3 classes are estimated on 3 images"):
        estimated = fitted.predict_proba(X, priors="estimate")
    with pytest.warns(UserWarning, match="mostly chance"):
        shares = fitted.estimate_priors(X)
    assert set(shares) == {"dark", "light", "red"} and shares["red"] > 0.9
    with pytest.raises(UsageError, match="on at least one image"):
        fitted.estimate_priors([])
    np.testing.assert_allclose(estimated, fitted.predict_proba(X, priors=shares), atol=1e-12)
    fitted.save(tmp_path / "m.cnncodes")
    np.testing.assert_array_equal(load(tmp_path / "m.cnncodes").predict_proba(X, priors=priors), changed)


def rewrite(path: Any, shares: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    card = json.loads(members["card.json"])
    card.pop("shares")
    members["card.json"] = json.dumps(card if shares is None else card | {"shares": shares}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.slow
def test_older_files_say_that_they_cannot_and_damaged_ones_are_refused(
    fitted: ImageClassifier, pictures: Any, tmp_path: Any
) -> None:
    path = tmp_path / "m.cnncodes"
    fitted.save(path)
    rewrite(path, None)
    old = load(path)
    assert len(old.predict(pictures.arrays[:1])) == 1
    with pytest.raises(UsageError, match="fit it again"):
        old.predict(pictures.arrays[:1], priors={"dark": 0.5})
    for shares in ([0.5, 0.5], [0.5, 0.5, 0.5], [1.0, 0.0, 0.0], "all"):
        fitted.save(path)
        rewrite(path, shares)
        with pytest.raises(SavedModelError, match="is damaged"):
            load(path)
