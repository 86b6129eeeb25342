"""The search for a linear head: its scaling and C, along the path of each fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.curvature import Covariance, choose_rows
from cnncodes.heads.folds import Rows
from cnncodes.heads.problem import Problem
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.solvers import PATHS
from cnncodes.heads.sweep import Fold, Setting

Array = npt.NDArray[Any]

#: Kinds that go down step by step; the others have every C from what the first one costs.
DESCENDING = ("logistic", "linear-svm")
# Powers of ten of C for rows of about length 1, ascending.
_EXPONENTS = {
    "logistic": (-2.0, 4.5),
    "linear-svm": (-5.0, 3.0),
    "ridge": (-3.5, 3.5),
    "lda": (-1.0, 4.0),
}
# Held-out losses are the same to three digits as with one a hundred times finer, in a third of the time.
# The SVM's curvature is zero where a row is beyond the margin, and tells less of what is left.
SEARCH_EXCESS = {"logistic": 1e-4, "linear-svm": 1e-6}


@dataclass(frozen=True)
class LinearSearch:
    """What is tried: a kind, its scalings, one C or (None) the grid. A `cnncodes.heads.sweep.Search`."""

    kind: str
    scalings: tuple[str, ...]
    C: float | None
    max_iter: int

    @property
    def names(self) -> tuple[str, ...]:
        """What a setting consists of: the nearest mean has nothing to set."""
        return () if self.kind == "centroid" else ("C",)

    @property
    def temperatures(self) -> tuple[float, float] | None:
        """Between which the temperature is: what logistic regression decides by are log-odds."""
        return (1.0, 1.0) if self.kind == "logistic" else None

    @property
    def stops(self) -> bool:
        """Whether the rest of the grid costs something."""
        return self.kind in DESCENDING

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return the values of C, ascending, in steps of half a power of ten.

        A standardised row has a length of about sqrt(D), a normalised one of 1: the grid moves along. The
        shrinkage of LDA is a share of the covariance's own scale, and stays.
        """
        if self.kind == "centroid":
            return [()]
        if self.C is not None:
            return [(float(self.C),)]
        low, high = _EXPONENTS[self.kind]
        moves = scaling == "standard" and self.kind != "lda"
        shift = round(float(np.log10(max(n_features, 1)))) if moves else 0
        return [(float(10.0 ** (e - shift)),) for e in np.arange(low, high + 0.25, 0.5)]

    def prepare(self, rows: Rows, scaling: str) -> Covariance | None:
        """Return about the covariance of scaled rows, which those of all folds have."""
        if self.kind not in DESCENDING:
            return None
        some = choose_rows(*rows.X.shape)
        scaler = Scaler.learn(scaling, rows.X, rows.weight)
        X = scaler.apply(rows.X[some], rows.X.dtype)
        return Covariance.learn(X, rows.loss_weight[some], of_all=False)

    def decide(self, fold: Fold, settings: Sequence[Setting]) -> Iterator[Array]:
        """Yield the decision values of the held-out rows for rising C."""
        problem = Problem(
            fold.X,
            fold.y,
            fold.loss_weight,
            fold.n_classes,
            excess=SEARCH_EXCESS.get(self.kind, 0.0),
            max_iter=self.max_iter,
            covariance=fold.shared,
            preference=fold.preference,
        )
        for solution in PATHS[self.kind](problem, [setting[0] if setting else 1.0 for setting in settings]):
            yield solution.decision(fold.held_out)
