"""KernelHead and its scorer against scikit-learn's SVC."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from made_rows import blobs, find_failures
from sklearn.preprocessing import normalize
from sklearn.svm import SVC

from cnncodes.errors import CostWarning, SavedModelError, UsageError
from cnncodes.heads import kernel_head, kernel_search, kernels
from cnncodes.heads.drawing import draw_images, take_part
from cnncodes.heads.folds import Rows
from cnncodes.heads.kernel_head import KernelHead
from cnncodes.heads.kernels import KernelScorer


@pytest.mark.slow
def test_scikit_learns_own_checks():
    assert find_failures(KernelHead(cv=3)) == []


def scores_of_pairs(pairs, k):
    """Return each class's sum of log-probabilities, pair by pair."""
    scores = np.zeros((len(pairs), k))
    for value, (i, j) in zip(pairs.T, combinations(range(k), 2), strict=True):
        scores[:, i] += np.log(1 / (1 + np.exp(-3 * value)))
        scores[:, j] += np.log(1 / (1 + np.exp(3 * value)))
    return scores


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("scaling", ["standard", "l2"])
def test_same_decisions_as_scikit_learn(scaling, k, in_memory, monkeypatch):
    monkeypatch.setattr(kernel_search, "_MATRIX_ROWS", 1000 if in_memory else 10)
    X, y = blobs(k=k)
    weight = np.random.default_rng(2).uniform(0.5, 2, len(X))
    head = KernelHead(C=3.0, gamma=2.0, scaling=scaling).fit(X, y, weight)
    gamma = head.scorer_.gamma
    mean = np.average(X, axis=0, weights=weight)
    std = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    new = blobs(seed=1)[0]
    Z, Z_new = (
        ((X - mean) / std, (new - mean) / std) if scaling == "standard" else (normalize(X), normalize(new))
    )
    model = SVC(C=3.0, gamma=gamma, tol=1e-8, decision_function_shape="ovo").fit(Z, y, weight)
    expected = model.decision_function(Z_new)
    expected = expected if k == 2 else scores_of_pairs(expected, k)
    np.testing.assert_allclose(head.decision_function(new), expected, atol=2e-5)
    if scaling == "standard":
        assert gamma == pytest.approx(2.0 / (2 * 30))  # the variance of each column is 1
    assert (head.C_, head.gamma_, head.scaling_) == (3.0, 2.0, scaling)


def test_clear_votes_are_scikit_learns():
    X, y = blobs(400, 20, 4, spread=1.5)
    head = KernelHead(C=3.0, gamma=2.0, scaling="l2").fit(X[:200], y[:200])
    model = SVC(C=3.0, gamma=head.scorer_.gamma).fit(normalize(X[:200]), y[:200])
    assert (head.predict(X[200:]) == model.predict(normalize(X[200:]))).mean() > 0.95
    assert head.score(X[200:], y[200:]) >= model.score(normalize(X[200:]), y[200:]) - 0.02


def test_curved_classes_need_it():
    rng = np.random.default_rng(0)
    angle, inner = rng.uniform(0, 2 * np.pi, 200), np.arange(200) % 2
    X = (np.c_[np.cos(angle), np.sin(angle)] * (1 + inner)[:, None]) + 0.1 * rng.normal(size=(200, 2))
    head = KernelHead(scaling="standard").fit(X[:100], inner[:100])
    assert head.score(X[100:], inner[100:]) > 0.95
    table = head.cv_results_
    best = np.argmin(table["log_loss"])
    assert (table["C"][best], table["gamma"][best]) == (head.C_, head.gamma_)
    assert len(table["C"]) == 12 and head.n_searched_ == 100


def test_a_weight_is_a_number_of_copies():
    X, y = blobs(60, 6, 3)
    weight = np.random.default_rng(0).integers(0, 4, 60)
    weighted = KernelHead(class_weight="balanced").fit(X, y, weight)
    copies = KernelHead(class_weight="balanced").fit(X.repeat(weight, 0), y.repeat(weight))
    assert (weighted.C_, weighted.gamma_, weighted.scaling_) == (copies.C_, copies.gamma_, copies.scaling_)
    np.testing.assert_allclose(weighted.predict_proba(X), copies.predict_proba(X), atol=2e-3)


