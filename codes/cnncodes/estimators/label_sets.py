"""Several labels an image, as users give them: sets, texts with a delimiter, or an indicator, checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AnySet
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SourceError, UsageError, agree, count, name_some
from cnncodes.estimators.labels import is_missing, list_kinds, refuse_unwritable, to_plain_list
from cnncodes.estimators.places import name_places, say_places
from cnncodes.plain import to_builtin

Array = npt.NDArray[Any]

#: What is looked for where a delimiter divides nothing.
_DELIMITERS = "|;,/+ \t"


@dataclass(frozen=True, eq=False)
class LabelSets:
    """Which images have which labels.

    Attributes
    ----------
    Y : ndarray of int8, shape (n_images, n_labels)
        1 where an image has a label, else 0.
    classes : ndarray, shape (n_labels,)
    named : bool
        Whether the labels have names; the columns of an array have none, and are numbered.
    """

    Y: Array
    classes: Array
    named: bool = True

    def align(self, classes: Array) -> tuple[Array, Array, Array]:
        """Return the same for a classifier's labels.

        Parameters
        ----------
        classes : ndarray, shape (n,)

        Returns
        -------
        Y : ndarray of int8, shape (n_images, n)
        others : ndarray of int8, shape (n_images, n_others)
            The labels that are none of these, of images that have them.
        names : ndarray, shape (n_others,)

        Raises
        ------
        UsageError
            If it is an array that has not a column for each label, or labels are text here and numbers there.
        """
        if not self.named:
            if self.Y.shape[1] != len(classes):
                raise UsageError(
                    f"y has {self.Y.shape[1]} columns and the classifier {len(classes)} labels: give one for"
                    " each, in the order of classes_."
                )
            return self.Y, self.Y[:, :0], self.classes[:0]
        if len(self.classes) and (self.classes.dtype.kind in "UO") != (classes.dtype.kind in "UO"):
            raise UsageError(
                f"the labels are such as {self.classes.tolist()[0]!r} and those of the classifier such as"
                f" {classes.tolist()[0]!r}: text meets numbers."
            )
        place = {name: i for i, name in enumerate(self.classes.tolist())}
        found = np.zeros((len(self.Y), len(classes)), dtype=np.int8)
        for i, name in enumerate(classes.tolist()):
            if name in place:
                found[:, i] = self.Y[:, place.pop(name)]
        left = [i for i in sorted(place.values()) if self.Y[:, i].any()]
        return found, self.Y[:, left], self.classes[left]

    def check_learnable(self) -> None:
        """Raise `SourceError` unless each label is there to be learned; asked before images are embedded."""
        n = len(self.Y)
        if n < 2:
            raise SourceError(f"training needs at least 2 images with labels; got {n}.")
        if not len(self.classes):
            raise SourceError(f"none of the {n} images has a label: there is nothing to learn.")
        refuse_unwritable(self.classes.tolist())
        counts = self.Y.sum(axis=0)
        for where, constant in (("none", counts == 0), ("all", counts == n)):
            if constant.any():
                names = self.classes[constant].tolist()
                shown = name_some(names)
                said = f"{count(len(names), 'label')} {agree(len(names), 'is')}"
                raise SourceError(
                    f"{said} on {where} of the {n} images, so that there is nothing to learn:"
                    f" {shown}. Leave out, or give images {'with' if where == 'none' else 'without'}."
                )


def read_label_sets(y: Any, n_images: int | None = None, delimiter: str | None = None) -> LabelSets:
    """Return which image has which labels.

    Parameters
    ----------
    y : sequence of sets, lists or tuples of labels; of texts; or an indicator of 0 and 1
        Labels are text, whole numbers or booleans, and come sorted; an empty set has none. Texts are divided
        by the delimiter, and blanks around their parts dropped; in sets labels keep them. An indicator is a
        2-D array, a sparse matrix, or a data frame, whose columns' names are the labels.
    n_images : int, optional
        How many there must be.
    delimiter : str, optional

    Raises
    ------
    UsageError
        If it is none of these, or labels are missing, of mixed types, or contain the delimiter.

    Examples
    --------
    >>> found = read_label_sets([{"sea", "sky"}, {"sky"}, set()])
    >>> found.classes, found.Y.tolist()
    (array(['sea', 'sky'], dtype='<U3'), [[1, 1], [0, 1], [0, 0]])
    >>> read_label_sets(["sea|sky", "sky", "|"], delimiter="|").Y.tolist()
    [[1, 1], [0, 1], [0, 0]]
    """
    y = to_plain_list(y)
    if isinstance(y, str | bytes | AnySet) or not (isinstance(y, Iterable) or hasattr(y, "toarray")):
        raise UsageError(f"y must be a list of label sets, one an image. Got {type(y).__name__} instead.")
    if hasattr(y, "toarray") or len(getattr(y, "shape", ())) > 1:
        found = _read_indicator(y)
    else:
        sets = _divide([to_builtin(value) for value in y], delimiter)  # as messages show them
        classes = _sort_labels(sets, delimiter)
        found = LabelSets(_mark(sets, classes), classes)
    if n_images is not None and len(found.Y) != n_images:
        raise UsageError(f"y must have one label set an image: {n_images}. Got {len(found.Y)} instead.")
    return found


def split_labels(text: str, delimiter: str) -> list[str]:
    """Return the labels in a text, without blanks around them; the delimiter alone holds none.

    Examples
    --------
    >>> split_labels("sea | sky", "|"), split_labels("|", "|")
    (['sea', 'sky'], [])
    """
    return [part for part in (piece.strip() for piece in text.split(delimiter)) if part]


def check_delimiter(delimiter: Any) -> None:
    """Raise `UsageError` unless it is None or a text that can divide labels."""
    if delimiter is not None and not (isinstance(delimiter, str) and delimiter):
        raise UsageError(f"label_delimiter must be a text such as '|', or None. Got {delimiter!r} instead.")


def check_divided(texts: Sequence[str], delimiter: str) -> None:
    """Raise `UsageError` where no text holds the delimiter: it is another, or images have one label each."""
    if any(delimiter in text for text in texts) or not texts:
        return
    others = [sign for sign in _DELIMITERS if any(sign in text for text in texts)]
    hint = f" Did you mean {others[0]!r}?" if others else ""
    raise UsageError(
        f"none of the {len(texts)} labels holds the delimiter {delimiter!r}; the first is {texts[0]!r}.{hint}"
        " Where each image has one label, that is a class: leave the delimiter out."
    )


def _divide(values: list[Any], delimiter: str | None) -> list[list[Any]]:
    """Return the labels of each image as a list."""
    missing = [i for i, value in enumerate(values) if value is None or isinstance(value, float)]
    if missing:
        said = say_places(missing, len(values), "label sets", "missing (None or NaN), or a fraction")
        raise UsageError(f"{said}, or give an empty set where no label applies.")
    texts = [value for value in values if isinstance(value, str)]
    if texts and len(texts) < len(values):
        raise UsageError("y holds texts and sets: give each image a set of labels, or each a text.")
    if texts and delimiter is None:
        raise UsageError(
            f"y holds texts such as {texts[0]!r}: say by label_delimiter what divides labels in them, or give"
            " a set of labels for each image. One label an image is a class: ImageClassifier."
        )
    if texts:
        check_divided(texts, str(delimiter))
        return [split_labels(str(text), str(delimiter)) for text in texts]
    for value in values:
        if not isinstance(value, AnySet | list | tuple | np.ndarray):
            raise UsageError(
                f"y must hold a set of labels for each image. Got {type(value).__name__}, {value!r}: one"
                " label an image is a class, for ImageClassifier."
            )
    refuse_missing_members(values)
    _refuse_ambiguous(values)
    return [list(value) for value in values]


def refuse_missing_members(values: Sequence[Any]) -> None:
    """Raise `UsageError` where a set holds what stands for no label; values that are no sets are let be."""
    holding = [
        i
        for i, value in enumerate(values)
        if isinstance(value, AnySet | list | tuple | np.ndarray) and any(map(_is_none, value))
    ]
    if holding:
        raise UsageError(
            f"{len(holding)} of {len(values)} label sets {agree(len(holding), 'holds')} None, NaN or an empty"
            f" text, {name_places(holding)}: leave that out of the set, and give an empty set where no"
            " label applies."
        )


def _is_none(label: Any) -> bool:
    """Say whether a label of a set is missing, empty, or blank."""
    if isinstance(label, str):
        return not label.strip()
    return not np.ndim(label) and is_missing(label)


def _refuse_ambiguous(values: list[Any]) -> None:
    """Refuse lists that may be rows of an indicator as well as labels 0 and 1."""
    rows = [value for value in values if isinstance(value, list | tuple | np.ndarray)]
    lengths = {len(row) for row in rows}
    if len(rows) < len(values) or len(lengths) != 1 or lengths == {0}:
        return
    if all(isinstance(v, int | float | np.number | np.bool_) and v in (0, 1) for row in rows for v in row):
        raise UsageError(
            "y holds lists of 0 and 1, which may be labels or an indicator: give numpy.array(y) where each"
            " column is a label, or sets."
        )


def _sort_labels(sets: list[list[Any]], delimiter: str | None) -> Array:
    given = [label for labels in sets for label in _check_plain(labels)]
    kinds = list_kinds("labels", given)  # before equal ones are one, as 1 and True are
    labels = list(dict.fromkeys(given))
    if kinds == {"numbers"} and not all(float(label).is_integer() for label in labels):
        raise UsageError("labels must be text or whole numbers. Got fractions.")
    divided = [label for label in labels if delimiter and isinstance(label, str) and delimiter in label]
    if divided:
        raise UsageError(
            f"the label {divided[0]!r} contains the delimiter {delimiter!r}, so that it would be read as"
            " several: choose another label_delimiter, or leave it out."
        )
    return np.array(sorted(labels)) if labels else np.empty(0, dtype=np.str_)


def _check_plain(labels: list[Any]) -> list[Any]:
    for label in labels:
        if np.ndim(label):
            raise UsageError(f"a label must be text or a whole number. Got {label!r} in a label set.")
    return labels


def _mark(sets: list[list[Any]], classes: Array) -> Array:
    place = {name: i for i, name in enumerate(classes.tolist())}
    Y = np.zeros((len(sets), len(classes)), dtype=np.int8)
    for row, labels in zip(Y, sets, strict=True):
        row[[place[label] for label in labels]] = 1
    return Y


def _read_indicator(y: Any) -> LabelSets:
    columns = list(y.columns) if hasattr(y, "columns") else None
    array = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
    if array.ndim != 2 or not array.shape[1]:
        raise UsageError(f"y as an indicator must be of two dimensions, a column a label. Got {array.shape}.")
    if array.dtype.kind not in "biuf":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise UsageError(
                "y as an indicator must hold 0 and 1, a column a label. Got other values: labels themselves"
                " are given as a list of sets."
            ) from None
    missing: Array = np.asarray(np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool))
    if missing.any():
        rows = np.flatnonzero(missing.any(axis=1))
        said = say_places(rows.tolist(), len(array), "rows of y", "incomplete (NaN)")
        raise UsageError(f"{said}, or give 0 where a label does not apply.")
    wrong = ~np.isin(array, (0, 1))
    if wrong.any():
        raise UsageError(
            f"y as an indicator must hold 0 and 1, a column a label. Got {array[wrong][0].item():g} in column"
            f" {np.argwhere(wrong)[0][1]}."
        )
    names = np.arange(array.shape[1]) if columns is None else _name_columns(columns)
    return LabelSets(array.astype(np.int8), names, columns is not None)


def _name_columns(columns: list[Any]) -> Array:
    nameless = [i for i, name in enumerate(columns) if _is_none(name)]
    if nameless:
        raise UsageError(
            f"y has {count(len(nameless), 'column')} without a name, {name_places(nameless)}: a column's name"
            " is its label."
        )
    names = _sort_labels([columns], None)
    if len(names) < len(columns):
        raise UsageError("y has two columns of one name: a label must have one column.")
    return np.array(columns)
