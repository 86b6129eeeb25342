"""Means and spread of classes in code space, and how far off those of fewer images are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Directions in which the spread within classes is told apart; of the rest a mean is taken.
AXES = 32


@dataclass(frozen=True, eq=False)
class TrainingCodes:
    """What the means and the spread of classes are learned from.

    Attributes
    ----------
    points : ndarray of float64, shape (n_images, code_size)
        Codes of length 1.
    numbered : ndarray of int, shape (n_images,)
        Class numbers.
    counts : ndarray of float64, shape (n_images,)
        As how many copies each counts.
    equal, groups : ndarray of int, shape (n_images,)
        Which are equal, and which of one group; both from 0 without gaps.
    likeness : float
        Correlation of the codes of a group within a class, from 0 to 1.
    """

    points: Array
    numbered: Array
    counts: Array
    equal: Array
    groups: Array
    likeness: float

    @classmethod
    def make(cls, points: Array, y: Array, counts: Array, groups: Array | None) -> TrainingCodes:
        """Number classes, groups and equal images; without groups equal images are one."""
        numbered, equal = np.unique(y, return_inverse=True)[1], _number_equal(points)
        groups = equal if groups is None else np.unique(groups, return_inverse=True)[1]
        return cls(points, numbered, counts, equal, groups, _find_likeness(points, numbered, groups))

    def sum_products(self, at: Any) -> Array:
        """Return the sum of the outer products of some images."""
        points = self.points[at]
        return np.asarray((points * self.counts[at][:, None]).T @ points)

    def learn(self, train: Array, product: Array | None) -> tuple[Array, Array, Array] | None:
        """Return means, axes and spread of some; `product` is the sum of their outer products, if made."""
        points, numbered, weight = self.points[train], self.numbered[train], self.counts[train]
        n_different = len(np.unique(self.equal[train]))
        counts, total = np.bincount(numbered, weight), float(weight.sum())
        sums = np.zeros((len(counts), points.shape[1]))
        np.add.at(sums, numbered, points * weight[:, None])
        means = sums / counts[:, None]
        size = points.shape[1]
        count = count_axes(n_different, size)
        if product is None:
            # Of fewer images than numbers, that product is larger than they are, and slower to multiply with.
            apart = (points - means[numbered]) * np.sqrt(weight / total)[:, None]
            axes, variances = _find_axes(lambda basis: apart.T @ (apart @ basis), size, count)
            whole = float((apart**2).sum())
        else:
            within = (product - means.T @ sums) / total
            axes, variances = _find_axes(lambda basis: within @ basis, size, count)
            whole = float(np.trace(within))
        rest = (whole - float(variances.sum())) / (size - len(axes))
        if rest <= 1e-12:  # codes that do not vary: of copies of one picture
            return None
        return means, axes, np.append(np.maximum(variances, rest), rest)

    def find_ratios(self, train: Array, n_axes: int) -> Array:
        """Return by what distances from means of some images are to be multiplied, for each class.

        A mean of ``n`` images is off by a share ``1 / n`` of the spread, so that a new image is ``1 + 1 / n``
        spreads from it, and images of training are ``1 - 1 / n`` from their own: of fewer images the distance
        is larger, and the spread smaller. The ratios make the distance what it is from means of all.
        """
        part, left_of_part = self._find_errors(train, n_axes)
        whole, left = self._errors
        return np.asarray((1 + whole) / (1 + part) * (left_of_part / left))

    @cached_property
    def _errors(self) -> tuple[Array, float]:
        """Of all images, which every fold is compared with."""
        n_axes = count_axes(len(np.unique(self.equal)), self.points.shape[1])
        return self._find_errors(np.arange(len(self.points)), n_axes)

    def _find_errors(self, train: Array, n_axes: int) -> tuple[Array, float]:
        """Return the variance of each class's mean, and what images keep of theirs, as shares of the spread.

        As if each axis took as much from the spread as the mean of a class does.
        """
        numbered, weight = self.numbered[train], self.counts[train]
        totals = np.bincount(numbered, weight)
        alone, together = (
            _sum_squares(numbered, of[train], weight) / totals**2 for of in (self.equal, self.groups)
        )
        errors = self.likeness * together + (1 - self.likeness) * alone
        taken = float(errors @ totals / totals.sum())
        left = max(1 - taken * (1 + n_axes / len(totals)), (1 - taken) / 2, 1e-3)
        return errors, left


def count_axes(n_different: int, size: int) -> int:
    """Return in how many directions the spread of so many images is told apart."""
    return min(AXES, n_different // 8, size - 1)


def _sum_squares(numbered: Array, members: Array, weight: Array) -> Array:
    """Return for each class the sum of the squared weights of its members."""
    pairs, pair = np.unique(numbered * (int(members.max()) + 1) + members, return_inverse=True)
    return np.bincount(pairs // (int(members.max()) + 1), np.bincount(pair, weight) ** 2)


def _find_likeness(points: Array, numbered: Array, groups: Array) -> float:
    """Return the intraclass correlation of groups within classes, by the analysis of variance."""
    n, n_classes = len(points), int(numbered.max()) + 1
    pair = np.unique(numbered * (int(groups.max()) + 1) + groups, return_inverse=True)[1]
    n_pairs = int(pair.max()) + 1
    if n_pairs in (n, n_classes):
        return 0.0
    whole, within = _sum_apart(points, numbered), _sum_apart(points, pair)
    inside = within / (n - n_pairs)
    between = max(((whole - within) / (n_pairs - n_classes) - inside) * n_pairs / n, 0.0)
    return between / (between + inside) if between else 0.0


def _sum_apart(points: Array, numbered: Array) -> float:
    """Return the sum of squared distances from the means of what has one number."""
    sums = np.zeros((int(numbered.max()) + 1, points.shape[1]))
    np.add.at(sums, numbered, points)
    return float((points**2).sum() - ((sums**2).sum(axis=1) / np.bincount(numbered)).sum())


def _number_equal(points: Array) -> Array:
    """Number rows such that equal ones have one number: copies have no further directions."""
    return np.unique([hash(point.tobytes()) for point in points], return_inverse=True)[1]


def _find_axes(multiply: Callable[[Array], Array], size: int, count: int) -> tuple[Array, Array]:
    """Return the directions of largest variance, and it, by subspace iteration: quicker than all of them."""
    start = np.random.default_rng(0).normal(size=(size, min(count + 10, size)))
    basis = np.linalg.qr(start)[0]
    for _ in range(8):
        basis = np.linalg.qr(multiply(basis))[0]
    values, vectors = np.linalg.eigh(basis.T @ multiply(basis))
    order = values.argsort()[::-1][:count]
    return (basis @ vectors[:, order]).T, values[order]
