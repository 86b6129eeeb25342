"""Probabilities of images by heads that have not seen them."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.evaluation.checks.predicting import predict_out_of_fold


def make(n: int, n_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    return (rng.normal(size=(n, 40)) + 2 * np.eye(40)[y]).astype(np.float32), y.astype(str)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_rows_sum_to_one_and_are_mostly_right(n_classes: int) -> None:
    X, y = make(120, n_classes)
    found = predict_out_of_fold(X, y)
    assert found is not None and found.proba.shape == (120, n_classes) and found.folds == 5
    np.testing.assert_allclose(found.proba.sum(axis=1), 1)
    assert (found.classes[found.proba.argmax(axis=1)] == y).mean() > 0.7


def test_an_image_is_not_known_by_another_one_of_its_group() -> None:
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(60, 100)), 2, axis=0).astype(np.float32)
    X += rng.normal(0, 0.01, X.shape).astype(np.float32)
    y = np.repeat(rng.integers(0, 2, 60), 2).astype(str)
    apart, together = predict_out_of_fold(X, y), predict_out_of_fold(X, y, np.repeat(np.arange(60), 2))
    assert apart is not None and together is not None
    right = [(found.classes[found.proba.argmax(axis=1)] == y).mean() for found in (apart, together)]
    assert right[0] > 0.75 and right[1] < 0.65


def test_where_no_folds_can_be_made_there_is_no_answer() -> None:
    X, y = make(12, 2)
    assert predict_out_of_fold(X, np.full(12, "one")) is None
    assert predict_out_of_fold(X, y, y) is None


def test_the_same_seed_gives_the_same() -> None:
    X, y = make(60, 3)
    first, second = (predict_out_of_fold(X, y, random_state=3) for _ in range(2))
    assert first is not None and second is not None
    np.testing.assert_array_equal(first.proba, second.proba)
