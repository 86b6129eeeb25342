"""Cross-validation of a head: which scaling, which settings, which temperature.

Chosen by the log-loss of the held-out images, of the very probabilities that the head will give: for
logistic regression as they are, for the others, whose decision values have no scale of their own, after the
best temperature. Accuracy moves in steps of one image and has wide ties; log-loss does not. Equal losses go
to the stronger regularisation.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning

from cnncodes.heads.calibration import fit_temperature, log_loss, log_losses
from cnncodes.heads.crew import Crew
from cnncodes.heads.folds import Rows, Split, average_by, first_of
from cnncodes.heads.held_out import OutOfFold
from cnncodes.heads.products import Map
from cnncodes.heads.rising import Rise
from cnncodes.heads.scaling import Scaler

Array = npt.NDArray[Any]
Setting = tuple[float, ...]

_TIE = 1e-9


@dataclass(frozen=True)
class Fold:
    """Scaled rows to train on and those held out.

    Attributes
    ----------
    X : float ``[n, D]``
    y : int ``[n]``
    weight, loss_weight : float64 ``[n]``
        As in `Rows`.
    n_classes : int
    preference : float ``[K]``, optional
    held_out : float ``[m, D]``
    shared : object
        What the search prepared for all folds of the scaling.
    run : callable
        As of `cnncodes.heads.products.Products`.
    """

    X: Array
    y: Array
    weight: Array
    loss_weight: Array
    n_classes: int
    preference: Array | None
    held_out: Array
    shared: Any
    run: Map = map


class Search(Protocol):
    """What is tried, and how.

    Attributes
    ----------
    scalings : tuple of str
    names : tuple of str
        Of the numbers in a setting, such as ``("C",)``.
    temperatures : tuple of float, or None
        Between which the temperature is that makes probabilities of decision values; None: as
        `fit_temperature` has it, for those of any scale.
    stops : bool
        Whether a fold may leave the rest of the grid out once its loss rises: where each setting costs.
    """

    @property
    def scalings(self) -> tuple[str, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def temperatures(self) -> tuple[float, float] | None: ...

    @property
    def stops(self) -> bool: ...

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return the settings, the strongest regularisation first."""

    def prepare(self, rows: Rows, scaling: str) -> Any:
        """Return what all folds of a scaling share."""

    def decide(self, fold: Fold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the decision values of the held-out rows, ``[m, K or 1]``, for each setting."""


@dataclass(frozen=True)
class HeldOut(OutOfFold):
    """What heads say of images that they were not trained on.

    Attributes
    ----------
    decision : float64 ``[m, K or 1]``
        Decision values, the mean over an image's rows.
    y : int ``[m]``
        Class numbers.
    weight : float64 ``[m]``
        Weight of each image.
    images, groups : ``[m]``
        Which image it is, and of which group.
    """

    decision: Array
    y: Array
    weight: Array
    images: Array
    groups: Array

    @classmethod
    def of(cls, rows: Rows, at: Array, weight: Array) -> HeldOut:
        """Return the images of some rows, numbers ``[m]`` of weights ``[m]``, without decision values."""
        images, inverse = np.unique(rows.images[at], return_inverse=True)
        y, groups = (
            first_of(values, inverse) if len(at) else values[:0] for values in (rows.y[at], rows.groups[at])
        )
        summed = np.bincount(inverse, weight, minlength=len(images))
        return cls(np.empty((len(images), 0)), y, summed, images, groups)

    def is_right(self) -> Array:
        """Say of each image whether its largest decision value is that of its class."""
        one = self.decision.shape[1] == 1
        return np.asarray((self.decision[:, 0] > 0 if one else self.decision.argmax(axis=1)) == self.y)


@dataclass(frozen=True)
class Choice:
    """The best of a search, its temperature, a table of all that was tried, and its held-out answers."""

    scaling: str
    setting: dict[str, float]
    temperature: float
    table: dict[str, Array]
    held_out: HeldOut | None = None


def choose(rows: Rows, splits: Sequence[Split], search: Search, n_jobs: int | None) -> Choice:
    """Run the sweeps of every fold and scaling and choose."""
    jobs = [(scaling, split) for scaling in search.scalings for split in splits]
    with Crew(n_jobs) as crew, warnings.catch_warnings():  # filters belong to the process, not to a thread
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = crew.each(search.prepare, [(rows, scaling) for scaling in search.scalings])
        shared = dict(zip(search.scalings, found, strict=True))
        sweeps = crew.each(
            _sweep, [(rows, split, scaling, search, shared[scaling], crew.run) for scaling, split in jobs]
        )
    return pick(search, _candidates(rows, search, splits, sweeps))


def _candidates(
    rows: Rows, search: Search, splits: Sequence[Split], sweeps: list[list[HeldOut]]
) -> Iterator[tuple[str, Setting, HeldOut | None]]:
    for number, scaling in enumerate(search.scalings):
        mine = sweeps[number * len(splits) : (number + 1) * len(splits)]
        for position, setting in enumerate(search.grid(scaling, rows.X.shape[1])):
            reached = all(position < len(sweep) for sweep in mine)
            yield scaling, setting, HeldOut.join([sweep[position] for sweep in mine]) if reached else None


def pick(search: Search, candidates: Iterable[tuple[str, Setting, HeldOut | None]]) -> Choice:
    """Choose among candidates by their held-out answers, of which those of the best alone are kept.

    Parameters
    ----------
    search : Search
        What was tried.
    candidates : iterable of (scaling, setting, HeldOut or None)
        In the order of the grid; None where a fold had stopped before.
    """
    columns = ("scaling", *search.names, "log_loss", "accuracy", "temperature")
    table: dict[str, list[Any]] = {name: [] for name in columns}
    best: Choice | None = None
    lowest = np.inf
    for scaling, setting, held_out in candidates:
        figures = _NOT_REACHED if held_out is None else _measure(held_out, search.temperatures)
        for name, value in zip(columns, (scaling, *setting, *figures), strict=True):
            table[name].append(value)
        if best is None or figures[0] < lowest - _TIE * abs(lowest):
            lowest = figures[0]
            named = dict(zip(search.names, setting, strict=True))
            best = Choice(scaling, named, figures[2], {}, held_out)
    assert best is not None
    arrays = {name: np.asarray(column) for name, column in table.items()}
    return Choice(best.scaling, best.setting, best.temperature, arrays, best.held_out)


_NOT_REACHED = (np.inf, np.nan, np.nan)


def _sweep(rows: Rows, split: Split, scaling: str, search: Search, shared: Any, run: Map) -> list[HeldOut]:
    """Fit one fold for the whole grid, or until its held-out loss has risen."""
    train, test = split
    scaler = Scaler.learn(scaling, rows.X[train], rows.weight[train])
    fold = Fold(
        scaler.apply(rows.X[train], rows.X.dtype),
        rows.y[train],
        rows.weight[train],
        rows.loss_weight[train],
        rows.n_classes,
        rows.preference,
        scaler.apply(rows.X[test], rows.X.dtype),
        shared,
        run,
    )
    blank = HeldOut.of(rows, test, rows.loss_weight[test])
    rise = Rise(blank.weight, blank.groups)
    results: list[HeldOut] = []
    for decision in search.decide(fold, search.grid(scaling, rows.X.shape[1])):
        results.append(replace(blank, decision=average_by(decision, rows.images[test])))
        if search.stops and rise.has_begun(_lose(results[-1], search.temperatures)):
            break
    return results


def _lose(held_out: HeldOut, temperatures: tuple[float, float] | None) -> Array:
    """Return the log-loss of each held-out image."""
    decision, y, weight = held_out.decision, held_out.y, held_out.weight
    return log_losses(decision, y, fit_temperature(decision, y, weight, temperatures))


def _measure(held_out: HeldOut, temperatures: tuple[float, float] | None) -> tuple[float, float, float]:
    """Return log-loss, accuracy and temperature over held-out images."""
    decision, y, weight = held_out.decision, held_out.y, held_out.weight
    temperature = fit_temperature(decision, y, weight, temperatures)
    accuracy = float(np.average(held_out.is_right(), weights=weight))
    return log_loss(decision, y, weight, temperature), accuracy, temperature