def test_copies_in_a_group_leak_nothing():
    rng = np.random.default_rng(0)
    y, index = rng.permutation(np.arange(60) % 2), np.repeat(np.arange(60), 3)
    X = rng.normal(size=(60, 30))[index] + rng.normal(size=(180, 30)) * 1e-3
    assert KernelHead().fit(X, y[index], images=index).cv_results_["accuracy"].max() < 0.7
    assert KernelHead().fit(X, y[index]).cv_results_["accuracy"].max() > 0.9  # the control


def test_threads_change_no_bit():
    X, y = blobs(seed=6)
    one, two = (KernelHead(n_jobs=n).fit(X.astype(np.float32), y) for n in (1, 2))
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_class_weight():
    X, y = blobs(spread=0.3)
    plain = (KernelHead(C=1.0, gamma=1.0, scaling="l2").fit(X, y).predict(X) == "cat").sum()
    heavy = KernelHead(C=1.0, gamma=1.0, scaling="l2", class_weight={"cat": 20}).fit(X, y)
    assert (heavy.predict(X) == "cat").sum() > plain


def test_a_search_on_a_part_draws_whole_images_of_every_class():
    y = np.repeat([0] * 90 + [1] * 9 + [2], 3)
    images, n = np.repeat(np.arange(100), 3), 300
    ones, position = np.ones(n), np.arange(n)
    rows = Rows(np.arange(n)[:, None], y, ones, ones, images, images // 2, 3, position)
    splits = [(np.flatnonzero(images % 2 == k), np.flatnonzero(images % 2 != k)) for k in (0, 1)]
    kept = draw_images(rows, 60, 0)
    part = rows.take(kept)
    np.testing.assert_array_equal(np.bincount(part.y) // 3, [18, 5, 1])
    assert (np.bincount(part.images) == 3).all() and len(part.X) == 72
    assert len(take_part(rows, splits, kept)[1]) == 1  # the only image of class 2 is on one side
    two = Rows(rows.X, np.minimum(y, 1), ones, ones, images, images // 2, 2, position)
    _, (first, _) = take_part(two, splits, kept)
    np.testing.assert_array_equal(part.X[first[0], 0], splits[0][0][kept[splits[0][0]]])
    inside = part.position >= 0
    np.testing.assert_array_equal(part.X[part.position[inside], 0], np.flatnonzero(inside))
    X, y = blobs(200, 10)
    head = KernelHead(search_rows=60).fit(X, y)
    assert head.n_searched_ == 60 and head.n_folds_ == 5
    assert len(head.scorer_.support) > 60  # but all rows are fitted


def test_many_rows_are_warned_of(monkeypatch):
    monkeypatch.setattr(kernel_head, "_MANY", 100)
    with pytest.warns(CostWarning, match="square of the rows: about 0 minutes for 120"):
        KernelHead(C=1.0, gamma=1.0, scaling="l2").fit(*blobs())


def test_bad_input():
    X, y = blobs(20, 5, 2)
    for params in ({"C": 0}, {"gamma": "scale"}, {"gamma": -1.0}, {"search_rows": 0}, {"scaling": "none"}):
        with pytest.raises(UsageError, match="must be a number above 0|unknown scaling"):
            KernelHead(**params).fit(X, y)
    with pytest.raises(UsageError, match="at least 2 classes"):
        KernelHead().fit(X, ["a"] * 20)
    X[3, 3] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        KernelHead().fit(X, y)


def test_few_and_constant_codes():
    with pytest.warns(UserWarning, match="Used C=10 and gamma=0.5 and scaling='l2'"):
        head = KernelHead().fit(np.eye(5), list("aaaab"))
    assert (head.C_, head.gamma_, head.n_folds_, head.n_searched_, head.cv_results_) == (10.0, 0.5, 0, 0, {})
    constant = KernelHead().fit(np.ones((12, 3)), ["a"] * 8 + ["b"] * 4, groups=np.arange(12))
    assert np.isfinite(constant.predict_proba(np.ones((1, 3)))).all()


# The scorer


def scorer(n_classes=3, l2=False, **changes):
    rng = np.random.default_rng(3)
    s, d, pairs = 150, 40, n_classes * (n_classes - 1) // 2
    given = {
        "support": rng.normal(size=(s, d)).astype(np.float32),
        "dual": rng.normal(size=(s, n_classes - 1)),
        "counts": np.diff(np.r_[np.arange(n_classes) * (s // n_classes), s]),
        "intercept": rng.normal(size=pairs),
        "classes": np.array([f"c{k}" for k in range(n_classes)]),
        "gamma": 0.02,
        "mean": np.zeros(0 if l2 else d),
        "scale": np.ones(0 if l2 else d),
        "temperature": 0.7,
        "kind": "rbf-svm",
    }
    return KernelScorer(**(given | changes))


def test_needs_no_scikit_learn():
    code = "import sys, cnncodes.heads.kernels; assert not {'sklearn', 'scipy', 'joblib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("l2", [False, True])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_a_row_does_not_depend_on_its_batch(n_classes, l2, monkeypatch):
    monkeypatch.setattr(kernels, "_ROWS", 47)
    head, X = scorer(n_classes, l2), np.random.default_rng(4).normal(size=(150, 40))
    whole = head.decision(X)
    np.testing.assert_array_equal(np.concatenate([head.decision(X[i : i + 1]) for i in range(150)]), whole)
    np.testing.assert_array_equal(head.decision(X[::-1])[::-1], whole)
    assert head.decision(X[:0]).shape == whole[:0].shape


def test_far_codes_are_of_no_support_vector():
    head = scorer()
    expected = scores_of_pairs(head.intercept[None], 3)
    np.testing.assert_allclose(head.decision(np.array([np.full(40, 1e300)])), expected)


def test_arrays_there_and_back():
    head, X = scorer(), np.random.default_rng(4).normal(size=(9, 40))
    arrays = head.to_arrays()
    assert set(arrays) == set(KernelScorer.ARRAYS) and not any(a.dtype.hasobject for a in arrays.values())
    again = KernelScorer.from_arrays(arrays)
    np.testing.assert_array_equal(again.decision(X), head.decision(X))
    assert (again.temperature, again.kind, again.gamma) == (0.7, "rbf-svm", 0.02)


HOSTILE = {
    "support": [np.full((150, 40), np.nan), np.ones((149, 40)), np.ones(40), np.full((150, 40), 1e30), ["a"]],
    "dual": [np.ones((150, 1)), np.ones(150), np.full((150, 2), np.inf), np.full((150, 2), 1e300)],
    "counts": [[50, 50, 51], [-1, 1, 150], [50.5, 50.5, 49], [150], [[50, 50, 50]], [1e18, 1e18, 1e18]],
    "intercept": [np.ones(1), np.full(3, np.nan), np.ones((3, 1))],
    "classes": [np.array(["a"]), np.array("a"), np.array(["a", "b"])],
    "gamma": [0.0, -1.0, np.nan, np.ones(2), "5"],
    "mean": [np.zeros(39), np.full(40, np.nan), np.zeros((40, 1))],
    "scale": [np.zeros(40), np.ones(0), np.full(40, np.inf)],
    "temperature": [0.0, np.nan, -1.0, np.ones(1)],
}


@pytest.mark.parametrize(
    ("name", "bad"), [(name, bad) for name, several in HOSTILE.items() for bad in several]
)
def test_hostile_arrays_are_refused(name, bad):
    arrays = scorer().to_arrays()
    with pytest.raises(SavedModelError, match="do not fit together"):
        KernelScorer.from_arrays(arrays | {name: np.asarray(bad)})
    with pytest.raises(SavedModelError, match=f"missing \\['{name}'\\]"):
        KernelScorer.from_arrays({key: value for key, value in arrays.items() if key != name})
