"""Pairs of classes that a head cannot tell apart better than by tossing a coin."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count, name_some
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.intervals import Estimate, Z, wilson

#: Above this upper end of the interval it is not known that the two are alike: there are too few images.
UNDECIDED = 0.7
#: With fewer images of one class it is not known either: a head that has seen so few hardly names it.
_LEAST = 20
#: So many pairs are each told of alone; more are together, lest they bury all else.
_FEW_PAIRS = 2


def tell_apart(y: npt.NDArray[np.int64], proba: npt.NDArray[np.float64], a: int, b: int) -> Estimate:
    """Return how often it is told right of which of two classes an image is; 0.5 is chance.

    The mean of the two classes' shares of images whose own class is the likelier of the two, each
    probability divided by its class's share of all images, lest the more frequent class win by that.

    Parameters
    ----------
    y : ndarray of int64, shape (n,)
        True classes.
    proba : ndarray of float64, shape (n, n_classes)
        Out-of-fold probabilities.
    a, b : int
        The two classes.

    Returns
    -------
    Estimate
        With the 95 % interval that Wilson's intervals of the two shares make together; it takes images for
        independent. NaN where a class has no image.

    References
    ----------
    G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 2008.

    Examples
    --------
    >>> proba = np.tile([[0.5, 0.5]], (8, 1)) + np.array([[0.1], [-0.1]] * 4) * [1, -1]
    >>> tell_apart(np.array([0, 0, 0, 0, 1, 1, 1, 1]), proba, 0, 1).value
    0.5
    """
    wins = _count_wins(y, proba)
    sizes = np.bincount(y, minlength=proba.shape[1])
    return _join(wins[a, b], sizes[a], wins[b, a], sizes[b])


def check_classes(
    y: npt.NDArray[np.int64], proba: npt.NDArray[np.float64], classes: Sequence[str]
) -> list[Finding]:
    """Report the pairs of classes that are told apart no better than by chance.

    A pair is reported where the interval begins at 0.5 or below, and where that of all pairs of classes
    together (Bonferroni's), a wider one, ends below `UNDECIDED`: of many pairs some are missed by chance.
    Where it ends above, or one class has fewer than twenty images, these are too few to say. More than two
    such pairs are reported together.

    Parameters
    ----------
    y, proba
        As in `tell_apart`.
    classes : sequence of str, length n_classes
    """
    wins, sizes = _count_wins(y, proba), np.bincount(y, minlength=proba.shape[1])
    z_all = _find_quantile(math.comb(int(np.count_nonzero(sizes)), 2))
    alike: list[tuple[int, int, Estimate]] = []
    undecided: list[tuple[int, int, Estimate]] = []
    for a in range(len(classes)):
        for b in range(a + 1, len(classes)):
            # Most pairs are told apart almost always: their intervals need not be worked out.
            if sizes[a] and sizes[b] and wins[a, b] / sizes[a] + wins[b, a] / sizes[b] < 1.9:
                found = _join(wins[a, b], sizes[a], wins[b, a], sizes[b])
                if found.low <= 0.5:
                    high = _join(wins[a, b], sizes[a], wins[b, a], sizes[b], z_all).high
                    enough = high < UNDECIDED and min(sizes[a], sizes[b]) >= _LEAST
                    (alike if enough else undecided).append((a, b, found))
    names = [str(name) for name in classes]
    if len(alike) > _FEW_PAIRS:
        findings = [_report_many(y, names, alike)]
    else:
        findings = [_report_alike(names, *pair) for pair in alike]
    if undecided:
        findings.append(_report_undecided(y, names, undecided))
    return findings


def _count_wins(y: npt.NDArray[np.int64], proba: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return of how many images of class a that is likelier than class b, shape (n_classes, n_classes)."""
    n_classes = proba.shape[1]
    sizes = np.maximum(np.bincount(y, minlength=n_classes), 1)
    odds = proba / sizes
    wins = np.zeros((n_classes, n_classes))
    for a in range(n_classes):
        own = odds[y == a]
        # Equal ones, as of codes that are the same, are half a win.
        wins[a] = (own[:, a : a + 1] > own).sum(axis=0) + 0.5 * (own[:, a : a + 1] == own).sum(axis=0)
    return wins


def _find_quantile(pairs: int) -> float:
    """Return the normal quantile of intervals that all of so many hold the truth in 95 of 100 cases."""
    from scipy.special import ndtri

    return float(ndtri(1 - 0.025 / max(1, pairs)))


def _join(right_a: float, n_a: int, right_b: float, n_b: int, z: float = Z) -> Estimate:
    if not n_a or not n_b:
        return Estimate(math.nan, math.nan, math.nan, int(n_a + n_b))
    # Half an image is rounded down: the interval is that of whole ones.
    a, b = wilson(int(right_a), int(n_a), z), wilson(int(right_b), int(n_b), z)
    value = (right_a / n_a + right_b / n_b) / 2
    low = value - math.hypot(a.value - a.low, b.value - b.low) / 2
    high = value + math.hypot(a.high - a.value, b.high - b.value) / 2
    return Estimate(float(value), max(0.0, float(low)), min(1.0, float(high)), int(n_a + n_b))


def _describe(classes: list[str], a: int, b: int, found: Estimate) -> dict[str, object]:
    return {
        "classes": [classes[a], classes[b]],
        "told_right": {"value": found.value, "low": found.low, "high": found.high, "n": found.n},
    }


def _report_alike(classes: list[str], a: int, b: int, found: Estimate) -> Finding:
    return Finding(
        check="classes",
        severity="warn",
        certainty="likely",
        sentence=(
            f"The classes {classes[a]!r} and {classes[b]!r} are not told apart: {found.value:.0%} of"
            f" {found.n:,} images are told right (95% interval {found.low:.0%} to {found.high:.0%}), where"
            " a coin has 50%."
        ),
        advice="Make one class of them, or look whether their labels are mixed up.",
        images=(),
        n=found.n,
        details={"pairs": [_describe(classes, a, b, found)]},
    )


def _report_many(
    y: npt.NDArray[np.int64], classes: list[str], pairs: list[tuple[int, int, Estimate]]
) -> Finding:
    named = [classes[i] for i in sorted({i for a, b, _ in pairs for i in (a, b)})]
    a, b, best = max(pairs, key=lambda pair: pair[2].value)
    if len(pairs) == math.comb(len(classes), 2):
        said = f"None of the {len(classes)} classes is told apart from another"
    else:
        said = f"{len(pairs)} pairs of {len(named)} classes ({name_some(named)}) are not told apart"
    return Finding(
        check="classes",
        severity="warn",
        certainty="likely",
        sentence=(
            f"{said}: of the pair that is told apart best, {classes[a]!r} and {classes[b]!r},"
            f" {best.value:.0%} of {best.n:,} images are told right (95% interval {best.low:.0%} to"
            f" {best.high:.0%}), where a coin has 50%."
        ),
        advice="Make one class of such, or look whether their labels are mixed up.",
        images=(),
        n=len(y),
        details={"pairs": [_describe(classes, *pair) for pair in pairs]},
    )


def _report_undecided(
    y: npt.NDArray[np.int64], classes: list[str], pairs: list[tuple[int, int, Estimate]]
) -> Finding:
    a, b, first = min(pairs, key=lambda pair: pair[2].value)
    return Finding(
        check="classes",
        severity="tell",
        certainty="possible",
        sentence=(
            f"{count(len(pairs), 'pair')} of classes may or may not be told apart, there are too few images"
            f" to know: {classes[a]!r} and {classes[b]!r} have {first.value:.0%} right of {first.n:,}"
            f" (95% interval {first.low:.0%} to {first.high:.0%})."
        ),
        advice="Label more images of these classes.",
        images=(),
        n=len(y),
        details={"pairs": [_describe(classes, *pair) for pair in pairs]},
    )
