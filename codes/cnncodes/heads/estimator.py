"""The linear heads as one scikit-learn classifier."""

from __future__ import annotations

import numbers
import warnings
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

from cnncodes.errors import UsageError, suggest
from cnncodes.heads.folds import Rows, first_of, make_splits, number_groups
from cnncodes.heads.linear import LinearScorer
from cnncodes.heads.scaling import SCALINGS, Scaler
from cnncodes.heads.solvers import PATHS, Problem, Solution
from cnncodes.heads.sweep import Choice, HeldOut, Search, choose

Array = npt.NDArray[Any]

KINDS = tuple(PATHS)
#: How near its least value the last fit ends: so near that copies of a row and its weight give the same
#: answers to seven digits. The SVM has that sooner, and with a weak penalty would go on for a thousand steps.
_EXCESS = {"logistic": 1e-15, "linear-svm": 1e-10, "ridge": 0.0}


class LinearHead(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A linear classifier on codes that chooses its regularisation and scaling itself.

    Parameters
    ----------
    kind : {"logistic", "linear-svm", "ridge"}
        The same minima as scikit-learn's `LogisticRegression`, `LinearSVC` and `RidgeClassifier`
        (``alpha = 1 / (2 * C)``) on scaled codes.
    C : float, optional
        Inverse strength of the regularisation, against the summed sample weight; None chooses.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1; None chooses.
    cv : int, splitter or list of (train, test)
        Folds of the choice: a number makes stratified folds of whole groups, fewer where a class has
        fewer groups. With less than two groups in a class there is no choice: C=1, "standard".
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
        What was chosen or given.
    cv_results_ : dict of arrays
        `scaling`, `C`, `log_loss`, `accuracy`, `temperature` of each candidate, over the held-out images
        of all folds; log-loss infinite where the sweep had stopped before. Empty without a search.
    n_folds_ : int
        Folds of the search; 0 without one.
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
    behind `predict_proba` is fitted to held-out decision values for "linear-svm" and "ridge", and is 1 for
    "logistic" and where nothing can be held out.

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
        rows = self._check_rows(X, y, sample_weight, groups, images)
        # One BLAS thread: threads of ours do the rest, and sums come out the same whatever their number.
        with threadpool_limits(1, user_api="blas"):
            choice = self._choose(rows)
            self._fit_final(rows, choice)
        self.held_out_ = None if choice.held_out is None else _name_images(choice.held_out, rows, images)
        return self

    def _check_params(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"unknown kind of linear head {self.kind!r}. {suggest(str(self.kind), KINDS)}")
        if self.scaling is not None and self.scaling not in SCALINGS:
            raise UsageError(f"unknown scaling {self.scaling!r}. {suggest(str(self.scaling), SCALINGS)}")
        number = isinstance(self.C, numbers.Real) and not isinstance(self.C, bool)
        if self.C is not None and not (number and 0 < float(self.C) < float("inf")):
            raise UsageError(f"C must be a number above 0 or None. Got {self.C!r} instead.")
        if not isinstance(self.max_iter, numbers.Integral) or self.max_iter < 1:
            raise UsageError(f"max_iter must be a whole number above 0. Got {self.max_iter!r} instead.")

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
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        group_ids, image_ids = number_groups(X, groups, images)
        used = weight > 0  # a row of weight 0 must not even make a class or a fold
        self.classes_, numbered = np.unique(y[used], return_inverse=True)
        if len(self.classes_) < 2:
            got = f"only {self.classes_.tolist()[0]!r} (1 class)" if len(self.classes_) else "none"
            raise UsageError(f"{type(self).__name__} needs samples of at least 2 classes; got {got}")
        group_ids = np.unique(group_ids[used], return_inverse=True)[1]
        image_ids = np.unique(image_ids[used], return_inverse=True)[1]
        if np.any(first_of(numbered, image_ids)[image_ids] != numbered):
            raise UsageError("rows of one image have different classes; an image must have one class")
        weight = weight[used]
        per_class = class_weights(self.class_weight, self.classes_, np.bincount(numbered, weight))
        X = X if used.all() else X[used]
        position = np.where(used, np.cumsum(used) - 1, -1)
        loss_weight = weight * per_class[numbered]
        return Rows(X, numbered, weight, loss_weight, image_ids, group_ids, len(self.classes_), position)

    def _choose(self, rows: Rows) -> Choice:
        """Cross-validate what is open; the SVM and ridge need held-out values for a temperature too."""
        scalings = SCALINGS if self.scaling is None else (self.scaling,)
        self.n_folds_ = 0
        given = Choice(scalings[0], 1.0 if self.C is None else float(self.C), 1.0, {})
        if self.C is not None and self.scaling is not None and self.kind == "logistic":
            return given
        splits = make_splits(rows, self.cv, self.random_state)
        self.n_folds_ = len(splits)
        if not splits:
            warnings.warn(
                f"some class has too few images (or groups) to hold any out: nothing was chosen by"
                f" cross-validation. Used C={given.C:g} and scaling={given.scaling!r};"
                " give at least 2 images of each class.",
                UserWarning,
                stacklevel=3,
            )
            return given
        return choose(rows, splits, Search(self.kind, scalings, self.C, self.max_iter), self.n_jobs)

    def _fit_final(self, rows: Rows, choice: Choice) -> None:
        """Fit all rows in float64 and to a tighter tolerance than the search needs."""
        scaler = Scaler.learn(choice.scaling, rows.X, rows.weight)
        X = scaler.apply(rows.X, np.float64)
        problem = Problem(
            X,
            rows.y,
            rows.loss_weight,
            rows.n_classes,
            excess=_EXCESS[self.kind],
            max_iter=self.max_iter,
        )
        solution: Solution = next(PATHS[self.kind](problem, [choice.C]))
        self.coef_, self.intercept_ = scaler.fold(solution.coef, solution.intercept)
        self.n_iter_ = solution.n_iter
        self.C_, self.scaling_, self.cv_results_ = choice.C, choice.scaling, choice.table
        self.scorer_ = LinearScorer(
            self.coef_,
            self.intercept_,
            self.classes_,
            l2_normalize=choice.scaling == "l2",
            temperature=choice.temperature,
            kind=self.kind,
        )

    def decision_function(self, X: Any) -> Array:
        """Return decision values, shape (n_rows,) for two classes, else (n_rows, n_classes)."""
        check_is_fitted(self, "scorer_")
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.scorer_.decision(X)

    def predict(self, X: Any) -> Array:
        """Return the class with the largest decision value of each row, shape (n_rows,)."""
        decision = self.decision_function(X)
        winner = (decision > 0).astype(np.intp) if decision.ndim == 1 else decision.argmax(axis=1)
        return np.asarray(self.classes_[winner])

    def predict_proba(self, X: Any) -> Array:
        """Return probabilities, shape (n_rows, n_classes); columns as in `classes_`."""
        decision = self.decision_function(X)
        return self.scorer_.proba_from_decision(decision)


def _name_images(held_out: HeldOut, rows: Rows, images: Any) -> HeldOut:
    """Return the same with the images as they were given, each once: folds of the user's may overlap."""
    used = rows.position >= 0
    given = np.arange(len(used)) if images is None else np.asarray(images)
    names = first_of(given[used], rows.images)[held_out.images]
    once = np.sort(np.unique(held_out.images, return_index=True)[1])
    return HeldOut(held_out.decision[once], held_out.y[once], held_out.weight[once], names[once])


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
            "y gives several labels a row; multi-label heads do not exist yet: give one class a row"
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
