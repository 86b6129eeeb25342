"""What a rule for answers did on labelled images: how many it answered, and how many of these wrongly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, agree, count
from cnncodes.estimators.abstention import AnswerRule
from cnncodes.evaluation.columns import order_columns
from cnncodes.evaluation.figures import FIGURES, show_result
from cnncodes.evaluation.given import read_groups, read_labels
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.probabilities import (
    Scored,
    check_named_once,
    check_probabilities,
    read_probabilities,
)
from cnncodes.evaluation.shares import measure_share
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]

#: Shares of the images that a row of the table answers.
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


#: Below it so many wrong answers are no chance.
_LEVEL = 0.05


@dataclass(frozen=True)
class CoveragePoint:
    """The most probable answers up to a share of the images.

    Attributes
    ----------
    coverage : float
        Share of the images that is answered.
    threshold : float
        Least probability among these answers.
    accuracy : Estimate
        Share of right ones among them; `n` is how many they are.
    """

    coverage: float
    threshold: float
    accuracy: Estimate


@dataclass(frozen=True)
class AbstentionFigures(PlainResult):
    """A rule for answers on labelled images, beside what was promised of it.

    Attributes
    ----------
    rule : AnswerRule
        With the risk that was promised, and the coverage that was to be expected.
    coverage : Estimate
        Share of the images that is answered.
    risk : Estimate
        Share of wrong ones among the answers; NaN with n=0 where nothing is answered.
    points : list of CoveragePoint
        Accuracy against coverage, whatever the rule: from all images down to a tenth. A threshold that is
        chosen by it holds for these images, and needs others to be measured on.
    """

    rule: AnswerRule
    coverage: Estimate
    risk: Estimate
    points: list[CoveragePoint]

    def __repr__(self) -> str:
        share = FIGURES["accuracy"]
        figures = share.say(self.coverage, "answered"), share.say(self.risk, "wrong among the answers")
        return show_result(self, count(self.coverage.n, "image"), *figures, f"{self.rule.risk:g} promised")

    def describe(self) -> str:
        """Say in words whether the promise was kept, as far as these images can tell."""
        rule, risk = self.rule, self.risk
        if math.isnan(risk.value):
            why = f": {rule.reason}" if rule.reason else ", as no probability was high enough"
            return f"no image was answered{why}"
        wrong = self._count_wrong()
        said = (
            f"{wrong:,} of {risk.n:,} answers ({100 * risk.value:.3g}%) {agree(wrong, 'is')} wrong, where at"
            f" most {100 * rule.risk:.3g}% were promised"
        )
        if risk.low > rule.risk and self._chance() < _LEVEL:
            return (
                f"the promise is broken: {said}; these images are not like those of training, or the one"
                f" training set in {1 / (1 - rule.confidence):.0f} was met for which it may be"
            )
        if risk.value > rule.risk:
            return f"{said}: more, but no more than chance may bring with so many"
        if risk.high > rule.risk:
            return f"{said}: kept here, though {risk.n:,} answers are too few to be sure of it"
        return f"the promise is kept: {said}"

    def _count_wrong(self) -> int:
        return round(self.risk.value * self.risk.n)

    def _chance(self) -> float:
        """Return how likely so many wrong answers are if the promise holds: Wilson's end is off for few."""
        from scipy.special import bdtrc

        wrong = self._count_wrong()
        return float(bdtrc(wrong - 1, self.risk.n, self.rule.risk)) if wrong else 1.0


def evaluate_abstention(
    y: Any, proba: Any, classes: Any, rule: AnswerRule, *, groups: Any = None, random_state: int = 0
) -> AbstentionFigures:
    """Measure a rule for answers on images that it was not chosen on.

    Parameters
    ----------
    y : array-like of str, shape (n_images,)
        True classes. One that the classifier does not know makes each answer wrong.
    proba : array-like, shape (n_images, n_classes)
    classes : array-like of str, shape (n_classes,)
    rule : AnswerRule
        As of `ImageClassifier.predict_or_abstain`: ``answers.rule``.
    groups, random_state
        As in `evaluate_predictions`.

    Raises
    ------
    UsageError
        If the shapes do not fit, there is no image, rows are no probabilities, or the rule is none.

    References
    ----------
    R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification", JMLR 11, 2010, for
    risk against coverage.

    Examples
    --------
    >>> from cnncodes.estimators.abstention import choose_rule
    >>> from cnncodes.estimators.answers import HeldOutAnswers
    >>> p = np.linspace(0.5, 1, 400, dtype=np.float32)
    >>> rule = choose_rule(HeldOutAnswers(p, p > 0.7), risk=0.1)
    >>> proba = np.column_stack([p, 1 - p]).astype(float)
    >>> found = evaluate_abstention(np.where(p > 0.7, "cat", "dog"), proba, ["cat", "dog"], rule)
    >>> round(found.coverage.value, 2), round(found.risk.value, 2), found.points[-1].accuracy.value
    (0.64, 0.06, 1.0)
    """
    if not isinstance(rule, AnswerRule):
        raise UsageError(
            "rule must be that of answers: `rule` of what predict_or_abstain returns. Got"
            f" {type(rule).__name__} instead."
        )
    y, classes = read_labels(y), np.asarray(classes)
    proba = read_probabilities(order_columns(proba, classes))
    if not len(y) or proba.ndim != 2 or len(proba) != len(y):
        raise UsageError(
            f"abstaining goes by probabilities, a row for each of {len(y)} images, at least one. Got shape"
            f" {proba.shape}."
        )
    groups = read_groups(groups, len(y))
    check_named_once(classes)
    check_probabilities(proba, len(classes))
    probability, right = Scored.make(y, proba, classes, groups, random_state).confident()
    answered = probability >= rule.threshold

    def share(among: Array, of: Array) -> Estimate:
        return measure_share(
            of[among], groups=None if groups is None else groups[among], random_state=random_state
        )

    points = []
    for threshold in _list_thresholds(probability):
        above = probability >= threshold
        points.append(CoveragePoint(float(above.mean()), threshold, share(above, right)))
    everywhere = np.ones(len(y), dtype=np.bool_)
    return AbstentionFigures(rule, share(everywhere, answered), share(answered, ~right), points)


def _list_thresholds(probability: Array) -> list[float]:
    """Return falling coverages' thresholds, each once: equal probabilities are answered together."""
    falling = np.sort(probability)[::-1]
    ranks = [max(1, round(share * len(falling))) for share in COVERAGES]
    return list(dict.fromkeys(float(falling[rank - 1]) for rank in ranks))
