"""Multi-label heads as arrays: there and back with the same bits, and damaged ones refused."""

from __future__ import annotations

import numpy as np
import pytest
from made_labels import make_labels

from cnncodes.errors import SavedModelError
from cnncodes.heads.multilabel.scorers import expit
from cnncodes.heads.multilabel.selection import make_label_head
from cnncodes.heads.names import MULTILABEL_HEADS


@pytest.fixture(scope="module", params=MULTILABEL_HEADS)
def scorer(request):
    return make_label_head(request.param, n_jobs=1).fit(*make_labels(40)).scorer_


def test_arrays_hold_all_of_it(scorer):
    X, _ = make_labels(40)
    scorer = scorer.with_classes(np.array(["a", "b", "c", "d"]))
    again = type(scorer).from_arrays(scorer.to_arrays())
    proba = again.proba_from_decision(again.decision(X))
    np.testing.assert_array_equal(proba, scorer.proba_from_decision(scorer.decision(X)))
    np.testing.assert_array_equal(again.choose(proba), scorer.choose(proba))
    assert again.classes.tolist() == ["a", "b", "c", "d"] and again.kind == scorer.kind
    alone = np.concatenate([scorer.decision(row[None]) for row in X])
    np.testing.assert_array_equal(alone, scorer.decision(X))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("classes", np.array(["a", "a", "b", "c"]), "different labels"),
        ("classes", np.arange(3), "different labels"),
        ("slope", np.array([1.0, 1, 1, -1]), "slope must not be below 0"),
        ("slope", np.ones(3), "slope must have the shape"),
        ("threshold", np.zeros(4), "threshold must be above 0"),
        ("threshold", np.full(4, 1.5), "threshold must be finite and up to 1"),
        ("offset", np.full(4, np.nan), "offset must be finite"),
    ],
)
def test_damaged_arrays_are_refused(scorer, name, value, text):
    with pytest.raises(SavedModelError, match=text):
        type(scorer).from_arrays({**scorer.to_arrays(), name: value})


def test_targets_of_neighbours_are_labels():
    scorer = make_label_head("knn", n_jobs=1).fit(*make_labels(40)).scorer_
    with pytest.raises(SavedModelError, match="targets must be 0 and 1"):
        type(scorer).from_arrays({**scorer.to_arrays(), "targets": scorer.targets + 0.5})


def test_what_cannot_be_read_names_no_label(scorer):
    assert not scorer.choose(np.full((2, 4), np.nan)).any()


def test_the_logistic_function_does_not_overflow():
    with np.errstate(all="raise"):
        np.testing.assert_allclose(expit(np.array([-700.0, 0, 700])), [0, 0.5, 1], atol=1e-300)
