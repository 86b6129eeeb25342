"""What every head of ours shares: the checks of its rows, the cross-validated choice, prediction."""

from __future__ import annotations

import contextlib
import numbers
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)
from threadpoolctl import threadpool_limits

from cnncodes.errors import ResultWarning, UsageError, suggest
from cnncodes.heads.calibration import fit_temperature, guess_temperature
from cnncodes.heads.folds import Rows, Split, first_of, make_splits, number_groups
from cnncodes.heads.scaling import SCALINGS
from cnncodes.heads.scarcity import say_rarest, say_scarce
from cnncodes.heads.scoring import most_likely
from cnncodes.heads.sweep import Choice, Search, choose

Array = npt.NDArray[Any]

#: Weights that can be computed with, and what a weight may be in the mean before one hears of it.
_LEAST_WEIGHT, _MOST_WEIGHT, _FAR = 1e-9, 1e9, 10.0

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
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        y = column_or_1d(y, warn=True)
        if y.dtype.kind == "O" and len({type(label) for label in y}) > 1:
            kinds = sorted({type(label).__name__ for label in y})
            raise UsageError(f"labels in y must be of one type and none missing; got {' and '.join(kinds)}")
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
            warnings.warn(say_scarce(rows, self.scarce_, self.classes_), ResultWarning, stacklevel=4)

    def _choose_nothing(self, rows: Rows) -> Choice:
        """Return what is taken where no two folds can be made, with a warning."""
        given = self._fall_back()
        warnings.warn(
            f"{say_rarest(rows, self.classes_)}, so that none can be held out, and folds hold out images of"
            " two classes at least: nothing was chosen by cross-validation, and probabilities are a guess."
            f" Used {self._describe(given)}; give at least 2 images of each class, of 2 groups where there"
            " are any.",
            UserWarning,
            stacklevel=4,
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
        return choose(rows, splits, self._make_search(), self.n_jobs)


@dataclass(frozen=True)
class UsedRows:
    """Rows of a weight above 0: any other must not even make a class or a fold.

    Attributes
    ----------
    used : bool ``[number of all rows]``
    position : int ``[number of all rows]``
        Number of each among those used, -1 where it is not.
    X, weight, groups, images
        Of those used, groups and images numbered without gaps.
    """

    used: Array
    position: Array
    X: Array
    weight: Array
    groups: Array
    images: Array


def take_used(X: Array, sample_weight: Any, groups: Any, images: Any) -> UsedRows:
    """Return the rows that have a weight, with what was given of them.

    Raises
    ------
    UsageError
        If a weight is negative or no number, or what was given does not fit the rows.
    """
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
    check_not_negative(weight)
    used = weight > 0
    group_ids, image_ids = (
        np.unique(ids[used], return_inverse=True)[1] for ids in number_groups(X, groups, images)
    )
    _check_scale(weight[used], image_ids)
    position = np.where(used, np.cumsum(used) - 1, -1)
    return UsedRows(used, position, X if used.all() else X[used], weight[used], group_ids, image_ids)


def _check_scale(weight: Array, images: Array) -> None:
    """Warn where weights, which count copies of images, sum to far fewer or more than there are images.

    Raises
    ------
    UsageError
        If one is beyond what can be computed with.
    """
    beyond = (weight < _LEAST_WEIGHT) | (weight > _MOST_WEIGHT)
    if beyond.any():
        raise UsageError(
            f"sample_weight must be 0 or from {_LEAST_WEIGHT:g} to {_MOST_WEIGHT:g}. Got"
            f" {weight[beyond.argmax()]:g}: a weight of 2 counts as two copies of a row."
        )
    count = int(images.max()) + 1 if len(images) else 0
    mean = float(weight.sum()) / max(1, count)
    if count and not 1 / _FAR <= mean <= _FAR:
        warnings.warn(
            f"sample_weight counts copies of images, and {count} images count as {weight.sum():.3g} by it, so"
            f" that heads trust them {'less' if mean < 1 else 'more'} than they may. Unless that is meant,"
            f" divide the weights by {mean:.3g}.",
            ResultWarning,
            stacklevel=6,
        )


def check_scaling(scaling: Any) -> None:
    """Raise `UsageError` unless a parameter is a scaling or None."""
    if scaling is not None and scaling not in SCALINGS:
        raise UsageError(f"unknown scaling {scaling!r}. {suggest(str(scaling), SCALINGS)}")


def check_setting(name: str, value: Any, kind: type = numbers.Real) -> None:
    """Raise `UsageError` unless a parameter that may be chosen is None or a number above 0 of that kind."""
    if value is not None and not is_number(value, kind):
        what = "a whole number" if kind is numbers.Integral else "a number"
        raise UsageError(f"{name} must be {what} above 0 or None. Got {value!r} instead.")


def is_number(value: Any, kind: type = numbers.Real) -> bool:
    """Say whether a parameter is a finite number above 0 of that kind, and no boolean."""
    number = isinstance(value, kind) and not isinstance(value, bool)
    return number and 0 < float(value) < float("inf")


def check_not_negative(weight: Array) -> None:
    """Raise `UsageError` where a weight is below 0 or no finite number, saying which is the first."""
    try:
        wrong = ~(np.isfinite(weight) & (weight >= 0))
    except TypeError:
        raise UsageError(f"sample_weight must be numbers. Got dtype {weight.dtype}.") from None
    if wrong.any():
        first = int(wrong.argmax())
        raise UsageError(
            f"sample_weight must be finite and at least 0; {int(wrong.sum())} of {len(weight)} are not, the"
            f" first is {weight[first]:g} at position {first}. Give 0 to what must not count."
        )


def refuse_multilabel(y: Any) -> None:
    """Refuse several labels a row.

    Raises
    ------
    UsageError
        If `y` is a 2-D indicator or holds lists, tuples or sets.
    """
    array = np.asarray(y, dtype=object) if isinstance(y, list | tuple) else y
    shape: Any = getattr(array, "shape", ())
    several = len(shape) == 2 and shape[1] > 1
    if not several and getattr(getattr(array, "dtype", None), "kind", "") == "O":
        several = any(isinstance(value, list | tuple | set | frozenset | np.ndarray) for value in array)
    if several:
        raise UsageError(
            "y gives several labels a row, which is for multi-label heads (ImageMultiLabelClassifier): give"
            " one class a row"
        )


def class_weights(class_weight: Any, classes: Array, totals: Array) -> Array:
    """Return the weight of each class; `totals` are the summed sample weights of the classes."""
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.asarray(totals.sum() / (len(classes) * totals))
    if not isinstance(class_weight, dict):
        raise UsageError(f"class_weight must be a dict, 'balanced' or None. Got {class_weight!r} instead.")
    names = classes.tolist()
    unknown = [name for name in class_weight if name not in names]
    if unknown and any(name not in class_weight for name in names):
        raise UsageError(f"class_weight names {unknown[0]!r}, which is no class; the classes are {names}")
    weights = np.array([float(class_weight.get(name, 1.0)) for name in names])
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise UsageError(f"class_weight must hold finite numbers above 0; got {class_weight!r}")
    return weights
