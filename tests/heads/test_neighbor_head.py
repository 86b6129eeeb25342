"""NeighborHead and its scorer against scikit-learn and by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import blobs, find_failures
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler, normalize

from cnncodes.errors import SavedModelError, UsageError
from cnncodes.heads import neighbors
from cnncodes.heads.neighbor_head import NeighborHead
from cnncodes.heads.neighbors import NeighborScorer, count_needed, count_votes, find_nearest


@pytest.mark.slow
def test_scikit_learns_own_checks():
    assert find_failures(NeighborHead(cv=3)) == []


@pytest.mark.parametrize("k_classes", [2, 4])
@pytest.mark.parametrize("scaling", ["standard", "l2"])
@pytest.mark.parametrize("k", [1, 7])
def test_same_votes_as_scikit_learn(k, scaling, k_classes):
    X, y = blobs(k=k_classes)
    new = blobs(seed=1)[0]
    scaler = StandardScaler().fit(X)
    scale = scaler.transform if scaling == "standard" else normalize
    expected = KNeighborsClassifier(k).fit(scale(X), y).predict_proba(scale(new))
    head = NeighborHead(k=k, scaling=scaling).fit(X, y)
    shares = np.unique(y, return_counts=True)[1] / len(y)
    wanted = (expected * k + shares) / (k + 1)  # one vote more for all
    decision = head.decision_function(new)
    logs = np.column_stack([np.zeros(len(new)), decision]) if k_classes == 2 else decision
    np.testing.assert_allclose(np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True), wanted, rtol=1e-6)
    assert (head.k_, head.scaling_) == (k, scaling)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 40), st.integers(1, 17), st.integers(0, 99))
def test_the_search_is_exact_whatever_the_blocks(n, count, block, seed):
    rng = np.random.default_rng(seed)
    rows, queries = (rng.normal(size=(m, 3)).astype(np.float32) for m in (n, 5))
    count = min(count, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbors, "_ROWS", block)
        found = find_nearest(queries, rows, count)
    distances = ((queries[:, None].astype(float) - rows) ** 2).sum(axis=2)
    picked = np.take_along_axis(distances, found, 1)
    assert all(len(set(row)) == count for row in found.tolist())
    np.testing.assert_allclose(picked, np.sort(distances, axis=1)[:, :count], atol=1e-5)


def test_of_equally_near_rows_the_first_count():
    rows = np.tile(np.eye(3, dtype=np.float32)[:1], (6, 1))
    assert find_nearest(rows[:1], rows, 6).tolist() == [[0, 1, 2, 3, 4, 5]]


def test_votes_by_hand():
    weight = np.array([0.5, 0.5, 2.0, 1.0])
    assert count_needed(weight, 1.0) == 2 and count_needed(weight, 1.5) == 3 and count_needed(weight, 99) == 4
    votes = count_votes(np.array([[1, 2, 0, 3]]), np.array([0, 1, 1, 2]), weight, 2.0, 3)
    np.testing.assert_allclose(votes, [[0.0, 2.0, 0.0]])  # half of row 1, and what row 2 still has room for
    votes = count_votes(np.array([[3, 2, 0, 1]]), np.array([0, 1, 1, 2]), weight, 2.0, 3)
    np.testing.assert_allclose(votes, [[0.0, 1.0, 1.0]])


@pytest.mark.parametrize("scaling", ["standard", "l2", None])
def test_a_weight_is_a_number_of_copies(scaling):
    X, y = blobs(60, 6, 3)
    weight = np.random.default_rng(0).integers(0, 4, 60)
    weighted = NeighborHead(scaling=scaling, class_weight="balanced").fit(X, y, weight)
    copies = NeighborHead(scaling=scaling, class_weight="balanced").fit(X.repeat(weight, 0), y.repeat(weight))
    assert (weighted.k_, weighted.scaling_) == (copies.k_, copies.scaling_)
    np.testing.assert_allclose(weighted.predict_proba(X), copies.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("views", [2, 3])
def test_equal_views_change_nothing(views):
    X, y = blobs(seed=5)
    once = NeighborHead().fit(X, y, images=np.arange(120))
    index = np.tile(np.arange(120), views)
    many = NeighborHead().fit(X[index], y[index], np.full(120 * views, 1 / views), images=index)
    assert (once.k_, once.scaling_) == (many.k_, many.scaling_)
    np.testing.assert_allclose(once.predict_proba(X), many.predict_proba(X), atol=1e-6)


def test_copies_in_a_group_leak_nothing():
    rng = np.random.default_rng(0)
    y, index = rng.permutation(np.arange(60) % 2), np.repeat(np.arange(60), 3)
    X = rng.normal(size=(60, 30))[index] + rng.normal(size=(180, 30)) * 1e-3
    assert NeighborHead().fit(X, y[index], images=index).cv_results_["accuracy"].max() < 0.7
    assert NeighborHead().fit(X, y[index]).cv_results_["accuracy"].max() > 0.95  # the control


def test_threads_change_no_bit():
    X, y = blobs(seed=6)
    one, two = (NeighborHead(n_jobs=n).fit(X.astype(np.float32), y) for n in (1, 2))
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_probabilities_are_never_zero_and_calibrated():
    X, y = blobs(200, 20, 4, spread=0.2)  # hardly told apart
    head = NeighborHead().fit(X, y)
    proba = head.predict_proba(blobs(200, 20, 4, seed=9, spread=0.2)[0])
    assert proba.min() > 0 and proba.max() < 0.9
    assert NeighborHead(k=1).fit(X, y).predict_proba(X).min() > 0
    easy = NeighborHead().fit(*blobs(200, 20, 4, spread=50))  # every held-out image is right
    assert 0 < easy.predict_proba(X).min() < 1e-2


def test_class_weight():
    X, y = blobs(spread=0.3)
    plain = (NeighborHead(k=10).fit(X, y).predict(X) == "cat").sum()
    assert (NeighborHead(k=10, class_weight={"cat": 5}).fit(X, y).predict(X) == "cat").sum() > plain


def test_bad_input():
    X, y = blobs(20, 5, 2)
    with pytest.raises(UsageError, match="k=50 neighbours are more than the training rows, which weigh 20"):
        NeighborHead(k=50).fit(X, y)
    for params in ({"k": 0}, {"k": 1.5}, {"k": True}, {"scaling": "cosine"}):
        with pytest.raises(UsageError, match="k must be a whole number|unknown scaling"):
            NeighborHead(**params).fit(X, y)
    with pytest.raises(UsageError, match="at least 2 classes"):
        NeighborHead().fit(X, ["a"] * 20)
    X[3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        NeighborHead().fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        NeighborHead().fit(X[4:], y[4:]).predict(X)


def test_few_and_constant_codes():
    with pytest.warns(UserWarning, match="Used k=1 and scaling='l2'"):
        head = NeighborHead().fit(np.eye(5), list("aaaab"))
    assert (head.k_, head.n_folds_, head.cv_results_) == (1, 0, {})
    assert list(head.predict(np.eye(5))) == list("aaaab")
    constant = NeighborHead().fit(np.ones((12, 3)), ["a"] * 8 + ["b"] * 4, groups=np.arange(12))
    assert np.isfinite(constant.predict_proba(np.ones((1, 3)))).all()


# The scorer


def scorer(n_classes=3, l2=False, **changes):
    rng = np.random.default_rng(3)
    n, d = 150, 40
    given = {
        "rows": rng.normal(size=(n, d)).astype(np.float32),
        "labels": np.arange(n) % n_classes,
        "weight": rng.uniform(0.2, 1, n),
        "classes": np.array([f"c{k}" for k in range(n_classes)]),
        "k": 5.0,
        "prior": np.full(n_classes, 1 / n_classes),
        "preference": np.ones(n_classes),
        "mean": np.zeros(0 if l2 else d),
        "scale": np.ones(0 if l2 else d),
        "temperature": 0.7,
        "kind": "knn",
    }
    return NeighborScorer(**(given | changes))


def test_needs_no_scikit_learn():
    code = (
        "import sys, cnncodes.heads.neighbors; assert not {'sklearn', 'scipy', 'joblib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("l2", [False, True])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_a_row_does_not_depend_on_its_batch(n_classes, l2, monkeypatch):
    monkeypatch.setattr(neighbors, "_ROWS", 47)
    head, X = scorer(n_classes, l2), np.random.default_rng(4).normal(size=(150, 40))
    whole = head.decision(X)
    np.testing.assert_array_equal(np.concatenate([head.decision(X[i : i + 1]) for i in range(150)]), whole)
    np.testing.assert_array_equal(head.decision(X[::-1])[::-1], whole)
    assert head.decision(X[:0]).shape == whole[:0].shape


def test_far_codes_have_finite_answers():
    values = np.array([np.full(40, 1e300), np.full(40, -1e300), np.zeros(40)])
    for l2 in (False, True):
        assert np.isfinite(scorer(l2=l2).decision(values)).all()


def test_arrays_there_and_back():
    head, X = scorer(), np.random.default_rng(4).normal(size=(9, 40))
    arrays = head.to_arrays()
    assert set(arrays) == set(NeighborScorer.ARRAYS) and not any(a.dtype.hasobject for a in arrays.values())
    again = NeighborScorer.from_arrays(arrays)
    np.testing.assert_array_equal(again.decision(X), head.decision(X))
    assert (again.temperature, again.kind, again.k) == (0.7, "knn", 5.0)


HOSTILE = {
    "rows": [np.full((150, 40), np.nan), np.ones((149, 40)), np.ones(40), np.full((150, 40), 1e30), ["a"]],
    "labels": [np.full(150, 3), np.full(150, -1), np.full(150, 0.5), np.zeros(149, int), np.zeros((150, 1))],
    "weight": [np.zeros(150), np.full(150, np.inf), np.full(150, 1e300), -np.ones(150), np.ones(3)],
    "classes": [np.array(["a"]), np.array("a"), np.array(["a", "b"])],
    "k": [0.0, -1.0, np.nan, np.ones(2), "5"],
    "prior": [np.zeros(3), np.ones(2), np.full(3, np.nan)],
    "preference": [np.zeros(3), np.ones(4)],
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
        NeighborScorer.from_arrays(arrays | {name: np.asarray(bad)})
    with pytest.raises(SavedModelError, match=f"missing \\['{name}'\\]"):
        NeighborScorer.from_arrays({key: value for key, value in arrays.items() if key != name})
