"""What heads with columns of targets share, numbers or labels: the checks of their rows, and how they fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_limits

from cnncodes.errors import UsageError
from cnncodes.heads.checks import check_scaling, take_used
from cnncodes.heads.folds import Rows, first_of
from cnncodes.heads.regression.search import NumberChoice, NumberSearch
from cnncodes.heads.scaling import SCALINGS, Scaler

Array = npt.NDArray[Any]


class TargetHead(BaseEstimator, ABC):  # type: ignore[misc]
    """A head on codes that chooses by grouped cross-validation what its user left open.

    A subclass has the parameters `scaling`, `cv`, `random_state` and `n_jobs`, and says what is tried
    (`_make_search`), how that is chosen (`_choose`), what is taken where nothing can be chosen
    (`_fall_back`), and how all rows are fitted (`_fit_final`).
    """

    #: What a column of `y` is, for the text of errors.
    _NOUN: str

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, images: Any = None) -> Self:
        """Choose what was left open by cross-validation, then fit all rows.

        Parameters
        ----------
        X : float, shape (n_rows, n_features)
            Codes, one row a view.
        y : shape (n_rows,) or (n_rows, n_columns)
            Numbers of regression; of multi-label heads 0 and 1, a column a label.
        sample_weight : float, shape (n_rows,), optional
            Give 1/V to each of the V rows of an image, so that it counts once.
        groups : shape (n_rows,), optional
            Rows of a group are held out together. Default: `images`, or else rows with equal codes.
        images : shape (n_rows,), optional
            Which image a row shows: held-out images are judged by the mean over their rows. Default: each
            row is an image.

        Raises
        ------
        UsageError
            If a parameter is wrong, or an image has two targets or groups.
        ValueError
            If the codes or targets are not finite.
        """
        self._check_params()
        rows, Y = self._check_rows(X, y, sample_weight, groups, images)
        # One BLAS thread: threads of ours do the rest, and sums come out the same whatever their number.
        with threadpool_limits(1, user_api="blas"):
            choice = self._choose(rows, Y)
            scaler = Scaler.learn(choice.scaling, rows.X, rows.weight)
            self.scorer_ = self._fit_final(rows, Y, scaler, choice)
        self.scaling_, self.cv_results_ = choice.scaling, choice.table
        found = choice.held_out
        self.held_out_ = None if found is None else found.named(rows, images)
        return self

    def _check_params(self) -> None:
        """Raise `UsageError` if a parameter is wrong."""
        check_scaling(self.scaling)

    @abstractmethod
    def _make_search(self, rows: Rows) -> NumberSearch:
        """Return what is tried."""

    @abstractmethod
    def _choose(self, rows: Rows, Y: Array) -> NumberChoice:
        """Cross-validate what is open."""

    @abstractmethod
    def _fall_back(self) -> dict[str, float]:
        """Return the settings that were given, and where none were, what is sensible for a few images."""

    @abstractmethod
    def _fit_final(self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice) -> Any:
        """Fit all rows with what was chosen, set the attributes that say so, and return what predicts."""

    def _check_rows(self, X: Any, y: Any, sample_weight: Any, groups: Any, images: Any) -> tuple[Rows, Array]:
        if getattr(X, "dtype", None) == np.float16:
            X = X.astype(np.float32)
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True)
        rows = take_used(X, sample_weight, groups, images)
        self.n_targets_ = 1 if y.ndim == 1 else y.shape[1]
        Y = np.asarray(y, dtype=np.float64).reshape(len(X), -1)[rows.used]
        if np.any(first_of(Y, rows.images)[rows.images] != Y):
            noun = self._NOUN
            raise UsageError(f"rows of one image have different {noun}s; an image must have one {noun} only.")
        one = np.zeros(len(Y), dtype=np.int64)  # as if all were of one class: folds then are of groups alone
        weight = rows.weight
        return Rows(rows.X, one, weight, weight, rows.images, rows.groups, 1, rows.position), Y

    def _scalings(self) -> tuple[str, ...]:
        """Return the scalings that are tried."""
        return SCALINGS if self.scaling is None else (self.scaling,)
