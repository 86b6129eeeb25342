"""Whether two small pictures show the same picture: laid over each other first, then compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, uniform_filter

Array = npt.NDArray[np.float32]

#: The alignment, from coarse to fine: pixels a side, steps of Gauss-Newton.
_COARSE, _MIDDLE, _FINE = (16, 6), (32, 4), (64, 3)
#: Pairs that correlate less than that as a whole after the first, and in detail (what a blur takes away)
#: after the second, are not looked at further.
_HOPELESS, _HOPELESS_DETAIL = 0.7, 0.5
#: Blur before structure is compared, in pixels: what is finer is noise, and lost in a smaller copy.
_SLIGHT = 0.7
#: Structure is compared in windows of so many pixels a side, where one picture varies by so many grey values;
#: what counts is the window that is less alike than all but so many.
_WINDOW, _FAINT, _LEAST_ALIKE = 9, 2.0, 0.05
#: Places in which tone is compared: so many a side.
_PLACES = 8
#: Least share of the picture, of a window, or of a place, that must still overlap.
_OVERLAP = 0.6
#: Pairs worked on at once.
_CHUNK = 128
#: Structure and tone of pairs that are given up.
_UNLIKE = np.array([[-1], [np.inf]], np.float32)
#: Where a point (x, y) of the first picture is in the second, (p0 x + p1, p2 y + p3) in [-1, 1]: at first
#: where it is, and then within these.
_STAY = np.array([1, 0, 1, 0], np.float32)
_LEAST, _MOST = np.array([[0.7, -0.4, 0.7, -0.4], [1.43, 0.4, 1.43, 0.4]], np.float32)


@dataclass(frozen=True)
class Likeness:
    """How alike the two pictures of each of n pairs are, once they lie over each other.

    Attributes
    ----------
    structure : ndarray of float32, shape (n,)
        Correlation of small windows, -1 to 1, of which 5 % are less alike: what is within an outline counts,
        and not the outline alone. Windows in which both pictures are plain are left out; -1 where all are.
    tone : ndarray of float32, shape (n,)
        How far apart the two are in that of 8 x 8 places where they are farthest, in standard deviations of
        the picture.
    """

    structure: Array
    tone: Array


def compare_pictures(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Likeness:
    """Compare pairs of thumbnails, the second as it is or mirrored, whichever is more alike.

    The second picture is shifted and stretched, and its brightness and contrast changed, until it lies over
    the first as well as it can: Gauss-Newton from coarse to fine. Pairs that do not come near each other on
    the way are given up, with a structure of -1 and an infinite distance in tone.

    Parameters
    ----------
    first, second : ndarray of uint8, shape (n, 64, 64)

    References
    ----------
    B. D. Lucas and T. Kanade, "An iterative image registration technique with an application to stereo
    vision", IJCAI 1981; structure is that of Z. Wang et al., "Image quality assessment: from error visibility
    to structural similarity", IEEE Transactions on Image Processing 13(4), 2004.
    """
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(first), _CHUNK)]
    found = [_compare(_single(first[rows]), _single(second[rows])) for rows in chunks]
    structure, tone = np.concatenate(found, axis=1) if found else np.empty((2, 0), np.float32)
    return Likeness(structure, tone)


def _compare(first: Array, second: Array) -> Array:
    """Return structure and tone of each pair, shape (2, n)."""
    (side, steps), stay = _COARSE, np.tile(_STAY, (len(first), 1))
    a, b = _shrink(first, side), _shrink(second, side)
    as_is, mirrored = _align(a, b, stay, steps), _align(a, b[:, :, ::-1], stay, steps)
    alike = _correlate_moved(a, b, as_is), _correlate_moved(a, b[:, :, ::-1], mirrored)
    turn = alike[1] > alike[0]
    second = np.where(turn[:, None, None], second[:, :, ::-1], second)
    position = np.where(turn[:, None], mirrored, as_is)
    near = np.flatnonzero(np.maximum(*alike) >= _HOPELESS)
    if len(near):
        side, steps = _MIDDLE
        a, b = _shrink(first[near], side), _shrink(second[near], side)
        position[near] = _align(a, b, position[near], steps)
        in_detail = _correlate_moved(a - _blur(a, 2.0), b - _blur(b, 2.0), position[near])
        near = near[in_detail >= _HOPELESS_DETAIL]
    found = np.repeat(_UNLIKE, len(first), axis=1)
    if len(near):
        side, steps = _FINE
        a, b = _shrink(first[near], side), _shrink(second[near], side)
        position[near] = _align(a, b, position[near], steps)
        found[:, near] = _measure(first[near], second[near], position[near])
    return found


def _align(first: Array, second: Array, position: Array, steps: int) -> Array:
    """Return better positions of the first pictures' points in the second."""
    side = second.shape[1]
    by_y, by_x = np.gradient(second, axis=(1, 2))
    fields = np.stack([second, by_x * (side / 2), by_y * (side / 2)])
    grid = _grid(side)
    for _ in range(steps):
        position = _step(first, fields, position, grid)
    return position


