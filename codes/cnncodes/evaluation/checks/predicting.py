"""Probabilities of every image by a head that has not seen it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeClassifier

from cnncodes.evaluation.checks.neighbours import normalize
from cnncodes.heads.calibration import fit_temperature
from cnncodes.heads.folds import number_rows, split_images
from cnncodes.heads.scoring import softmax

#: Folds; fewer where most images are of classes with fewer groups.
FOLDS = 5
#: Penalty of the ridge head on codes of length 1: `LinearHead("ridge", C=1, scaling="l2")`.
_ALPHA = 0.5


@dataclass(frozen=True)
class OutOfFold:
    """What heads say of images that they were not fitted on.

    Attributes
    ----------
    classes : ndarray of str, shape (n_classes,)
    y : ndarray of int64, shape (n,)
        The given class of each image, as a number.
    proba : ndarray of float64, shape (n, n_classes)
    folds : int
    """

    classes: npt.NDArray[Any]
    y: npt.NDArray[np.int64]
    proba: npt.NDArray[np.float64]
    folds: int


def predict_out_of_fold(
    codes: npt.NDArray[np.float32], labels: Any, groups: Any = None, *, random_state: int = 0
) -> OutOfFold | None:
    """Return the probabilities of every image by a ridge head fitted on the other folds.

    The head is a fixed and cheap one: codes of length 1, one penalty, and one temperature for all folds.

    Parameters
    ----------
    codes : ndarray of float32, shape (n, code_size)
        One an image.
    labels : array-like of str, shape (n,)
    groups : array-like, shape (n,), optional
        Images of a group are in one fold.
    random_state : int
        Decides the folds.

    Returns
    -------
    OutOfFold or None
        None where a class lies in one group alone, or there is but one class.

    Examples
    --------
    >>> codes = np.array([[1, 0.1], [1, 0.2], [0, 1], [0.1, 1]], np.float32)
    >>> predict_out_of_fold(codes, ["a", "a", "b", "b"]).proba.argmax(axis=1)
    array([0, 0, 1, 1])
    """
    classes, y = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) < 2:
        return None
    unit = normalize(codes)
    splits = split_images(y, number_rows(unit, groups, None)[0], FOLDS, random_state)
    if not splits or sum(len(test) for _, test in splits) < len(y):
        return None
    decision = np.zeros((len(y), 1 if len(classes) == 2 else len(classes)))
    for train, test in splits:
        head = RidgeClassifier(alpha=_ALPHA).fit(unit[train], y[train])
        decision[test] = head.decision_function(unit[test]).reshape(len(test), -1)
    decision *= fit_temperature(decision, y, np.ones(len(y)))
    if len(classes) == 2:
        decision = np.column_stack([np.zeros(len(y)), decision])
    return OutOfFold(classes, y, softmax(decision), len(splits))
