"""What heads are given, rows and parameters: checked, and refused with what was expected."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, UsageError, suggest, warn
from cnncodes.heads.folds import number_rows
from cnncodes.heads.scaling import SCALINGS
from cnncodes.heads.weights import read_weights

Array = npt.NDArray[Any]

#: Weights that can be computed with, and what a weight may be in the mean before one hears of it.
_LEAST_WEIGHT, _MOST_WEIGHT, _FAR = 1e-9, 1e9, 10.0


@dataclass(frozen=True)
class UsedRows:
    """Rows of a weight above 0: any other must not even make a class or a fold.

    Attributes
    ----------
    used : bool ``[number of all rows]``
    position : int ``[number of all rows]``
        Number of each among those used, -1 where it is not.
    X, weight, groups, images
        Of those used, groups and images numbered without gaps.
    """

    used: Array
    position: Array
    X: Array
    weight: Array
    groups: Array
    images: Array


def take_used(X: Array, sample_weight: Any, groups: Any, images: Any) -> UsedRows:
    """Return the rows that have a weight, with what was given of them.

    Raises
    ------
    UsageError
        If a weight is negative or no number, or what was given does not fit the rows.
    """
    weight = np.ones(len(X)) if sample_weight is None else read_weights(sample_weight, len(X), "row")
    used = weight > 0
    group_ids, image_ids = (
        np.unique(ids[used], return_inverse=True)[1] for ids in number_rows(X, groups, images)
    )
    check_scale(weight[used], image_ids)
    position = np.where(used, np.cumsum(used) - 1, -1)
    return UsedRows(used, position, X if used.all() else X[used], weight[used], group_ids, image_ids)


def check_scale(weight: Array, images: Array) -> None:
    """Warn where weights, which count copies of images, sum to far fewer or more than there are images.

    Raises
    ------
    UsageError
        If that of an image is beyond what can be computed with.
    """
    whole = np.bincount(images, weight)  # rows of an image share its weight
    beyond = (whole < _LEAST_WEIGHT * (1 - 1e-9)) | (whole > _MOST_WEIGHT * (1 + 1e-9))
    if beyond.any():
        raise UsageError(
            f"sample_weight must be 0 or from {_LEAST_WEIGHT:g} to {_MOST_WEIGHT:g}. Got"
            f" {whole[beyond.argmax()]:g}: a weight of 2 counts as two copies of an image."
        )
    count = len(whole)
    mean = float(weight.sum()) / max(1, count)
    if count and not 1 / _FAR <= mean <= _FAR:
        warn(
            f"sample_weight counts copies of images, and {count} images count as {weight.sum():.3g} by it, so"
            f" that heads trust them {'less' if mean < 1 else 'more'} than they may. Unless that is meant,"
            f" divide the weights by {mean:.3g}.",
            ResultWarning,
        )


def check_scaling(scaling: Any) -> None:
    """Raise `UsageError` unless a parameter is a scaling or None."""
    if scaling is not None and scaling not in SCALINGS:
        raise UsageError(f"unknown scaling {scaling!r}. {suggest(str(scaling), SCALINGS)}")


def check_setting(name: str, value: Any, kind: type = numbers.Real) -> None:
    """Raise `UsageError` unless a parameter that may be chosen is None or a number above 0 of that kind."""
    if value is not None and not is_number(value, kind):
        what = "a whole number" if kind is numbers.Integral else "a number"
        raise UsageError(f"{name} must be {what} above 0 or None. Got {value!r} instead.")


def is_number(value: Any, kind: type = numbers.Real) -> bool:
    """Say whether a parameter is a finite number above 0 of that kind, and no boolean."""
    number = isinstance(value, kind) and not isinstance(value, bool)
    return number and 0 < float(value) < float("inf")


def refuse_multilabel(y: Any) -> None:
    """Refuse several labels a row.

    Raises
    ------
    UsageError
        If `y` is a 2-D indicator or holds lists, tuples or sets.
    """
    array = np.asarray(y, dtype=object) if isinstance(y, list | tuple) else y
    shape: Any = getattr(array, "shape", ())
    several = len(shape) == 2 and shape[1] > 1
    if not several and getattr(getattr(array, "dtype", None), "kind", "") == "O":
        several = any(isinstance(value, list | tuple | set | frozenset | np.ndarray) for value in array)
    if several:
        raise UsageError(
            "y gives several labels a row, which is for multi-label heads (ImageMultiLabelClassifier): give"
            " one class a row"
        )


def refuse_mixed(y: Any) -> None:
    """Refuse labels that NumPy would make texts, or numbers, of: a list of texts or truth values and others.

    Raises
    ------
    UsageError
        If a list has such; an array of objects if its labels are not all of one type.
    """
    if not isinstance(y, list | tuple) and getattr(getattr(y, "dtype", None), "kind", "") != "O":
        return
    types = {type(label) for label in y}
    # Numbers of several types are numbers in a list, where they are hardly meant to be of these.
    meant = {_find_kind(one) for one in types} if isinstance(y, list | tuple) else types
    if len(meant) > 1:
        kinds = sorted({one.__name__ for one in types})
        raise UsageError(f"labels in y must be of one type and none missing; got {' and '.join(kinds)}")


def _find_kind(one: type) -> str:
    if issubclass(one, str):
        return "text"
    return "truth value" if issubclass(one, bool | np.bool_) else "other"


def class_weights(class_weight: Any, classes: Array, totals: Array) -> Array:
    """Return the weight of each class; `totals` are the summed sample weights of the classes."""
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.asarray(totals.sum() / (len(classes) * totals))
    if not isinstance(class_weight, dict):
        raise UsageError(f"class_weight must be a dict, 'balanced' or None. Got {class_weight!r} instead.")
    names = classes.tolist()
    unknown = [name for name in class_weight if name not in names]
    if unknown and any(name not in class_weight for name in names):
        raise UsageError(f"class_weight names {unknown[0]!r}, which is no class; the classes are {names}")
    weights = np.array([float(class_weight.get(name, 1.0)) for name in names])
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise UsageError(f"class_weight must hold finite numbers above 0; got {class_weight!r}")
    return weights
