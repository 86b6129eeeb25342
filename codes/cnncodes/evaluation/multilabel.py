"""What several predicted labels an image are worth, each figure with its interval and number of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, count
from cnncodes.estimators.label_sets import read_label_sets
from cnncodes.estimators.labels import check_random_state
from cnncodes.evaluation.columns import read_table
from cnncodes.evaluation.figures import FIGURES, show_result
from cnncodes.evaluation.given import read_groups, refuse_masked
from cnncodes.evaluation.intervals import Estimate, bootstrap_all, count_groups, explain_intervals, make_mean
from cnncodes.evaluation.label_order import LabelOrder, mean_known
from cnncodes.evaluation.means import summarize_biased
from cnncodes.evaluation.probabilities import check_named_once
from cnncodes.evaluation.shares import measure_share
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]

_SUMMARY = ("micro_f1", "macro_f1", "mean_average_precision", "hamming_loss")


@dataclass(frozen=True)
class LabelFigures(PlainResult):
    """Figures of one label.

    Attributes
    ----------
    name : str
    recall : Estimate
        Share of the images with the label for which it was named; `n` is how many these are.
    precision : Estimate
        Share of right ones among the images for which it was named; `n` is how many these are.
    average_precision : Estimate
        Area under precision against recall, as the images come by the label's probability; `n` are all
        images. NaN where no image has the label; chance has the label's share.
    f1 : Estimate
        Harmonic mean of recall and precision; `n` are all images. NaN where no image has the label and none
        was said to.
    known : bool
        Whether the classifier knows the label at all.
    n_groups : int or None
        Groups that the images with it are of; None where intervals draw images.
    missing : dict of str to str
        Why one of its figures, or the interval, is NaN, by the figure's name.
    """

    name: str
    recall: Estimate
    precision: Estimate
    average_precision: Estimate
    f1: Estimate
    known: bool
    n_groups: int | None = None
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MultiLabelEvaluation(PlainResult):
    """How good predicted labels are.

    Intervals are of 95 %: those of `summarize_biased`, by the bootstrap over images, or over whole groups
    where there are any; of recall, precision and subset accuracy as `measure_share` gives them.

    Attributes
    ----------
    n : int
        Images.
    micro_f1 : Estimate
        F1 of all pairs of image and label together: frequent labels count most.
    macro_f1 : Estimate
        Mean F1 of the labels that images have, or that were named.
    mean_average_precision : Estimate
        Mean average precision (mAP) of the labels that images have. It goes by the order of probabilities
        alone, whatever the thresholds.
    subset_accuracy : Estimate
        Share of images whose labels were named, all of them and no others.
    hamming_loss : Estimate
        Share of wrong ones among all pairs of image and label.
    per_label : list of LabelFigures
        Each label that is known or occurs, in the order of the classifier; unknown ones last.
    without_positives : list of str
        Labels that no image has: they have neither recall nor average precision, and are in no mean of these.
    missing : dict of str to str
        Why a figure, or its interval, is NaN, by its name.
    n_groups : int or None
        Groups that the intervals draw; None where they draw images.
    """

    n: int
    micro_f1: Estimate
    macro_f1: Estimate
    mean_average_precision: Estimate
    subset_accuracy: Estimate
    hamming_loss: Estimate
    per_label: list[LabelFigures]
    without_positives: list[str]
    missing: dict[str, str]
    n_groups: int | None = None

    def __repr__(self) -> str:
        share = FIGURES["mean_average_precision"]
        figures = share.say(self.mean_average_precision), share.say(self.micro_f1, "micro F1")
        return show_result(self, count(self.n, "image"), *figures)


def evaluate_multilabel(
    y: Any, named: Any, proba: Any, classes: Any, *, groups: Any = None, random_state: int = 0
) -> MultiLabelEvaluation:
    """Compare predicted labels with the truth.

    Parameters
    ----------
    y : sequence of sets of labels, or an indicator with columns as `classes`
        The truth, as of `ImageMultiLabelClassifier.fit`. A label that the classifier does not know is one
        that it never names, and whose images it cannot order.
    named : array-like of 0 and 1, shape (n_images, n_labels)
        Labels that were predicted (`predict`). A table's columns are found by their names, also below.
    proba : array-like of float, shape (n_images, n_labels)
        Their probabilities (`predict_proba`), or any values that order the images, such as decision values:
        no figure asks for more than their order.
    classes : array-like, shape (n_labels,)
        Labels that the classifier knows.
    groups : array-like, shape (n_images,), optional
        Images of a group are drawn together by the bootstrap. Copies of an image should share a group: they
        are no evidence of their own.
    random_state : int
        Decides the bootstrap.

    Raises
    ------
    UsageError
        If the shapes do not fit, there is no image, a value is no finite number, or a class is named twice.

    Examples
    --------
    >>> truth = [{"sea", "sky"}, {"sky"}, set(), {"sea"}]
    >>> proba = np.array([[0.9, 0.8], [0.2, 0.7], [0.1, 0.6], [0.4, 0.1]])
    >>> figures = evaluate_multilabel(truth, proba >= 0.5, proba, ["sea", "sky"])
    >>> figures.n, figures.micro_f1.value, figures.mean_average_precision.value, figures.hamming_loss.value
    (4, 0.75, 1.0, 0.25)
    >>> [(label.name, label.recall.value, label.recall.n) for label in figures.per_label]
    [('sea', 0.5, 2), ('sky', 1.0, 2)]
    """
    classes = np.asarray(classes)
    check_named_once(classes)
    check_random_state(random_state)
    refuse_masked("y", y)
    Y, others, unknown = read_label_sets(y).align(classes)
    named, proba = _check_predicted(
        read_table("named", named, classes), read_table("proba", proba, classes), Y
    )
    none = np.zeros(others.shape)
    Y, named, proba = (np.hstack(pair) for pair in ((Y, others), (named, none), (proba, none)))
    names = [str(name) for name in (*classes.tolist(), *unknown.tolist())]
    members = read_groups(groups, len(Y))
    options: dict[str, Any] = {"groups": members, "random_state": random_state}
    figures = _Figures(Y.astype(np.float64), named.astype(np.float64), proba)
    estimates = bootstrap_all(figures.measure, len(Y), summary=summarize_biased, **options)
    return MultiLabelEvaluation(
        n=len(Y),
        **dict(zip(_SUMMARY, estimates, strict=False)),
        subset_accuracy=measure_share((named == Y).all(axis=1), **options),
        per_label=[
            _describe_label(
                name,
                Y[:, i] > 0,
                named[:, i] > 0,
                estimates[len(_SUMMARY) + i :: len(names)][:2],
                i < len(classes),
                options,
            )
            for i, name in enumerate(names)
        ],
        without_positives=[name for name, count in zip(names, Y.sum(axis=0), strict=True) if not count],
        missing=_say_missing(Y, named) | explain_intervals(dict(zip(_SUMMARY, estimates, strict=False))),
        n_groups=None if members is None else count_groups(members),
    )


def _check_predicted(named: Array, proba: Array, Y: Array) -> tuple[Array, Array]:
    if not len(Y) or named.shape != Y.shape or proba.shape != Y.shape:
        raise UsageError(
            f"named and proba must have a row for each of {len(Y)} images, at least one, and a column for"
            f" each of {Y.shape[1]} labels. Got shapes {named.shape} and {proba.shape}."
        )
    if not np.isin(named, (0, 1)).all() or not np.isfinite(proba).all():
        raise UsageError("named must hold 0 and 1, and proba finite numbers: leave out images without.")
    return named.astype(np.int8), proba.astype(np.float64)


def _describe_label(
    name: str, has: Array, named: Array, drawn: Sequence[Estimate], known: bool, options: dict[str, Any]
) -> LabelFigures:
    """Return the figures of a label; `drawn` are its average precision and F1."""
    groups = options["groups"]
    figures = {
        "recall": _measure_among(has, named, **options),
        "precision": _measure_among(named, has, **options),
        "average_precision": drawn[0],
        "f1": drawn[1],
    }
    why = dict.fromkeys(figures, "no image has the label") | {
        "precision": "it was not named",
        "f1": "no image has the label, and it was not named",
    }
    missing = {key: why[key] for key, figure in figures.items() if math.isnan(figure.value)}
    n_groups = None if groups is None else count_groups(groups[has])
    missing |= explain_intervals(figures)
    return LabelFigures(name, **figures, known=known, n_groups=n_groups, missing=missing)


def _measure_among(among: Array, right: Array, groups: Array | None, random_state: int) -> Estimate:
    """Return the share that is right among some of the images."""
    of_groups = None if groups is None else groups[among]
    return measure_share(right[among], groups=of_groups, random_state=random_state)


def _say_missing(Y: Array, named: Array) -> dict[str, str]:
    if Y.any():
        return {}
    missing = {"mean_average_precision": "no image has a label"}
    if not named.any():
        missing |= dict.fromkeys(("micro_f1", "macro_f1"), "no image has a label, and none was named")
    return missing


class _Figures:
    """The figures as functions of how often each image counts, with what they share."""

    def __init__(self, Y: Array, named: Array, proba: Array) -> None:
        self._Y, self._named, self._both = Y, named, Y * named
        self._hamming = make_mean((named != Y).mean(axis=1))
        self._orders = [LabelOrder(values, y) for values, y in zip(proba.T, Y.T, strict=True)]

    def measure(self, weights: Array) -> Array:
        """Return those of `_SUMMARY`, then each label's average precision, then each one's F1."""
        both, of_label, of_named = weights @ self._both, weights @ self._Y, weights @ self._named
        total = of_label + of_named
        f1 = _divide(2 * both, total)
        average = np.array([order.measure(weights) for order in self._orders])
        summary = (
            _divide(2 * both.sum(), total.sum()),
            mean_known(f1),
            mean_known(average),
            self._hamming(weights),
        )
        return np.array([*summary, *average, *f1], np.float64)


def _divide(above: Array, below: Array) -> Array:
    """Return quotients, NaN where nothing is divided by nothing."""
    return np.asarray(np.where(below > 0, above / np.where(below > 0, below, 1), np.nan))
