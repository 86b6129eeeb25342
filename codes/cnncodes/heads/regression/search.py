"""Cross-validation of a regression head: which scaling and which settings.

Chosen by the mean squared error of the held-out images, each target in units of its variance, so that several
targets count alike. Equal errors go to the stronger regularisation, which comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cnncodes.heads.crew import Crew
from cnncodes.heads.folds import Rows, Split, average_by, first_of
from cnncodes.heads.held_out import OutOfFold
from cnncodes.heads.products import Map
from cnncodes.heads.rising import Rise
from cnncodes.heads.scaling import Scaler

Array = npt.NDArray[Any]
Setting = tuple[float, ...]

#: Losses that differ by less of themselves are equal.
TIE = 1e-9


@dataclass(frozen=True)
class NumberFold:
    """Scaled rows to train on, float ``[n, D]``, their targets ``[n, T]`` and weights, and those held out.

    `scaling` is the name of what they are scaled by, `run` that of `cnncodes.heads.products.Products`.
    """

    X: Array
    Y: Array
    weight: Array
    held_out: Array
    scaling: str = ""
    run: Map = map


class NumberSearch(Protocol):
    """What is tried, and how.

    Attributes
    ----------
    names : tuple of str
        Of the numbers in a setting, such as ``("C",)``.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return the settings, the strongest regularisation first."""

    def predict(self, fold: NumberFold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the predictions of the held-out rows, ``[m, T]``, for each setting."""


@dataclass(frozen=True)
class HeldOutNumbers(OutOfFold):
    """What heads say of images that they were not trained on.

    Attributes
    ----------
    prediction, y : float64 ``[m, T]``
        Predictions, the mean over an image's rows, and targets.
    weight : float64 ``[m]``
        Weight of each image.
    images : ``[m]``
        Which image it is.
    """

    prediction: Array
    y: Array
    weight: Array
    images: Array

    def measure(self) -> Array:
        """Return the mean squared error of each target, ``[T]``."""
        return np.asarray(np.average((self.prediction - self.y) ** 2, axis=0, weights=self.weight))


#: What each image loses with a setting, ``[m]``: where that rises, the rest of a fold's grid is left out.
Losses = Callable[[HeldOutNumbers], Array]


@dataclass(frozen=True)
class NumberChoice:
    """The best of a search, a table of all that was tried, and its held-out predictions."""

    scaling: str
    setting: dict[str, float]
    table: dict[str, Array]
    held_out: HeldOutNumbers | None = None


def choose_numbers(
    rows: Rows,
    Y: Array,
    splits: Sequence[Split],
    search: NumberSearch,
    scalings: Sequence[str],
    n_jobs: int | None,
) -> NumberChoice:
    """Run every fold and scaling, and choose; `Y` has the targets of the rows, ``[n, T]``."""
    variance = np.average((Y - np.average(Y, axis=0, weights=rows.weight)) ** 2, axis=0, weights=rows.weight)
    unit = np.where(variance > 0, variance, 1.0)
    columns = ("scaling", *search.names, "squared_error", "relative_error")
    table: dict[str, list[Any]] = {name: [] for name in columns}
    best: tuple[float, str, Setting, HeldOutNumbers] | None = None
    for scaling, setting, held_out in sweep_numbers(rows, Y, splits, search, scalings, n_jobs):
        assert held_out is not None
        errors = held_out.measure()
        relative = float((errors / unit).mean())
        for name, value in zip(columns, (scaling, *setting, errors.mean(), relative), strict=True):
            table[name].append(value)
        if best is None or relative < best[0] * (1 - TIE):
            best = relative, scaling, setting, held_out
    assert best is not None
    arrays = {name: np.asarray(column) for name, column in table.items()}
    _, scaling, setting, held_out = best
    return NumberChoice(scaling, dict(zip(search.names, setting, strict=True)), arrays, held_out)


def sweep_numbers(
    rows: Rows,
    Y: Array,
    splits: Sequence[Split],
    search: NumberSearch,
    scalings: Sequence[str],
    n_jobs: int | None,
    lose: Losses | None = None,
) -> Iterator[tuple[str, Setting, HeldOutNumbers | None]]:
    """Run every fold and scaling, and yield what each setting says of the images that were held out.

    A fold leaves out the rest of its grid where what `lose` gives rises: that yields None.
    """
    jobs = [(scaling, split) for scaling in scalings for split in splits]
    with Crew(n_jobs) as crew:
        sweeps = crew.each(
            _sweep, [(rows, Y, split, scaling, search, lose, crew.run) for scaling, split in jobs]
        )
    for number, scaling in enumerate(scalings):
        mine = sweeps[number * len(splits) : (number + 1) * len(splits)]
        for position, setting in enumerate(search.grid(scaling, rows.X.shape[1])):
            reached = all(position < len(sweep) for sweep in mine)
            yield scaling, setting, HeldOutNumbers.join([s[position] for s in mine]) if reached else None


def _sweep(
    rows: Rows, Y: Array, split: Split, scaling: str, search: NumberSearch, lose: Losses | None, run: Map
) -> list[HeldOutNumbers]:
    """Return what a fold says of its held-out images for the whole grid, or until it stops."""
    train, test = split
    scaler = Scaler.learn(scaling, rows.X[train], rows.weight[train])
    X, held_out = (scaler.apply(rows.X[part], rows.X.dtype) for part in (train, test))
    images, inverse = np.unique(rows.images[test], return_inverse=True)
    y, weight = first_of(Y[test], inverse), np.bincount(inverse, rows.weight[test])
    fold = NumberFold(X, Y[train], rows.weight[train], held_out, scaling, run)
    rise = Rise(weight, first_of(rows.groups[test], inverse))
    found: list[HeldOutNumbers] = []
    for prediction in search.predict(fold, search.grid(scaling, rows.X.shape[1])):
        found.append(HeldOutNumbers(average_by(prediction, rows.images[test]), y, weight, images))
        if lose is not None and rise.has_begun(lose(found[-1])):
            break
    return found
