"""The exact end of a linear SVM of few rows, where a descent takes a thousand steps and is not there yet.

With a weak penalty most rows of a class lie on their margin, and which are beyond it is all that is left to
find: given that, the weights are the solution of linear equations with as many unknowns as rows. This is the
Newton method of O. Chapelle, "Training a support vector machine in the primal", Neural Computation 19, 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Steps at most for a penalty, a few are usual; halvings of each; and from one penalty to the next.
_STEPS, _HALVINGS, _RATIO = 50, 40, 0.01


@dataclass(frozen=True)
class _Machine:
    """One class against the rest: minimises ``sum_i weight_i * lack_i^2 + penalty * ||w||^2 / 2``.

    Weights are ``w = rows.T @ shares``, so that decision values are ``kernel @ shares``.
    """

    kernel: Array
    signs: Array
    weight: Array

    def minimise(self, penalties: Array) -> Array | None:
        """Return the shares of the minimum for the last of falling penalties, each from the one before."""
        shares = np.zeros(len(self.signs))
        for penalty in penalties.tolist():
            found = self._descend(shares, penalty)
            if found is None:
                return None
            shares = found
        return shares

    def _descend(self, shares: Array, penalty: float) -> Array | None:
        active, value = self._find_active(shares), self._value(shares, penalty)
        for _ in range(_STEPS):
            step, length = self._solve(active, penalty) - shares, 1.0
            while not self._value(shares + length * step, penalty) <= value * (1 + 1e-12):
                length /= 2
                if length < 0.5**_HALVINGS:
                    return None
            shares = shares + length * step
            value, before = self._value(shares, penalty), active
            active = self._find_active(shares)
            if length == 1 and np.array_equal(before, active):
                return shares
        return None

    def _find_active(self, shares: Array) -> Array:
        """Return the numbers of the rows within the margin."""
        return np.flatnonzero(self.signs * (self.kernel @ shares) < 1)

    def _value(self, shares: Array, penalty: float) -> float:
        decision = self.kernel @ shares
        lack = np.maximum(0, 1 - self.signs * decision)
        return float(self.weight @ lack**2 + penalty * (shares @ decision) / 2)

    def _solve(self, active: Array, penalty: float) -> Array:
        """Return the shares of the minimum if just those rows were within the margin."""
        shares = np.zeros(len(self.signs))
        left = self.kernel[np.ix_(active, active)]
        left[np.diag_indices_from(left)] += penalty / (2 * self.weight[active])
        shares[active] = np.linalg.solve(left, self.signs[active])
        return shares


def find_active_rows(X: Array, signs: Array, weight: Array, penalty: float) -> tuple[Array, Array] | None:
    """Return weights ``[k, D]`` and intercepts ``[k]`` of the minimum, the intercept being penalised too.

    Parameters
    ----------
    X : float64 ``[n, D]``
    signs : float64 ``[n, k]``
        +1 where a row is of the column's class, else -1.
    weight : float64 ``[n]``
        Of the sum 1.
    penalty : float

    Returns
    -------
    tuple or None
        None where rounding keeps it from being found: of rows that are nearly equal.
    """
    kernel = X @ X.T + 1  # the intercept is the weight of a column of ones
    first = max(penalty, float(weight @ np.diag(kernel)))  # with which all rows are within the margin
    penalties = np.geomspace(first, penalty, 1 + int(np.ceil(np.log(penalty / first) / np.log(_RATIO))))
    columns = []
    for sign in signs.T:
        try:
            found = _Machine(kernel, sign, weight).minimise(penalties)
        except np.linalg.LinAlgError:
            return None
        if found is None:
            return None
        columns.append(found)
    shares = np.stack(columns)
    return shares @ X, shares.sum(axis=1)
