"""The search for a linear head: its scaling and C, along the path of each fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.curvature import Covariance, choose_rows
from cnncodes.heads.folds import Rows
from cnncodes.heads.linear_kinds import LINEAR_KINDS, LinearKind
from cnncodes.heads.problem import Problem
from cnncodes.heads.scaling import Scaler
from cnncodes.heads.sweep import Fold, Setting

Array = npt.NDArray[Any]

#: Steps at most of a candidate; ten are usual.
SEARCH_STEPS = 300


@dataclass(frozen=True)
class LinearSearch:
    """What is tried: a kind, its scalings, one C or (None) the grid. A `cnncodes.heads.sweep.Search`."""

    kind: str
    scalings: tuple[str, ...]
    C: float | None
    max_iter: int

    @property
    def traits(self) -> LinearKind:
        """What the kind has."""
        return LINEAR_KINDS[self.kind]

    @property
    def names(self) -> tuple[str, ...]:
        """What a setting consists of: the nearest mean has nothing to set."""
        return ("C",) if self.traits.is_regularised else ()

    @property
    def temperatures(self) -> tuple[float, float] | None:
        """Between which the temperature is: what logistic regression decides by are log-odds."""
        return (1.0, 1.0) if self.traits.gives_log_odds else None

    @property
    def stops(self) -> bool:
        """Whether the rest of the grid costs something."""
        return self.traits.descends

    def grid(self, scaling: str, n_features: int) -> list[Setting]:
        """Return the values of C, ascending, in steps of half a power of ten.

        A standardised row has a length of about sqrt(D), a normalised one of 1: the grid moves along. The
        shrinkage of LDA is a share of the covariance's own scale, and stays.
        """
        if self.traits.exponents is None:
            return [()]
        if self.C is not None:
            return [(float(self.C),)]
        low, high = self.traits.exponents
        moves = scaling == "standard" and not self.traits.from_spread
        shift = round(float(np.log10(max(n_features, 1)))) if moves else 0
        return [(float(10.0 ** (e - shift)),) for e in np.arange(low, high + 0.25, 0.5)]

    def prepare(self, rows: Rows, scaling: str) -> Covariance | None:
        """Return about the covariance of scaled rows, which those of all folds have."""
        if not self.traits.descends:
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
            excess=self.traits.search_excess,
            max_iter=min(self.max_iter, SEARCH_STEPS),
            covariance=fold.shared,
            preference=fold.preference,
            run=fold.run,
        )
        Cs = [setting[0] if setting else 1.0 for setting in settings]
        for solution in self.traits.path(problem, Cs):
            yield solution.decision(fold.held_out)
            if not solution.converged:  # nor would a weaker penalty's, in as many steps again
                return
