"""Which thumbnails may show one picture, turned or mirrored as it may be, and in which way.

Codes do not tell: that of a picture upside down is as far from its own as from another one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn

from cnncodes.evaluation.checks.neighbours import find_neighbours

Thumbnails = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]

#: Each thumbnail is laid over so many that are most like it, whichever way these are turned.
_NEAREST = 5
#: From which correlation on, at so many pixels a side, two are worth a closer look. Copies that lack a tenth
#: of the width reach it, but for one photograph in ten.
_CORRELATION, _SIDE = 0.8, 16
#: So many waves across the picture tell it from others; what is finer is lost where a copy is cut.
_WAVES = 8
#: As it is, or mirrored, is taken where it fits as well as another way but for so much: pictures may be
#: symmetric.
_UPRIGHT, _TIE = (0, 1), 0.01
#: Pictures mirrored, upside down, with rows for columns, and all of these together.
_WAYS = 8
#: Pairs laid over each other at once.
_CHUNK = 4096


@dataclass(frozen=True)
class Fits:
    """Pairs of pictures that may be one.

    Attributes
    ----------
    pairs : ndarray of int64, shape (m, 2)
        The first is the lower one; each pair is there once.
    ways : ndarray of int64, shape (m,)
        In which of the ways of `turn` the second fits best on the first.
    """

    pairs: npt.NDArray[np.int64]
    ways: npt.NDArray[np.int64]

    @property
    def turned(self) -> npt.NDArray[np.bool_]:
        """Whether the second is neither as the first is nor its mirror image, shape (m,)."""
        return ~np.isin(self.ways, _UPRIGHT)

    def take(self, chosen: npt.NDArray[np.bool_]) -> Fits:
        """Return some of them."""
        return Fits(self.pairs[chosen], self.ways[chosen])


def find_fits(thumbnails: Thumbnails) -> Fits:
    """Return the pairs that are alike at a glance, in any of the eight ways that a square lies on another.

    Candidates are the five nearest by the strengths of the 8 x 8 slowest cosine waves, each with those across
    and down taken together: to turn or mirror a picture changes their signs and swaps them, and no more.

    Parameters
    ----------
    thumbnails : ndarray of uint8, shape (n, 64, 64)

    Examples
    --------
    >>> first = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    >>> fits = find_fits(np.stack([first, first[::-1]]))
    >>> fits.pairs.tolist(), fits.turned.tolist()
    ([[0, 1]], [True])
    """
    small = _shrink(thumbnails)
    index = find_neighbours(_describe(small), _NEAREST).index
    own = np.repeat(np.arange(len(index)), index.shape[1])
    pairs = np.unique(np.sort(np.column_stack([own, index.ravel()]), axis=1), axis=0)
    ways, fit = np.empty(len(pairs), np.int64), np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), _CHUNK):
        some = slice(start, start + _CHUNK)
        ways[some], fit[some] = _choose_ways(small[pairs[some, 0]], small[pairs[some, 1]])
    return Fits(pairs, ways).take(fit >= _CORRELATION)


def turn(pictures: npt.NDArray[Any], ways: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return square pictures, shape (n, side, side), each turned in its own way, from 0 (none) to 7."""
    turned = pictures.copy()
    for bit, change in ((1, np.s_[:, :, ::-1]), (2, np.s_[:, ::-1])):
        some = (ways & bit) > 0
        turned[some] = turned[some][change]
    some = (ways & 4) > 0
    turned[some] = turned[some].transpose(0, 2, 1)
    return turned


def _shrink(thumbnails: Thumbnails) -> Array:
    """Return thumbnails of 16 pixels a side, of mean 0 and length 1; plain ones are 0."""
    n, side = len(thumbnails), thumbnails.shape[1]
    step = side // _SIDE
    small = thumbnails.reshape(n, _SIDE, step, _SIDE, step).mean(axis=(2, 4), dtype=np.float32)
    small -= small.mean(axis=(1, 2), keepdims=True)
    return np.asarray(small / (np.sqrt((small**2).sum(axis=(1, 2), keepdims=True)) + 1e-3), np.float32)


def _describe(small: Array) -> Array:
    """Return what is the same for all ways of turning a picture, shape (n, 72)."""
    strength = np.abs(dctn(small, axes=(1, 2), norm="ortho")[:, :_WAVES, :_WAVES])
    swapped = strength.transpose(0, 2, 1)
    across, down = np.triu_indices(_WAVES)
    both = (np.maximum(strength, swapped), np.minimum(strength, swapped))
    return np.concatenate([one[:, across, down] for one in both], axis=1)


def _choose_ways(first: Array, second: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Return the way in which each second picture fits best on the first, and how well: a correlation."""
    fit = np.empty((_WAYS, len(first)), np.float32)
    for way in range(_WAYS):
        fit[way] = (first * turn(second, np.full(len(second), way))).sum(axis=(1, 2))
    fit[list(_UPRIGHT)] += _TIE
    return fit.argmax(axis=0), fit.max(axis=0)
