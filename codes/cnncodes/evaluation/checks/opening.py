"""What is to be checked as a source: a list of images gets the labels and groups that came beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnncodes.errors import UsageError
from cnncodes.estimators.label_sets import LabelSets, read_label_sets, refuse_missing_members
from cnncodes.estimators.labels import check_labels, is_absent
from cnncodes.estimators.targets import check_targets
from cnncodes.images import ImageSource, open_source, records_from

_SIGNS = "|;,/\x1f"
_SETS = (list, tuple, set, frozenset, np.ndarray)


def open_labelled(
    src: Any, y: Any, groups: Any, *, regression: bool = False, label_delimiter: str | None = None
) -> tuple[ImageSource, str | None]:
    """Return a source, and what divides several labels in its texts.

    Parameters
    ----------
    src, y, groups, regression, label_delimiter
        As of `check_data`.
    """
    source = src if isinstance(src, ImageSource) else open_source(src)
    if y is None and groups is None:
        return source, label_delimiter
    if isinstance(src, str | Path | ImageSource):
        raise UsageError(
            "y and groups are for a list of images: a folder, a table or a source of its own brings them."
        )
    records = records_from(src)  # in the order given, while a source is sorted
    n = len(records)
    labels: list[str | None] = [None] * n
    if y is not None and not regression and _has_sets(y):
        labels, label_delimiter = _join_sets(y, n, label_delimiter)
    elif y is not None:
        labels = _list_names("y", y, n)
        _check_known([value for value in y if not is_absent(value)], regression)
    names = [None] * n if groups is None else _list_names("groups", groups, n)
    told = {
        record.key: replace(record, label=label, group=name)
        for record, label, name in zip(records, labels, names, strict=True)
    }
    return replace(source, records=tuple(told[r.key] for r in source.records)), label_delimiter


def _check_known(known: list[Any], regression: bool) -> None:
    if regression:
        if known and check_targets(known).ndim > 1:
            raise UsageError("y holds several numbers an image: check each target by itself.")
        return
    fractions = [v for v in known if isinstance(v, float | np.floating) and not float(v).is_integer()]
    if fractions:
        raise UsageError(f"y holds fractions such as {fractions[0]:g}, no classes: give regression=True.")
    if known:
        check_labels(known)


def _has_sets(y: Any) -> bool:
    """Say whether there are several labels an image: sets, or an indicator with a column each."""
    if hasattr(y, "toarray") or (len(getattr(y, "shape", ())) == 2 and y.shape[1] > 1):
        return True
    listed = isinstance(y, Iterable) and not isinstance(y, str | bytes)
    return listed and any(isinstance(value, _SETS) for value in y)


def _join_sets(y: Any, n_images: int, delimiter: str | None) -> tuple[list[str | None], str]:
    """Return label sets as texts, and what divides the labels in them; None where there is no set."""
    if hasattr(y, "shape"):
        found, missing = read_label_sets(y, n_images), np.zeros(n_images, np.bool_)
    else:
        values = list(y)
        if len(values) != n_images:
            raise UsageError(f"y must have one value an image: {n_images}. Got {len(values)} instead.")
        refuse_missing_members(values)  # by their places among all
        missing = np.array([not isinstance(value, _SETS) and is_absent(value) for value in values])
        found = read_label_sets([value for value, none in zip(values, missing, strict=True) if not none])
    sign = _choose_sign(found) if delimiter is None else delimiter
    # With a sign behind, too: a set of one label must not read as a class.
    texts = iter(sign.join([*map(str, found.classes[row > 0]), ""]) or sign for row in found.Y)
    return [None if none else next(texts) for none in missing], sign


def _choose_sign(found: LabelSets) -> str:
    for sign in _SIGNS:
        if not any(sign in str(name) for name in found.classes):
            return sign
    raise UsageError(f"labels hold all of {', '.join(map(repr, _SIGNS))}: name them otherwise.")


def _list_names(what: str, values: Any, n_images: int) -> list[str | None]:
    """Return labels or groups as text; None where there is none."""
    given = list(values) if isinstance(values, Iterable) and not isinstance(values, str | bytes) else None
    if given is None or len(given) != n_images:
        got = type(values).__name__ if given is None else len(given)
        raise UsageError(f"{what} must have one value an image: {n_images}. Got {got} instead.")
    return [None if is_absent(value) else str(value) for value in given]
