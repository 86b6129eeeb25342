"""The mean of the nearest neighbours, as a scikit-learn regressor."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnncodes.heads.checks import check_setting
from cnncodes.heads.folds import Rows
from cnncodes.heads.neighbors import check_k, count_needed, find_all_nearest, list_ks
from cnncodes.heads.regression.base import RegressionHead
from cnncodes.heads.regression.scorers import NeighborNumberScorer, average_nearest
from cnncodes.heads.regression.search import NumberChoice, NumberFold, Setting
from cnncodes.heads.scaling import Scaler

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class NeighborNumberSearch:
    """What is tried: one k or (None) several. A `cnncodes.heads.regression.search.NumberSearch`."""

    k: int | None
    names: tuple[str, ...] = ("k",)

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return the values of k, the largest first: it is the smoothest."""
        return list_ks(self.k)

    def predict(self, fold: NumberFold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the predictions of the held-out rows for each k, of one search for the largest."""
        rows, queries = fold.X.astype(np.float32), fold.held_out.astype(np.float32)
        needed = count_needed(fold.weight, max(k for (k,) in settings))
        nearest = find_all_nearest(queries, rows, needed)
        for (k,) in settings:
            yield average_nearest(nearest, fold.Y, fold.weight, k)


class NeighborTargets:
    """What heads of nearest neighbours share beside the `TargetHead` that they are."""

    k: int | None
    _SEARCH: ClassVar[type[NeighborNumberSearch]] = NeighborNumberSearch

    def _check_params(self) -> None:
        super()._check_params()  # type: ignore[misc]
        check_setting("k", self.k, numbers.Integral)

    def _make_search(self, rows: Rows) -> NeighborNumberSearch:
        check_k(self.k, rows.weight)
        return self._SEARCH(self.k)

    def _fall_back(self) -> dict[str, float]:
        return {"k": self.k or 1}

    def _keep(self, rows: Rows, scaler: Scaler, choice: NumberChoice) -> Array:
        """Return the scaled rows, which are all that is fitted."""
        self.k_ = int(choice.setting["k"])
        return scaler.apply(rows.X, rows.X.dtype).astype(np.float32)


class NeighborRegressionHead(NeighborTargets, RegressionHead):
    """The mean target of the nearest training codes, by exact search.

    Parameters
    ----------
    k : int, optional
        How many neighbours are averaged; None chooses among 1, 3, 5, 10, 20 and 50. It counts sample weights:
        where V views of an image weigh 1/V each, k images are averaged.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1; None chooses.
    cv, random_state, n_jobs
        As in `RidgeRegressionHead`. Without folds k is 1.

    Attributes
    ----------
    k_, scaling_ : int, str
        What was chosen or given.
    cv_results_, n_folds_, held_out_
        As in `RidgeRegressionHead`, with `k` for `C`.
    scorer_ : NeighborNumberScorer
        All that prediction needs: the training codes as float32, so it is as large as these.
    n_targets_, n_features_in_, feature_names_in_

    Examples
    --------
    >>> X = np.arange(12.0)[:, None]
    >>> NeighborRegressionHead(k=3, scaling="standard").fit(X, 2 * X[:, 0]).predict([[5.0]])
    array([10.])
    """

    def __init__(
        self,
        *,
        k: int | None = None,
        scaling: str | None = None,
        cv: Any = 5,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.k = k
        self.scaling = scaling
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _fit_final(self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice) -> NeighborNumberScorer:
        X = self._keep(rows, scaler, choice)
        return NeighborNumberScorer(X, Y, rows.weight, self.k_, *scaler.to_arrays())
