"""Labels as users give them, checked and with their type kept."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, SourceError, UsageError, agree, check_path, name_some, warn
from cnncodes.estimators.places import say_places
from cnncodes.images import ImageRecord, ImageSource, open_source, records_from


def labelled_records(X: Any, y: Any, *, split: str) -> tuple[list[ImageRecord], Any]:
    """Return records and labels; without `y` both come from a folder of class folders.

    Where that folder has parts, only the part `split` is taken.
    """
    if y is not None:
        return records_of(X), y
    if isinstance(X, str | Path):
        check_path(X, "the folder of images")
    if isinstance(X, str | Path) and not Path(X).exists():
        raise SourceError(f"there is nothing at {str(X)!r}: expected a folder of class folders.")
    if not isinstance(X, str | Path) or not Path(X).is_dir():
        raise UsageError("y is missing: only one folder of class folders brings its own labels.")
    source = _open(X)
    if any(record.split is not None for record in source.records):
        source = source.filter(split=split)
    source = source.filter(labelled=True)
    if not source.records:
        raise UsageError(
            f"the folder {str(X)!r} holds no labelled images: expected one folder a class in it."
        )
    return list(source.records), np.array([record.label for record in source.records])


def records_of(X: Any) -> list[ImageRecord]:
    """Return the records of images, as `records_from` does; of stored codes say that these are none."""
    try:
        return records_from(X)
    except (UsageError, SourceError) as error:
        if not (name := _name_codes(X)):
            raise
        raise type(error)(
            f"images are expected, and {name} holds their stored codes: give the images that it was made of."
            " fit_codes learns from stored codes, predict answers what read_codes gives, and cross_validate"
            " measures on them."
        ) from error


def _name_codes(X: Any) -> str:
    """Return what to call stored codes, or the path of some; empty where it is neither."""
    if isinstance(X, str | Path):
        return repr(str(X)) if _is_codes(X) else ""
    from cnncodes.store import CodeBlocks, Codes  # with Arrow, which predicting has no need of

    return type(X).__name__ if isinstance(X, Codes | CodeBlocks) else ""


def _is_codes(folder: str | Path) -> bool:
    return os.path.isfile(os.path.join(folder, "manifest.json"))


def _open(folder: str | Path) -> ImageSource:
    """Return the images of a folder; of stored codes say what takes these."""
    try:
        return open_source(folder)
    except SourceError as error:
        if not _is_codes(folder):
            raise
        raise SourceError(
            f"{str(folder)!r} holds stored codes and no images: fit_codes takes it, and cross_validate takes"
            f" read_codes({str(folder)!r})."
        ) from error


def check_labels(y: Any, n_images: int | None = None) -> npt.NDArray[Any]:
    """Return labels as a one-dimensional array of one type.

    Raises
    ------
    UsageError
        If a label is missing, as an empty text is, or there are not as many labels as images; if types are
        mixed, or a number is beyond 64 bits; if they are several an image (multi-label) or fractions
        (regression).
    """
    if isinstance(y, str | bytes):
        raise UsageError("y must be a list of labels, one an image. Got one string instead.")
    if not isinstance(y, Iterable):
        raise UsageError(f"y must be a list of labels, one an image. Got {type(y).__name__} instead.")
    y = to_plain_list(y)
    if getattr(y, "ndim", 1) == 2:
        y = np.asarray(y)
        y = y[:, 0] if y.shape[1] == 1 else y  # one column of a table is as good as a list
    values = list(y)
    if n_images is not None and len(values) != n_images:
        raise UsageError(f"y must have one label an image: {n_images}. Got {len(values)} instead.")
    if any(isinstance(value, list | tuple | set | frozenset) or np.ndim(value) > 0 for value in values):
        raise UsageError(
            "several labels an image (multi-label) are for ImageMultiLabelClassifier. Here give one label an"
            " image."
        )
    refuse_missing("labels", values, is_absent, "None, NaN or empty text")
    kinds = list_kinds("labels", values)
    if kinds == {"numbers"} and not all(float(value).is_integer() for value in values):
        infinite = any(map(math.isinf, values))
        got = "infinity" if infinite else "fractions: that is regression, for ImageRegressor"
        raise UsageError(f"labels must be classes, text or whole numbers. Got {got}.")
    return np.array(values)  # of the values, so that an array of objects becomes one of their type


def to_plain_list(values: Any) -> Any:
    """Return a column of Arrow as the values that it holds; anything else as it is.

    Examples
    --------
    >>> import pyarrow
    >>> to_plain_list(pyarrow.chunked_array([["cat", "dog"]]).dictionary_encode()), to_plain_list((1, 2))
    (['cat', 'dog'], (1, 2))
    """
    return values.to_pylist() if hasattr(values, "to_pylist") else values


def check_answers(given: Any) -> npt.NDArray[Any]:
    """Return predicted classes as an array of one type; an empty text is an answer that is no class.

    Raises
    ------
    UsageError
        If one is missing (None or NaN), or types are mixed.
    """
    if isinstance(given, np.ndarray) and given.dtype.kind in "Ubiu":
        return given
    values = list(to_plain_list(given))
    refuse_missing("predictions", values, is_missing, "None or NaN")
    list_kinds("predictions", values)
    return np.array(values)


def refuse_missing(what: str, values: Sequence[Any], is_none: Callable[[Any], bool], kinds: str) -> None:
    """Raise `UsageError` where values, one an image, are missing; `kinds` says which count as such."""
    missing = [i for i, value in enumerate(values) if is_none(value)]
    if missing:
        raise UsageError(f"{say_places(missing, len(values), what, f'missing ({kinds})')}.")


def list_kinds(what: str, values: Iterable[Any]) -> set[str]:
    """Return what sort of labels values are, in a set of one; empty where there are none.

    Raises
    ------
    UsageError
        If they are of several sorts, or one would become another: a whole number that is too large for NumPy,
        or a text with a NUL, which it drops at the end.
    """
    values = list(values)
    kinds = {name_kind(value) for value in values}
    if len(kinds) > 1:
        raise UsageError(f"{what} must be of one type. Got {' and '.join(sorted(kinds))} instead.")
    large = [value for value in values if isinstance(value, int) and not -(2**63) <= value < 2**63]
    if large:
        raise UsageError(
            f"{what} that are numbers must be whole ones of 64 bits, below 2**63. Got one of"
            f" {large[0].bit_length()} bits: give such numbers as text."
        )
    nul = next((value for value in values if isinstance(value, str) and "\0" in value), None)
    if nul is not None:
        raise UsageError(f"{what} must be text without NUL characters, which NumPy drops. Got {nul!r}.")
    return kinds


def check_several(y: npt.NDArray[Any]) -> None:
    """Raise `SourceError` unless there are images of at least two classes; asked before they are embedded."""
    classes = np.unique(y)
    if len(y) == 0:
        raise SourceError("there is no labelled image to train on.")
    if len(classes) == 1:
        raise SourceError(
            f"training needs images of at least 2 classes; got only {classes.tolist()[0]!r} (1 class)."
        )
    refuse_unwritable(classes.tolist())


def refuse_unwritable(names: Iterable[Any]) -> None:
    """Raise `UsageError` for names with halves of surrogate pairs, which no saved classifier could hold."""
    for name in names:
        try:
            str(name).encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"the label {str(name)!r} holds half of a surrogate pair, which no file can hold: rename it."
            ) from error


def check_same_kind(y: npt.NDArray[Any], classes: npt.NDArray[Any], what: str = "labels") -> None:
    """Raise `UsageError` where text meets numbers: no label would ever be right."""
    kinds = ["text" if array.dtype.kind in "UTO" else "numbers" for array in (y, classes)]
    if kinds[0] != kinds[1]:
        raise UsageError(
            f"the {what} are {kinds[0]} and the classes {kinds[1]}: {classes.tolist()[:5]}. Give"
            f" {what} as the classes are."
        )


def say_unknown_classes(names: Sequence[str], n_images: int) -> str:
    """Return what is to be said of classes that images have and the classifier does not know."""
    counted = "1 image counts" if n_images == 1 else f"{n_images} images count"
    return (
        f"{len(names)} of the classes here {agree(len(names), 'is')} unknown to the classifier, so"
        f" {agree(len(names), 'its')} {counted} as wrong: {name_some(names)}"
    )


def say_unknown_labels(names: Sequence[str]) -> str:
    """Return the same of several labels an image."""
    return (
        f"{len(names)} of the labels here {agree(len(names), 'is')} unknown to the classifier, which never"
        f" names {agree(len(names), 'it')}: {name_some(names)}"
    )


def warn_of_unknown(y: npt.NDArray[Any], classes: npt.NDArray[Any]) -> None:
    """Warn, where the caller was called, of classes that the classifier does not know."""
    unknown = ~np.isin(y, classes)
    if unknown.any():
        names = [str(name) for name in np.unique(y[unknown])]
        text = f"{say_unknown_classes(names, int(unknown.sum()))}."
        warn(text, ResultWarning)


def check_one_each(name: str, values: Any, n_images: int) -> npt.NDArray[Any] | None:
    """Return `values`, one an image, as an array; None stays None."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape != (n_images,):
        raise UsageError(f"{name} must have one value an image: {n_images}. Got shape {array.shape} instead.")
    return array


