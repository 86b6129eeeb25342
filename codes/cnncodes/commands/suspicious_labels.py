"""Classes and labels that look like something else: a missing value, numbers, several labels in one text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from cnncodes.errors import count, name_some

if TYPE_CHECKING:
    from cnncodes.commands.reporter import Reporter
    from cnncodes.images import ImageRecord

#: What pandas and others write for a value that is missing, and what is left of spaces alone.
_MISSING = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nat"})

_NUMBER = re.compile(r"[+-]?[0-9]{1,100}(\.[0-9]{0,100})?")


def warn_of_labels(records: list[ImageRecord], reporter: Reporter, command: str = "fit") -> None:
    """Warn of labels that may be no classes; `command` is the one that takes numbers or several labels."""
    labels = [record.label for record in records]
    warn_of_missing(labels, reporter)
    warn_of_others(labels, reporter, command)


def warn_of_missing(labels: Iterable[str | None], reporter: Reporter) -> None:
    """Warn of classes, one an image, that other programs write where there is none."""
    counts = Counter(label for label in labels if label is not None)
    _warn_of_missing(counts, "taken as a class", "leave the cell empty", reporter)


def warn_of_several(labels: Iterable[str | None], delimiter: str | None, reporter: Reporter) -> None:
    """Warn of names of labels, several in the text of an image, as of classes: missing values, and alike."""
    from cnncodes.estimators.label_sets import split_labels

    delimiter = delimiter or "|"
    counts = Counter(
        name for label in labels if label is not None for name in set(split_labels(label, delimiter))
    )
    advice = (
        "leave it out (an empty cell is of an image that nobody has labelled,"
        f" {delimiter!r} alone of one to which none of the labels applies)"
    )
    _warn_of_missing(counts, "taken as one of the labels", advice, reporter)
    _warn_of_alike(counts, reporter, "labels")


def _warn_of_missing(counts: Counter[str], taken: str, advice: str, reporter: Reporter) -> None:
    for label in sorted(counts):
        if label.strip().lower() in _MISSING:
            reporter.warn(
                f"the label {_show(label)} of {count(counts[label], 'image')} is {taken}; where it means that"
                f" there is none, {advice}"
            )


def warn_of_others(labels: Sequence[str | None], reporter: Reporter, command: str = "fit") -> None:
    """Warn where classes look like one, like numbers to predict, or like several labels an image.

    `command` is the one that takes these.
    """
    from cnncodes.images.delimiters import find_delimiter
    from cnncodes.images.numbers import are_fractions

    _warn_of_alike({label for label in labels if label is not None}, reporter)
    if are_fractions(labels):
        example = next(label for label in labels if label is not None)
        python = " (ImageRegressor in Python)" if command == "fit" else ""
        reporter.warn(
            f"the labels are numbers such as {example}, and each different one is taken for a class: to"
            f" predict numbers give 'cnncodes {command}' --regression, or --target COLUMN of a table{python}"
        )
    elif (found := find_delimiter(labels)) is not None:
        sign, example = found
        python = " (ImageMultiLabelClassifier in Python)" if command == "fit" else ""
        reporter.warn(
            f"the labels look like several an image, such as {example!r}, and each different text is taken"
            f" for a class: where they are several give 'cnncodes {command}' --label-delimiter"
            f" {sign!r}{python}"
        )


def _warn_of_alike(classes: Collection[str], reporter: Reporter, noun: str = "classes") -> None:
    """Warn of names that are one thing, written in two ways."""
    alike: dict[str | Decimal, list[str]] = {}
    for name in sorted(classes):
        alike.setdefault(_read(name), []).append(name)
    found = [names for names in alike.values() if len(names) > 1]
    if found:
        several = name_some(found, 3, lambda names: " and ".join(map(_show, names)))
        reporter.warn(
            f"{sum(map(len, found))} of {len(classes)} {noun} differ from others by spaces, capitals, or the"
            f" way accents are stored or a number is written, alone ({several}): where they are one,"
            " write them alike"
        )


def _read(name: str) -> str | Decimal:
    """Return what a name is to who does not look at spaces, capitals, accents and the digits of a number."""
    seen = " ".join(unicodedata.normalize("NFC", name).split()).casefold()
    return Decimal(seen) if _NUMBER.fullmatch(seen) else seen


def _show(name: str) -> str:
    """Return a name such that what is hardly seen is."""
    shown = repr(name) if unicodedata.is_normalized("NFC", name) else ascii(name)
    return shown.replace("  ", r"\x20\x20")  # the reporter makes one space of several
