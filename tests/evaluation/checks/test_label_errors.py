"""Confident learning finds planted errors, and what cleanlab finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation.checks.confusable import list_untold
from cnncodes.evaluation.checks.label_errors import find_label_issues, find_suspected_labels


def draw(seed: int, n: int = 300, n_classes: int = 4, sharp: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities that lean towards the true class; a tenth of the labels is wrong."""
    rng = np.random.default_rng(seed)
    true = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)])
    logits = rng.normal(size=(n, n_classes)) + sharp * np.eye(n_classes)[true]
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = np.where(rng.random(n) < 0.1, rng.integers(0, n_classes, n), true)
    y[:n_classes] = np.arange(n_classes)
    return y, proba


@pytest.mark.parametrize("seed", range(20))
def test_the_same_images_in_the_same_order_as_cleanlab(seed: int) -> None:
    pytest.importorskip("cleanlab", reason="the reference, in the extra test")
    from cleanlab.filter import find_label_issues as reference

    y, proba = draw(seed, n_classes=2 + seed % 7, sharp=0.5 + seed % 4)
    expected = reference(
        y,
        proba,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    assert find_label_issues(y, proba).tolist() == expected.tolist()


def test_planted_errors_come_first() -> None:
    y, proba = draw(0, n=1000, sharp=5.0)
    true = proba.argmax(axis=1)
    found = find_label_issues(y, proba)
    assert (y[found] != true[found]).all() and len(found) > 0.8 * (y != true).sum()


@given(st.integers(0, 500))
def test_whose_label_is_likeliest_is_never_suspected(seed: int) -> None:
    y, proba = draw(seed, n=40)
    found = find_label_issues(y, proba)
    assert (proba.argmax(axis=1)[found] != y[found]).all()
    own = proba[found, y[found]]
    assert (np.diff(own) >= 0).all()


@given(st.integers(0, 200))
def test_the_names_of_classes_do_not_matter(seed: int) -> None:
    y, proba = draw(seed, n=60)
    order = np.random.default_rng(seed).permutation(4)
    renamed = np.argsort(order)[y]
    assert find_label_issues(renamed, proba[:, order]).tolist() == find_label_issues(y, proba).tolist()


def test_a_class_without_images_takes_nobody() -> None:
    proba = np.array([[0.3, 0.1, 0.6], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1]])
    assert find_label_issues(np.array([0, 0, 1]), proba).tolist() == []


def test_the_finding_lists_label_and_suggestion() -> None:
    proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1]])
    y = np.array([0, 0, 1, 1] + [0, 1] * 4)
    proba = np.vstack([proba, np.tile([[0.9, 0.1], [0.1, 0.9]], (4, 1))])
    [found], left_out = find_suspected_labels(list("abcdefghijkl"), y, proba, ["cat", "dog"])
    assert left_out == ""
    assert (found.images, found.n, found.severity) == (("d",), 12, "tell")
    [row] = found.details["labels"]
    assert row == {"image": "d", "label": "dog", "suggested": "cat", "probability": pytest.approx(0.1)}
    assert find_suspected_labels(list("abc"), y[:3], proba[:3], ["cat", "dog"]) == ([], "")


def test_where_codes_tell_nothing_of_the_classes_no_label_is_called_wrong() -> None:
    rng = np.random.default_rng(0)
    y, proba = rng.integers(0, 5, 400), rng.dirichlet(np.full(5, 20.0), 400)
    assert len(find_label_issues(y, proba)) > 100
    found = find_suspected_labels(list(map(str, range(400))), y, proba, list("abcde"))
    assert found == ([], "codes tell too little of the classes to call a label wrong.")


def test_between_classes_that_are_not_told_apart_none_is_called_wrong() -> None:
    """Of four classes two are guessed between, and one image of the others has a wrong label."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 4
    proba = np.full((400, 4), 0.01)
    guess = np.where(y < 2, rng.integers(0, 2, 400), y)
    proba[np.arange(400), guess] = 0.97
    y[3] = 2
    untold = {(pair.a, pair.b) for pair in list_untold(y, proba)}
    assert untold == {(0, 1)}
    [found], left_out = find_suspected_labels(list(map(str, range(400))), y, proba, list("abcd"), untold)
    assert found.images == ("3",)
    assert left_out.endswith("labels of classes that are not told apart: none of them is called wrong.")
