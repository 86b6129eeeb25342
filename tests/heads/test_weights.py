"""Weights count copies, whatever their scale: only the product with `C` matters to what is fitted."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import blobs
from minima import fit_reference, objective
from sklearn.exceptions import ConvergenceWarning

from cnncodes.errors import ResultWarning
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.kernel_head import KernelHead
from cnncodes.heads.linear_kinds import LINEAR_KINDS
from cnncodes.heads.losses import CrossEntropy
from cnncodes.heads.multilabel.folds import deal_labels
from cnncodes.heads.multilabel.linear import LinearLabelHead
from cnncodes.heads.paths import LinearSearch
from cnncodes.heads.problem import Problem
from cnncodes.heads.regression.kernel import KernelRegressionHead
from cnncodes.heads.regression.ridge import RidgeRegressionHead
from cnncodes.heads.solvers import fit_logistic
from cnncodes.heads.sweep import Fold

pytestmark = pytest.mark.filterwarnings("ignore:sample_weight counts copies of images")


def make_separable(n=60, d=200, k=4, seed=0):
    """Return rows fewer than their columns, which differ much in variance: scaled codes of few images."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    X = (rng.normal(size=(k, 30))[y] + rng.normal(size=(n, 30))) / np.arange(1, 31)
    X = X @ rng.normal(size=(30, d)) + 0.01 * rng.normal(size=(n, d))
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def fit_scaled(make, X, y, weight, factor):
    """Return decision values where weights are so many times as large, and `C` as many times smaller."""
    head = make(1 / factor)
    found = head.fit(X, y, sample_weight=weight * factor)
    return found.decision_function(X) if hasattr(found, "decision_function") else found.predict(X)


FITS = {
    "logistic": lambda C: LinearHead("logistic", C=0.1 * C, scaling="standard"),
    "linear-svm": lambda C: LinearHead("linear-svm", C=0.1 * C, scaling="standard", cv=2),
    "ridge": lambda C: LinearHead("ridge", C=0.1 * C, scaling="l2", cv=2),
    "rbf-svm": lambda C: KernelHead(C=3 * C, gamma=1.0, scaling="standard", cv=2),
    "lda": lambda C: LinearHead("lda", C=1.0, scaling="standard", cv=2),
    "centroid": lambda C: LinearHead("centroid", scaling="standard", cv=2),
}


@pytest.mark.parametrize("name", FITS)
@settings(max_examples=5, deadline=None)
@given(st.floats(-9, 9), st.integers(0, 2**32 - 1))
def test_a_scale_of_all_weights_is_one_of_the_penalty(name, exponent, seed):
    X, y = blobs(40, 12, 3, seed=seed)
    weight = np.random.default_rng(seed).uniform(1, 2, 40)
    factor = 10.0 ** (exponent * 0.95)  # all weights are within what can be computed with
    one, scaled = (fit_scaled(FITS[name], X, y, weight, k) for k in (1.0, factor))
    np.testing.assert_allclose(scaled, one, rtol=1e-4, atol=1e-4 * np.abs(one).max())


NUMBERS = {
    "ridge": lambda C: RidgeRegressionHead(C=0.1 * C, scaling="standard"),
    "kernel-ridge": lambda C: KernelRegressionHead(C=3 * C, gamma=1.0, scaling="standard"),
}


@pytest.mark.parametrize("name", NUMBERS)
@settings(max_examples=5, deadline=None)
@given(st.floats(-8.5, 8.5), st.integers(0, 2**32 - 1))
def test_of_numbers_too(name, exponent, seed):
    rng = np.random.default_rng(seed)
    X, y, weight = rng.normal(size=(40, 12)), rng.normal(size=40), rng.uniform(1, 2, 40)
    one, scaled = (fit_scaled(NUMBERS[name], X, y, weight, k) for k in (1.0, 10.0**exponent))
    np.testing.assert_allclose(scaled, one, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["logistic", "ridge"])
