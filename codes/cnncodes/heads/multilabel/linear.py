"""One-vs-rest linear classifiers of labels, as a scikit-learn classifier."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, suggest
from cnncodes.heads.checks import check_setting
from cnncodes.heads.crew import Crew
from cnncodes.heads.curvature import Covariance
from cnncodes.heads.folds import Rows
from cnncodes.heads.linear_kinds import LINEAR_KINDS
from cnncodes.heads.multilabel.base import MultiLabelHead
from cnncodes.heads.multilabel.scorers import F1, LinearLabelScorer
from cnncodes.heads.paths import SEARCH_STEPS, LinearSearch
from cnncodes.heads.problem import Problem, Solution
from cnncodes.heads.regression.search import NumberChoice, NumberFold, Setting
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.solvers import fit_one_vs_rest, least_squares_path, one_vs_rest_path

Array = npt.NDArray[Any]

KINDS = ("logistic", "ridge")

#: What a label's fit in the search may be above its lowest loss, as a share of it. The mean over labels is
#: then below what the search for classes allows, since most end well before.
_SEARCH_EXCESS = 2e-4
#: What the last fit may be above the lowest loss, as a share of it.
_EXCESS = 1e-13


def label_path(
    kind: str, X: Array, Y: Array, weight: Array, Cs: Sequence[float], **settings: Any
) -> Iterator[Solution]:
    """Yield the heads of all labels for rising C.

    Parameters
    ----------
    kind : {"logistic", "ridge"}
    X : float ``[n, D]``
        Scaled rows.
    Y : float ``[n, L]``
        0 and 1, both in each column.
    weight : float ``[n]``
    Cs : sequence of float
    **settings
        `excess`, `max_iter`, `covariance` and `run` of a `Problem`, for what goes down step by step.
    """
    if kind == "ridge":
        return least_squares_path(X, 2 * Y - 1, weight, Cs)
    problem = Problem(X, np.zeros(len(X), dtype=np.int64), weight, 1, **settings)
    return one_vs_rest_path(problem, Y, Cs)


@dataclass(frozen=True)
class LinearLabelSearch:
    """What is tried: a kind, and one C or (None) the grid. A `cnncodes.heads.regression.search.NumberSearch`.

    `covariances` has about that of scaled rows, by scaling, where the kind needs it.
    """

    kind: str
    C: float | None
    max_iter: int
    covariances: Mapping[str, Covariance | None] = field(default_factory=dict)
    names: tuple[str, ...] = ("C",)

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return the values of C, ascending, as for classes."""
        return LinearSearch(self.kind, (scaling,), self.C, self.max_iter).grid(scaling, n_features)

    def predict(self, fold: NumberFold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the decision values of the held-out rows for rising C.

        A label that all rows of the fold have, or none, is a constant: what its share says.
        """
        share = np.average(fold.Y, axis=0, weights=fold.weight)
        varied = np.flatnonzero((share > 0) & (share < 1))
        total = float(fold.weight.sum())
        odds = np.log((share * total + 1) / ((1 - share) * total + 1))
        constant = np.clip(odds, -1, 1) if self.kind == "ridge" else odds
        found = label_path(
            self.kind,
            fold.X,
            fold.Y[:, varied],
            fold.weight,
            [C for (C,) in settings],
            excess=_SEARCH_EXCESS,
            max_iter=min(self.max_iter, SEARCH_STEPS),
            covariance=self.covariances.get(fold.scaling),
            run=fold.run,
        )
        for solution in found:
            decision = np.tile(constant, (len(fold.held_out), 1))
            decision[:, varied] = solution.decision(fold.held_out)
            yield decision
            if not solution.converged:  # nor would a weaker penalty's, in as many steps again
                return


class LinearLabelHead(MultiLabelHead):
    """One linear classifier for each label, on one scaling and with one penalty, which it chooses itself.

    Parameters
    ----------
    kind : {"logistic", "ridge"}
        The same minima as scikit-learn's `OneVsRestClassifier` of `LogisticRegression`, or of
        `RidgeClassifier` (``alpha = 1 / (2 * C)``), on scaled codes. All labels have one scaling; of "ridge"
        one eigendecomposition, of "logistic" descents side by side.
    C : float, optional
        Inverse strength of the penalty, the same for all labels; None chooses.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1; None chooses.
    threshold : "f1" or float
        The probability from which on a label is named: for each label the one with the best F1 on held-out
        images, or a number for all.
    cv : int, splitter or list of (train, test)
        Folds of the choice: a number makes folds of whole groups by iterative stratification.
    max_iter : int
        Limit on the solver's iterations.
    random_state : int, RandomState or None
        Decides the folds.
    n_jobs : int, optional
        Threads of the search, as in joblib. The result does not depend on it.

    Attributes
    ----------
    classes_ : int64, shape (n_labels,)
        Numbers of the columns of `y`.
    coef_, intercept_ : float64, shapes (n_labels, n_features) and (n_labels,)
        Weights of unscaled codes (scaling "standard"), or of codes of length 1 ("l2").
    C_, scaling_ : float, str
        What was chosen or given.
    cv_results_ : dict of arrays
        `scaling`, `C`, `log_loss` (the mean over labels) and `relative_loss` (in units of what each label's
        share alone would have) of each candidate, over the held-out images of all folds, after calibration;
        infinite where a fold had stopped before. Empty without a search.
    n_folds_ : int
        Folds of the search; 0 without one.
    scarce_ : int64
        Labels that images of one group alone have, or lack: their probabilities are a guess.
    held_out_ : HeldOutNumbers or None
        Decision values of the images that the folds held out, with what was chosen. None without a search.
    scorer_ : LinearLabelScorer
        All that prediction needs.
    n_features_in_, feature_names_in_

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, Y = make_multilabel_classification(200, n_classes=3, random_state=0)
    >>> LinearLabelHead("ridge").fit(X, Y).predict(X[:2])
    array([[0, 1, 0],
           [0, 1, 1]])
    """

    def __init__(
        self,
        kind: str = "logistic",
        *,
        C: float | None = None,
        scaling: str | None = None,
        threshold: Any = F1,
        cv: Any = 5,
        max_iter: int = 1000,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.kind = kind
        self.C = C
        self.scaling = scaling
        self.threshold = threshold
        self.cv = cv
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _guess_slope(self) -> float:
        # Training rows of ridge end near 1 and -1: as far apart as `guess_temperature` has classes.
        return 5.0 if self.kind == "ridge" else 1.0

    def _stops(self) -> bool:
        return LINEAR_KINDS[self.kind].descends

    def _check_params(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(
                f"unknown kind of head for labels {self.kind!r}. {suggest(str(self.kind), KINDS)}"
            )
        super()._check_params()
        check_setting("C", self.C)
        if not isinstance(self.max_iter, numbers.Integral) or self.max_iter < 1:
            raise UsageError(f"max_iter must be a whole number above 0. Got {self.max_iter!r} instead.")

    def _make_search(self, rows: Rows) -> LinearLabelSearch:
        search = LinearSearch(self.kind, self._scalings(), self.C, self.max_iter)
        shared = {scaling: search.prepare(rows, scaling) for scaling in self._scalings()}
        return LinearLabelSearch(self.kind, self.C, self.max_iter, shared)

    def _fall_back(self) -> dict[str, float]:
        return {"C": LINEAR_KINDS[self.kind].C_without_folds if self.C is None else float(self.C)}

    def _make_scorer(
        self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice, labels: dict[str, Any]
    ) -> LinearLabelScorer:
        """Fit all rows in float64 and to a tighter tolerance than the search needs."""
        self.C_ = choice.setting["C"]
        X = scaler.apply(rows.X, np.float64)
        if self.kind == "logistic":
            numbers_of_none = np.zeros(len(X), dtype=np.int64)
            problem = Problem(X, numbers_of_none, rows.weight, 1, excess=_EXCESS, max_iter=self.max_iter)
            with Crew(self.n_jobs) as crew:
                found = fit_one_vs_rest(replace(problem, run=crew.run), Y, self.C_)
        else:
            found = next(label_path(self.kind, X, Y, rows.weight, [self.C_]))
        self.coef_, self.intercept_ = scaler.fold(found.coef, found.intercept)
        l2 = choice.scaling == "l2"
        return LinearLabelScorer(self.coef_, self.intercept_, l2, self.kind, **labels)
