"""The head that chooses among the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, suggest
from cnncodes.heads.base import Head
from cnncodes.heads.calibration import log_losses
from cnncodes.heads.folds import Rows, Split
from cnncodes.heads.kinds import make_kind
from cnncodes.heads.names import BY_COST
from cnncodes.heads.one_error import choose_cheapest, find_within, standard_error
from cnncodes.heads.sweep import Choice, HeldOut

Array = npt.NDArray[Any]

#: Kinds that are not tried above so many rows: the time of one, and the size and prediction of the other.
LIMITS = {"knn": 50_000, "rbf-svm": 10_000}


class AutoHead(Head):
    """The cheapest head that is as good as the best, by grouped cross-validation.

    Parameters
    ----------
    kinds : list of str, optional
        Which heads are tried, of `cnncodes.heads.names.BY_COST`; None means all.
    scaling, cv, class_weight, random_state, n_jobs
        Of every head that is tried, as in `cnncodes.heads.estimator.LinearHead`.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    head_ : LinearHead, NeighborHead or KernelHead
        The head that was chosen, fitted.
    reason_ : str
        In one line what was chosen and why.
    cv_results_ : dict of arrays
        A row for each kind that was tried, the cheapest first: `kind`; `log_loss`, `accuracy` and their
        standard errors, `log_loss_error` and `accuracy_error`; how far the log-loss is `behind` the best, and
        the standard error of that, `behind_error`; `seconds` of its search. Empty without one.
    n_folds_ : int
        Folds of the search; 0 without one.
    scarce_ : ndarray of int64
        Numbers of the classes of which no image was held out, as they have images of one group alone; without
        a search all.
    scorer_ : Scorer
        That of `head_`.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Notes
    -----
    All kinds meet the same folds. Each brings the settings and the temperature that are best for it, and is
    judged by the log-loss of the held-out images with these. The first, in the order centroid, ridge, lda,
    logistic, linear-svm, knn, rbf-svm, whose mean loss is no further above the least than one standard error
    of the difference, over images (groups, where these hold several), is fitted on all rows; or a cheaper one
    whose mean loss is no more than its. The figures have chosen, and so are a little better than those of new
    images.

    With more than 50,000 rows "knn" is not tried, with more than 10,000 "rbf-svm"; what this chooses on a
    part of the rows is measured on all. Where images of one class at most can be held out the cheapest kind
    is taken, with a warning.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> AutoHead(kinds=["centroid", "lda"]).fit(X, y).head_.kind
    'lda'
    """

    def __init__(
        self,
        *,
        kinds: Any = None,
        scaling: str | None = None,
        cv: Any = 5,
        class_weight: Any = None,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.kinds = kinds
        self.scaling = scaling
        self.cv = cv
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_params(self) -> None:
        super()._check_params()
        if self.kinds is None:
            return
        if isinstance(self.kinds, str) or not isinstance(self.kinds, Sequence) or not len(self.kinds):
            raise UsageError(f"kinds must be a list of {', '.join(BY_COST)}, or None. Got {self.kinds!r}.")
        for kind in self.kinds:
            if kind not in BY_COST:
                raise UsageError(f"unknown kind of head {kind!r}. {suggest(str(kind), BY_COST)}")

    def _kinds(self) -> list[str]:
        return [kind for kind in BY_COST if self.kinds is None or kind in self.kinds]

    def _make(self, kind: str) -> Head:
        given = {name: getattr(self, name) for name in ("scaling", "cv", "class_weight")}
        return make_kind(kind, **given, random_state=self.random_state, n_jobs=self.n_jobs)

    def _fall_back(self) -> Choice:
        kind = self._kinds()[0]
        self.head_ = self._make(kind)
        self.cv_results_: dict[str, Array] = {}
        self.reason_ = f"chose {kind}, the cheapest: too few classes have images to hold out"
        return self.head_._fall_back()

    def _describe(self, choice: Choice) -> str:
        return f"{self._kinds()[0]}, the cheapest head, with {self.head_._describe(choice)}"

    def _search(self, rows: Rows, splits: Sequence[Split]) -> Choice:
        """Cross-validate every kind on the same folds and take the cheapest that is as good as the best."""
        self.n_folds_ = len(splits)
        kinds = [kind for kind in self._kinds() if len(rows.X) <= LIMITS.get(kind, np.inf)]
        if not kinds:
            raise UsageError(
                f"none of the kinds {', '.join(self._kinds())} is tried with {len(rows.X):,} rows: give a"
                " linear one too."
            )
        heads, choices, seconds = [self._make(kind) for kind in kinds], [], []
        for head in heads:
            started = time.perf_counter()
            choices.append(head._validate(rows, splits, head._search(rows, splits)))
            seconds.append(time.perf_counter() - started)
        answers = [choice.held_out for choice in choices if choice.held_out is not None]
        losses = [
            log_losses(one.decision, one.y, choice.temperature)
            for one, choice in zip(answers, choices, strict=True)
        ]
        weight, groups = answers[0].weight, answers[0].groups
        chosen, best, behind, error = choose_cheapest(losses, weight, groups)
        self.cv_results_ = _tabulate(kinds, answers, losses) | {
            "behind": behind,
            "behind_error": error,
            "seconds": np.array(seconds),
        }
        left_out = [kind for kind in self._kinds() if kind not in kinds]
        self.reason_ = _say(self.cv_results_, chosen, best, len(losses[0]), left_out)
        self.head_ = heads[chosen]
        return choices[chosen]

    def _has_temperature(self) -> bool:
        return self.head_._has_temperature()

    def _is_spread_unknown(self, rows: Rows) -> bool:
        return self.head_._is_spread_unknown(rows)

    def _guess_temperature(self, X: Array, y: Array) -> None:
        """Let the chosen head do that."""
        self.head_._guess_temperature(X, y)
        self.scorer_ = self.head_.scorer_

    def _fit_final(self, rows: Rows, choice: Choice) -> None:
        """Fit the chosen head on all rows."""
        for name in ("classes_", "n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(self.head_, name, getattr(self, name))
        self.head_.n_folds_, self.head_.scarce_ = self.n_folds_, self.scarce_
        self.head_._fit_final(rows, choice)
        self.scorer_ = self.head_.scorer_


def _tabulate(kinds: list[str], answers: list[HeldOut], losses: list[Array]) -> dict[str, Array]:
    """Return what the kinds reached on the held-out images."""
    weight, groups = answers[0].weight, answers[0].groups
    table: dict[str, Array] = {"kind": np.array(kinds)}
    right = [one.is_right().astype(float) for one in answers]
    for name, columns in (("log_loss", losses), ("accuracy", right)):
        table[name] = np.array([np.average(values, weights=weight) for values in columns])
        table[f"{name}_error"] = np.array([standard_error(values, weight, groups) for values in columns])
    return table


def _say(table: dict[str, Array], chosen: int, best: int, n_images: int, left_out: list[str]) -> str:
    """Say in one line what was chosen and why."""
    kind, loss = table["kind"], [_show_loss(one) for one in table["log_loss"]]
    behind, error = table["behind"], table["behind_error"]
    gap = [f"{one:.4f} ± {its:.4f}" for one, its in zip(behind, error, strict=True)]
    within = find_within(behind, error)
    text = f"chose {kind[chosen]}: its log-loss, {loss[chosen]} on {n_images:,} held-out images, is"
    if chosen == best:
        text = f"chose {kind[best]}: its log-loss is the least, {loss[best]} on {n_images:,} held-out images"
    elif chosen == within:
        text += (
            f" within one standard error of the least ({kind[best]}, {loss[best]}; behind by {gap[chosen]})"
        )
    else:
        text += (
            f" {gap[chosen]} above the least ({kind[best]}, {loss[best]}), and no more than that of"
            f" {kind[within]}, which is dearer and within one standard error of it (behind by {gap[within]})"
        )
    if far := [f"{kind[i]} {gap[i]}" for i in range(chosen)]:
        text += f"; cheaper heads are further behind ({', '.join(far)})"
    if left_out:
        text += f"; too many rows to try {', '.join(left_out)}"
    return text


def _show_loss(loss: float) -> str:
    return "below 0.0001" if 0 < loss < 0.0001 else f"{loss:.4f}"  # no loss of probabilities is 0
