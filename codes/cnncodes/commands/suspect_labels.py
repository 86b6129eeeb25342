"""Labels that are probably not what they are taken for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnncodes.commands.reporter import Reporter
    from cnncodes.images import ImageRecord

#: What pandas and others write for a value that is missing.
_MISSING = frozenset({"nan", "none", "null", "na", "n/a", "<na>", "nat"})


def warn_of_missing(records: list[ImageRecord], reporter: Reporter) -> None:
    """Warn of labels that other programs write where there is none."""
    for label in sorted({str(record.label) for record in records}):
        if label.strip().lower() in _MISSING:
            count = sum(record.label == label for record in records)
            reporter.warn(
                f"the label {label!r} of {count} images is taken as a class; where it means that there is"
                " none, leave the cell empty"
            )


def warn_of_fractions(labels: Sequence[str | None], reporter: Reporter) -> None:
    """Warn where classes look like numbers to predict."""
    from cnncodes.images.numbers import are_fractions

    if are_fractions(labels):
        example = next(label for label in labels if label is not None)
        reporter.warn(
            f"the labels are numbers such as {example}, and each different one is taken for a class: to"
            " predict numbers give 'cnncodes fit' or 'baseline' --regression, or --target COLUMN of a table"
            " (ImageRegressor in Python)"
        )
