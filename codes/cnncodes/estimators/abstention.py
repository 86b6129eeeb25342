"""When not to answer: a threshold on the probability that keeps the share of wrong answers below a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.estimators.answers import HeldOutAnswers
from cnncodes.estimators.group_tests import average_tail, bound_above

Array = npt.NDArray[Any]

#: To which images are counted that are parts of a group, as sums of such are rounded.
_DIGITS = 9
#: Thresholds that are tried in turn, and the share of images that the first one answers at least.
_STEPS, _FIRST_SHARE = 50, 0.1


@dataclass(frozen=True)
class AnswerRule:
    """From which probability on an answer is given, and what that was seen to do.

    Attributes
    ----------
    risk : float
        Largest share of wrong ones among the answers that was allowed.
    confidence : float
        How sure that is to be kept, over the draw of the training images.
    threshold : float
        Least probability that is answered; infinite where nothing is.
    n : int
        Held-out images that it was chosen on; where some are of one group, groups.
    n_images : int
        The images.
    coverage, coverage_low, coverage_high : float
        Share of them that is answered, with its exact binomial interval of 95 %. Images of a group count
        together as one, here and below.
    errors : float
        Wrong answers among them: a whole number, where no images are of one group.
    error_bound : float
        Upper end, at `confidence`, of the share of wrong answers: at most `risk`. NaN where nothing is
        answered.
    reason : str
        Why nothing is answered; empty where something is.
    reachable : float or None
        Where nothing is answered, about the least higher risk with which something would be. It was looked
        for, so it is a hint, and no promise.
    """

    risk: float
    confidence: float
    threshold: float
    n: int
    n_images: int
    coverage: float
    coverage_low: float
    coverage_high: float
    errors: float
    error_bound: float
    reason: str
    reachable: float | None


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to some images, or none.

    Attributes
    ----------
    labels : ndarray of object, shape (n_images,)
        The most probable class, and None where the classifier does not know.
    answered : ndarray of bool, shape (n_images,)
    probability : ndarray of float64, shape (n_images,)
        Of the most probable class, answered or not.
    rule : AnswerRule
    """

    labels: Array
    answered: Array
    probability: Array
    rule: AnswerRule


def answer(labels: Array, proba: Array | None, rule: AnswerRule) -> Answers:
    """Return the labels that a rule lets be answered.

    Raises
    ------
    UsageError
        If there are no probabilities.
    """
    if proba is None:
        raise UsageError("a rule for answers goes by probabilities, and this classifier gives none.")
    probability = proba.max(axis=1)
    answered = probability >= rule.threshold
    given = np.full(len(labels), None, dtype=object)
    given[answered] = np.asarray(labels)[answered]
    return Answers(given, answered, probability, rule)


