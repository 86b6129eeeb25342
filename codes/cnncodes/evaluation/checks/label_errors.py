"""Images whose label is probably wrong: confident learning on out-of-fold probabilities."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count, name_some
from cnncodes.evaluation.checks.finding import Finding

_FLOOR = 1e-6

#: Share of the log-loss that a label has by its frequency alone, or classes by theirs, that predictions must
#: save: else they say nothing of it.
LEAST_SAVED = 0.1


def find_label_issues(y: npt.NDArray[np.int64], proba: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the rows whose label is probably wrong, the most suspicious first.

    A class's threshold is the mean probability that its own images are given. An image counts for the most
    likely class of those whose threshold it reaches. Where that is not its label, it is off the diagonal of
    the confident joint, and suspected unless its label is the most likely class after all. Ranked by
    self-confidence, the probability of the label: with planted errors it found more among the first than
    the margin did.

    Parameters
    ----------
    y : ndarray of int64, shape (n,)
        Given classes, as numbers of columns.
    proba : ndarray of float64, shape (n, n_classes)
        Out-of-fold probabilities, rows that sum to 1.

    Returns
    -------
    ndarray of int64

    References
    ----------
    C. G. Northcutt, L. Jiang, I. L. Chuang, "Confident learning: estimating uncertainty in dataset labels",
    Journal of Artificial Intelligence Research 70, 2021.

    Examples
    --------
    >>> proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1]])
    >>> find_label_issues(np.array([0, 0, 1, 1]), proba)
    array([3])
    """
    n_classes = proba.shape[1]
    own = proba[np.arange(len(y)), y]
    totals = np.bincount(y, own, minlength=n_classes)
    sizes = np.bincount(y, minlength=n_classes)
    # A class without images takes nobody.
    threshold = np.where(sizes > 0, np.maximum(totals / np.maximum(sizes, 1), _FLOOR), np.inf)
    reached = proba >= threshold - _FLOOR
    confident = np.where(reached, proba, -1).argmax(axis=1)
    suspected = reached.any(axis=1) & (confident != y) & (proba.argmax(axis=1) != y)
    rows = np.flatnonzero(suspected)
    return np.asarray(rows[np.argsort(own[rows], kind="stable")])


def find_suspected_labels(
    keys: Sequence[str],
    y: npt.NDArray[np.int64],
    proba: npt.NDArray[np.float64],
    classes: Sequence[str],
    untold: Collection[tuple[int, int]] = (),
) -> tuple[list[Finding], str]:
    """Report images whose label is probably wrong, and say of which nothing can be said.

    Nothing is where probabilities save less than a tenth of the log-loss that the classes' shares alone have:
    all labels look wrong then; nor that a label should be another one of two that are not told apart.

    Parameters
    ----------
    keys : sequence of str, length n
    y, proba
        As in `find_label_issues`.
    classes : sequence of str, length n_classes
        Names of the columns.
    untold : collection of pairs of int
        Classes that are not told apart, the first below the second.
    """
    if measure_saving(y, proba) < LEAST_SAVED:
        return [], "codes tell too little of the classes to call a label wrong."
    suggested = proba.argmax(axis=1)
    rows = find_label_issues(y, proba)
    known = [(min(pair), max(pair)) not in untold for pair in zip(y[rows], suggested[rows], strict=True)]
    left_out = ""
    if not all(known):
        told = f"{count(len(rows) - sum(known), 'label')} of classes that are not told apart"
        left_out = f"{told}: none of them is called wrong."
        rows = rows[known]
    if not len(rows):
        return [], left_out
    listed = [
        {
            "image": keys[i],
            "label": str(classes[y[i]]),
            "suggested": str(classes[suggested[i]]),
            "probability": float(proba[i, y[i]]),
        }
        for i in rows
    ]
    images = tuple(str(row["image"]) for row in listed)
    first = listed[0]
    finding = Finding(
        check="labels",
        severity="tell",
        certainty="possible",
        sentence=(
            f"{count(len(rows), 'label')} of {len(y):,} may be wrong, the likeliest first:"
            f" {name_some(images, 3)}; the first is labelled {first['label']!r} and looks like"
            f" {first['suggested']!r}."
        ),
        advice="Look at them in this order, correct what is wrong, and stop where most are right.",
        images=images,
        n=len(y),
        details={"labels": listed},
    )
    return [finding], left_out


def measure_saving(y: npt.NDArray[np.int64], proba: npt.NDArray[np.float64]) -> float:
    """Return the share of the log-loss of the classes' shares that probabilities save; below 0 they add.

    Examples
    --------
    >>> y = np.array([0, 0, 1, 1])
    >>> measure_saving(y, np.full((4, 2), 0.5)), round(measure_saving(y, np.eye(2)[y]), 2)
    (0.0, 1.0)
    """
    own = np.clip(proba[np.arange(len(y)), y], _FLOOR, 1)
    shares = np.bincount(y) / len(y)
    known = -np.log(shares[y]).mean()
    return float(1 + np.log(own).mean() / known) if known > 0 else 0.0
