"""Scoring with numpy alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cnncodes.errors import SavedModelError, UsageError
from cnncodes.heads.linear import LinearScorer


def scorer(n_classes=3, l2=False, classes=None, temperature=1.0):
    rng = np.random.default_rng(3)
    rows = 1 if n_classes == 2 else n_classes
    classes = np.array([f"c{k}" for k in range(n_classes)]) if classes is None else classes
    return LinearScorer(rng.normal(size=(rows, 40)), rng.normal(size=rows), classes, l2, temperature, "ridge")


def codes(n=150, dtype=np.float32):
    return np.random.default_rng(4).normal(size=(n, 40)).astype(dtype)


def test_needs_no_scikit_learn():
    code = "import sys, cnncodes.heads.linear; assert not {'sklearn', 'scipy', 'joblib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decision_is_the_affine_map(n_classes, dtype):
    head, X = scorer(n_classes), codes(dtype=dtype)
    expected = X.astype(float) @ head.coef.T + head.intercept
    decision = head.decision(X)
    assert decision.shape == ((150,) if n_classes == 2 else (150, 3))
    np.testing.assert_allclose(decision.reshape(expected.shape), expected, atol=1e-12)


def test_l2_ignores_length_and_survives_zeros():
    head, X = scorer(l2=True), codes()
    np.testing.assert_allclose(head.decision(X), head.decision(7 * X), atol=1e-6)
    np.testing.assert_array_equal(head.decision(np.zeros((1, 40)))[0], head.intercept)


@pytest.mark.parametrize("l2", [False, True])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_a_row_does_not_depend_on_its_batch(n_classes, l2):
    head, X = scorer(n_classes, l2), codes()
    whole = head.decision(X)
    np.testing.assert_array_equal(np.concatenate([head.decision(X[i : i + 1]) for i in range(150)]), whole)
    np.testing.assert_array_equal(head.decision(X[::-1])[::-1], whole)
    assert head.decision(X[:0]).shape == whole[:0].shape


def test_probabilities():
    binary, many = scorer(2, temperature=2.0), scorer(3, temperature=2.0)
    decision = np.array([-1.5, 0.0, 400.0])
    np.testing.assert_allclose(binary.proba_from_decision(decision)[:, 1], 1 / (1 + np.exp(-2 * decision)))
    values = np.array([[1.0, 2.0, 3.0], [1e4, 0.0, -1e4]])
    expected = np.exp(2 * values[0]) / np.exp(2 * values[0]).sum()
    np.testing.assert_allclose(many.proba_from_decision(values), [expected, [1, 0, 0]])
    with pytest.raises(UsageError, match=r"\[n, 3\]; got shape \(3,\)"):
        many.proba_from_decision(decision)


@pytest.mark.parametrize(
    "classes", [np.array(["ä", "b"]), np.array([3, 8]), np.array([False, True]), np.array(["a", "b"], object)]
)
def test_arrays_there_and_back(classes):
    head = scorer(2, True, classes, 0.1)
    arrays = head.to_arrays()
    assert set(arrays) == set(LinearScorer.ARRAYS)
    assert not any(array.dtype.hasobject for array in arrays.values())
    again = LinearScorer.from_arrays(arrays)
    np.testing.assert_array_equal(again.decision(codes()), head.decision(codes()))
    np.testing.assert_array_equal(again.classes, classes)
    assert (again.temperature, again.l2_normalize, again.kind) == (0.1, True, "ridge")


def test_damaged_arrays_are_named():
    arrays = scorer().to_arrays()
    with pytest.raises(SavedModelError, match=r"missing \['kind'\], unexpected \['knid'\]"):
        LinearScorer.from_arrays({("knid" if name == "kind" else name): a for name, a in arrays.items()})
    with pytest.raises(SavedModelError, match="3 classes do not fit 2 rows"):
        LinearScorer.from_arrays(arrays | {"coef": arrays["coef"][:2]})
    with pytest.raises(SavedModelError, match="strings or numbers"):
        scorer(2, classes=np.array([None, ("a",)], dtype=object)).to_arrays()


@pytest.mark.parametrize(
    "bad", [{"temperature": 0.0}, {"temperature": np.nan}, {"coef": np.full((2, 4), np.nan)}]
)
def test_bad_numbers_are_refused(bad):
    given = {"coef": np.ones((3, 4)), "intercept": np.ones(3), "classes": np.arange(3)} | bad
    with pytest.raises(UsageError):
        LinearScorer(**given)


def test_wrong_width_is_refused():
    with pytest.raises(UsageError, match=r"40 columns; got shape \(2, 41\)"):
        scorer().decision(np.ones((2, 41)))
