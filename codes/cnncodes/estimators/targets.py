"""Numbers that are to be predicted, as users give them, checked."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SourceError, UsageError, name_some
from cnncodes.estimators.labels import is_missing, to_plain_list
from cnncodes.estimators.places import say_places
from cnncodes.images.numbers import explain_writing, is_date, read_number
from cnncodes.plain import to_builtin

if TYPE_CHECKING:
    from cnncodes.images import ImageRecord

Array = npt.NDArray[Any]

#: Squares of larger ones, and sums of these, would not be finite.
LARGEST = 1e100
#: Squares of smaller differences, and shares of these, would be lost.
SMALLEST_SPREAD = 1e-100
#: So many images are named at most.
_SHOWN = 5
_IF_CLASSES = "to predict those leave --target and --regression out (ImageClassifier in Python)."


def check_targets(y: Any, n_images: int | None = None) -> Array:
    """Return targets as float64, shape (n_images,), or (n_images, n_targets) where there are several.

    Raises
    ------
    UsageError
        If they are not numbers, not finite, or not as many as images. Booleans and text are classes.
    """
    if isinstance(y, str | bytes) or not isinstance(y, Iterable):
        raise UsageError(f"y must be a list of numbers, one an image. Got {type(y).__name__} instead.")
    array = _to_array(to_plain_list(y))
    if n_images is not None and len(array) != n_images:
        raise UsageError(f"y must have one target an image: {n_images}. Got {len(array)} instead.")
    if array.ndim > 2 or (array.ndim == 2 and not array.shape[1]):
        raise UsageError(f"y must have one number an image, or a row of them. Got shape {array.shape}.")
    values = array.ravel().tolist()
    _check_kinds(values)
    floats = [math.nan if is_missing(value) else _to_float(value) for value in values]
    found: Array = np.array(floats, dtype=np.float64).reshape(array.shape)
    _check_finite(found)
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def parse_targets(
    labels: Iterable[Any],
    keys: Sequence[str] | None = None,
    column: str | None = None,
    *,
    if_classes: str = _IF_CLASSES,
) -> Array:
    """Return the numbers that labels of a source or of stored codes are as text: float64, shape (n_images,).

    Parameters
    ----------
    labels : iterable of str
    keys : sequence of str, optional
        Names of the images, for errors; else they are told by their labels alone.
    column : str, optional
        Of the table that they are from, for errors.
    if_classes : str
        What to do where not one is a number, for errors.

    Raises
    ------
    UsageError
        If a label is no number, or one that is not finite or beyond 1e100.

    Examples
    --------
    >>> parse_targets(["3.5", "-2", "1e3"], ["a.png", "b.png", "c.png"])
    array([   3.5,   -2. , 1000. ])
    """
    texts = [str(label) for label in labels]
    found = [read_number(text) for text in texts]
    wrong = [i for i, number in enumerate(found) if number is None or not abs(number) <= LARGEST]
    if wrong:
        named = [texts[i] if keys is None else f"{keys[i]} ({texts[i]})" for i in wrong]
        where = "" if column is None else f" in the column {column!r}"
        are = "is no finite number" if len(wrong) == 1 else "are no finite numbers"
        raise UsageError(
            f"{len(wrong):,} of {len(texts):,} labels{where} {are}: {name_some(named)}."
            f" {_advise(texts, found, if_classes)}"
        )
    return np.array(found, dtype=np.float64)


def _advise(texts: Sequence[str], found: Sequence[float | None], if_classes: str) -> str:
    """Return what to do with labels of which some are no numbers."""
    if writing := explain_writing(texts):
        return writing
    if any(is_date(text) for text in texts):
        return (
            f"They look like dates: give days since some date. Where they are meant as classes: {if_classes}"
        )
    if all(number is None for number in found):
        return f"They look like classes: {if_classes}"
    takes = f"Regression takes numbers such as '3.5', up to {LARGEST:g}"
    return f"{takes}: leave the cell empty where there is none."


def read_targets(
    records: Sequence[ImageRecord], column: str | None = None, *, if_classes: str = _IF_CLASSES
) -> Array:
    """Return the numbers that images of a source are labelled with, as `parse_targets` does."""
    keys = [record.key for record in records]
    return parse_targets([record.label for record in records], keys, column, if_classes=if_classes)


def name_targets(y: Any) -> tuple[str | None, ...]:
    """Return the name of each target: of a pandas column or table; else None.

    Examples
    --------
    >>> name_targets([1.0, 2.0]), name_targets(np.zeros((3, 2)))
    ((None,), (None, None))
    """
    if hasattr(y, "columns"):
        return tuple(str(name) for name in y.columns)
    name = getattr(y, "name", None)
    if (hasattr(y, "shape") or isinstance(y, list | tuple)) and np.ndim(y) == 2:
        return (None,) * len(next(iter(y)))
    return (None if name is None else str(name),)


def check_varied(y: Array) -> None:
    """Raise `SourceError` unless there is something to learn; asked before images are embedded."""
    if len(y) == 0:
        raise SourceError("there is no image with a target to train on.")
    if len(y) == 1:
        raise SourceError("training needs at least 2 images; got 1.")
    columns = y.reshape(len(y), -1)
    constant = np.flatnonzero((columns == columns[0]).all(axis=0))
    if len(constant):
        where = f" in column {constant[0]}" if columns.shape[1] > 1 else ""
        raise SourceError(
            f"all {len(y)} targets{where} are {columns[0, constant[0]]:g}: there is nothing to learn. Give"
            " images of different targets."
        )
    alike = np.flatnonzero(np.ptp(columns, axis=0) < SMALLEST_SPREAD)
    if len(alike):
        where = f" in column {alike[0]}" if columns.shape[1] > 1 else ""
        raise SourceError(
            f"targets{where} differ by less than {SMALLEST_SPREAD:g}, which is too little to reckon with:"
            " give them in a smaller unit."
        )


def _to_array(y: Any) -> Array:
    """Return values as an array of objects, so that none is converted before it is looked at."""
    if hasattr(y, "shape"):
        return np.asarray(y, dtype=object) if len(y.shape) else np.empty((0, 0), dtype=object)
    values = list(y)
    if any(isinstance(value, set | frozenset | dict) for value in values):
        raise UsageError("y must hold numbers. Got sets: several labels an image are classes.")
    lengths = {np.shape(value) for value in values}
    if len(lengths) > 1:
        raise UsageError("y must have as many numbers for each image as for any other.")
    return np.array(values, dtype=object)


def _check_kinds(values: list[Any]) -> None:
    for value in values:
        if isinstance(value, str | bytes):
            raise UsageError(
                f"y must hold numbers. Got text, {to_builtin(value)!r}: classes are for ImageClassifier;"
                " numbers that are written as text must be converted first."
            )
        if isinstance(value, bool | np.bool_):
            raise UsageError(
                "y must hold numbers. Got booleans, which are two classes: use ImageClassifier, or convert"
                " them to 0 and 1."
            )
        if not isinstance(value, numbers.Real | Decimal) and not is_missing(value):
            raise UsageError(f"y must hold numbers. Got {type(value).__name__} instead.")


def _check_finite(y: Array) -> None:
    positions = _find_bad(y)
    if len(positions):
        wrong = f"missing (None or NaN), infinite, or beyond {LARGEST:g}"
        raise UsageError(f"{say_places(positions.tolist(), len(y), 'targets', wrong)}.")


def _find_bad(y: Array) -> Array:
    """Return the positions of images with a number that is NaN, infinite or too large."""
    rows = y[:, None] if y.ndim == 1 else y
    return np.flatnonzero((~(np.abs(rows) <= LARGEST)).any(axis=1))


def _to_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 300 digits
        return math.inf
