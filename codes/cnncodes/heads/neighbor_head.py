"""The nearest neighbours as a scikit-learn classifier."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.base import SingleHead
from cnncodes.heads.checks import check_setting
from cnncodes.heads.folds import Rows
from cnncodes.heads.neighbors import (
    NeighborScorer,
    check_k,
    count_needed,
    count_votes,
    decide_by_votes,
    find_all_nearest,
    list_ks,
)
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.sweep import Choice, Fold, Setting

Array = npt.NDArray[Any]

#: Decision values are log-probabilities: a high temperature would make 0 of the smallest after all, where all
#: held-out images happen to be right.
_TEMPERATURES = (0.1, 10.0)


@dataclass(frozen=True)
class NeighborSearch:
    """What is tried: scalings, one k or (None) several. A `cnncodes.heads.sweep.Search`."""

    scalings: tuple[str, ...]
    k: int | None
    names: tuple[str, ...] = ("k",)
    temperatures: tuple[float, float] | None = _TEMPERATURES
    stops: bool = False

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return the values of k, the largest first: it is the smoothest."""
        return list_ks(self.k)

    def prepare(self, rows: Rows, scaling: str) -> None:
        """Prepare nothing: folds share nothing."""

    def decide(self, fold: Fold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the decision values of the held-out rows for each k, of one search for the largest."""
        rows, queries = fold.X.astype(np.float32), fold.held_out.astype(np.float32)
        needed = count_needed(fold.weight, max(setting[0] for setting in settings))
        nearest = find_all_nearest(queries, rows, needed)
        prior, preference = share_votes(fold.y, fold.weight, fold.loss_weight, fold.n_classes)
        for (k,) in settings:
            votes = count_votes(nearest, fold.y, fold.weight, k, fold.n_classes)
            yield decide_by_votes(votes, prior, preference)


def share_votes(y: Array, weight: Array, loss_weight: Array, n_classes: int) -> tuple[Array, Array]:
    """Return the classes' shares of the weight, and their class weights: both ``[K]``."""
    totals = np.bincount(y, weight, n_classes)
    return totals / totals.sum(), np.bincount(y, loss_weight, n_classes) / totals


class NeighborHead(SingleHead):
    """The classes of the nearest training codes, by exact search.

    Parameters
    ----------
    k : int, optional
        How many neighbours vote; None chooses among 1, 3, 5, 10, 20 and 50. It counts sample weights: where V
        views of an image weigh 1/V each, k images vote, and a row of weight 2 is two.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1, where the nearest is that of the largest
        cosine; None chooses.
    cv, random_state, n_jobs
        As in `cnncodes.heads.estimator.LinearHead`. Without folds k is 1, and codes have length 1.
    class_weight : dict or "balanced", optional
        What votes of each class are multiplied with.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    k_, scaling_ : int, str
        What was chosen or given.
    cv_results_ : dict of arrays
        `scaling`, `k`, `log_loss`, `accuracy` and `temperature` of each candidate, over the held-out images
        of all folds. Empty without a search.
    n_folds_ : int
        Folds of the search; 0 without one.
    scarce_ : ndarray of int64
        Numbers of the classes of which no image was held out, as they have images of one group alone; without
        a search all.
    scorer_ : NeighborScorer
        All that prediction needs: the training codes as float32, so it is as large as these.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Notes
    -----
    Distances are Euclidean on scaled codes. Each query has one vote more, which the classes share as they do
    the training weight, so that no class has the probability 0 and the log-loss is finite. Decision values
    are the logarithms of these shares (of two classes: their difference), and a temperature from held-out
    images makes them probabilities. Of equally near rows the first given count. A prediction compares a code
    with every training row; more than `_ROWS` of these are never in a product at once.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> NeighborHead().fit(X, y).predict(X[:2])
    array([0, 0])
    """

    def __init__(
        self,
        *,
        k: int | None = None,
        scaling: str | None = None,
        cv: Any = 5,
        class_weight: Any = None,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.k = k
        self.scaling = scaling
        self.cv = cv
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_params(self) -> None:
        super()._check_params()
        check_setting("k", self.k, numbers.Integral)

    def _check_rows(self, X: Any, y: Any, sample_weight: Any, groups: Any, images: Any) -> Rows:
        rows = super()._check_rows(X, y, sample_weight, groups, images)
        check_k(self.k, rows.weight)
        return rows

    def _make_search(self) -> NeighborSearch:
        return NeighborSearch(self._scalings(), self.k)

    def _fall_back(self) -> Choice:
        return Choice(self._scaling_without_folds(), {"k": self.k or 1}, 1.0, {})

    def _guess_temperature(self, X: Array, y: Array) -> None:
        """Leave it at 1: shares of votes are probabilities by themselves."""

    def _fit_final(self, rows: Rows, choice: Choice) -> None:
        """Keep the scaled rows."""
        scaler = Scaler.learn(choice.scaling, rows.X, rows.weight)
        prior, preference = share_votes(rows.y, rows.weight, rows.loss_weight, rows.n_classes)
        self.k_ = int(choice.setting["k"])
        self.scaling_, self.cv_results_ = choice.scaling, choice.table
        self.scorer_ = NeighborScorer(
            scaler.apply(rows.X, rows.X.dtype).astype(np.float32),
            rows.y,
            rows.weight,
            self.classes_,
            self.k_,
            prior,
            preference,
            *scaler.to_arrays(),
            temperature=choice.temperature,
        )