@settings(max_examples=5, deadline=None)
@given(st.floats(-8.5, 8.5), st.integers(0, 2**32 - 1))
def test_of_labels_too(kind, exponent, seed):
    rng = np.random.default_rng(seed)
    X, weight = rng.normal(size=(40, 12)), rng.uniform(1, 2, 40)
    Y = (X[:, :3] + rng.normal(size=(40, 3)) > 0).astype(int)
    one, scaled = (
        fit_scaled(lambda C: LinearLabelHead(kind, C=0.1 * C, scaling="standard"), X, Y, weight, k)
        for k in (1.0, 10.0**exponent)
    )
    np.testing.assert_allclose(scaled, one, rtol=1e-4, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("weight", [1.0, 1e3, 1e9])
@pytest.mark.parametrize("kind", ["logistic", "linear-svm", "ridge"])
def test_rows_that_can_be_divided_are_divided_whatever_they_weigh(kind, weight):
    X, y = make_separable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        head = LinearHead(kind).fit(X, y, sample_weight=np.full(len(y), weight))
    assert head.score(X, y) == 1


@pytest.mark.parametrize("C", [1e4, 1e6, 1e9])
@pytest.mark.parametrize("kind", ["logistic", "linear-svm"])
def test_a_penalty_of_next_to_nothing_is_solved_as_well_as_scikit_learn_does(kind, C):
    X, y = make_separable()
    weight = np.ones(len(y))
    problem = Problem(X, y, weight, 4, excess=LINEAR_KINDS[kind].excess)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = LINEAR_KINDS[kind].fit(problem, C)
        model = fit_reference(kind, X, y, weight, C, max_iter=20_000)
    mine = objective(kind, X, y, weight, C, found.coef, found.intercept)
    assert mine <= (1 + 1e-6) * objective(kind, X, y, weight, C, model.coef_, model.intercept_)


def test_what_is_no_minimum_is_told():
    X, y = make_separable()
    with pytest.warns(ConvergenceWarning, match="did not converge in [0-9]+ iterations"):
        found = fit_logistic(Problem(X, y, np.ones(60), 4, excess=1e-14, max_iter=5), 1e9)
    assert not found.converged


def test_a_fold_goes_no_further_than_where_it_did_not_converge():
    X, y = make_separable()
    one = np.ones(len(y))
    fold = Fold(X.astype(np.float32), y, one, one, 4, None, X[:5].astype(np.float32), None)
    for steps, reached in ((1, 1), (300, 3)):
        search = LinearSearch("linear-svm", ("standard",), None, steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            assert len(list(search.decide(fold, [(1e-1,), (1.0,), (1e1,)]))) == reached


@pytest.mark.parametrize("k", [1, 3])
def test_of_rows_that_are_nearly_sure_float32_keeps_what_is_left(k):
    """Of a probability of 1 - 1e-12 nothing is left in float32 unless that is summed by itself."""
    y, decision = np.array([1, 1, 1]), np.zeros((3, k))
    decision[:, k // 2] = [10.0, 20.0, 30.0]
    loss = CrossEntropy(y, np.ones(3))
    rough, exact = loss.at(decision.astype(np.float32)), loss.at(decision)
    np.testing.assert_allclose(rough.slope, exact.slope, rtol=1e-6)
    others = max(k - 1, 1) * np.exp(-decision[:, k // 2])
    np.testing.assert_allclose(exact.slope[:, k // 2], -others / (1 + others), rtol=1e-12)
    assert rough.value == pytest.approx(float(np.log1p(others).sum()), rel=1e-6)


@given(st.floats(-9, 9), st.integers(0, 2**32 - 1))
def test_folds_of_several_labels_are_the_same_whatever_the_scale(exponent, seed):
    rng = np.random.default_rng(seed)
    held = rng.integers(0, 2, (30, 3)).astype(float)
    order, k = rng.permutation(30), 10.0**exponent
    expected = deal_labels(held, np.ones(30), order, 4)
    assert deal_labels(held * k, np.full(30, k), order, 4).tolist() == expected.tolist()
    assert np.bincount(expected, minlength=4).min() >= 4  # labels are balanced first, and then images


def test_weights_that_are_far_from_1_are_still_told():
    X, y = blobs(40, 12, 2)
    with pytest.warns(ResultWarning, match="count as 4e\\+10"):
        LinearHead("ridge", C=1.0).fit(X, y, sample_weight=np.full(40, 1e9))
