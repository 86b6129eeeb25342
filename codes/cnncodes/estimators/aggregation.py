"""From scores of rows to one answer an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.linear import LinearScorer

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Scores:
    """What a head says of some images.

    Attributes
    ----------
    classes : ndarray, shape (n_classes,)
    labels : ndarray, shape (n_images,)
        The most likely class.
    decision : ndarray of float64, shape (n_images,) or (n_images, n_classes), or None
    proba : ndarray of float64, shape (n_images, n_classes), or None
    """

    classes: Array
    labels: Array
    decision: Array | None
    proba: Array | None


def average_rows(values: Array, counts: npt.NDArray[np.int64]) -> Array:
    """Average consecutive rows: `counts[i]` of them for image i.

    Examples
    --------
    >>> average_rows(np.array([1.0, 3.0, 5.0]), np.array([2, 1]))
    array([2., 5.])
    """
    if len(counts) == 0:
        return values[:0]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    sums = np.add.reduceat(values, starts, axis=0)
    return sums / counts.reshape(-1, *[1] * (values.ndim - 1))


def score_images(head: Any, X: Array, counts: npt.NDArray[np.int64]) -> Scores:
    """Score images by the average over their views.

    A linear head averages decision values and derives probabilities from the average, so that the
    three answers always agree. Any other classifier averages its probabilities where it has them,
    else its decision values; one that has neither predicts from the average code.

    Parameters
    ----------
    head : LinearScorer or fitted scikit-learn classifier
    X : ndarray, shape (n_rows, code_size)
    counts : ndarray of int64, shape (n_images,)
        Rows of each image, all at least 1.
    """
    if isinstance(head, LinearScorer):
        decision = average_rows(head.decision(X), counts)
        return Scores(
            head.classes, _most_likely(head.classes, decision), decision, head.proba_from_decision(decision)
        )
    classes = np.asarray(head.classes_)
    values = _average_method(head, "decision_function", X, counts)
    proba = _average_method(head, "predict_proba", X, counts)
    if proba is not None:  # those of float32 codes sum to one within float32 alone, which scorers warn of
        proba = proba / proba.sum(axis=1, keepdims=True)
    votes = proba if proba is not None else values
    # One-against-one decision values of an SVC are no vote for a class.
    if votes is None or (votes.ndim == 2 and votes.shape[1] != len(classes)):
        return Scores(classes, np.asarray(head.predict(average_rows(X, counts))), values, proba)
    return Scores(classes, _most_likely(classes, votes), values, proba)


def _most_likely(classes: Array, votes: Array) -> Array:
    winner = (votes > 0).astype(np.int64) if votes.ndim == 1 else votes.argmax(axis=1)
    picked: Array = classes[winner]
    return picked


def _average_method(head: Any, method: str, X: Array, counts: npt.NDArray[np.int64]) -> Array | None:
    if not hasattr(head, method):
        return None
    return average_rows(np.asarray(getattr(head, method)(X), dtype=np.float64), counts)
