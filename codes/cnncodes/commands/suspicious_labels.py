"""Classes that look like something else: a missing value, numbers, several labels in one text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnncodes.commands.reporter import Reporter
    from cnncodes.images import ImageRecord

#: What pandas and others write for a value that is missing.
_MISSING = frozenset({"nan", "none", "null", "na", "n/a", "<na>", "nat"})


def warn_of_labels(records: list[ImageRecord], reporter: Reporter, command: str = "fit") -> None:
    """Warn of labels that may be no classes; `command` is the one that takes numbers or several labels."""
    warn_of_missing(records, reporter)
    warn_of_others([record.label for record in records], reporter, command)


def warn_of_missing(records: list[ImageRecord], reporter: Reporter) -> None:
    """Warn of labels that other programs write where there is none."""
    for label in sorted({str(record.label) for record in records}):
        if label.strip().lower() in _MISSING:
            count = sum(record.label == label for record in records)
            reporter.warn(
                f"the label {label!r} of {count} images is taken as a class; where it means that there is"
                " none, leave the cell empty"
            )


def warn_of_others(labels: Sequence[str | None], reporter: Reporter, command: str = "fit") -> None:
    """Warn where classes look like numbers to predict, or like several labels an image.

    `command` is the one that takes these.
    """
    from cnncodes.images.delimiters import find_delimiter
    from cnncodes.images.numbers import are_fractions

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
