"""What images are labelled with: a class each, a number, or several labels."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.estimators.contents import DISAGREE
from cnncodes.estimators.label_sets import check_delimiter, read_label_sets, split_labels
from cnncodes.estimators.targets import read_targets
from cnncodes.evaluation.checks.clipping import clip_numbers
from cnncodes.evaluation.task_names import TaskName
from cnncodes.images import ImageRecord

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Truth:
    """The labels of images.

    Attributes
    ----------
    task : {"classes", "numbers", "labels"}
    given : list of hashable or None, length n
        Of each image its class, its number as a float, or its labels as a frozenset; None where it has none.
    rows : ndarray of int64, shape (n_labelled,)
        Images that have one.
    values : ndarray, shape (n_labelled,), or (n_labelled, n_labels)
        Their classes, numbers, or 1 for each label that one has and else 0.
    names : tuple of str
        Classes, or labels, that occur.
    """

    task: TaskName
    given: Sequence[Hashable | None]
    rows: npt.NDArray[np.int64]
    values: Array
    names: tuple[str, ...] = ()

    @property
    def tolerance(self) -> float:
        """By how much the numbers of copies may differ, those far out drawn in; 0 of other tasks."""
        if self.task != "numbers" or not len(self.values):
            return 0.0
        return DISAGREE * float(clip_numbers(self.values).std())


def read_truth(
    records: Sequence[ImageRecord], *, regression: bool = False, label_delimiter: str | None = None
) -> Truth:
    """Return what labels of a source mean.

    Parameters
    ----------
    records : sequence of ImageRecord, length n
        Only key and label are used.
    regression : bool
        They are numbers.
    label_delimiter : str, optional
        They are several, divided by that.

    Raises
    ------
    UsageError
        If both are said, or a label is no finite number.

    Examples
    --------
    >>> labels = enumerate(["sea|sky", None, "|"])
    >>> records = [ImageRecord(f"{i}.png", b"", label) for i, label in labels]
    >>> truth = read_truth(records, label_delimiter="|")
    >>> truth.names, truth.values.tolist(), truth.rows.tolist()
    (('sea', 'sky'), [[1, 1], [0, 0]], [0, 2])
    """
    check_delimiter(label_delimiter)
    if regression and label_delimiter is not None:
        raise UsageError("labels are numbers or several texts: give regression or label_delimiter, not both.")
    given: list[Hashable | None] = [record.label for record in records]
    rows = np.array([i for i, label in enumerate(given) if label is not None], dtype=np.int64)
    known = [str(given[i]) for i in rows]
    if regression:
        numbers = read_targets([records[i] for i in rows])
        for i, number in zip(rows, numbers.tolist(), strict=True):
            given[i] = number
        return Truth("numbers", given, rows, numbers)
    if label_delimiter is not None:
        # As sets: which delimiter it is may be known, though no image here has two labels.
        found = read_label_sets([set(split_labels(text, label_delimiter)) for text in known])
        for i, has in zip(rows, found.Y, strict=True):
            given[i] = frozenset(found.classes[has > 0].tolist())
        return Truth("labels", given, rows, found.Y, tuple(map(str, found.classes)))
    return Truth("classes", given, rows, np.array(known, dtype=str), tuple(sorted(set(known))))
