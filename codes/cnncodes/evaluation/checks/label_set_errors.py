"""Labels that an image probably lacks or should not have, where images have several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count, name_some
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.checks.label_errors import LEAST_SAVED, find_label_issues
from cnncodes.heads.multilabel.calibration import measure_labels
from cnncodes.heads.multilabel.linear import LinearLabelHead

Array = npt.NDArray[Any]

#: What is given is doubted where its probability is below that: where labels are hard to tell, a tenth of all
#: right ones were below 0.5 and in doubt, and two fifths of these below this.
DOUBT = 0.2


@dataclass(frozen=True, eq=False)
class HeldOutLabels:
    """What heads say of images that they were not fitted on.

    Attributes
    ----------
    proba : ndarray of float64, shape (n, n_labels)
    saved : ndarray of float64, shape (n_labels,)
        By how much the log-loss of each label is below that of its share alone, as a share of it.
    """

    proba: Array
    saved: Array


@dataclass(frozen=True)
class LabelIssue:
    """A label that is probably wrong: `has` says whether the image has it."""

    row: int
    label: int
    has: bool
    probability: float

    @property
    def given(self) -> float:
        """Probability of what is given: that the image has the label, or that it has not."""
        return self.probability if self.has else 1 - self.probability


def predict_labels(
    codes: npt.NDArray[np.float32], Y: Array, groups: Array, *, random_state: int = 0
) -> HeldOutLabels:
    """Return each label's probability for every image, by ridge heads fitted on the other folds.

    Codes of length 1, the penalty that is best over all folds, which are stratified by the labels, and
    probabilities by Platt scaling on the same held-out values.

    Parameters
    ----------
    codes : ndarray of float32, shape (n, code_size)
    Y : ndarray of int8, shape (n, n_labels)
        1 where an image has a label, else 0; each on, and lacking from, images of two groups.
    groups : ndarray of int64, shape (n,)
        Images of a group are in one fold.
    random_state : int
        Decides the folds.
    """
    head = LinearLabelHead("ridge", scaling="l2", random_state=random_state, n_jobs=1)
    head.fit(codes, Y, groups=groups)
    held_out = head.held_out_
    assert held_out is not None
    decision = np.empty(Y.shape)
    decision[held_out.images] = held_out.prediction
    _, relative = measure_labels(held_out.prediction, held_out.y, held_out.weight)
    return HeldOutLabels(np.asarray(head.scorer_.proba_from_decision(decision)), 1 - relative)


def find_label_set_issues(Y: Array, found: HeldOutLabels) -> list[LabelIssue]:
    """Return labels that images probably lack, or should not have, the most suspicious first.

    Each label by itself is a question of two answers, as Thyagarajan et al. (2022) have it, to which
    `find_label_issues` is put; ranked by the probability of what is given, over all labels, and from 0.2 on
    left out, as are labels of which predictions save less than a tenth of the log-loss.

    References
    ----------
    A. Thyagarajan, E. Snorrason, C. Northcutt and J. Mueller, "Identifying incorrect annotations in
    multi-label classification data", 2022.

    Examples
    --------
    >>> Y = np.array([[1], [1], [0], [0], [0]])
    >>> proba = np.array([[0.9], [0.8], [0.1], [0.1], [0.9]])
    >>> find_label_set_issues(Y, HeldOutLabels(proba, np.array([0.5])))
    [LabelIssue(row=4, label=0, has=False, probability=0.9)]
    """
    issues = []
    for label in np.flatnonzero(found.saved >= LEAST_SAVED).tolist():
        y, p = Y[:, label].astype(np.int64), found.proba[:, label]
        for row in find_label_issues(y, np.column_stack([1 - p, p])).tolist():
            issues.append(LabelIssue(row, label, bool(y[row]), float(p[row])))
    return sorted((one for one in issues if one.given < DOUBT), key=lambda one: one.given)


def find_suspected_label_sets(
    keys: Sequence[str], Y: Array, found: HeldOutLabels, names: Sequence[str]
) -> list[Finding]:
    """Report labels that images probably lack, or should not have.

    Parameters
    ----------
    keys : sequence of str, length n
    Y, found
        As in `find_label_set_issues`.
    names : sequence of str, length n_labels
    """
    issues = find_label_set_issues(Y, found)
    if not issues:
        return []
    listed = [
        {
            "image": keys[one.row],
            "label": str(names[one.label]),
            "has": one.has,
            "probability": one.probability,
        }
        for one in issues
    ]
    images = tuple(dict.fromkeys(keys[one.row] for one in issues))
    extra = sum(one.has for one in issues)
    first, verb = listed[0], "has" if issues[0].has else "lacks"
    finding = Finding(
        check="labels",
        severity="tell",
        certainty="possible",
        sentence=(
            f"{count(len(issues), 'label')} of {count(len(images), 'image')} of {len(keys):,} may be wrong"
            f" ({len(issues) - extra:,} missing, {extra:,} too many), the likeliest first:"
            f" {name_some(images, 3)}; the first {verb} {first['label']!r}, which has a probability of"
            f" {first['probability']:.2f}."
        ),
        advice="Look at them in this order, correct what is wrong, and stop where most are right.",
        images=images,
        n=len(keys),
        details={"labels": listed},
    )
    return [finding]
