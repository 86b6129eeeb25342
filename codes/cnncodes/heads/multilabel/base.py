"""What multi-label heads share: the choice by log-loss, calibration and thresholds, prediction."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from cnncodes.errors import UsageError, warn
from cnncodes.heads.folds import Rows, Split
from cnncodes.heads.multilabel.calibration import (
    choose_thresholds,
    fit_platt,
    lose_by_share,
    lose_labels,
    measure_labels,
)
from cnncodes.heads.multilabel.folds import find_scarce, make_label_splits
from cnncodes.heads.multilabel.scorers import F1, LabelScorer, check_threshold, expit
from cnncodes.heads.regression.search import TIE, HeldOutNumbers, NumberChoice, sweep_numbers
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.targets import TargetHead

Array = npt.NDArray[Any]


class MultiLabelHead(ClassifierMixin, TargetHead):  # type: ignore[misc]
    """A decision value of each label, calibrated label by label on held-out images.

    A subclass has the parameter `threshold`, and says besides what a `TargetHead` does how all rows become a
    scorer (`_make_scorer`).
    """

    _NOUN = "label set"

    def _guess_slope(self) -> float:
        """Return the slope of probabilities where no held-out image tells one."""
        return 1.0

    def _stops(self) -> bool:
        """Say whether each further setting costs, so that the rest of a grid may be left out."""
        return False

    @abstractmethod
    def _make_scorer(
        self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice, labels: dict[str, Any]
    ) -> LabelScorer:
        """Fit all rows with what was chosen; `labels` are the fields that `LabelScorer` has besides."""

    def _check_params(self) -> None:
        super()._check_params()
        check_threshold(self.threshold)

    def _check_rows(self, X: Any, y: Any, sample_weight: Any, groups: Any, images: Any) -> tuple[Rows, Array]:
        dense = y.toarray() if hasattr(y, "toarray") else y
        rows, Y = super()._check_rows(X, dense, sample_weight, groups, images)
        wrong = ~np.isin(Y, (0, 1))
        if wrong.any():
            raise UsageError(f"y must hold 0 and 1, a column a label. Got {Y[wrong][0]:g}.")
        constant = np.flatnonzero((Y[:1] == Y).all(axis=0))
        if len(constant):
            where = "all" if Y[0, constant[0]] else "none"
            raise UsageError(
                f"label {constant[0]} is on {where} of the rows: there is nothing to learn of it."
            )
        self.classes_ = np.arange(Y.shape[1])
        return rows, Y

    def _choose(self, rows: Rows, Y: Array) -> NumberChoice:
        splits = make_label_splits(rows, Y, self.cv, self.random_state)
        self.n_folds_ = len(splits)
        self.scarce_ = find_scarce(rows.groups, Y)
        if splits and len(self.scarce_) < Y.shape[1]:
            return self._choose_labels(rows, Y, splits)
        given = self._fall_back()
        settings = [f"{name}={value:g}" for name, value in given.items()]
        settings.append(f"scaling={self._scalings()[-1]!r}")
        warn(
            "no label has images of two groups (equal ones are of one) both with and without it, so that none"
            " can be held out: nothing was chosen by cross-validation, and probabilities are a guess. Used"
            f" {' and '.join(settings)}; give more images.",
            UserWarning,
        )
        return NumberChoice(self._scalings()[-1], given, {})

    def _choose_labels(self, rows: Rows, Y: Array, splits: Sequence[Split]) -> NumberChoice:
        """Choose by the log-loss of held-out images, each label in units of that of its share."""
        judged = np.setdiff1d(np.arange(Y.shape[1]), self.scarce_)
        search = self._make_search(rows)
        table: dict[str, list[Any]] = {n: [] for n in ("scaling", *search.names, "log_loss", "relative_loss")}
        best: tuple[float, str, Any, HeldOutNumbers | None] = np.inf, "", (), None
        unit = lose_by_share(Y[:, judged], rows.weight)

        def lose(found: HeldOutNumbers) -> Array:
            decision, y = found.prediction[:, judged], found.y[:, judged]
            return np.asarray((lose_labels(decision, y, found.weight) / unit).mean(axis=1))

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            stops = lose if self._stops() else None
            swept = list(sweep_numbers(rows, Y, splits, search, self._scalings(), self.n_jobs, stops))
        for scaling, setting, held_out in swept:
            loss, relative = np.inf, np.inf
            if held_out is not None:
                decision, y = held_out.prediction[:, judged], held_out.y[:, judged]
                loss, relative = (float(v.mean()) for v in measure_labels(decision, y, held_out.weight))
            for name, value in zip(table, (scaling, *setting, loss, relative), strict=True):
                table[name].append(value)
            if relative < best[0] * (1 - TIE):
                best = relative, scaling, setting, held_out
        arrays = {name: np.asarray(column) for name, column in table.items()}
        _, scaling, setting, held_out = best
        return NumberChoice(scaling, dict(zip(search.names, setting, strict=True)), arrays, held_out)

    def _fit_final(self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice) -> LabelScorer:
        n = Y.shape[1]
        slope, offset = np.full(n, self._guess_slope()), np.zeros(n)
        threshold = np.full(n, 0.5 if self.threshold == F1 else float(self.threshold))
        if (found := choice.held_out) is not None:
            judged = np.setdiff1d(np.arange(n), self.scarce_)
            decision, y = found.prediction[:, judged], found.y[:, judged]
            slope[judged], offset[judged] = fit_platt(decision, y, found.weight)
            if self.threshold == F1:
                proba = expit(slope[judged] * decision + offset[judged])
                threshold[judged] = choose_thresholds(proba, y, found.weight)
        labels = {"classes": self.classes_, "slope": slope, "offset": offset, "threshold": threshold}
        return self._make_scorer(rows, Y, scaler, choice, labels)

    def decision_function(self, X: Any) -> Array:
        """Return decision values, shape (n_rows, n_labels)."""
        check_is_fitted(self, "scorer_")
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        decision: Array = self.scorer_.decision(X)
        return decision

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each label, shape (n_rows, n_labels); rows do not sum to 1."""
        proba: Array = self.scorer_.proba_from_decision(self.decision_function(X))
        return proba

    def predict(self, X: Any) -> Array:
        """Return 1 where a label's probability is at least its threshold, else 0, columns as `classes_`."""
        return np.asarray(self.scorer_.choose(self.predict_proba(X)), dtype=np.int64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_label = True
        return tags
