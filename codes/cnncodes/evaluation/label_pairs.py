"""Which labels are missed where another one is named wrongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.evaluation.columns import list_names, order_columns
from cnncodes.evaluation.given import refuse_masked
from cnncodes.plain import PlainResult

Array = npt.NDArray[Any]

#: Below it, that two mistakes come together is called clear.
ALPHA = 0.05


@dataclass(frozen=True)
class LabelPair(PlainResult):
    """Two labels, of which one was missed and the other named wrongly on the same images.

    Attributes
    ----------
    missed, named : int
        Columns of the label that images have and that was not named, and of the one that was named and that
        they have not.
    n : int
        Images with both mistakes.
    of : int
        Images on which the first was missed and that have not the second.
    expected : float
        How many of these would have the second mistake if it came as often there as among all images that
        have not the second label.
    p_value : float
        Of so many or more by chance: Fisher's exact test, one-sided, times the number of pairs that could
        have both mistakes (Holm 1979).
    """

    missed: int
    named: int
    n: int
    of: int
    expected: float
    p_value: float

    @property
    def is_clear(self) -> bool:
        """Whether both mistakes come together more often than chance would have it."""
        return self.p_value < ALPHA


def find_label_pairs(truth: Any, named: Any) -> list[LabelPair]:
    """Return pairs of labels that are mistaken together more often than expected, most in excess first.

    An image may have several labels, so that none is "taken for" another as classes are. What can be counted
    are images on which one label was missed and another named wrongly; and what either mistake would come to
    there by itself.

    Parameters
    ----------
    truth, named : array-like of bool, shape (n_images, n_labels)
        Of two tables, the columns of the second are found by the names of the first's.

    Raises
    ------
    UsageError
        If they are something else, such as sets of labels.

    Notes
    -----
    The test takes images for independent: with groups it finds too much.

    Examples
    --------
    >>> truth = np.repeat([[1, 0], [0, 1], [0, 0]], 20, axis=0)
    >>> named = np.repeat([[0, 1], [0, 1], [0, 0]], 20, axis=0)
    >>> [pair] = find_label_pairs(truth, named)
    >>> pair.missed, pair.named, pair.n, pair.expected, pair.is_clear
    (0, 1, 20, 10.0, True)
    """
    refuse_masked("truth", truth)
    refuse_masked("named", named)
    labels = list_names(truth)
    named = named if labels is None else order_columns(named, labels, "named")
    truth, named = np.asarray(truth), np.asarray(named)
    if (
        truth.ndim != 2
        or truth.shape != named.shape
        or not {truth.dtype.kind, named.dtype.kind} <= set("biuf")
    ):
        raise UsageError(
            "truth and named must be indicators, a row an image and a column a label, the same of both. Got"
            f" shapes {truth.shape} and {named.shape}: of sets of labels give for each column whether the"
            " label is among them."
        )
    truth, named = truth.astype(bool), named.astype(bool)
    # Products of whole numbers take a hundred times as long.
    missed, wrong, lacks = (part.astype(np.float64) for part in (truth & ~named, ~truth & named, ~truth))
    together, drawn = missed.T @ wrong, missed.T @ lacks
    counts, sizes = wrong.sum(axis=0), lacks.sum(axis=0)
    rows, columns = np.nonzero((drawn > 0) & (counts > 0)[None] & ~np.eye(truth.shape[1], dtype=bool))
    n, of = together[rows, columns], drawn[rows, columns]
    p_values = _test(n, of, counts[columns], sizes[columns])
    expected = of * counts[columns] / sizes[columns]
    found = [
        LabelPair(int(i), int(j), int(k), int(m), float(mean), float(p))
        for i, j, k, m, mean, p in zip(rows, columns, n, of, expected, p_values, strict=True)
        if k > mean
    ]
    return sorted(found, key=lambda pair: (pair.expected - pair.n, pair.missed, pair.named))


def _test(n: Array, of: Array, counts: Array, sizes: Array) -> Array:
    """Return the probability of `n` or more, raised for the number of pairs by Holm's method."""
    alone = np.ones(len(n))  # where there are no more than expected, it is large: no need to know it
    many = n * sizes > of * counts
    alone[many] = sum_tail(n[many], of[many], counts[many], sizes[many])
    order = np.argsort(alone, kind="stable")
    raised = np.maximum.accumulate(alone[order] * np.arange(len(alone), 0, -1))
    found = np.empty(len(alone))
    found[order] = np.minimum(1.0, raised)
    return found


def sum_tail(n: Array, of: Array, counts: Array, sizes: Array) -> Array:
    """Return the probability that of `of` drawn at least `n` are among `counts` of `sizes`, n above the mean.

    Terms fall from there on, each by its ratio to the one before, of all pairs at once.

    Examples
    --------
    >>> sum_tail(np.array([2]), np.array([2]), np.array([2]), np.array([4])).round(4)
    array([0.1667])
    """
    from scipy.special import gammaln

    def choose(total: Array, part: Array) -> Array:
        return np.asarray(gammaln(total + 1) - gammaln(part + 1) - gammaln(total - part + 1))

    place, others = n.astype(np.float64), sizes - counts
    term = np.exp(choose(counts, place) + choose(others, of - place) - choose(sizes, of))
    total = term.copy()
    while (term > 1e-12 * total).any():
        term = term * (counts - place) * (of - place) / ((place + 1) * (others - of + place + 1))
        place += 1
        total += term
    return np.asarray(total)
