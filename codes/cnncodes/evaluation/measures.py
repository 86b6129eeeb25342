"""The figures of an evaluation, of classes, numbers or labels: how each is called, and what it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A figure of an evaluation, as a terminal and a page show it.

    Attributes
    ----------
    key : str
        Its name among the attributes of an evaluation.
    title : str
        As it stands within a sentence; in braces what only an evaluation knows.
    meaning : str
        What it is, beside its value.
    longer : str
        What a terminal calls it, which shows no meanings; empty where that is the title.
    needs_probabilities : bool
        Whether classes alone do not tell it.
    has_unit : bool
        Whether it is in units of what is predicted.
    """

    key: str
    title: str
    meaning: str
    longer: str = ""
    needs_probabilities: bool = False
    has_unit: bool = False

    @property
    def heading(self) -> str:
        """The title as it begins a line.

        Examples
        --------
        >>> LABEL_MEASURES[0].heading, CLASS_MEASURES[3].heading.format(k=5)
        ('Micro F1', 'Top-5 accuracy')
        """
        return f"{self.title[0].upper()}{self.title[1:]}"

    @property
    def text(self) -> str:
        """What a terminal calls it."""
        return self.longer or self.title


CLASS_MEASURES = (
    Measure("accuracy", "accuracy", "share of right answers"),
    Measure("balanced_accuracy", "balanced accuracy", "the same with every class counting alike"),
    Measure(
        "macro_f1", "macro F1", "mean F1 of the classes with images, which needs both recall and precision"
    ),
    Measure(
        "top_k_accuracy",
        "top-{k} accuracy",
        "the true class is among the {k} most probable",
        needs_probabilities=True,
    ),
    Measure("log_loss", "log loss", "0 is best; punishes being sure and wrong", needs_probabilities=True),
    Measure(
        "brier",
        "Brier score",
        "0 is best, 2 worst: squared distance of the probabilities from the truth",
        needs_probabilities=True,
    ),
    Measure(
        "calibration_error",
        "calibration error",
        "0 is best: how far probabilities are off, less what chance shows",
        needs_probabilities=True,
    ),
)

NUMBER_MEASURES = (
    Measure(
        "mae",
        "mean absolute error",
        "how far predictions are off on average, in units of the number",
        has_unit=True,
    ),
    Measure(
        "constant_mae",
        "the same, of the median",
        "what always saying the median of these numbers comes to",
        longer="the same, of always saying the median",
        has_unit=True,
    ),
    Measure(
        "relative_mae",
        "share of the median's error",
        "the first as a share of the second: below 1 is better",
    ),
    Measure(
        "rmse",
        "root mean squared error",
        "in units of the number; large errors count more",
        has_unit=True,
    ),
    Measure("median_ae", "median absolute error", "half of the predictions are off by less", has_unit=True),
    Measure(
        "r2", "R2", "1 is best, 0 what always saying their mean has; it grows with how much numbers vary"
    ),
    Measure("spearman", "Spearman's rank correlation", "1 where the order is right, 0 where it is chance"),
    Measure(
        "covered",
        "in intervals of {coverage}",
        "share of true numbers that are in the prediction's interval",
        longer="in {coverage} intervals (± {width})",
    ),
)

LABEL_MEASURES = (
    Measure(
        "micro_f1", "micro F1", "F1 of all pairs of image and label together: frequent labels count most"
    ),
    Measure("macro_f1", "macro F1", "mean of the labels' F1: each label counts alike"),
    Measure(
        "mean_average_precision",
        "mean average precision",
        "mean of the labels' area under precision against recall, whatever the thresholds",
        longer="mean average precision (mAP)",
    ),
    Measure("subset_accuracy", "subset accuracy", "share of images of which all labels are right"),
    Measure(
        "hamming_loss",
        "Hamming loss",
        "0 is best: share of wrong ones among all pairs of image and label",
    ),
)


def begin_with(key: str, measures: Iterable[Measure]) -> tuple[Measure, ...]:
    """Return figures with one of them first, the others in their order.

    Examples
    --------
    >>> [one.key for one in begin_with("r2", NUMBER_MEASURES)][:3]
    ['r2', 'mae', 'constant_mae']
    """
    return tuple(sorted(measures, key=lambda one: one.key != key))
