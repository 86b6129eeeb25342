"""Principal components of three channels: the same numbers on every machine, which no BLAS promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

Vector: TypeAlias = tuple[float, float, float]

#: Six sweeps are enough for all bits of a matrix of three rows.
_SWEEPS = 12
#: Digits kept, of variances beside the largest: far more than matter, and fewer than rounding reaches.
_DIGITS = 9


def find_components(covariance: Sequence[Sequence[float]]) -> tuple[Vector, tuple[Vector, ...]]:
    """Return the variances, largest first, and the components of a covariance, shape (3, 3).

    Both are rounded, and the entry of a component that is largest in size is positive, the first of several.

    Jacobi's method in Python's own numbers takes only steps that IEEE 754 defines to the last bit.

    Examples
    --------
    >>> find_components([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 9.0]])[0]
    (9.0, 3.0, 1.0)
    """
    matrix = [list(row) for row in covariance]
    vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    for _ in range(_SWEEPS):
        for p, q in ((0, 1), (0, 2), (1, 2)):
            if matrix[p][q]:
                _rotate(matrix, vectors, p, q)
    variances = _round_variances([matrix[i][i] for i in range(3)])
    first, second, third = sorted(range(3), key=lambda i: -variances[i])
    components = tuple(_fix_sign(vectors[i]) for i in (first, second, third))
    return (variances[first], variances[second], variances[third]), components


def _rotate(matrix: list[list[float]], vectors: list[list[float]], p: int, q: int) -> None:
    """Turn the axes p and q so that the matrix has 0 where they meet; the rows of `vectors` are the axes."""
    slope = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q])
    tangent = math.copysign(1.0, slope) / (abs(slope) + math.sqrt(slope * slope + 1))
    cosine = 1 / math.sqrt(tangent * tangent + 1)
    sine = tangent * cosine
    for row in matrix:
        row[p], row[q] = cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]
    for rows in (matrix, vectors):
        rows[p], rows[q] = (
            [cosine * a - sine * b for a, b in zip(rows[p], rows[q], strict=True)],
            [sine * a + cosine * b for a, b in zip(rows[p], rows[q], strict=True)],
        )
    matrix[p][q] = matrix[q][p] = 0.0


def _round_variances(variances: list[float]) -> list[float]:
    """Round to the digits of the largest: what rounding left beside it is no variance, and becomes 0."""
    exponent = int(f"{max(variances):e}".partition("e")[2])
    return [round(value, _DIGITS - 1 - exponent) + 0.0 for value in variances]  # and no -0.0


def _fix_sign(vector: list[float]) -> Vector:
    rounded = [round(value, _DIGITS) for value in vector]
    largest = max(rounded, key=abs)
    red, green, blue = (math.copysign(1.0, largest) * value + 0.0 for value in rounded)
    return red, green, blue
