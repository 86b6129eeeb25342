"""LinearHead against scikit-learn's own estimators and contract."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import NAMES, blobs, find_failures
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.svm import LinearSVC

from cnncodes.errors import UsageError
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.linear_kinds import LINEAR_KINDS
from cnncodes.heads.names import LINEAR

PENALISED = [kind for kind in LINEAR if kind != "centroid"]


def test_every_name_has_its_kind():
    assert tuple(LINEAR_KINDS) == LINEAR


def reference(kind, C):
    if kind == "logistic":
        return LogisticRegression(C=C, tol=1e-8, max_iter=10_000)
    if kind == "linear-svm":
        return LinearSVC(C=C, tol=1e-9, dual=False, max_iter=100_000)
    if kind == "lda":
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1 / (1 + C))
    return RidgeClassifier(alpha=1 / (2 * C))


def tell_apart(decision):
    """Take off what all classes have in common, in which discriminant analyses may differ."""
    return decision if decision.ndim == 1 else decision - decision.mean(axis=1, keepdims=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LINEAR)
def test_scikit_learns_own_checks(kind):
    failures = find_failures(LinearHead(kind, cv=3))
    if kind == "logistic":
        # A loss is known to 1e-15 and the weights of the lowest one to its root, 3e-8: the check wants
        # 1e-7 in sums of them, which some processors' rounding misses.
        failures = [one for one in failures if one[0] != "check_sample_weight_equivalence_on_dense_data"]
    assert failures == []


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("scaling", ["standard", "l2"])
@pytest.mark.parametrize("kind", PENALISED)
@pytest.mark.parametrize("shape", [(120, 30), (40, 60)])
def test_same_decisions_as_scikit_learn(kind, scaling, k, shape):
    X, y = blobs(*shape, k=k)
    Z = StandardScaler().fit_transform(X) if scaling == "standard" else normalize(X)
    expected = reference(kind, 0.1).fit(Z, y).decision_function(Z)
    head = LinearHead(kind, C=0.1, scaling=scaling).fit(X, y)
    found = head.decision_function(X)
    if kind == "lda":
        found, expected = tell_apart(found), tell_apart(expected)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert head.coef_.shape == ((1 if k == 2 else k), shape[1])


@pytest.mark.parametrize("kind", PENALISED)
def test_standardisation_is_folded_in(kind):
    X, y = blobs()
    X[:, 3], X[:, 4] = 0.1, 1e6  # constant columns: neither a division by zero nor noise blown up
    head = LinearHead(kind, C=0.01, scaling="standard").fit(X, y)
    Z = StandardScaler().fit(X)
    other = LinearHead(kind, C=0.01, scaling="standard").fit(Z.transform(X), y)
    np.testing.assert_allclose(head.decision_function(X), other.decision_function(Z.transform(X)), atol=1e-6)
    assert np.isfinite(head.coef_).all() and np.abs(head.coef_[:, 3:5]).max() < 1e-6


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.sampled_from(LINEAR), st.lists(st.integers(0, 3), min_size=40, max_size=40), st.integers(0, 99))
def test_a_weight_is_a_number_of_copies(kind, weight, seed):
    X, y = blobs(40, 6, 2, seed)
    weight = np.maximum(weight, [1] * 8 + [0] * 32)  # several of each class stay
    order = np.random.default_rng(seed).permutation(weight.sum())
    weighted = LinearHead(kind, class_weight="balanced").fit(X, y, sample_weight=weight)
    copies = LinearHead(kind, class_weight="balanced").fit(
        X.repeat(weight, 0)[order], y.repeat(weight)[order]
    )
    chosen = [(head.scaling_, head.C_) for head in (weighted, copies)]
    if chosen[0] != chosen[1]:  # both are as good, to the digits that the solver is asked for
        for head in (weighted, copies):
            table = head.cv_results_
            losses = [
                table["log_loss"][(table["scaling"] == scaling) & (table["C"] == C)] for scaling, C in chosen
            ]
            np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
        return
    np.testing.assert_allclose(weighted.predict_proba(X), copies.predict_proba(X), atol=2e-3)


@pytest.mark.parametrize("views", [2, 3])
@pytest.mark.parametrize("kind", LINEAR)
def test_equal_views_change_nothing(kind, views):
    X, y = blobs(seed=5)
    once = LinearHead(kind).fit(X, y, images=np.arange(120))
    index = np.tile(np.arange(120), views)
    many = LinearHead(kind).fit(X[index], y[index], np.full(120 * views, 1 / views), images=index)
    assert (once.C_, once.scaling_) == (many.C_, many.scaling_)
    np.testing.assert_allclose(once.predict_proba(X), many.predict_proba(X), atol=2e-3)


@pytest.mark.parametrize("kind", LINEAR)
def test_threads_change_no_bit(kind):
    X, y = blobs(seed=6)
    one, two = (LinearHead(kind, n_jobs=n).fit(X.astype(np.float32), y) for n in (1, 2))
    np.testing.assert_array_equal(one.coef_, two.coef_)
    assert one.scorer_.temperature == two.scorer_.temperature


@pytest.mark.parametrize("kind", ["linear-svm", "ridge", "lda"])
def test_temperature_comes_from_held_out_rows(kind):
    rng = np.random.default_rng(0)
    X, y = (
        rng.normal(size=(60, 200)),
        NAMES[rng.integers(0, 2, 60)],
    )  # noise, which 200 columns learn by heart
    head = LinearHead(kind, C=100.0, scaling="standard").fit(X, y)
    assert head.score(X, y) == 1.0
    assert head.predict_proba(X).max() < 0.75


def test_class_weight():
    X, y = blobs(spread=0.3)
    plain = (LinearHead(C=0.01).fit(X, y).predict(X) == "cat").sum()
    heavy = (LinearHead(C=0.01, class_weight={"cat": 20}).fit(X, y).predict(X) == "cat").sum()
    assert heavy > plain
    with pytest.raises(UsageError, match="'cta', which is no class"):
        LinearHead(class_weight={"cta": 2}).fit(X, y)


@pytest.mark.slow
def test_no_warning_leaks():
    X, y = blobs(400, 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in LINEAR:
            LinearHead(kind).fit(X.astype(np.float32), y)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (["cat"] * 6, "needs samples of at least 2 classes; got only 'cat'"),
        (np.eye(6, 3, dtype=int), "multi-label"),
        ([["a"], ["a", "b"], ["b"], [], ["a"], ["b"]], "multi-label"),
        ([{"a"}, {"b"}, {"a"}, {"b"}, {"a"}, {"b"}], "multi-label"),
        (np.linspace(0, 1, 6), "Unknown label type"),
        (["a", "b", None, "a", "b", "a"], "none missing"),
        (["a", "b"], "inconsistent numbers of samples"),
    ],
)
def test_wrong_y(y, text):
    with pytest.raises(ValueError, match=text):
        LinearHead().fit(np.arange(12.0).reshape(6, 2), y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_codes_must_be_finite(bad):
    X, y = blobs()
    X[3, 3] = bad
    with pytest.raises(ValueError, match="NaN|infinity"):
        LinearHead().fit(X, y)


@pytest.mark.parametrize(
    "params",
    [
        {"kind": "ridg"},
        {"scaling": "standrad"},
        {"C": 0},
        {"C": "1"},
        {"max_iter": 0},
        {"cv": 1},
        {"kind": "centroid", "C": 1.0},
    ],
)
def test_wrong_parameters(params):
    with pytest.raises(UsageError, match="Did you mean|must be"):
        LinearHead(**params).fit(*blobs())


@pytest.mark.parametrize(("name", "bad"), [("images", [0, 0, 1, 2]), ("images", [0, 1]), ("groups", [0, 1])])
def test_wrong_images_and_groups(name, bad):
    with pytest.raises(UsageError, match="different classes|one value a row"):
        LinearHead().fit(np.eye(4), ["a", "b", "a", "b"], **{name: bad})


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("scaling", ["standard", "l2"])
def test_centroid_is_the_nearest_mean(scaling, k):
    X, y = blobs(k=k)
    weight = np.random.default_rng(0).integers(1, 4, len(X))
    scale = StandardScaler().fit(X.repeat(weight, 0)).transform if scaling == "standard" else normalize
    expected = NearestCentroid().fit(scale(X.repeat(weight, 0)), y.repeat(weight)).predict(scale(X))
    head = LinearHead("centroid", scaling=scaling).fit(X, y, weight)
    np.testing.assert_array_equal(head.predict(X), expected)
    assert head.C_ is None and head.coef_.shape == ((1 if k == 2 else k), 30)


@pytest.mark.parametrize("scaling", ["standard", "l2"])
@pytest.mark.parametrize("shape", [(120, 30), (40, 60)])
def test_weighted_lda_is_scikit_learns_of_copies(scaling, shape):
    X, y = blobs(*shape)
    weight = np.random.default_rng(1).integers(1, 4, len(X))
    scale = StandardScaler().fit(X.repeat(weight, 0)).transform if scaling == "standard" else normalize
    expected = reference("lda", 10.0).fit(scale(X.repeat(weight, 0)), y.repeat(weight))
    head = LinearHead("lda", C=10.0, scaling=scaling).fit(X, y, weight)
    decision = expected.decision_function(scale(X))
    np.testing.assert_allclose(
        tell_apart(head.decision_function(X)), tell_apart(decision), rtol=1e-8, atol=1e-7
    )


@pytest.mark.parametrize("value", [1.0, 0.37123])
@pytest.mark.parametrize("shape", [(40, 3), (100, 1280)])
@pytest.mark.parametrize("shares", [{"a": 0.7, "b": 0.3}, {"a": 0.6, "b": 0.25, "c": 0.15}])
@pytest.mark.parametrize("kind", LINEAR)
def test_constant_codes_tell_the_classes_shares(kind, shares, shape, value):
    """What all rows have in common must not drown what tells them apart, which is nothing."""
    X, y = np.full(shape, value, np.float32), np.repeat(list(shares), spread(shape[0], shares.values()))
    head = LinearHead(kind).fit(X, y, groups=np.arange(len(X)))
    [proba] = head.predict_proba(X[:1])
    if kind == "centroid":  # which knows no shares
        np.testing.assert_allclose(proba, 1 / len(shares), atol=0.02)
    else:
        np.testing.assert_allclose(proba, list(shares.values()), atol=0.12)
        assert proba.argmax() == 0


@pytest.mark.parametrize("kind", LINEAR)
def test_few_constant_codes_are_of_the_larger_class(kind):
    head = LinearHead(kind).fit(np.ones((12, 3)), ["a"] * 8 + ["b"] * 4, groups=np.arange(12))
    assert np.isfinite(head.predict_proba(np.ones((1, 3)))).all()
    if kind != "centroid":
        assert set(head.predict(np.ones((2, 3)))) == {"a"}


def spread(total, shares):
    """Divide a number by shares."""
    return np.diff(np.round(np.cumsum([0, *shares]) * total).astype(int))


def test_lda_of_classes_without_spread():
    X = np.repeat(np.eye(3), 4, axis=0)
    head = LinearHead("lda").fit(X, np.repeat(list("abc"), 4), groups=np.arange(12))
    assert list(head.predict(np.eye(3))) == ["a", "b", "c"]
    assert np.isfinite(head.predict_proba(X)).all()


def test_class_weights_of_centroid_are_priors():
    X, y = blobs(spread=0.3)
    plain, balanced = (LinearHead("centroid", class_weight=w).fit(X, y) for w in (None, "balanced"))
    np.testing.assert_array_equal(plain.predict(X), balanced.predict(X))
    heavy = LinearHead("centroid", class_weight={"cat": 20}).fit(X, y)
    assert (heavy.predict(X) == "cat").sum() > (plain.predict(X) == "cat").sum()
