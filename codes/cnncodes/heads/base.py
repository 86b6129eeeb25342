"""What every head of ours shares: the checks of its rows, the cross-validated choice, prediction."""

from __future__ import annotations

import contextlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_is_fitted,
    column_or_1d,
    validate_data,
)
from threadpoolctl import threadpool_limits

from cnncodes.errors import ResultWarning, UsageError, warn
from cnncodes.heads.calibration import fit_temperature, guess_temperature
from cnncodes.heads.checks import check_scaling, class_weights, refuse_mixed, refuse_multilabel, take_used
from cnncodes.heads.folds import Rows, Split, first_of, make_splits
from cnncodes.heads.scaling import SCALINGS
from cnncodes.heads.scarcity import say_rarest, say_scarce
from cnncodes.heads.scoring import most_likely
from cnncodes.heads.sweep import Choice, Search, choose

Array = npt.NDArray[Any]

#: Rows at most that a temperature is guessed by: to score all may take long.
_GUESSED_BY = 1000


class Head(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier on codes that chooses by grouped, stratified cross-validation what its user left open.

    A subclass has the parameters `scaling`, `cv`, `class_weight`, `random_state` and `n_jobs`, and says how
    it chooses (`_search`), what is taken where nothing can be chosen (`_fall_back`), and how all rows are
    fitted (`_fit_final`).
    """

    #: Whether the folds' training parts have about one image of each class.
    _one_each = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, images: Any = None) -> Self:
        """Choose what was left open by cross-validation, then fit all rows.

        Parameters
        ----------
        X : float, shape (n_rows, n_features)
            Codes, one row a view.
        y : shape (n_rows,)
            Classes.
        sample_weight : float, shape (n_rows,), optional
            Give 1/V to each of the V rows of an image, so that it counts once.
        groups : shape (n_rows,), optional
            Rows of a group are held out together. Default: `images`, or else rows with equal codes.
        images : shape (n_rows,), optional
            Which image a row shows: held-out images are scored by the mean over their rows. Default: each
            row is an image.

        Raises
        ------
        UsageError
            If a parameter is wrong, there is one class only, or an image has two classes or groups.
        ValueError
            If the codes are not finite, or `y` is continuous or multi-label.
        """
        self._check_params()
        # One BLAS thread: threads of ours do the rest, and sums come out the same whatever their number.
        with _many_classes_allowed(), threadpool_limits(1, user_api="blas"):
            rows = self._check_rows(X, y, sample_weight, groups, images)
            choice = self._soften(self._choose(rows))
            self._fit_final(rows, choice)
            guessed = self._must_guess(rows)
            if guessed:
                self._guess_temperature(rows.X, rows.y)
        unknown = guessed or choice.held_out is None
        self.held_out_ = None if unknown else choice.held_out.named(rows, images)  # type: ignore[union-attr]
        return self

    def _check_params(self) -> None:
        """Raise `UsageError` if a parameter is wrong."""
        check_scaling(self.scaling)

    @abstractmethod
    def _fall_back(self) -> Choice:
        """Return what was given, and where nothing was, what is sensible for a few images."""

    def _needs_folds(self) -> bool:
        """Say whether anything is open: decision values need held-out ones for a temperature."""
        return True

    def _has_temperature(self) -> bool:
        """Say whether probabilities are made of decision values by a temperature."""
        return True

    def _soften(self, choice: Choice) -> Choice:
        """Return a choice whose temperature reckons with one further image, of which nothing is known.

        Candidates are compared without it, lest those that need no temperature have an advantage.
        """
        found = choice.held_out
        if found is None or not self._has_temperature():
            return choice
        softer = fit_temperature(found.decision, found.y, found.weight, unknown=1.0)
        return replace(choice, temperature=min(choice.temperature, softer))

    def _is_spread_unknown(self, rows: Rows) -> bool:
        """Say whether the folds' decision values are of another scale than those of all rows."""
        return False

    def _must_guess(self, rows: Rows) -> bool:
        """Say whether no held-out image tells how sure to be."""
        return self._has_temperature() and (self.n_folds_ == 0 or self._is_spread_unknown(rows))

    def _guess_temperature(self, X: Array, y: Array) -> None:
        """Give the scorer a temperature where no held-out image tells one: see `guess_temperature`."""
        some = np.unique(np.linspace(0, len(X) - 1, _GUESSED_BY).round().astype(np.int64))
        scorer: Any = self.scorer_
        temperature = guess_temperature(scorer.decision(X[some]), y[some])
        self.scorer_: Any = replace(scorer, temperature=temperature)

    @abstractmethod
    def _fit_final(self, rows: Rows, choice: Choice) -> None:
        """Fit all rows with what was chosen."""

    def _check_rows(self, X: Any, y: Any, sample_weight: Any, groups: Any, images: Any) -> Rows:
        if getattr(X, "dtype", None) == np.float16:
            X = X.astype(np.float32)
        if y is not None:
            refuse_multilabel(y)
            refuse_mixed(y)  # before NumPy makes texts of numbers
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        y = column_or_1d(y, warn=True)
        refuse_mixed(y)
        check_classification_targets(y)
        rows = take_used(X, sample_weight, groups, images)
        self.classes_, numbered = np.unique(y[rows.used], return_inverse=True)
        if len(self.classes_) < 2:
            got = f"only {self.classes_.tolist()[0]!r} (1 class)" if len(self.classes_) else "none"
            raise UsageError(f"{type(self).__name__} needs samples of at least 2 classes; got {got}")
        if np.any(first_of(numbered, rows.images)[rows.images] != numbered):
            raise UsageError("rows of one image have different classes; an image must have one class")
        per_class = class_weights(self.class_weight, self.classes_, np.bincount(numbered, rows.weight))
        return Rows(
            rows.X,
            numbered,
            rows.weight,
            rows.weight * per_class[numbered],
            rows.images,
            rows.groups,
            len(self.classes_),
            rows.position,
            per_class if isinstance(self.class_weight, dict) else None,
        )

    def _choose(self, rows: Rows) -> Choice:
        """Cross-validate what is open."""
        self.n_folds_, self.scarce_ = 0, np.arange(rows.n_classes)
        if not self._needs_folds():
            return self._fall_back()
        splits = make_splits(rows, self.cv, self.random_state, self.classes_)
        if not splits:
            return self._choose_nothing(rows)
        self._note_scarce(rows, np.concatenate([test for _, test in splits]))
        return self._search(rows, splits)

    def _note_scarce(self, rows: Rows, held_out: Array) -> None:
        """Set `scarce_`, the classes that no held-out row is of, and warn where there are any."""
        self.scarce_ = np.setdiff1d(np.arange(rows.n_classes), rows.y[held_out])
        if len(self.scarce_):
            warn(say_scarce(rows, self.scarce_, self.classes_), ResultWarning)

    def _choose_nothing(self, rows: Rows) -> Choice:
        """Return what is taken where no two folds can be made, with a warning."""
        given = self._fall_back()
        warn(
            f"{say_rarest(rows, self.classes_)}, so that none can be held out, and folds hold out images of"
            " two classes at least: nothing was chosen by cross-validation, and probabilities are a guess."
            f" Used {self._describe(given)}; give at least 2 images of each class, of 2 groups where there"
            " are any.",
            UserWarning,
        )
        return given

    def _describe(self, choice: Choice) -> str:
        settings = [f"{name}={value:g}" for name, value in choice.setting.items()]
        return " and ".join([*settings, f"scaling={choice.scaling!r}"])

    def _validate(self, rows: Rows, splits: Sequence[Split], choice: Choice) -> Choice:
        """Return a choice with the held-out answers of all images: the search may have been on some."""
        return choice

    @abstractmethod
    def _search(self, rows: Rows, splits: Sequence[Split]) -> Choice:
        """Cross-validate on those folds and set `n_folds_`."""

    def _scaling_without_folds(self) -> str:
        """Return what was given, else the scaling that is far better with one image a class."""
        return "l2" if self.scaling is None else str(self.scaling)

    def _scalings(self) -> tuple[str, ...]:
        """Return what is tried; of one image a class columns have no spread to be standardised by."""
        if self.scaling is None:
            return ("l2",) if self._one_each else SCALINGS
        return (self.scaling,)

    def decision_function(self, X: Any) -> Array:
        """Return decision values, shape (n_rows,) for two classes, else (n_rows, n_classes)."""
        check_is_fitted(self, "scorer_")
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        decision: Array = self.scorer_.decision(X)
        return decision

    def predict(self, X: Any) -> Array:
        """Return the class with the largest decision value of each row, shape (n_rows,)."""
        decision = self.decision_function(X)
        return most_likely(self.classes_, decision)

    def predict_proba(self, X: Any) -> Array:
        """Return probabilities, shape (n_rows, n_classes); columns as in `classes_`."""
        decision = self.decision_function(X)
        proba: Array = self.scorer_.proba_from_decision(decision)
        return proba


@contextlib.contextmanager
def _many_classes_allowed() -> Iterator[None]:
    """Keep scikit-learn from saying that many classes of few images could be numbers to predict."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        yield


def has_about_one_each(rows: Rows, n_folds: int) -> bool:
    """Say whether heads in so many folds are fitted on about one image of each class."""
    images = int(rows.images.max()) + 1
    return images * (1 - 1 / n_folds) < 1.5 * rows.n_classes


class SingleHead(Head):
    """A head of one kind, whose settings are those of a `Search`."""

    @abstractmethod
    def _make_search(self) -> Search:
        """Return what is tried."""

    def _search(self, rows: Rows, splits: Sequence[Split]) -> Choice:
        self.n_folds_ = len(splits)
        self._one_each = has_about_one_each(rows, self.n_folds_)
        return self._try_all(rows, splits)

    def _try_all(self, rows: Rows, splits: Sequence[Split]) -> Choice:
        """Return the best of what is tried."""
        return choose(rows, splits, self._make_search(), self.n_jobs)