def check_groups(values: Any, n_images: int) -> npt.NDArray[Any] | None:
    """Return the group of each image as an array; None, NaN and empty text are a group of their own each.

    Examples
    --------
    >>> len(set(check_groups(["anna", None, "anna", ""], 4)))
    3
    """
    array = check_one_each("groups", values, n_images)
    if array is None:
        return None
    # Among strings NumPy would make one of NaN.
    named = np.empty(n_images, dtype=object)
    named[:] = list(values)
    missing = [i for i, value in enumerate(named) if is_absent(value)]
    texts = {value for value in named if isinstance(value, str)}
    others = {str(value) for value in named if not isinstance(value, str) and not is_absent(value)}
    if alike := sorted(texts & others):
        raise UsageError(f"groups hold {alike[0]!r} as text and as something else: which are one group?")
    if not missing:
        return array
    for i in missing:
        named[i] = f"\0image {i}"  # no group of the user's has that name
    return named


def check_random_state(value: Any, most: int = 2**32 - 1) -> None:
    """Raise `UsageError` unless a value is a random state of scikit-learn, or a number up to `most`."""
    if value is None or isinstance(value, np.random.RandomState):
        return
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not 0 <= value <= most:
        raise UsageError(
            f"random_state must be None or a whole number from 0 to {most}. Got {value!r} instead."
        )


def is_missing(value: Any) -> bool:
    """Say whether a value stands for one that there is none of: None, NaN, NaT or NA."""
    # NaN and pandas' NaT and NA are the values that do not equal themselves, or refuse to say.
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True


def is_absent(value: Any) -> bool:
    """Say whether a value is missing, or an empty text, which is what a table has where there is none."""
    return (isinstance(value, str) and value == "") or is_missing(value)


def name_kind(value: Any) -> str:
    """Return what sort of label a value is: text, booleans or numbers; raise `UsageError` for others."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "booleans"
    if isinstance(value, int | float | np.integer | np.floating):
        return "numbers"
    got = f"labels must be text, whole numbers or booleans. Got {type(value).__name__} instead"
    may_be_text = isinstance(value, Decimal | date | np.datetime64)
    raise UsageError(f"{got}: give str() of each." if may_be_text else f"{got}.")
