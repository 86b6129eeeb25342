"""Labels of the nearest training codes, as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from cnncodes.heads.folds import Rows
from cnncodes.heads.multilabel.base import MultiLabelHead
from cnncodes.heads.multilabel.scorers import F1, NeighborLabelScorer, vote_odds
from cnncodes.heads.regression.neighbors import NeighborNumberSearch, NeighborTargets
from cnncodes.heads.regression.search import NumberChoice, NumberFold, Setting
from cnncodes.heads.scaling import Scaler

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class NeighborLabelSearch(NeighborNumberSearch):
    """What is tried: one k or (None) several; what is said are log-odds."""

    def predict(self, fold: NumberFold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the log-odds of the labels of the held-out rows for each k."""
        total = float(fold.weight.sum())
        # Never 0 nor 1, also where no training row of the fold has the label.
        prior = (fold.weight @ fold.Y + 0.5) / (total + 1)
        for shares, (k,) in zip(super().predict(fold, settings), settings, strict=True):
            yield vote_odds(shares, prior, k)


class NeighborLabelHead(NeighborTargets, MultiLabelHead):
    """Each label's share among the nearest training codes, by exact search.

    Parameters
    ----------
    k : int, optional
        How many neighbours vote; None chooses among 1, 3, 5, 10, 20 and 50. It counts sample weights, as of
        `cnncodes.heads.neighbor_head.NeighborHead`.
    scaling : {"standard", "l2"}, optional
        Standardise the columns, or scale each code to length 1; None chooses.
    threshold, cv, random_state, n_jobs
        As in `cnncodes.heads.multilabel.linear.LinearLabelHead`. Without folds k is 1.

    Attributes
    ----------
    k_, scaling_ : int, str
        What was chosen or given.
    classes_, cv_results_, n_folds_, scarce_, held_out_
        As in `LinearLabelHead`, with `k` for `C`.
    scorer_ : NeighborLabelScorer
        All that prediction needs: the training codes as float32, so it is as large as these.
    n_features_in_, feature_names_in_

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(12.0)[:, None]
    >>> Y = np.column_stack([X[:, 0] > 3, X[:, 0] > 7])
    >>> NeighborLabelHead(k=3, scaling="standard").fit(X, Y).predict([[5.0]])
    array([[1, 0]])
    """

    _SEARCH = NeighborLabelSearch

    def __init__(
        self,
        *,
        k: int | None = None,
        scaling: str | None = None,
        threshold: Any = F1,
        cv: Any = 5,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.k = k
        self.scaling = scaling
        self.threshold = threshold
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_scorer(
        self, rows: Rows, Y: Array, scaler: Scaler, choice: NumberChoice, labels: dict[str, Any]
    ) -> NeighborLabelScorer:
        X = self._keep(rows, scaler, choice)
        return NeighborLabelScorer(X, Y, rows.weight, self.k_, *scaler.to_arrays(), **labels)
