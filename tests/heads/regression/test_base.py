"""What all regression heads do alike: folds, weights, several views, and what they refuse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_numbers import slopes
from sklearn.model_selection import GroupKFold

from cnncodes.errors import UsageError
from cnncodes.heads.names import REGRESSION_HEADS
from cnncodes.heads.regression.ridge import RidgeRegressionHead
from cnncodes.heads.regression.selection import make_regression_head

each_head = pytest.mark.parametrize("name", REGRESSION_HEADS)


@each_head
def test_held_out_predictions_are_those_of_heads_that_had_not_seen_the_image(name):
    X, y = slopes(60, 5)
    head = make_regression_head(name, n_jobs=1).fit(X, y)
    found = head.held_out_
    assert sorted(found.images) == list(range(60))
    np.testing.assert_array_equal(found.y[:, 0], y[found.images])
    errors = found.measure()[0]
    assert errors == pytest.approx(head.cv_results_["squared_error"].min(), rel=1e-6)
    assert errors > ((head.predict(X) - y) ** 2).mean()  # of rows that it was fitted to


@each_head
def test_weights_that_leave_nothing_are_refused(name):
    with pytest.raises(UsageError, match="sample_weight is zero for all 9 of them: nothing is left"):
        make_regression_head(name).fit(*slopes(9, 5), sample_weight=np.zeros(9))


@each_head
def test_groups_and_views_stay_in_one_fold(name):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 10)
    X = rng.normal(size=(12, 20))[groups] + rng.normal(0, 0.01, (120, 20))
    y = rng.normal(size=12)[groups]  # a number of each group, which its rows betray
    apart = make_regression_head(name, n_jobs=1).fit(X, y, groups=groups)
    together = make_regression_head(name, n_jobs=1).fit(X, y)
    spread = y.var()
    assert together.held_out_.measure()[0] < 0.1 * spread < 0.5 * spread < apart.held_out_.measure()[0]


@each_head
def test_predictions_do_not_depend_on_other_rows(name):
    X, y = slopes(150, 7, targets=2)
    head = make_regression_head(name, n_jobs=1).fit(X, y)
    every = head.predict(X)
    np.testing.assert_array_equal(np.vstack([head.predict(X[i : i + 1]) for i in range(150)]), every)
    np.testing.assert_array_equal(head.predict(X[::-1])[::-1], every)


@each_head
def test_threads_change_nothing(name):
    X, y = slopes(80, 5)
    one, two = (make_regression_head(name, n_jobs=jobs).fit(X, y) for jobs in (1, 2))
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    np.testing.assert_array_equal(one.cv_results_["squared_error"], two.cv_results_["squared_error"])


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=30, max_size=30), st.integers(0, 99))
def test_a_weight_is_a_number_of_copies(weight, seed):
    X, y = slopes(30, 4, seed=seed)
    weight = np.maximum(weight, [1] * 8 + [0] * 22)
    order = np.random.default_rng(seed).permutation(weight.sum())
    copies = np.repeat(np.arange(30), weight)[order]
    for name in REGRESSION_HEADS:
        weighted = make_regression_head(name, n_jobs=1).fit(X, y, sample_weight=weight)
        copied = make_regression_head(name, n_jobs=1).fit(X[copies], y[copies])
        np.testing.assert_allclose(weighted.predict(X), copied.predict(X), rtol=1e-6, atol=1e-6, err_msg=name)


def test_the_scale_of_one_target_does_not_decide_for_the_others():
    X, Y = slopes(80, 20, targets=2, noise=5)
    scaled = Y * [1, 1e6] + [0, 1e3]
    one, other = (RidgeRegressionHead().fit(X, targets) for targets in (Y, scaled))
    assert one.C_ == other.C_
    np.testing.assert_allclose(one.cv_results_["relative_error"], other.cv_results_["relative_error"])


@each_head
def test_one_group_leaves_nothing_to_choose_by(name):
    X, y = slopes(10, 3)
    with pytest.warns(UserWarning, match="none can be held out: nothing was chosen"):
        head = make_regression_head(name, n_jobs=1).fit(X, y, groups=np.zeros(10))
    assert head.held_out_ is None and head.n_folds_ == 0 and np.isfinite(head.predict(X)).all()


@each_head
def test_constant_codes_and_targets(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        head = make_regression_head(name, n_jobs=1)
        X = np.ones((20, 3))
        np.testing.assert_allclose(
            head.fit(X, np.arange(20.0), images=np.arange(20)).predict(X[:1]), 9.5, atol=8
        )
        varied = slopes(20, 3)[0]
        np.testing.assert_allclose(head.fit(varied, np.full(20, 3.0)).predict(varied), 3, atol=1e-9)


def test_folds_of_the_users():
    X, y = slopes(60, 5)
    groups = np.arange(60) // 6
    head = RidgeRegressionHead(cv=GroupKFold(3)).fit(X, y, groups=groups)
    assert head.n_folds_ == 3 and len(head.held_out_.images) == 60


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"images": np.arange(60) // 2}, "rows of one image have different targets"),
        ({"images": np.zeros(60), "groups": np.arange(60)}, "several groups"),
        ({"groups": np.arange(5)}, "groups must have one value a row"),
    ],
)
def test_what_does_not_fit_is_refused(change, text):
    with pytest.raises(UsageError, match=text):
        RidgeRegressionHead().fit(*slopes(60, 5), **change)
    with pytest.raises(UsageError, match="unknown scaling 'minmax'"):
        RidgeRegressionHead(scaling="minmax").fit(*slopes(60, 5))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite(value):
    X, y = slopes(20, 3)
    with pytest.raises(ValueError, match="NaN|infinity"):
        RidgeRegressionHead().fit(X, np.r_[value, y[1:]])
    X[3, 1] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        RidgeRegressionHead().fit(X, y)


@pytest.mark.parametrize("kind", REGRESSION_HEADS)
@pytest.mark.parametrize(("unit", "zero"), [(1e80, 0.0), (1e-20, 0.0), (60.0, 1.7e9)])
def test_neither_the_unit_nor_the_zero_of_targets_changes_what_is_chosen(kind, unit, zero):
    X, y = slopes(60, 12)
    X = X.astype(np.float32)  # as codes are: a date in seconds has more digits than these
    plain, other = (make_regression_head(kind, n_jobs=1).fit(X, t) for t in (y, y * unit + zero))
    assert other.scaling_ == plain.scaling_
    for name in ("C_", "gamma_", "k_"):
        assert getattr(other, name, None) == getattr(plain, name, None)
    np.testing.assert_allclose((other.predict(X) - zero) / unit, plain.predict(X), rtol=1e-4, atol=1e-4)
