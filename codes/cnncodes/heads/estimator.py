"""The linear heads as one scikit-learn classifier."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnncodes.errors import UsageError, suggest
from cnncodes.heads.base import SingleHead, has_about_one_each
from cnncodes.heads.checks import check_setting
from cnncodes.heads.crew import Crew
from cnncodes.heads.folds import Rows, Split
from cnncodes.heads.linear import LinearScorer
from cnncodes.heads.linear_kinds import LINEAR_KINDS, LinearKind
from cnncodes.heads.names import LINEAR
from cnncodes.heads.paths import LinearSearch
from cnncodes.heads.problem import Problem, Solution
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.sum_search import BY_SUMS, choose_by_sums, number_folds
from cnncodes.heads.sweep import Choice

#: C where nothing can be held out, for standardised codes: as `LinearKind.C_without_folds` for the others.
_STANDARD_WITHOUT_FOLDS = 1e-3


class LinearHead(SingleHead):
    """A linear classifier on codes that chooses its regularisation and scaling itself.

    Parameters
    ----------
    kind : {"logistic", "linear-svm", "ridge", "lda", "centroid"}
        The same minima as scikit-learn's `LogisticRegression`, `LinearSVC`, `RidgeClassifier`
        (``alpha = 1 / (2 * C)``) and `LinearDiscriminantAnalysis` (``solver="lsqr"``,
        ``shrinkage = 1 / (1 + C)``) on scaled codes; "centroid" is the nearest mean of a class.
    C : float, optional
        Inverse strength of the regularisation; None chooses. Of the first three it is what the summed loss,
        in sample weights, counts against the penalty; of "lda" what the covariance within the classes counts
        against a multiple of the identity. "centroid" has none.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1; None chooses.
    cv : int, splitter or list of (train, test)
        Folds of the choice: a number makes stratified folds of whole groups, fewer where half of them are of
        classes with fewer. Where groups of two classes cannot be held out there is no choice: "l2", with
        C=100 for "logistic" and else 1. A splitter divides rows, and is given the groups that are to stay
        whole.
    class_weight : dict or "balanced", optional
        "balanced" counts summed sample weights, not rows.
    max_iter : int
        Limit on the solver's iterations.
    random_state : int, RandomState or None
        Decides the folds.
    n_jobs : int, optional
        Threads of the search, as in joblib. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    coef_ : float64, shape (n_classes, n_features), or (1, n_features) for two classes
        Weights of unscaled codes (scaling "standard"), or of codes of length 1 ("l2").
    intercept_ : float64, shape (n_classes,) or (1,)
    C_, scaling_ : float, str
        What was chosen or given; `C_` is None for "centroid".
    cv_results_ : dict of arrays
        `scaling`, `C` (where there is one), `log_loss`, `accuracy`, `temperature` of each candidate, over the
        held-out images of all folds; log-loss infinite where the sweep had stopped before. Empty without a
        search.
    n_folds_ : int
        Folds of the search; 0 without one.
    scarce_ : ndarray of int64
        Numbers of the classes of which no image was held out, as they have images of one group alone; without
        a search all.
    held_out_ : HeldOut or None
        What the search's folds said of the images that they held out, with what was chosen; `images` are
        those given to `fit`, or numbers of rows. None without a search.
    scorer_ : LinearScorer
        All that prediction needs.
    n_iter_ : int
        Iterations of the final fit.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Notes
    -----
    The choice goes by the log-loss of the held-out images (see `cnncodes.heads.sweep`). The temperature
    behind `predict_proba` is fitted to held-out decision values, and is 1 for "logistic". Where nothing can
    be held out, or for "lda" and "centroid" the folds have about one image a class, it is a guess
    (`cnncodes.heads.calibration.guess_temperature`), and `held_out_` is None. For "centroid" all classes are
    as likely, unless `class_weight` is a dictionary: then its weights are to each other as the prior
    probabilities.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> LinearHead("ridge").fit(X, y).predict(X[:2])
    array([0, 0])
    """

    def __init__(
        self,
        kind: str = "logistic",
        *,
        C: float | None = None,
        scaling: str | None = None,
        cv: Any = 5,
        class_weight: Any = None,
        max_iter: int = 1000,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.kind = kind
        self.C = C
        self.scaling = scaling
        self.cv = cv
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def _traits(self) -> LinearKind:
        return LINEAR_KINDS[self.kind]

    def _has_temperature(self) -> bool:
        return not self._traits.gives_log_odds

    def _check_params(self) -> None:
        if self.kind not in LINEAR:
            raise UsageError(f"unknown kind of linear head {self.kind!r}. {suggest(str(self.kind), LINEAR)}")
        super()._check_params()
        check_setting("C", self.C)
        if self.C is not None and not self._traits.is_regularised:
            raise UsageError(
                f"C must be None for {self.kind}, which has nothing to regularise. Got {self.C!r}."
            )
        if not isinstance(self.max_iter, numbers.Integral) or self.max_iter < 1:
            raise UsageError(f"max_iter must be a whole number above 0. Got {self.max_iter!r} instead.")

    def _make_search(self) -> LinearSearch:
        return LinearSearch(self.kind, self._scalings(), self.C, self.max_iter)

    def _try_all(self, rows: Rows, splits: Sequence[Split]) -> Choice:
        fold = number_folds(rows, splits) if self.kind in BY_SUMS else None
        if fold is None:
            return super()._try_all(rows, splits)
        return choose_by_sums(rows, fold, len(splits), self._make_search(), self.n_jobs)

    def _needs_folds(self) -> bool:
        return self.C is None or self.scaling is None or self._has_temperature()

    def _is_spread_unknown(self, rows: Rows) -> bool:
        """Say whether folds had about one image a class, which shows no spread within the classes."""
        return self._traits.from_spread and has_about_one_each(rows, self.n_folds_)

    def _fall_back(self) -> Choice:
        scaling = self._scaling_without_folds()
        usual = self._traits.C_without_folds if scaling == "l2" else _STANDARD_WITHOUT_FOLDS
        given = {"C": usual if self.C is None else float(self.C)} if self._traits.is_regularised else {}
        return Choice(scaling, given, 1.0, {})

    def _fit_final(self, rows: Rows, choice: Choice) -> None:
        """Fit all rows in float64 and to a tighter tolerance than the search needs."""
        scaler = Scaler.learn(choice.scaling, rows.X, rows.weight)
        X = scaler.apply(rows.X, np.float64)
        C = choice.setting.get("C", 1.0)
        with Crew(self.n_jobs) as crew:
            problem = Problem(
                X,
                rows.y,
                rows.loss_weight,
                rows.n_classes,
                excess=self._traits.excess,
                max_iter=self.max_iter,
                preference=rows.preference,
                run=crew.run,
            )
            fit = self._traits.fit
            found = next(self._traits.path(problem, [C])) if fit is None else fit(problem, C)
        self._take_solution(found, scaler, choice)

    def _take_solution(self, solution: Solution, scaler: Scaler, choice: Choice) -> None:
        """Become fitted with a solution for rows that `scaler` scales."""
        self.C_ = choice.setting.get("C")
        self.coef_, self.intercept_ = scaler.fold(solution.coef, solution.intercept)
        self.n_iter_ = solution.n_iter
        self.scaling_, self.cv_results_ = choice.scaling, choice.table
        self.scorer_ = LinearScorer(
            self.coef_,
            self.intercept_,
            self.classes_,
            l2_normalize=choice.scaling == "l2",
            temperature=choice.temperature,
            kind=self.kind,
        )