def _step(target: Array, fields: Array, position: Array, grid: Array) -> Array:
    """Return the positions after one step in position, contrast and brightness."""
    (value, by_x, by_y), inside = _sample(fields, position, grid)
    n = len(value)
    columns = [by_x * grid, by_x, by_y * grid[:, None], by_y, value, np.ones_like(value)]
    design = np.stack(columns, axis=1).reshape(n, 6, -1)
    design *= inside.reshape(n, 1, -1)
    square = design @ design.transpose(0, 2, 1)
    right = design @ target.reshape(n, -1, 1)
    scale = np.sqrt(np.diagonal(square, axis1=1, axis2=2))[:, :, None] + np.float32(1e-3)
    # A little is added to the diagonal: a picture without contrast leaves the position open.
    square = square / scale / scale.transpose(0, 2, 1) + 1e-5 * np.eye(6, dtype=np.float32)
    solved = (np.linalg.solve(square, right / scale) / scale)[:, :, 0]
    contrast = solved[:, 4:5]
    # One that would turn bright into dark is no step.
    good = contrast > 0.1
    move = np.where(good, solved[:, :4] / np.where(good, contrast, 1), 0)
    return _single(np.clip(position + np.clip(move, -0.1, 0.1), _LEAST, _MOST))


def _measure(first: Array, second: Array, position: Array) -> Array:
    """Return structure and tone of pairs that lie over each other, shape (2, n)."""
    (value,), inside = _sample(_blur(second, _SLIGHT)[None], position, _grid(first.shape[1]))
    weight = inside.astype(np.float32)
    (a, spread), (b, other) = (_standardize(x, weight) for x in (_blur(first, _SLIGHT), value))
    structure = _compare_structure(a, b, weight, _single(_FAINT / np.maximum(np.minimum(spread, other), 1)))
    enough = weight.mean(axis=(1, 2)) >= _OVERLAP
    found = np.stack([structure, _compare_tone(a - b, weight)])
    return _single(np.where(enough, found, _UNLIKE))


def _standardize(pictures: Array, weight: Array) -> tuple[Array, Array]:
    """Return pictures of mean 0 and deviation 1 where they overlap, 0 elsewhere; and their deviation."""
    total = np.maximum(weight.sum(axis=(1, 2), keepdims=True), 1)
    centred = (pictures - (pictures * weight).sum(axis=(1, 2), keepdims=True) / total) * weight
    spread = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True) / total)
    return _single(centred / np.maximum(spread, 1e-3)), _single(spread)


