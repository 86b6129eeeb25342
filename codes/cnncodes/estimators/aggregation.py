"""From scores of rows to one answer an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.heads.scoring import Scorer, most_likely

Array = npt.NDArray[Any]

#: What may be averaged over the views of an image.
AGGREGATES = ("auto", "decision", "probability", "code")


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


def join_scores(parts: Sequence[Scores]) -> Scores:
    """Return the scores of all images of those of some at a time, at least once."""
    decision, proba = (
        None if getattr(parts[0], name) is None else np.concatenate([getattr(part, name) for part in parts])
        for name in ("decision", "proba")
    )
    labels = np.concatenate([part.labels for part in parts])
    return Scores(parts[0].classes, labels, decision, proba)


def score_images(head: Any, X: Array, counts: npt.NDArray[np.int64], aggregate: str = "auto") -> Scores:
    """Score images by the average over their views.

    What is averaged decides, and where it was asked for by name the other answers are derived from it or left
    out, so that all agree; those of a head by name always do.

    Parameters
    ----------
    head : Scorer or fitted scikit-learn classifier
    X : ndarray, shape (n_rows, code_size)
    counts : ndarray of int64, shape (n_images,)
        Rows of each image, all at least 1.
    aggregate : {"auto", "decision", "probability", "code"}
        What is averaged. ``"auto"``: decision values for a head by name; for any other classifier its
        probabilities where it has them, else its decision values; for one that has neither, codes.

    Raises
    ------
    UsageError
        If the head has no such values.
    """
    if aggregate == "code":
        X, counts = average_rows(X, counts).astype(X.dtype), np.ones_like(counts)
    if isinstance(head, Scorer):
        return _score_own(head, X, counts, by_probability=aggregate == "probability")
    return _score_any(head, X, counts, aggregate)


def averages_scores(aggregate: str, most_views: int) -> bool:
    """Say whether answers are the mean over views of what the head itself says: decision values, or numbers.

    That is what its search averages over an image's rows, so that what it held out is answered alike.

    Parameters
    ----------
    aggregate : str
        As of an estimator, of classes, labels or numbers.
    most_views : int
        Of an image at most: of one view the mean of whatever it is says the same.

    Examples
    --------
    >>> averages_scores("auto", 10), averages_scores("probability", 10), averages_scores("probability", 1)
    (True, False, True)
    """
    return aggregate in ("auto", "decision", "prediction") or most_views <= 1


def check_aggregate(aggregate: Any, head: Any) -> None:
    """Raise `UsageError` unless a head, fitted or not, has the values that are to be averaged."""
    if aggregate not in AGGREGATES:
        raise UsageError(f"aggregate must be one of {', '.join(map(repr, AGGREGATES))}. Got {aggregate!r}.")
    method = {"decision": "decision_function", "probability": "predict_proba"}.get(aggregate)
    if method and not isinstance(head, Scorer) and not hasattr(head, method):
        raise UsageError(
            f"aggregate={aggregate!r} averages what {method} gives, and the head {type(head).__name__} has"
            " none: choose another, or 'auto'."
        )


def _score_own(head: Scorer, X: Array, counts: npt.NDArray[np.int64], *, by_probability: bool) -> Scores:
    decision = head.decision(X)
    if by_probability:
        proba = average_rows(head.proba_from_decision(decision), counts)
        decision = _decision_from_proba(proba)
    else:
        decision = average_rows(decision, counts)
        proba = head.proba_from_decision(decision)
    return Scores(head.classes, most_likely(head.classes, decision), decision, proba)


def _decision_from_proba(proba: Array) -> Array:
    """Return log-odds of the second of two classes, or the logarithm of each of several."""
    logs: Array = np.log(np.maximum(proba, np.finfo(np.float64).tiny))
    return logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else logs


def _score_any(head: Any, X: Array, counts: npt.NDArray[np.int64], aggregate: str) -> Scores:
    classes = np.asarray(head.classes_)
    values = _average_method(head, "decision_function", X, counts)
    proba = _average_method(head, "predict_proba", X, counts)
    if proba is not None:  # those of float32 codes sum to one within float32 alone, which scorers warn of
        proba = proba / proba.sum(axis=1, keepdims=True)
    votes = proba if proba is not None and aggregate != "decision" else values
    # One-against-one decision values of an SVC are no vote for a class.
    if votes is None or (votes.ndim == 2 and votes.shape[1] != len(classes)):
        if aggregate == "decision":
            raise UsageError(
                f"the decision values of the head {type(head).__name__} are not one for each class, so their"
                " average decides nothing: choose aggregate='code', or decision_function_shape='ovr'."
            )
        return Scores(classes, np.asarray(head.predict(average_rows(X, counts))), values, proba)
    if aggregate == "decision":  # nobody but the head knows which probabilities belong to the average
        proba = None
    if aggregate == "probability" and proba is not None:
        values = _decision_from_proba(proba)
    return Scores(classes, most_likely(classes, votes), values, proba)


def _average_method(head: Any, method: str, X: Array, counts: npt.NDArray[np.int64]) -> Array | None:
    if not hasattr(head, method):
        return None
    return average_rows(np.asarray(getattr(head, method)(X), dtype=np.float64), counts)
