"""Least squares in the space of a radial basis function, as a scikit-learn regressor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from cnncodes.errors import UsageError
from cnncodes.heads.checks import check_setting
from cnncodes.heads.folds import Rows, make_splits
from cnncodes.heads.kernels import mean_square_distance, square_distances
from cnncodes.heads.regression.base import RegressionHead
from cnncodes.heads.regression.scorers import KernelNumberScorer
from cnncodes.heads.regression.search import NumberChoice, NumberFold, Setting, choose_numbers
from cnncodes.heads.scaling import Scaler

Array = npt.NDArray[Any]

#: Units of 1 over the mean squared distance of two training rows.
_WIDTHS = (0.25, 0.5, 1.0, 2.0)
#: Powers of ten of C, ascending.
_EXPONENTS = (-2.0, 4.0)
#: Rows of a training fold that the choice is made on: an eigendecomposition takes time with their third
#: power, and there is one for each width, scaling and fold.
_CHOSEN_ON = 1500
#: More would need 3 GB and many minutes: their matrix is decomposed as a whole.
MOST_ROWS = 20_000


@dataclass(frozen=True)
class KernelNumberSearch:
    """What is tried: given widths and C, or (None) the grid. A `NumberSearch`."""

    C: float | None
    gamma: float | None
    most: int = MOST_ROWS
    names: tuple[str, ...] = ("gamma", "C")

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return pairs of width and C: the smoothest first."""
        steps = np.arange(_EXPONENTS[0], _EXPONENTS[1] + 0.25, 0.5)
        Cs = [float(10.0**e) for e in steps] if self.C is None else [float(self.C)]
        widths = _WIDTHS if self.gamma is None else (float(self.gamma),)
        return [(width, C) for width in widths for C in Cs]

    def predict(self, fold: NumberFold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the predictions of the held-out rows, every C of a width from one eigendecomposition."""
        X, Y, weight = _take_some(fold, self.most)
        held_out = fold.held_out.astype(np.float64)
        unit = 1 / mean_square_distance(X, weight)
        between, across = square_distances(X, X), square_distances(held_out, X)
        root, offset = np.sqrt(weight)[:, None], np.average(Y, axis=0, weights=weight)
        for width in dict.fromkeys(width for width, _ in settings):
            kernel = np.exp(-width * unit * between) * root * root.T
            if len(settings) == 1:
                dual = _solve(kernel, root, Y - offset, settings[0][1])
                yield np.exp(-width * unit * across) @ dual + offset
                return
            values, vectors = np.linalg.eigh(kernel)
            right = vectors.T @ (root * (Y - offset))
            left = (np.exp(-width * unit * across) * root.T) @ vectors
            for C in [C for one, C in settings if one == width]:
                yield left @ (right / (np.maximum(values, 0)[:, None] + 1 / (2 * C))) + offset


def _solve(kernel: Array, root: Array, Y: Array, C: float) -> Array:
    """Return what each row adds ``[n, T]``; the kernel ``[n, n]``, times `root` on both sides, is lost."""
    kernel[np.diag_indices_from(kernel)] += 1 / (2 * C)
    return np.asarray(root * scipy.linalg.solve(kernel, root * Y, assume_a="pos", overwrite_a=True))


def _take_some(fold: NumberFold, most: int) -> tuple[Array, Array, Array]:
    """Return rows, targets and weights of a fold in float64: of too many some, evenly."""
    step = -(-len(fold.X) // most)
    return fold.X[::step].astype(np.float64), fold.Y[::step], fold.weight[::step]


class KernelRegressionHead(RegressionHead):
    """Kernel ridge regression with a radial basis function, for what is no linear function of codes.

    Parameters
    ----------
    C : float, optional
        Inverse strength of the penalty: the same minimum as scikit-learn's
        ``KernelRidge(alpha=1 / (2 * C), kernel="rbf")`` of targets less their mean; None chooses.
    gamma : float, optional
        Width of the kernel, in units of 1 over the mean squared distance of two training rows; None chooses
        among 0.25, 0.5, 1 and 2.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1; None chooses.
    cv, random_state, n_jobs
        As in `RidgeRegressionHead`. Without folds C is 10, gamma 0.5.

    Attributes
    ----------
    C_, gamma_, scaling_ : float, float, str
        What was chosen or given.
    cv_results_, n_folds_, held_out_
        As in `RidgeRegressionHead`, with `gamma` besides. Where a fold has more than 1,500 rows the choice is
        made on so many, evenly taken; heads of whole folds then say what is in `held_out_`.
    scorer_ : KernelNumberScorer
        All that prediction needs: the training codes as float32, so it is as large as these.
    n_targets_, n_features_in_, feature_names_in_

    Examples
    --------
    >>> X = np.linspace(0, 6, 40)[:, None]
    >>> head = KernelRegressionHead(scaling="standard").fit(X, np.sin(X[:, 0]))
    >>> bool(abs(head.predict([[1.5]])[0] - np.sin(1.5)) < 0.05)
    True
    """

    def __init__(
        self,
        *,
        C: float | None = None,
        gamma: float | None = None,
        scaling: str | None = None,
        cv: Any = 5,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.scaling = scaling
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_params(self) -> None:
        super()._check_params()
        check_setting("C", self.C)
        check_setting("gamma", self.gamma)

    def _make_search(self, rows: Rows) -> KernelNumberSearch:
        return KernelNumberSearch(self.C, self.gamma, _CHOSEN_ON)

    def _fall_back(self) -> dict[str, float]:
        return {"gamma": self.gamma or 0.5, "C": self.C or 10.0}

    def _choose(self, rows: Rows, Y: Array) -> NumberChoice:
        if len(rows.X) > MOST_ROWS:
            raise UsageError(
                f"kernel-ridge takes up to {MOST_ROWS:,} rows, since it compares each with each. Got"
                f" {len(rows.X):,}: train on fewer views or images, or choose ridge."
            )
        choice = super()._choose(rows, Y)
        splits = make_splits(rows, self.cv, self.random_state)
        if all(len(train) <= _CHOSEN_ON for train, _ in splits):
            return choice
        # What was said by heads of some rows says too little of the head of all. One fold at a time: memory.
        search = KernelNumberSearch(choice.setting["C"], choice.setting["gamma"])
        again = choose_numbers(rows, Y, splits, search, (choice.scaling,), 1)
        return replace(choice, held_out=again.held_out)

    def _fit_final(self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice) -> KernelNumberScorer:
        """Solve for all rows at once."""
        # Rounded as they are kept, so that what predicts is what was fitted.
        X = scaler.apply(rows.X, np.float64).astype(np.float32).astype(np.float64)
        self.gamma_, self.C_ = choice.setting["gamma"], choice.setting["C"]
        gamma = self.gamma_ / mean_square_distance(X, rows.weight)
        root = np.sqrt(rows.weight)[:, None]
        offset = np.average(Y, axis=0, weights=rows.weight)
        kernel = np.exp(-gamma * square_distances(X, X)) * root * root.T
        dual = _solve(kernel, root, Y - offset, self.C_)
        return KernelNumberScorer(X.astype(np.float32), dual, offset, gamma, *scaler.to_arrays())
