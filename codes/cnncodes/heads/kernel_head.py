"""The SVM with radial basis functions as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs

from cnncodes.errors import CostWarning, UsageError, warn
from cnncodes.heads.base import SingleHead
from cnncodes.heads.checks import check_setting, is_number
from cnncodes.heads.drawing import draw_images, take_part
from cnncodes.heads.folds import Rows, Split
from cnncodes.heads.kernel_search import KernelSearch, fit_machine
from cnncodes.heads.kernels import KernelScorer, mean_square_distance
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.sweep import Choice, choose

Array = npt.NDArray[Any]

#: Rows above which a fit takes minutes, and how many seconds it took with so many of 1,280 columns.
_MANY, _SECONDS = 20_000, 150
#: Folds of all rows at work at once: each has the kernel of its rows in memory.
_AT_ONCE = 2


class KernelHead(SingleHead):
    """An SVM with radial basis functions: scikit-learn's `SVC` on scaled codes.

    Parameters
    ----------
    C : float, optional
        What the summed hinge loss, in sample weights, counts against the penalty; None chooses.
    gamma : float, optional
        Width of the kernel, in units of 1 over the mean squared distance of two training rows after scaling
        (of standardised columns scikit-learn's ``gamma="scale"`` is 2); None chooses.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1; None chooses.
    search_rows : int
        What is open is chosen on so many rows at most, of images that are drawn from every class. All rows
        are fitted afterwards, once.
    cv, class_weight, random_state, n_jobs
        As in `cnncodes.heads.estimator.LinearHead`. Without folds codes have length 1, C is 10, gamma
        0.5.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    C_, gamma_, scaling_ : float, float, str
        What was chosen or given.
    cv_results_ : dict of arrays
        `scaling`, `C`, `gamma`, `log_loss`, `accuracy` and `temperature` of each candidate, over the held-out
        images of all folds. Empty without a search.
    n_folds_, n_searched_ : int
        Folds and images of the search; 0 without one.
    scarce_ : ndarray of int64
        As of `cnncodes.heads.estimator.LinearHead`.
    scorer_ : KernelScorer
        All that prediction needs; its `gamma` is that of scikit-learn.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Notes
    -----
    Of several classes each pair has its machine, one against one, as in `SVC`. Where that lets pairs vote,
    here each gives a class the probability ``p = 1 / (1 + exp(-3 * value))``, and a class's decision value is
    the sum of ``log(p)`` over its pairs: where `SVC`'s votes are clear it is the same class, and unlike votes
    these can be averaged over views and made probabilities. The temperature is that of held-out images.

    A fit takes time with the square of the rows; a warning says how long from 20,000 rows on.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> KernelHead().fit(X, y).predict(X[:2])
    array([0, 0])
    """

    def __init__(
        self,
        *,
        C: float | None = None,
        gamma: float | None = None,
        scaling: str | None = None,
        search_rows: int = 4000,
        cv: Any = 5,
        class_weight: Any = None,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.scaling = scaling
        self.search_rows = search_rows
        self.cv = cv
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_params(self) -> None:
        super()._check_params()
        check_setting("C", self.C)
        check_setting("gamma", self.gamma)
        if not is_number(self.search_rows):
            raise UsageError(f"search_rows must be a number above 0. Got {self.search_rows!r} instead.")

    def _make_search(self) -> KernelSearch:
        return KernelSearch(self._scalings(), self.C, self.gamma)

    def _fall_back(self) -> Choice:
        self.n_searched_ = 0
        given = {"C": self.C or 10.0, "gamma": self.gamma or 0.5}
        return Choice(self._scaling_without_folds(), given, 1.0, {})

    def _search(self, rows: Rows, splits: Sequence[Split]) -> Choice:
        """Cross-validate on those folds, or on what of them is drawn where there are many rows."""
        if len(rows.X) > self.search_rows:
            drawn = draw_images(rows, int(self.search_rows), self.random_state)
            part, left = take_part(rows, splits, drawn)
            if left:
                self.n_searched_ = int(part.images.max()) + 1
                # What it held out are images of the part alone.
                return replace(self._soften(super()._search(part, left)), held_out=None)
        self.n_searched_ = int(rows.images.max()) + 1
        return super()._search(rows, splits)

    def _validate(self, rows: Rows, splits: Sequence[Split], choice: Choice) -> Choice:
        """Cross-validate what was chosen on a part of the images on all of them."""
        if int(rows.images.max()) + 1 == self.n_searched_:
            return choice
        search = KernelSearch((choice.scaling,), choice.setting["C"], choice.setting["gamma"])
        lanes = min(effective_n_jobs(self.n_jobs), _AT_ONCE)
        found = choose(rows, splits, search, lanes)
        return Choice(choice.scaling, choice.setting, found.temperature, choice.table, found.held_out)

    def _fit_final(self, rows: Rows, choice: Choice) -> None:
        """Fit all rows, to a tighter tolerance than the search needs."""
        if len(rows.X) > _MANY:
            minutes = _SECONDS / 60 * (len(rows.X) / _MANY) ** 2 * rows.X.shape[1] / 1280
            warn(
                f"rbf-svm takes time with the square of the rows: about {minutes:.0f} minutes for"
                f" {len(rows.X):,}. Train on fewer views, or choose a linear head.",
                CostWarning,
            )
        scaler = Scaler.learn(choice.scaling, rows.X, rows.weight)
        X = scaler.apply(rows.X, np.float64)
        self.C_, self.gamma_ = choice.setting["C"], choice.setting["gamma"]
        self.scaling_, self.cv_results_ = choice.scaling, choice.table
        gamma = self.gamma_ / mean_square_distance(X, rows.weight)
        machine = fit_machine(X, rows.y, rows.loss_weight, self.C_, gamma)
        self.scorer_ = KernelScorer(
            X[machine.support],
            machine.dual,
            machine.counts,
            machine.intercept,
            self.classes_,
            gamma,
            *scaler.to_arrays(),
            temperature=choice.temperature,
        )
