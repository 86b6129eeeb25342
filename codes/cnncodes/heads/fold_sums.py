"""Statistics of the rows of each fold, whether they are in memory or come block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.heads.folds import Rows
from cnncodes.heads.scoring import l2_normalized
from cnncodes.heads.statistics import Statistics

Array = npt.NDArray[Any]


@dataclass(eq=False)
class FoldSums:
    """Statistics of the rows of one fold, under one scaling."""

    rows: Rows
    fold: Array
    number: int
    scaling: str
    found: Statistics

    def add(self, codes: Array, part: slice) -> None:
        """Take in those codes that are of the fold."""
        mine = np.flatnonzero(self.fold[part] == self.number)
        if len(mine) == 0:
            return
        X = codes[mine].astype(np.float64)
        if self.scaling == "l2":
            X = l2_normalized(X)
        rows, at = self.rows, mine + part.start
        self.found.add(X, rows.y[at], rows.weight[at], rows.loss_weight[at])


def sums_by_fold(rows: Rows, fold: Array, scalings: Sequence[str]) -> Callable[[Array], list[FoldSums]]:
    """Return what makes, of the first codes ``[n, D]``, empty statistics of each fold and scaling."""

    def make(codes: Array) -> list[FoldSums]:
        made = []
        for scaling in scalings:
            X = codes.astype(np.float64)
            shift = (l2_normalized(X) if scaling == "l2" else X).mean(axis=0)
            made += [
                FoldSums(rows, fold, k, scaling, Statistics.empty(rows.n_classes, shift))
                for k in range(int(fold.max()) + 1)
            ]
        return made

    return make
