"""Linear least squares with a penalty, as a scikit-learn regressor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.checks import check_setting
from cnncodes.heads.folds import Rows
from cnncodes.heads.regression.base import RegressionHead
from cnncodes.heads.regression.scorers import LinearNumberScorer
from cnncodes.heads.regression.search import NumberChoice, NumberFold, Setting
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.solvers import least_squares_path

Array = npt.NDArray[Any]

#: Powers of ten of C for rows of about length 1, ascending. Further than for classes: targets that codes
#: determine almost exactly want next to no penalty, and every value comes from one eigendecomposition.
_EXPONENTS = (-3.5, 5.5)


@dataclass(frozen=True)
class RidgeSearch:
    """What is tried: one C or (None) the grid. A `cnncodes.heads.regression.search.NumberSearch`."""

    C: float | None
    names: tuple[str, ...] = ("C",)

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return the values of C, ascending, in steps of half a power of ten.

        A standardised row has a length of about sqrt(D), a normalised one of 1: the grid moves along.
        """
        if self.C is not None:
            return [(float(self.C),)]
        shift = round(float(np.log10(max(n_features, 1)))) if scaling == "standard" else 0
        return [(float(10.0 ** (e - shift)),) for e in np.arange(_EXPONENTS[0], _EXPONENTS[1] + 0.25, 0.5)]

    def predict(self, fold: NumberFold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the predictions of the held-out rows for rising C."""
        middle = np.average(fold.Y, axis=0, weights=fold.weight)
        unit = np.abs(fold.Y - middle).max(axis=0)
        unit[unit == 0] = 1.0
        # Products are of float32, which has no room for a date in seconds, nor for its digits.
        Y = (fold.Y - middle) / unit
        for found in least_squares_path(fold.X, Y, fold.weight, [C for (C,) in settings]):
            yield found.decision(fold.held_out) * unit + middle


class RidgeRegressionHead(RegressionHead):
    """Linear least squares on codes that chooses its penalty and scaling itself.

    Parameters
    ----------
    C : float, optional
        Inverse strength of the penalty: the same minimum as scikit-learn's ``Ridge(alpha=1 / (2 * C))`` on
        scaled codes; None chooses.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1; None chooses.
    cv : int, splitter or list of (train, test)
        Folds of the choice: a number makes folds of whole groups, fewer where there are fewer groups. With
        one group there is no choice: C=1, "standard".
    random_state : int, RandomState or None
        Decides the folds.
    n_jobs : int, optional
        Threads of the search, as in joblib. The result does not depend on it.

    Attributes
    ----------
    coef_ : float64, shape (n_features,) or (n_targets, n_features)
        Weights of unscaled codes (scaling "standard"), or of codes of length 1 ("l2").
    intercept_ : float or float64, shape (n_targets,)
    C_, scaling_ : float, str
        What was chosen or given.
    cv_results_ : dict of arrays
        `scaling`, `C`, `squared_error` (the mean over targets) and `relative_error` (in units of each
        target's variance) of each candidate, over the held-out images of all folds. Empty without a search.
    n_folds_ : int
        Folds of the search; 0 without one.
    held_out_ : HeldOutNumbers or None
        What the folds said of the images that they held out, with what was chosen; `images` are those given
        to `fit`, or numbers of rows. None without a search.
    scorer_ : LinearNumberScorer
        All that prediction needs.
    n_targets_, n_features_in_, feature_names_in_

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> round(RidgeRegressionHead().fit(X, y).score(X, y), 1)
    0.5
    """

    def __init__(
        self,
        *,
        C: float | None = None,
        scaling: str | None = None,
        cv: Any = 5,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.scaling = scaling
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_params(self) -> None:
        super()._check_params()
        check_setting("C", self.C)

    def _make_search(self, rows: Rows) -> RidgeSearch:
        return RidgeSearch(self.C)

    def _fall_back(self) -> dict[str, float]:
        return {"C": 1.0 if self.C is None else float(self.C)}

    def _fit_final(self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice) -> LinearNumberScorer:
        """Fit all rows in float64."""
        self.C_ = choice.setting["C"]
        X = scaler.apply(rows.X, np.float64)
        found = next(least_squares_path(X, Y, rows.weight, [self.C_]))
        coef, intercept = scaler.fold(found.coef, found.intercept)
        one = self.n_targets_ == 1
        self.coef_: Array = coef[0] if one else coef
        self.intercept_: Any = float(intercept[0]) if one else intercept
        return LinearNumberScorer(coef, intercept, l2_normalize=choice.scaling == "l2")
