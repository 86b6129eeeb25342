"""Losses of linear classifiers as functions of the decision values, with what a descent needs of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ALL = slice(None)


class Point(Protocol):
    """A loss at some decision values ``[n, k]``, summed over weighted rows."""

    @property
    def value(self) -> float:
        """The sum."""

    @property
    def slope(self) -> Array:
        """Its derivatives by the decision values, ``[n, k]``."""

    def bend(self, step: Array) -> float:
        """Return the second derivative along a change of the decision values ``[n, k]``."""

    def turn(self, step: Array, rows: slice = ALL) -> Array:
        """Return by how much the slope of some rows changes along a change of their decision values."""

    def curvature(self) -> Array:
        """Return the mean second derivative of a row by the decision values.

        ``[k]`` where columns have nothing to do with each other, else ``[k, k]``.
        """


class Loss(Protocol):
    """What a row costs, given its decision values."""

    @property
    def weight(self) -> Array:
        """Weights of the rows, ``[n]``."""

    def at(self, decision: Array) -> Point:
        """Return the loss at decision values ``[n, k]``."""


@dataclass(frozen=True)
class _SoftmaxPoint:
    value: float
    slope: Array
    shares: Array
    weight: Array

    def bend(self, step: Array) -> float:
        if step.shape[1] == 1:  # the other class's share moves by nothing
            p = self.shares[:, 0]
            return float((self.weight * p * (1 - p)) @ np.square(step[:, 0], dtype=np.float64))
        apart = step - np.einsum("ij,ij->i", self.shares, step)[:, None]
        np.square(apart, out=apart)  # a variance: never below 0
        return float(self.weight @ np.einsum("ij,ij->i", self.shares, apart))

    def turn(self, step: Array, rows: slice = ALL) -> Array:
        p = self.shares[rows]
        apart = step * (1 - p) if step.shape[1] == 1 else step - np.einsum("ij,ij->i", p, step)[:, None]
        apart *= p
        apart *= self.weight[rows, None]
        return np.asarray(apart)

    def curvature(self) -> Array:
        share = self.weight / self.weight.sum()
        if self.shares.shape[1] == 1:
            return np.asarray(share @ (self.shares * (1 - self.shares)))
        found = -((self.shares * share[:, None].astype(self.shares.dtype)).T @ self.shares).astype(np.float64)
        found[np.diag_indices_from(found)] += share @ self.shares
        return np.asarray(found)


@dataclass(frozen=True)
class CrossEntropy:
    """Log-loss of the softmax of ``k`` decision values; of one, of its logistic function.

    Parameters
    ----------
    y : int ``[n]``
        Class numbers.
    weight : float ``[n]``
    """

    y: Array
    weight: Array

    def at(self, decision: Array) -> Point:
        """Return the loss at decision values ``[n, k]``, or ``[n, 1]`` of the second of two classes."""
        binary = decision.shape[1] == 1
        values = np.column_stack([np.zeros_like(decision), decision]) if binary else decision
        rows, first = np.arange(len(self.y)), values.argmax(axis=1)
        top = values[rows, first]
        shares = values - top[:, None]  # then their powers, and at last that: arrays as large are few
        np.exp(shares, out=shares)
        # What is left to others is summed by itself: taken from 1 it would be rounding where it is little.
        shares[rows, first] = 0
        rest = shares.sum(axis=1)
        shares[rows, first] = 1
        total, own = 1 + rest, shares[rows, self.y]
        losses = np.log1p(rest, dtype=np.float64) + (top - values[rows, self.y])
        others = np.where(self.y == first, rest, total - own) / total
        shares /= total[:, None]
        weight = self.weight.astype(shares.dtype)
        slope = shares * weight[:, None]
        slope[rows, self.y] = -others * weight
        if binary:
            slope, shares = slope[:, 1:], shares[:, 1:]
        return _SoftmaxPoint(float(losses @ self.weight), slope, shares, self.weight)


@dataclass(frozen=True)
class _HingePoint:
    value: float
    slope: Array
    active: Array
    weight: Array

    def bend(self, step: Array) -> float:
        return 2 * float(self.weight @ np.einsum("ij,ij,ij->i", self.active, step, step, dtype=np.float64))

    def turn(self, step: Array, rows: slice = ALL) -> Array:
        return np.asarray(self.active[rows] * step * (2 * self.weight[rows, None]).astype(step.dtype))

    def curvature(self) -> Array:
        return np.asarray(2 * (self.weight @ self.active) / self.weight.sum())


@dataclass(frozen=True)
class SquaredHinge:
    """The square of what a decision value lacks to a margin of 1, of each class against the rest.

    Parameters
    ----------
    signs : float ``[n, k]``
        +1 where a row is of the column's class, else -1.
    weight : float ``[n]``
    """

    signs: Array
    weight: Array

    def at(self, decision: Array) -> Point:
        """Return the loss at decision values ``[n, k]``."""
        lack = np.maximum(1 - self.signs * decision, 0)
        value = float(self.weight @ np.einsum("ij,ij->i", lack, lack, dtype=np.float64))
        slope = lack * self.signs * (-2 * self.weight[:, None]).astype(lack.dtype)
        return _HingePoint(value, slope, lack > 0, self.weight)


@dataclass(frozen=True)
class LogisticPoint:
    """`values` has the loss of each column, `bend_each` its second derivative along a step of each."""

    values: Array
    slope: Array
    bends: Array
    weight: Array

    @property
    def value(self) -> float:
        return float(self.values.sum())

    def take(self, columns: Array) -> LogisticPoint:
        """Return that of some columns."""
        return LogisticPoint(
            self.values[columns], self.slope[:, columns], self.bends[:, columns], self.weight
        )

    def bend_each(self, step: Array) -> Array:
        return np.asarray(self.weight @ (self.bends * step * step))

    def bend(self, step: Array) -> float:
        return float(self.weight @ np.einsum("ij,ij,ij->i", self.bends, step, step, dtype=np.float64))

    def turn(self, step: Array, rows: slice = ALL) -> Array:
        return np.asarray(self.bends[rows] * step * self.weight[rows, None].astype(step.dtype))

    def curvature(self) -> Array:
        return np.asarray(self.weight @ self.bends / self.weight.sum())


@dataclass(frozen=True)
class LogisticLoss:
    """Log-loss of the logistic function of each decision value by itself: columns are labels, not classes.

    Parameters
    ----------
    signs : float ``[n, k]``
        +1 where a row has the column's label, else -1.
    weight : float ``[n]``
    """

    signs: Array
    weight: Array

    def take(self, columns: Array) -> LogisticLoss:
        """Return that of some columns."""
        return LogisticLoss(self.signs[:, columns], self.weight)

    def at(self, decision: Array) -> LogisticPoint:
        """Return the loss at decision values ``[n, k]``."""
        against = -self.signs * decision
        tail = np.exp(-np.abs(against))
        losses = np.maximum(against, 0) + np.log1p(tail)
        wrong = np.where(against > 0, 1, tail) / (1 + tail)  # the probability of what is not so
        slope = -self.signs * wrong * self.weight[:, None].astype(wrong.dtype)
        return LogisticPoint(self.weight @ losses, slope, wrong * (1 - wrong), self.weight)