def choose_rule(answers: HeldOutAnswers, risk: float, confidence: float = 0.95) -> AnswerRule:
    """Choose the threshold that answers most while the share of wrong answers is surely below a limit.

    Thresholds are tested from the highest on: is the number of wrong answers so small that with a true share
    above `risk` it would be met with a probability of at most ``1 - confidence`` (binomial)? The last before
    the first that fails is taken: a fixed sequence, for which no correction is due. The first answers a tenth
    of the images, and so many that one wrong answer is no failure; 49 follow in equal steps up to all images.
    Images of a group are not independent: what is tested is one of each, and the test is averaged over all
    ways to draw it (`cnncodes.estimators.group_tests`). The promise is for one image of a further group.

    Where the share of right answers does not fall as the probability rises, the share of wrong ones among
    answers to further such images is at most `risk`, but for a chance of ``1 - confidence``: the images above
    the highest threshold that is too low have it, those below have more.

    Raises
    ------
    UsageError
        If `risk` or `confidence` is not between 0 and 1.

    References
    ----------
    Y. Geifman and R. El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017; A. N.
    Angelopoulos, S. Bates et al., "Learn then test: calibrating predictive algorithms to achieve risk
    control", 2021, for the sequence; C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial
    limits", 1934, for the intervals.

    Examples
    --------
    >>> probability = np.linspace(0.5, 1, 200, dtype=np.float32)
    >>> rule = choose_rule(HeldOutAnswers(probability, probability > 0.7), risk=0.1)
    >>> round(rule.threshold, 2), rule.n, rule.errors, round(rule.error_bound, 3)
    (0.69, 200, 5, 0.082)
    """
    for name, value in (("risk", risk), ("confidence", confidence)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < 1:
            raise UsageError(f"{name} must be a number between 0 and 1. Got {value!r} instead.")
    risk, confidence = float(risk), float(confidence)
    table = _Table(answers)
    found = table.test(risk, confidence)
    if found is not None:
        return _describe(table, risk, confidence, found)
    least, n = _count_needed(risk, confidence, errors=0), table.n
    noun = "held-out training images" if answers.groups is None else "groups of held-out training images"
    if n < least:
        reason = (
            f"a risk of {risk:g} with a confidence of {confidence:g} takes at least {least} {noun}, without a"
            f" single error; there are {n}"
        )
    else:
        share = float(answers.shares @ ~answers.right) / n
        reason = (
            f"on {n} {noun}, of which {share:.1%} were answered wrongly, not even the most probable answers"
            f" are wrong so rarely that a risk of {risk:g} is sure"
        )
    return _describe(table, risk, confidence, None, reason, _find_reachable(table, risk, confidence))


class _Table:
    """Thresholds, falling, with how many images each answers, and how many of these wrongly.

    Images of a group together count as one.

    Parameters
    ----------
    answers : HeldOutAnswers
    """

    def __init__(self, answers: HeldOutAnswers) -> None:
        self._answers, self.n, self.n_images = answers, answers.n_groups, len(answers.right)
        rising, rows = np.unique(answers.probability, return_inverse=True)
        self.threshold = rising[::-1].astype(np.float64)
        self.answered, self.errors = (
            np.bincount(rows, counted, minlength=len(rising))[::-1].cumsum().round(_DIGITS)
            for counted in (answers.shares, answers.shares * ~answers.right)
        )

    def test(self, risk: float, confidence: float) -> int | None:
        """Return the row of the lowest threshold that passes, in turn; None if the first fails."""
        if self.n < _count_needed(risk, confidence, errors=0):
            return None
        first = max(_count_needed(risk, confidence, errors=1), math.ceil(_FIRST_SHARE * self.n))
        ranks = np.unique(np.linspace(min(first, self.n), self.n, _STEPS).round())
        passed = None
        for row in np.searchsorted(self.answered, ranks):  # equal probabilities are answered together
            if self._tail(row, risk) > 1 - confidence:
                break
            passed = int(row)
        return passed

    def _tail(self, row: int, risk: float) -> float:
        """Return how likely so few wrong answers are with a risk."""
        from scipy.special import bdtr

        if self._answers.groups is None:
            return float(bdtr(int(self.errors[row]), int(self.answered[row]), risk))
        right, wrong = self._share_out(row)
        return average_tail(wrong, right, risk)

    def bound_errors(self, row: int, confidence: float) -> float:
        """Return the upper end of the share of wrong answers."""
        if self._answers.groups is None:
            return _bound(int(self.errors[row]), int(self.answered[row]), confidence)[1]
        right, wrong = self._share_out(row)
        return bound_above(wrong, right, 1 - confidence)

    def bound_coverage(self, row: int | None, level: float) -> tuple[float, float]:
        """Return the ends of the share of answers, each with a chance of `level` to be passed."""
        if self._answers.groups is None or row is None:
            return _bound(0 if row is None else int(self.answered[row]), self.n, 1 - level)
        right, wrong = self._share_out(row)
        answered = right + wrong
        return 1 - bound_above(1 - answered, answered, level), bound_above(answered, 1 - answered, level)

    def _share_out(self, row: int) -> tuple[Array, Array]:
        """Return of each group the shares that are answered right and wrong, float64 ``[n]``."""
        answers, groups = self._answers, self._answers.groups
        assert groups is not None
        counted = answers.shares * (answers.probability >= self.threshold[row])
        right = np.bincount(groups, counted * answers.right, minlength=self.n)
        wrong = np.bincount(groups, counted * ~answers.right, minlength=self.n)
        return right.round(_DIGITS), wrong.round(_DIGITS)


def _describe(
    table: _Table,
    risk: float,
    confidence: float,
    row: int | None,
    reason: str = "",
    reachable: float | None = None,
) -> AnswerRule:
    low, high = table.bound_coverage(row, 0.025)
    answered, errors = (0.0, 0.0) if row is None else (float(table.answered[row]), float(table.errors[row]))
    return AnswerRule(
        risk=risk,
        confidence=confidence,
        threshold=math.inf if row is None else float(table.threshold[row]),
        n=table.n,
        n_images=table.n_images,
        coverage=answered / table.n if table.n else math.nan,
        coverage_low=low,
        coverage_high=high,
        errors=int(errors) if errors.is_integer() else errors,
        error_bound=math.nan if row is None else table.bound_errors(row, confidence),
        reason=reason,
        reachable=reachable,
    )


def _bound(count: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the lower and the upper bound of Clopper and Pearson, each at `confidence`."""
    from scipy.special import betaincinv

    low = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, 1 - confidence))
    high = 1.0 if count == n else float(betaincinv(count + 1, n - count, confidence))
    return low, high


def _count_needed(risk: float, confidence: float, *, errors: int) -> int:
    """Return the least number of images, `errors` of them wrong, that make `risk` sure."""
    from scipy.special import bdtr

    high = errors + 1
    while bdtr(errors, high, risk) > 1 - confidence:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bdtr(errors, middle, risk) > 1 - confidence else (low, middle)
    return high


def _find_reachable(table: _Table, risk: float, confidence: float) -> float | None:
    """Return the least higher risk, in steps of a half per cent, with which something would be answered.

    A lower one may pass by chance, as its sequence starts elsewhere: to go by that would be a second trial.
    """
    for step in range(math.floor(risk * 200) + 1, 200):
        if table.test(step / 200, confidence) is not None:
            return step / 200
    return None
