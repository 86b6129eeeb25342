"""What predictions are worth, each figure with its interval and its number of images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, count
from cnncodes.estimators.labels import (
    check_random_state,
    check_same_kind,
    warn_of_unknown,
)
from cnncodes.evaluation.calibration import Calibration, measure_calibration
from cnncodes.evaluation.columns import order_columns
from cnncodes.evaluation.confusion import Confusion, find_names
from cnncodes.evaluation.figures import FIGURES, show_result
from cnncodes.evaluation.given import read_answers, read_groups, read_labels
from cnncodes.evaluation.intervals import Estimate, bootstrap, count_groups, explain_intervals, summarize
from cnncodes.evaluation.means import summarize_biased, widen_mean
from cnncodes.evaluation.measures import CLASS_MEASURES
from cnncodes.evaluation.probabilities import (
    Scored,
    check_named_once,
    check_probabilities,
    read_probabilities,
)
from cnncodes.evaluation.shares import measure_share
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ClassFigures(PlainResult):
    """Figures of one class.

    Attributes
    ----------
    name : str
    recall : Estimate
        Share of the class's images that were found; `n` is how many it has.
    precision : Estimate
        Share of right ones among the images said to be of the class; `n` is how many these are.
    known : bool
        Whether the classifier knows the class at all.
    n_groups : int or None
        Groups that its images are of; None where intervals draw images.
    missing : dict of str to str
        Why one of its figures is NaN, by the figure's name.
    """

    name: str
    recall: Estimate
    precision: Estimate
    known: bool
    n_groups: int | None = None
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation(PlainResult):
    """How good predictions are.

    Intervals are of 95 %. Those of shares are Wilson's, all others of the bootstrap over images: percentiles,
    of losses those of `summarize_positive` and `allow_for_mistakes`, of macro F1 those of `summarize_biased`,
    of balanced accuracy those of `widen_mean`. Where groups are given, whole groups are drawn, for shares too
    (`measure_share`).

    Attributes
    ----------
    n : int
        Images.
    accuracy : Estimate
    balanced_accuracy : Estimate
        Mean recall of the classes that occur.
    macro_f1 : Estimate
        The same of F1.
    top_k : int or None
        How many classes `top_k_accuracy` allows: as asked, but one less than there are.
    top_k_accuracy : Estimate or None
        Share of images whose class is among the `top_k` most probable; None without probabilities.
    log_loss : Estimate or None
        In nats, over the images of known classes; None without probabilities, as are the three below.
    brier : Estimate or None
        Squared distance of the probabilities from the truth, summed over the classes: 0 is best, 2 worst.
    calibration_error : Estimate or None
        Expected calibration error of the answers, less what chance shows; see `measure_calibration`.
    calibration : Calibration or None
        The same with its bins, for a reliability diagram.
    per_class : list of ClassFigures
        Each class that is known or occurs, sorted by name.
    confusion : list of list of int
        Images of each class (rows, as in `per_class`) by predicted class (columns, likewise; the last one
        counts answers that are no class).
    missing : dict of str to str
        Why a figure is None, or its interval NaN, by its name.
    n_groups : int or None
        Groups that the intervals draw; None where they draw images.
    """

    n: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    top_k: int | None
    top_k_accuracy: Estimate | None
    log_loss: Estimate | None
    brier: Estimate | None
    calibration_error: Estimate | None
    calibration: Calibration | None
    per_class: list[ClassFigures]
    confusion: list[list[int]]
    missing: dict[str, str]
    n_groups: int | None = None

    def __repr__(self) -> str:
        share = FIGURES["accuracy"]
        figures = share.say(self.accuracy), share.say(self.macro_f1, "macro F1")
        return show_result(self, count(self.n, "image"), *figures)


def evaluate_predictions(
    y: Any, predicted: Any, classes: Any, *, groups: Any = None, random_state: int = 0, top_k: int = 5
) -> Evaluation:
    """Compare predictions with the truth.

    Parameters
    ----------
    y : array-like of str, shape (n_images,)
        True classes. A class that the classifier does not know counts as wrong.
    predicted : array-like, shape (n_images,) of str or (n_images, n_classes) of float
        Predicted classes, or probabilities with columns as `classes`; of a table whose columns have their
        names in any order.
    classes : array-like of str, shape (n_classes,)
        Classes that the classifier knows.
    groups : array-like, shape (n_images,), optional
        Images of a group are drawn together by the bootstrap. Copies of an image should share a group: they
        are no evidence of their own. None, NaN and ``""``: a group of its own.
    random_state : int
        Decides the bootstrap.
    top_k : int
        Classes that `top_k_accuracy` allows.

    Raises
    ------
    UsageError
        If the shapes do not fit, there is no image, rows are no probabilities, a class is named twice, a true
        or predicted class is missing (None or NaN), or text meets numbers.

    Warns
    -----
    ResultWarning
        If not one image is of a class that the classifier knows: nothing can be right.

    Examples
    --------
    >>> figures = evaluate_predictions(["cat", "cat", "dog"], ["cat", "dog", "dog"], ["cat", "dog"])
    >>> figures.n, round(figures.accuracy.value, 3), figures.per_class[0].recall.value
    (3, 0.667, 0.5)
    >>> figures.confusion, figures.missing["brier"]
    ([[1, 1, 0], [0, 1, 0]], 'the classifier gives no probabilities')
    """
    y, classes = read_labels(y), np.asarray(classes)
    check_named_once(classes)
    check_random_state(random_state)
    if not isinstance(top_k, int | np.integer) or isinstance(top_k, bool) or top_k < 1:
        raise UsageError(f"top_k must be a whole number of at least 1. Got {top_k!r} instead.")
    groups = read_groups(groups, len(y))
    given = _check_predicted(predicted, len(y), classes)
    check_same_kind(y, classes)
    if not np.isin(y, classes).any():
        warn_of_unknown(y, classes)
    proba = given if given.ndim == 2 else None
    labels = given if proba is None else classes[proba.argmax(axis=1)]
    names = np.union1d(classes, y)
    confusion = Confusion(np.searchsorted(names, y), find_names(names, labels), len(names))
    options = {"groups": groups, "random_state": random_state}
    counts = confusion.count(np.ones(len(y)))
    known = [name in classes for name in names]
    scored = None if proba is None else Scored.make(y, proba, classes, groups, random_state)
    drawn: dict[str, Any] = {
        name: bootstrap(getattr(confusion, name), len(y), summary=summary, **options)
        for name, summary in _DRAWN.items()
    }
    per_class = [_describe_class(confusion, i, str(name), known[i], options) for i, name in enumerate(names)]
    balanced = drawn["balanced_accuracy"]
    if groups is None or not math.isnan(balanced.low):  # recalls of one group are not independent
        drawn["balanced_accuracy"] = widen_mean(balanced, [one.recall for one in per_class])
    of_probabilities = _measure_probabilities(scored, top_k)
    losses = {name: of_probabilities[name] for name in _OF_PROBABILITIES}
    of_probabilities["missing"] |= explain_intervals(drawn | losses)
    return Evaluation(
        n=len(y),
        accuracy=measure_share(confusion.true == confusion.predicted, **options),
        **drawn,
        **of_probabilities,
        per_class=per_class,
        confusion=counts.astype(np.int64).tolist(),
        n_groups=None if groups is None else count_groups(groups),
    )


def _check_predicted(predicted: Any, n: int, classes: Array) -> Array:
    """Return probabilities, shape (n, n_classes), or predicted classes, shape (n,)."""
    given = order_columns(predicted, classes)
    found = np.asarray(given)
    if not n or found.ndim not in (1, 2) or len(found) != n:
        raise UsageError(
            f"predictions must be one for each of {n} true classes, at least one. Got shape {found.shape}."
        )
    if found.ndim == 1:
        labels = read_answers(predicted)
        check_same_kind(labels, classes, "predictions")
        return labels
    proba = read_probabilities(given)
    check_probabilities(proba, len(classes))
    return proba


#: Figures of classes that the bootstrap has intervals of, and how.
_DRAWN = {"balanced_accuracy": summarize, "macro_f1": summarize_biased}

#: Figures that need probabilities.
_OF_PROBABILITIES = tuple(one.key for one in CLASS_MEASURES if one.needs_probabilities)


def _measure_probabilities(scored: Scored | None, top_k: int) -> dict[str, Any]:
    """Return what only probabilities tell, and why some of it is missing."""
    figures: dict[str, Any] = dict.fromkeys((*_OF_PROBABILITIES, "top_k", "calibration"))
    if scored is None:
        missing = dict.fromkeys(_OF_PROBABILITIES, "the classifier gives no probabilities")
        return {**figures, "missing": missing}
    probability, right = scored.confident()
    calibration = measure_calibration(
        probability, right, groups=scored.groups, random_state=scored.random_state
    )
    k = min(top_k, scored.proba.shape[1] - 1)  # of all classes it would be 1, and tell nothing
    figures |= {
        "log_loss": scored.log_loss(),
        "brier": scored.brier(),
        "calibration_error": calibration.error,
        "calibration": calibration,
        "missing": {},
    }
    if not figures["log_loss"].n:
        figures["missing"]["log_loss"] = "no image is of a class that the classifier knows"
    if k < min(top_k, 2):
        few = "there are fewer than three classes: the first two hold the right one"
        figures["missing"]["top_k_accuracy"] = few
        return figures
    return {**figures, "top_k": k, "top_k_accuracy": scored.top_k_accuracy(k)}


def _describe_class(
    confusion: Confusion, i: int, name: str, known: bool, options: dict[str, Any]
) -> ClassFigures:
    groups = options["groups"]
    shares = []
    for among in (confusion.true == i, confusion.predicted == i):
        right = (confusion.true == confusion.predicted)[among]
        of_groups = None if groups is None else groups[among]
        shares.append(measure_share(right, groups=of_groups, random_state=options["random_state"]))
    n_groups = None if groups is None else count_groups(groups[confusion.true == i])
    why = {"recall": "no image is of the class", "precision": "it was not predicted"}
    missing = {key: why[key] for key, share in zip(why, shares, strict=True) if not share.n}
    return ClassFigures(name, shares[0], shares[1], known, n_groups, missing)
