"""AutoHead: which head it takes, and what it says of that."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from made_rows import blobs, find_failures

from cnncodes.errors import UsageError
from cnncodes.heads import auto_head
from cnncodes.heads.auto_head import AutoHead
from cnncodes.heads.kernel_head import KernelHead
from cnncodes.heads.kinds import MAKERS, make_kind
from cnncodes.heads.names import BY_COST, HEADS, LINEAR
from cnncodes.heads.selection import make_head

FEW = ("centroid", "lda", "knn")


def ring(n=300, seed=0):
    rng = np.random.default_rng(seed)
    y, angle = np.arange(n) % 2, rng.uniform(0, 2 * np.pi, n)
    return np.c_[np.cos(angle), np.sin(angle)] * (1 + y)[:, None] + 0.3 * rng.normal(size=(n, 2)), y


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [FEW, ("logistic", "rbf-svm")])
def test_scikit_learns_own_checks(kinds):
    assert find_failures(AutoHead(kinds=kinds, cv=3)) == []


def test_every_head_has_its_place():
    assert sorted(BY_COST) == sorted(MAKERS) == sorted(set(HEADS) - {"auto"}) and set(LINEAR) < set(BY_COST)
    assert set(auto_head.LIMITS) == set(BY_COST) - set(LINEAR)
    assert isinstance(make_head("auto", class_weight="balanced", n_jobs=1), AutoHead)


def test_of_equals_the_cheapest():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = rng.normal(size=(200, 10)) + 2.0 * y[:, None]  # one spread for all: the means say everything
    head = AutoHead().fit(X, y)
    table = head.cv_results_
    assert table["kind"].tolist() == list(BY_COST)
    assert head.head_.kind == "centroid" and head.reason_.startswith("chose centroid: its log-loss")
    assert table["behind"][0] <= table["behind_error"][0]
    assert np.isfinite(table["log_loss"]).all() and (table["seconds"] > 0).all()
    assert table["behind"].min() == 0


def test_a_cheaper_and_better_head_than_one_within_an_error_is_taken_and_said():
    tried = ["centroid", "ridge", "lda", "logistic", "linear-svm"]
    behind = np.array([0.0746, 0.0110, 0.0596, 0.0258, 0])
    table = {"kind": np.array(tried), "log_loss": 0.3708 + behind, "behind": behind}
    table["behind_error"] = np.array([0.0414, 0.0096, 0.0378, 0.0307, 0])
    said = auto_head._say(table, 1, 4, 50, [])
    assert said == (
        "chose ridge: its log-loss, 0.3818 on 50 held-out images, is 0.0110 ± 0.0096 above the least"
        " (linear-svm, 0.3708), and no more than that of logistic, which is dearer and within one standard"
        " error of it (behind by 0.0258 ± 0.0307);"
        " cheaper heads are further behind (centroid 0.0746 ± 0.0414)"
    )


@pytest.mark.parametrize(
    ("loss", "said"), [(3e-6, "below 0.0001"), (9.9e-5, "below 0.0001"), (1.2e-4, "0.0001"), (0.0, "0.0000")]
)
def test_a_loss_that_is_not_0_is_not_said_to_be(loss, said):
    table = {"kind": np.array(BY_COST[:1]), "log_loss": np.array([loss])}
    table |= {"behind": np.zeros(1), "behind_error": np.zeros(1)}
    assert auto_head._say(table, 0, 0, 6, []) == (
        f"chose centroid: its log-loss is the least, {said} on 6 held-out images"
    )


def test_the_better_one_where_it_is_clear():
    X, y = ring()
    head = AutoHead().fit(X, y)
    kind = head.scorer_.kind
    assert kind in ("knn", "rbf-svm") and kind in head.reason_
    assert "cheaper heads are further behind (centroid " in head.reason_ and "\n" not in head.reason_
    new, labels = ring(seed=1)
    assert head.score(new, labels) > 0.8


def test_the_rule_is_that_of_the_table():
    X, y = blobs(spread=0.5)
    head = AutoHead(kinds=FEW).fit(X, y)
    table = head.cv_results_
    within = table["behind"] <= table["behind_error"]
    assert head.scorer_.kind == table["kind"][np.argmax(within)]
    np.testing.assert_allclose(table["behind"], table["log_loss"] - table["log_loss"].min(), atol=1e-12)
    n = len(y)
    binomial = np.sqrt(table["accuracy"] * (1 - table["accuracy"]) / (n - 1))
    np.testing.assert_allclose(table["accuracy_error"], binomial)


def test_it_is_the_head_that_it_chose():
    X, y = blobs(seed=2)
    head = AutoHead(kinds=["lda"]).fit(X, y)
    alone = make_kind("lda").fit(X, y)
    np.testing.assert_array_equal(head.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(head.head_.predict(X), alone.predict(X))
    assert (head.head_.C_, head.n_folds_) == (alone.C_, alone.n_folds_)
    assert head.cv_results_["log_loss"][0] == pytest.approx(alone.cv_results_["log_loss"].min())


def test_a_weight_is_a_number_of_copies():
    X, y = blobs(60, 6, 3)
    weight = np.random.default_rng(0).integers(0, 4, 60)
    weighted = AutoHead(kinds=FEW).fit(X, y, weight)
    copies = AutoHead(kinds=FEW).fit(X.repeat(weight, 0), y.repeat(weight))
    for name in ("log_loss", "log_loss_error", "behind_error", "accuracy_error"):
        np.testing.assert_allclose(weighted.cv_results_[name], copies.cv_results_[name], atol=1e-6)
    assert weighted.scorer_.kind == copies.scorer_.kind


def test_too_many_rows_for_some(monkeypatch):
    monkeypatch.setitem(auto_head.LIMITS, "knn", 100)
    monkeypatch.setitem(auto_head.LIMITS, "rbf-svm", 119)
    X, y = blobs()
    head = AutoHead(kinds=["lda", "knn", "rbf-svm"]).fit(X, y)
    assert head.cv_results_["kind"].tolist() == ["lda"]
    assert head.reason_.endswith("; too many rows to try knn, rbf-svm")
    with pytest.raises(UsageError, match="none of the kinds knn is tried with 120 rows"):
        AutoHead(kinds=["knn"]).fit(X, y)


def test_what_was_chosen_on_a_part_is_measured_on_all(monkeypatch):
    monkeypatch.setattr(auto_head, "make_kind", lambda kind, **given: KernelHead(**given, search_rows=60))
    X, y = ring()
    head = AutoHead(kinds=["rbf-svm"]).fit(X, y)
    assert "on 300 held-out images" in head.reason_ and head.head_.n_searched_ == 60
    binomial = np.sqrt(head.cv_results_["accuracy"] * (1 - head.cv_results_["accuracy"]) / 299)
    np.testing.assert_allclose(head.cv_results_["accuracy_error"], binomial)


def test_nothing_to_hold_out():
    with pytest.warns(UserWarning, match="Used centroid, the cheapest head, with scaling='l2'; give"):
        head = AutoHead().fit(np.eye(5), list("aaaab"))
    assert (head.scorer_.kind, head.n_folds_, head.cv_results_) == ("centroid", 0, {})
    assert "too few classes have images" in head.reason_
    assert list(head.predict(np.eye(5))) == list("aaaab")


def test_bad_input():
    X, y = blobs(20, 5, 2)
    for params in ({"kinds": []}, {"kinds": "lda"}, {"kinds": ["ldaa"]}, {"kinds": ["auto"]}, {"kinds": 3}):
        with pytest.raises(UsageError, match="kinds must be a list|unknown kind of head"):
            AutoHead(**params).fit(X, y)
    with pytest.raises(UsageError, match="at least 2 classes"):
        AutoHead().fit(X, ["a"] * 20)
    X[3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        AutoHead().fit(X, y)


def test_constant_codes():
    head = AutoHead().fit(np.ones((12, 3)), ["a"] * 8 + ["b"] * 4, groups=np.arange(12))
    assert np.isfinite(head.predict_proba(np.ones((1, 3)))).all()


@pytest.mark.slow
def test_no_warning_leaks():
    X, y = blobs(200, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AutoHead().fit(X.astype(np.float32), y)
