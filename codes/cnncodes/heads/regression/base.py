"""What regression heads share: the cross-validated choice, prediction."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from cnncodes.errors import warn
from cnncodes.heads.folds import Rows, make_splits
from cnncodes.heads.regression.scorers import NumberScorer
from cnncodes.heads.regression.search import NumberChoice, choose_numbers
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.targets import TargetHead

Array = npt.NDArray[Any]


class RegressionHead(RegressorMixin, TargetHead):  # type: ignore[misc]
    """Regression on codes: a `TargetHead` whose choice goes by the squared error."""

    _NOUN = "target"

    @abstractmethod
    def _fit_final(self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice) -> NumberScorer:
        """Fit all rows with what was chosen, set the attributes that say so, and return what predicts."""

    def _choose(self, rows: Rows, Y: Array) -> NumberChoice:
        splits = make_splits(rows, self.cv, self.random_state)
        self.n_folds_ = len(splits)
        scalings = self._scalings()
        if splits:
            return choose_numbers(rows, Y, splits, self._make_search(rows), scalings, self.n_jobs)
        given = self._fall_back()
        settings = [f"{name}={value:g}" for name, value in given.items()] + [f"scaling={scalings[0]!r}"]
        why = "all images are of one group (equal ones are)"
        if rows.images.max() == 0:
            why = "there is one image alone, as in training for a fold of two"
        warn(
            f"{why}, so that none can be held out: nothing was chosen by cross-validation. Used"
            f" {' and '.join(settings)}; give images of at least 2 groups.",
            UserWarning,
        )
        return NumberChoice(scalings[0], given, {})

    def predict(self, X: Any) -> Array:
        """Return predictions, shape (n_rows,), or (n_rows, n_targets) where `y` had several columns."""
        check_is_fitted(self, "scorer_")
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        prediction: Array = self.scorer_.predict(X)
        return prediction[:, 0] if self.n_targets_ == 1 else prediction

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
