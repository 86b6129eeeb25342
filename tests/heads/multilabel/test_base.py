"""Multi-label heads: scikit-learn's minima, calibrated probabilities, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from made_labels import make_labels
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import normalize, scale

from cnncodes.errors import UsageError
from cnncodes.heads.multilabel.linear import LinearLabelHead, LinearLabelSearch
from cnncodes.heads.multilabel.neighbors import NeighborLabelHead
from cnncodes.heads.multilabel.selection import MAKERS, make_label_head
from cnncodes.heads.names import MULTILABEL_HEADS
from cnncodes.heads.regression.search import NumberFold

SCALINGS = {"standard": scale, "l2": normalize}


@pytest.fixture(params=MULTILABEL_HEADS)
def head(request):
    return make_label_head(request.param, n_jobs=1)


def test_every_name_has_its_head():
    assert sorted(MAKERS) == sorted(MULTILABEL_HEADS)


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("C", [0.01, 3.0])
def test_logistic_has_the_minima_of_one_vs_rest(scaling, C):
    X, Y = make_labels()
    found = LinearLabelHead("logistic", C=C, scaling=scaling).fit(X, Y).decision_function(X)
    reference = OneVsRestClassifier(LogisticRegression(C=C, tol=1e-10, max_iter=10_000))
    expected = reference.fit(SCALINGS[scaling](X), Y).decision_function(SCALINGS[scaling](X))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_weights_count_in_the_minima():
    X, Y = make_labels()
    weight = np.random.default_rng(1).uniform(0.2, 3, len(X))
    found = LinearLabelHead("logistic", C=0.1, scaling="l2").fit(X, Y, weight).decision_function(X)
    for column, y in enumerate(Y.T):
        reference = LogisticRegression(C=0.1, tol=1e-10, max_iter=10_000).fit(normalize(X), y, weight)
        np.testing.assert_allclose(found[:, column], reference.decision_function(normalize(X)), atol=1e-5)


def test_ridge_has_the_minimum_of_scikit_learn():
    X, Y = make_labels()
    found = LinearLabelHead("ridge", C=0.05, scaling="standard").fit(X, Y).decision_function(X)
    np.testing.assert_allclose(found, Ridge(alpha=10).fit(scale(X), 2 * Y - 1).predict(scale(X)), atol=1e-10)


def test_neighbours_vote_with_one_vote_more():
    X, Y = make_labels()
    X = X.astype(np.float32)
    head = NeighborLabelHead(k=5, scaling="l2").fit(X, Y)
    shares = KNeighborsRegressor(5).fit(normalize(X), Y).predict(normalize(X))
    votes, prior = 5 * shares + Y.mean(axis=0), Y.mean(axis=0)
    np.testing.assert_allclose(
        head.decision_function(X), np.log(votes / (5 * (1 - shares) + 1 - prior)), atol=1e-6
    )


def test_what_is_tried_is_chosen_by_held_out_images(head):
    X, Y = make_labels(240)
    head.fit(X[:160], Y[:160])
    losses = head.cv_results_["relative_loss"]
    assert head.n_folds_ == 5 and head.held_out_.prediction.shape == (160, 4)
    assert np.isfinite(losses).sum() >= 6 and losses.min() < 0.9
    best = losses.argmin()
    assert head.cv_results_["scaling"][best] == head.scaling_
    proba = head.predict_proba(X[160:])
    assert proba.shape == (80, 4) and ((proba > 0) & (proba < 1)).all()
    guessed = Y[:160].mean(axis=0)
    loss = -np.where(Y[160:], np.log(proba), np.log(1 - proba)).mean()
    assert loss < 0.95 * -np.where(Y[160:], np.log(guessed), np.log(1 - guessed)).mean()
    np.testing.assert_array_equal(head.predict(X[160:]), (proba >= head.scorer_.threshold).astype(int))


def test_the_order_of_images_and_of_labels_does_not_matter(head):
    X, Y = make_labels()
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(len(X)), rng.permutation(Y.shape[1])
    expected = clone(head).fit(X, Y)
    found = head.fit(X[rows], Y[rows][:, columns])
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X)[:, columns], atol=1e-6)
    np.testing.assert_allclose(found.scorer_.threshold, expected.scorer_.threshold[columns], atol=1e-6)


def test_views_of_an_image_count_once_and_stay_together(head):
    X, Y = make_labels(60)
    images = np.repeat(np.arange(60), 2)
    weight = np.full(120, 0.5)
    twice = clone(head).fit(X[images], Y[images], weight, groups=images, images=images)
    once = head.fit(X, Y, groups=np.arange(60))
    np.testing.assert_allclose(twice.predict_proba(X), once.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(twice.held_out_.images, once.held_out_.images)


def test_an_indicator_of_any_make_is_the_same(head):
    X, Y = make_labels(60)
    head.set_params(cv=2)
    expected = clone(head).fit(X, Y).predict_proba(X)
    for given in (scipy.sparse.csr_matrix(Y), Y.astype(bool), Y.astype(float), pd.DataFrame(Y)):
        np.testing.assert_array_equal(clone(head).fit(X, given).predict_proba(X), expected)
    assert is_classifier(head) and clone(head).fit(X, Y[:, :1]).predict(X).shape == (60, 1)


def test_a_label_of_one_image_is_fitted_and_its_probability_guessed(head):
    X, Y = make_labels()
    Y[:, 1] = 0
    Y[7, 1] = 1
    Y[:, 2] = 1
    Y[8, 2] = 0
    head.fit(X, Y)
    assert head.scarce_.tolist() == [1, 2]
    assert head.scorer_.threshold[1] == 0.5 and head.scorer_.offset[1] == 0 and head.scorer_.slope[1] > 0
    proba = head.predict_proba(X)[:, 1]
    assert np.isfinite(proba).all() and np.delete(proba, 7).mean() < 0.1


def test_without_two_groups_nothing_is_chosen_and_that_is_said(head):
    X, Y = make_labels()
    with pytest.warns(UserWarning, match="probabilities are a guess"):
        head.fit(X, Y, groups=np.zeros(len(X)))
    assert head.n_folds_ == 0 and head.held_out_ is None and head.scaling_ == "l2"
    assert head.predict_proba(X).shape == Y.shape


@pytest.mark.parametrize("kind", ["logistic", "ridge"])
def test_a_label_that_a_fold_lacks_is_rarely_there(kind):
    X, Y = make_labels()
    Y = Y.astype(float)
    Y[:, 0] = 0
    fold = NumberFold(X[:100], Y[:100], np.ones(100), X[100:], "standard")
    [decision] = LinearLabelSearch(kind, 1.0, 1000).predict(fold, [(1.0,)])
    assert (decision[:, 0] == decision[0, 0]).all() and decision[0, 0] <= -1
    assert np.isfinite(decision).all() and np.ptp(decision[:, 1]) > 0


def test_a_threshold_for_all_is_taken_as_it_is():
    X, Y = make_labels()
    head = LinearLabelHead("ridge", threshold=0.3).fit(X, Y)
    np.testing.assert_array_equal(head.scorer_.threshold, 0.3)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda Y: Y * 2, "y must hold 0 and 1, a column a label. Got 2"),
        (lambda Y: np.column_stack([Y, np.ones(len(Y))]), "label 4 is on all of the rows"),
        (lambda Y: np.column_stack([Y, np.zeros(len(Y))]), "label 4 is on none of the rows"),
        (lambda Y: np.where(np.arange(len(Y))[:, None] == 3, np.nan, Y), "NaN"),
    ],
)
def test_what_is_no_indicator_is_refused(head, change, text):
    X, Y = make_labels()
    with pytest.raises(ValueError, match=text):
        head.fit(X, change(Y))


def test_rows_of_an_image_have_one_label_set(head):
    X, Y = make_labels()
    with pytest.raises(UsageError, match="rows of one image have different label sets"):
        head.fit(X, Y, images=np.arange(len(X)) // 2)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"threshold": "f2"}, "threshold must be 'f1' or a number between 0 and 1"),
        ({"threshold": 1.0}, "threshold must be"),
        ({"kind": "lda"}, "unknown kind of head"),
        ({"C": 0}, "C must be a number above 0"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"scaling": "l1"}, "unknown scaling"),
        ({"cv": 1}, "cv must be at least 2 folds"),
    ],
)
def test_wrong_parameters(params, text):
    X, Y = make_labels(30)
    with pytest.raises(UsageError, match=text):
        LinearLabelHead(**params).fit(X, Y)


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ("lda", "takes one label an image"),
        ("kernel-ridge", "is for numbers"),
        ("logistics", "is unknown. Did you mean 'logistic'"),
        (LogisticRegression(), "head must be one of logistic, ridge, knn"),
    ],
)
def test_heads_that_know_no_labels(head, text):
    with pytest.raises(UsageError, match=text):
        make_label_head(head)


def test_nothing_is_warned_of_where_all_is_well(head):
    X, Y = make_labels()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head.fit(X, Y)
