"""Cross-validation of a linear head: which scaling, which C, which temperature.

Chosen by the log-loss of the held-out images, of the very probabilities that the head will give: for
logistic regression as they are, for the SVM and ridge, whose decision values have no scale of their own,
after the best temperature. Accuracy moves in steps of one image and has wide ties; log-loss does not.
Equal losses go to the stronger regularisation.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning

from cnncodes.heads.calibration import fit_temperature, log_loss
from cnncodes.heads.descent import Covariance, choose_rows
from cnncodes.heads.folds import Rows, Split, average_by
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.solvers import PATHS, Problem

Array = npt.NDArray[Any]

# Powers of ten of C for rows of about length 1, ascending.
_EXPONENTS = {"logistic": (-2.0, 4.5), "linear-svm": (-5.0, 3.0), "ridge": (-3.5, 3.5)}
_TIE = 1e-9
# Held-out losses are the same to three digits as with one a hundred times finer, in a third of the time.
# The SVM's curvature is zero where a row is beyond the margin, and tells less of what is left.
_EXCESS = {"logistic": 1e-4, "linear-svm": 1e-6, "ridge": 0.0}
_NOTICEABLE = 1.02


@dataclass(frozen=True)
class Search:
    """What is tried: a kind, its scalings, one C or (None) the grid."""

    kind: str
    scalings: tuple[str, ...]
    C: float | None
    max_iter: int

    def grid(self, scaling: str, n_features: int) -> list[float]:
        """Return the values of C, ascending, in steps of half a power of ten.

        A standardised row has a length of about sqrt(D), a normalised one of 1: the grid moves along.
        """
        if self.C is not None:
            return [float(self.C)]
        low, high = _EXPONENTS[self.kind]
        shift = round(float(np.log10(max(n_features, 1)))) if scaling == "standard" else 0
        return [float(10.0 ** (e - shift)) for e in np.arange(low, high + 0.25, 0.5)]


@dataclass(frozen=True)
class Choice:
    """The best of a search, its temperature, a table of all that was tried, and what it said in its folds."""

    scaling: str
    C: float
    temperature: float
    table: dict[str, Array]
    held_out: HeldOut | None = None


@dataclass(frozen=True)
class HeldOut:
    """What heads say of images that they were not trained on.

    Attributes
    ----------
    decision : float64 ``[m, K or 1]``
        Decision values, the mean over an image's rows.
    y : int ``[m]``
        Class numbers.
    weight : float64 ``[m]``
        Weight of each image.
    images : ``[m]``
        Which image it is.
    """

    decision: Array
    y: Array
    weight: Array
    images: Array

    @classmethod
    def join(cls, parts: Sequence[HeldOut]) -> HeldOut:
        """Return the images of several folds as one."""
        names = ("decision", "y", "weight", "images")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def choose(rows: Rows, splits: Sequence[Split], search: Search, n_jobs: int | None) -> Choice:
    """Run the sweeps of every fold and scaling and choose.

    Threads, not processes: the work is BLAS, which releases the GIL, and starting two processes that
    import scikit-learn costs about as much as the whole search. The caller holds BLAS to one thread.
    """
    jobs = [(scaling, split) for scaling in search.scalings for split in splits]
    needed = search.scalings if search.kind != "ridge" else ()
    found = Parallel(n_jobs=n_jobs, require="sharedmem")(delayed(_learn)(rows, scaling) for scaling in needed)
    covariances = dict.fromkeys(search.scalings) | dict(zip(needed, found, strict=True))
    with warnings.catch_warnings():  # here and not in the threads: filters belong to the process
        warnings.simplefilter("ignore", ConvergenceWarning)
        sweeps = Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(_sweep)(rows, split, scaling, search, covariances[scaling]) for scaling, split in jobs
        )
    table: dict[str, list[Any]] = {"scaling": [], "C": [], "log_loss": [], "accuracy": [], "temperature": []}
    best: Choice | None = None
    lowest = np.inf
    for number, scaling in enumerate(search.scalings):
        mine = sweeps[number * len(splits) : (number + 1) * len(splits)]
        for position, C in enumerate(search.grid(scaling, rows.X.shape[1])):
            reached = all(position < len(sweep) for sweep in mine)
            figures = _pooled([sweep[position] for sweep in mine], search.kind) if reached else _NOT_REACHED
            for name, value in zip(table, (scaling, C, *figures), strict=True):
                table[name].append(value)
            if best is None or figures[0] < lowest - _TIE * abs(lowest):
                lowest = figures[0]
                said = HeldOut.join([sweep[position] for sweep in mine]) if reached else None
                best = Choice(scaling, C, figures[2], {}, said)
    assert best is not None
    arrays = {name: np.asarray(column) for name, column in table.items()}
    return replace(best, table=arrays)


_NOT_REACHED = (np.inf, np.nan, np.nan)


def _learn(rows: Rows, scaling: str) -> Covariance:
    """Return about the covariance of scaled rows, which those of all folds have."""
    some = choose_rows(*rows.X.shape)
    scaler = Scaler.learn(scaling, rows.X, rows.weight)
    X = scaler.apply(rows.X[some], rows.X.dtype)
    return Covariance.learn(X, rows.loss_weight[some], of_all=False)


def _sweep(
    rows: Rows, split: Split, scaling: str, search: Search, covariance: Covariance | None
) -> list[HeldOut]:
    """Fit one fold for rising C; stop when its held-out loss has risen twice in a row and noticeably.

    Noticeably, because a C that one fold has not reached is out for all, and the folds' best differ a
    little. Ridge has every C from the one decomposition that is paid for: it never stops.
    """
    train, test = split
    scaler = Scaler.learn(scaling, rows.X[train], rows.weight[train])
    problem = Problem(
        scaler.apply(rows.X[train], rows.X.dtype),
        rows.y[train],
        rows.loss_weight[train],
        rows.n_classes,
        excess=_EXCESS[search.kind],
        max_iter=search.max_iter,
        covariance=covariance,
    )
    held_out = scaler.apply(rows.X[test], rows.X.dtype)
    images, first, inverse = np.unique(rows.images[test], return_index=True, return_inverse=True)
    y, weight = rows.y[test][first], np.bincount(inverse, rows.loss_weight[test])
    results: list[HeldOut] = []
    losses: list[float] = []
    for solution in PATHS[search.kind](problem, search.grid(scaling, rows.X.shape[1])):
        decision = average_by(solution.decision(held_out), rows.images[test])
        results.append(HeldOut(decision, y, weight, images))
        losses.append(_pooled(results[-1:], search.kind)[0])
        rising = len(losses) > 2 and losses[-1] > losses[-2] > losses[-3]
        if rising and search.kind != "ridge" and losses[-1] > _NOTICEABLE * min(losses):
            break
    return results


def _pooled(parts: Sequence[HeldOut], kind: str) -> tuple[float, float, float]:
    """Return log-loss, accuracy and temperature over the held-out images of all folds."""
    said = HeldOut.join(parts)
    decision, y, weight = said.decision, said.y, said.weight
    temperature = 1.0 if kind == "logistic" else fit_temperature(decision, y, weight)
    predicted = decision[:, 0] > 0 if decision.shape[1] == 1 else decision.argmax(axis=1)
    accuracy = float(np.average(predicted == y, weights=weight))
    return log_loss(decision, y, weight, temperature), accuracy, temperature
