"""Pairs of classes that a head cannot tell apart better than by tossing a coin."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count, name_some
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.shares import Z, count_independent, wilson

#: Above this upper end of the interval it is not known that the two are alike: there are too few images.
UNDECIDED = 0.7
#: With fewer images of one class it is not known either: a head that has seen so few hardly names it.
_LEAST = 20
#: So many pairs are each told of alone; more are together, lest they bury all else.
_FEW_PAIRS = 2


@dataclass(frozen=True)
class UntoldPair:
    """Two classes that may be told apart no better than by chance.

    Attributes
    ----------
    a, b : int
        The first is below the second.
    told : Estimate
        How often it is told right of which of the two an image is; 0.5 is chance. Its interval begins there
        or below.
    is_known : bool
        Whether the interval of all pairs of classes together (Bonferroni's), a wider one, ends below
        `UNDECIDED`, since of many pairs some are missed by chance; and each class has twenty images (groups).
        Else there are too few to say.
    """

    a: int
    b: int
    told: Estimate
    is_known: bool


def list_untold(
    y: npt.NDArray[np.int64], proba: npt.NDArray[np.float64], groups: Any = None
) -> list[UntoldPair]:
    """Return the pairs of classes that may be told apart no better than by chance.

    Of a pair it is the mean of the two classes' shares of images whose own class is the likelier of the two,
    each probability divided by its class's share of all images, lest the more frequent class win by that. The
    interval is what Wilson's intervals of the two shares make together, each for as many independent images
    as have the variance between groups (the design effect).

    Parameters
    ----------
    y : ndarray of int64, shape (n,)
        True classes.
    proba : ndarray of float64, shape (n, n_classes)
        Out-of-fold probabilities.
    groups : array-like, shape (n,), optional
        Images of a group are not independent.

    References
    ----------
    J. N. K. Rao and A. J. Scott, "A simple method for the analysis of clustered binary data", Biometrics 48,
    1992.

    G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 2008.

    Examples
    --------
    >>> proba = np.tile([[0.5, 0.5]], (8, 1)) + np.array([[0.1], [-0.1]] * 4) * [1, -1]
    >>> [pair] = list_untold(np.array([0, 0, 0, 0, 1, 1, 1, 1]), proba)
    >>> pair.told.value
    0.5
    """
    wins = _Wins(y, proba, groups)
    z_all = _find_quantile(math.comb(int(np.count_nonzero(wins.sizes)), 2))
    found = []
    for a, b in itertools.combinations(range(len(wins.sizes)), 2):
        # Most pairs are told apart almost always: their intervals need not be worked out.
        if wins.tell(a, b) < 0.95 and (told := wins.measure(a, b)).low <= 0.5:
            enough = min(wins.count_groups(a), wins.count_groups(b)) >= _LEAST
            found.append(UntoldPair(a, b, told, enough and wins.measure(a, b, z_all).high < UNDECIDED))
    return found


def report_untold(
    y: npt.NDArray[np.int64], classes: Sequence[str], pairs: Sequence[UntoldPair]
) -> list[Finding]:
    """Report pairs of classes that are told apart no better than by chance, or may be.

    Parameters
    ----------
    y : ndarray of int64, shape (n,)
    classes : sequence of str, length n_classes
    pairs : sequence of UntoldPair
        More than two that are known are reported together.
    """
    names = [str(name) for name in classes]
    alike = [pair for pair in pairs if pair.is_known]
    undecided = [pair for pair in pairs if not pair.is_known]
    if len(alike) > _FEW_PAIRS:
        findings = [_report_many(y, names, alike)]
    else:
        findings = [_report_alike(names, pair) for pair in alike]
    if undecided:
        findings.append(_report_undecided(y, names, undecided))
    return findings


def _find_quantile(pairs: int) -> float:
    """Return the normal quantile of intervals that all of so many hold the truth in 95 of 100 cases."""
    from scipy.special import ndtri

    return float(ndtri(1 - 0.025 / max(1, pairs)))


class _Wins:
    """Of two classes at a time, the images whose own one is the likelier.

    Parameters
    ----------
    y, proba, groups
        As in `list_untold`.
    """

    def __init__(self, y: npt.NDArray[np.int64], proba: npt.NDArray[np.float64], groups: Any) -> None:
        self.sizes = np.bincount(y, minlength=proba.shape[1])
        odds = proba / np.maximum(self.sizes, 1)
        self._odds = [odds[y == a] for a in range(proba.shape[1])]
        members = np.arange(len(y)) if groups is None else np.asarray(groups)
        self._members = [np.unique(members[y == a], return_inverse=True)[1] for a in range(proba.shape[1])]
        self._shares = np.array(
            [
                _win(odds, odds[:, a : a + 1]).mean(axis=0) if len(odds) else odds.sum(axis=0) * np.nan
                for a, odds in enumerate(self._odds)
            ]
        )

    def tell(self, a: int, b: int) -> float:
        """Return how often it is told right of which of two classes an image is; NaN if one has none."""
        return float(self._shares[a, b] + self._shares[b, a]) / 2

    def count_groups(self, a: int) -> int:
        """Return of how many groups, or images without any, the images of a class are."""
        return len(np.unique(self._members[a]))

    def measure(self, a: int, b: int, z: float = Z) -> Estimate:
        """Return `tell` with its interval; each of the two has an image."""
        value, n = self.tell(a, b), int(self.sizes[a] + self.sizes[b])
        one, other = self._measure_own(a, b, z), self._measure_own(b, a, z)
        low = value - math.hypot(one.value - one.low, other.value - other.low) / 2
        high = value + math.hypot(one.high - one.value, other.high - other.value) / 2
        return Estimate(value, max(0.0, low), min(1.0, high), n)

    def _measure_own(self, a: int, b: int, z: float) -> Estimate:
        won = _win(self._odds[a][:, b], self._odds[a][:, a])
        n = count_independent(won, self._members[a])
        return wilson(float(won.mean()) * n, n, z)


def _win(odds: npt.NDArray[np.float64], own: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return 1 where the own class is the likelier; equal ones, as of equal codes, are half a win."""
    return np.asarray((own > odds) + 0.5 * (own == odds))


def _describe(classes: list[str], pair: UntoldPair) -> dict[str, object]:
    found = pair.told
    return {
        "classes": [classes[pair.a], classes[pair.b]],
        "told_right": {"value": found.value, "low": found.low, "high": found.high, "n": found.n},
    }


def _report_alike(classes: list[str], pair: UntoldPair) -> Finding:
    found = pair.told
    return Finding(
        check="classes",
        severity="warn",
        certainty="likely",
        sentence=(
            f"The classes {classes[pair.a]!r} and {classes[pair.b]!r} are not told apart: {found.value:.0%}"
            f" of {found.n:,} images are told right (95% interval {found.low:.0%} to {found.high:.0%}), where"
            " a coin has 50%."
        ),
        advice="Make one class of them, or look whether their labels are mixed up.",
        images=(),
        n=found.n,
        details={"pairs": [_describe(classes, pair)]},
    )


def _report_many(y: npt.NDArray[np.int64], classes: list[str], pairs: list[UntoldPair]) -> Finding:
    named = [classes[i] for i in sorted({i for pair in pairs for i in (pair.a, pair.b)})]
    first = max(pairs, key=lambda pair: pair.told.value)
    best = first.told
    if len(pairs) == math.comb(len(classes), 2):
        said = f"None of the {len(classes)} classes is told apart from another"
    else:
        said = f"{len(pairs)} pairs of {len(named)} classes ({name_some(named)}) are not told apart"
    return Finding(
        check="classes",
        severity="warn",
        certainty="likely",
        sentence=(
            f"{said}: of the pair that is told apart best, {classes[first.a]!r} and {classes[first.b]!r},"
            f" {best.value:.0%} of {best.n:,} images are told right (95% interval {best.low:.0%} to"
            f" {best.high:.0%}), where a coin has 50%."
        ),
        advice="Make one class of such, or look whether their labels are mixed up.",
        images=(),
        n=len(y),
        details={"pairs": [_describe(classes, pair) for pair in pairs]},
    )


def _report_undecided(y: npt.NDArray[np.int64], classes: list[str], pairs: list[UntoldPair]) -> Finding:
    worst = min(pairs, key=lambda pair: pair.told.value)
    first = worst.told
    return Finding(
        check="classes",
        severity="tell",
        certainty="possible",
        sentence=(
            f"{count(len(pairs), 'pair')} of classes may or may not be told apart, there are too few images"
            f" to know: {classes[worst.a]!r} and {classes[worst.b]!r} have {first.value:.0%} right of"
            f" {first.n:,} (95% interval {first.low:.0%} to {first.high:.0%})."
        ),
        advice="Label more images of these classes.",
        images=(),
        n=len(y),
        details={"pairs": [_describe(classes, pair) for pair in pairs]},
    )