def _compare_structure(a: Array, b: Array, weight: Array, faint: Array) -> Array:
    """Return the correlation of windows that all but the least alike reach, shape (n,)."""
    share = np.maximum(_average(weight), 1e-3)
    mean_a, mean_b, square_a, square_b, product = (_average(x) / share for x in (a, b, a * a, b * b, a * b))
    spread_a, spread_b = np.maximum(square_a - mean_a**2, 0), np.maximum(square_b - mean_b**2, 0)
    alike = (product - mean_a * mean_b) / np.sqrt(spread_a * spread_b + 1e-9)
    counts = (np.maximum(spread_a, spread_b) > faint**2) & (weight > 0) & (share >= _OVERLAP)
    n = len(a)
    # Windows that do not count are more alike than any.
    ranked = np.sort(np.where(counts, alike, 2).reshape(n, -1), axis=1)
    number = counts.sum(axis=(1, 2))
    return _single(np.where(number > 0, ranked[np.arange(n), (number * _LEAST_ALIKE).astype(int)], -1))


def _average(pictures: Array) -> Array:
    """Return the mean of the window around each pixel; there is nothing beyond the edge."""
    averaged: Array = uniform_filter(pictures, (0, _WINDOW, _WINDOW), mode="constant")
    return averaged


def _compare_tone(difference: Array, weight: Array) -> Array:
    """Return the largest mean difference of a place, shape (n,)."""
    total, there = (_sum_places(x) for x in (difference, weight))
    counts = there >= _OVERLAP * there.max()
    return _single(np.where(counts, np.abs(total) / np.maximum(there, 1), 0).max(axis=(1, 2)))


def _sum_places(pictures: Array) -> Array:
    """Return the sum of the pixels of each place, shape (n, places, places)."""
    n, side = len(pictures), pictures.shape[1]
    step = side // _PLACES
    return _single(pictures.reshape(n, _PLACES, step, _PLACES, step).sum(axis=(2, 4)))


def _single(values: Any) -> Array:
    return np.asarray(values, dtype=np.float32)


def _correlate_moved(a: Array, b: Array, position: Array) -> Array:
    """Return the correlation of each pair where it overlaps, -1 where one has no contrast."""
    (value,), inside = _sample(b[None], position, _grid(a.shape[1]))
    weight = inside.astype(np.float32)
    (a, spread), (b, other) = (_standardize(x, weight) for x in (a, value))
    found = (a * b).sum(axis=(1, 2)) / np.maximum(weight.sum(axis=(1, 2)), 1)
    return _single(np.where(np.minimum(spread, other)[:, 0, 0] > 1e-2, found, -1))


def _grid(points: int) -> Array:
    return _single((np.arange(points) + 0.5) / points * 2 - 1)


def _sample(fields: Array, position: Array, grid: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Interpolate fields (f, n, side, side) at the moved points; also which lie inside, (n, p, p)."""
    side = fields.shape[-1]
    x = position[:, 0:1] * grid + position[:, 1:2]
    y = position[:, 2:3] * grid + position[:, 3:4]
    inside = (np.abs(y) <= 1)[:, :, None] & (np.abs(x) <= 1)[:, None, :]
    rows, columns = _weigh(y, side), _weigh(x, side).transpose(0, 2, 1)
    return _single(rows[None] @ fields @ columns[None]), inside


def _weigh(at: Array, side: int) -> Array:
    """Return for each point the weights of the pixels along one axis, shape (n, points, side)."""
    pixel = np.clip((at + 1) * (side / 2) - 0.5, 0, side - 1)
    return _single(np.maximum(0, 1 - np.abs(pixel[:, :, None] - np.arange(side, dtype=np.float32))))


def _shrink(pictures: Array, side: int) -> Array:
    """Return smaller pictures, blurred by a pixel: a step reaches no farther than the picture is smooth."""
    while pictures.shape[1] > side:
        pictures = pictures[:, ::2] + pictures[:, 1::2]
        pictures = _single((pictures[:, :, ::2] + pictures[:, :, 1::2]) / 4)
    return _blur(pictures, 1.0)


def _blur(pictures: Array, sigma: float) -> Array:
    blurred: Array = gaussian_filter(pictures, (0, sigma, sigma), mode="nearest", truncate=3)
    return blurred
