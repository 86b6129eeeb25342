"""Whether two small pictures show the same picture: laid over each other first, then compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

Array = npt.NDArray[np.float32]

#: The alignment, from coarse to fine: pixels a side, steps of Gauss-Newton.
_COARSE, _MIDDLE, _FINE = (16, 6), (32, 4), (64, 3)
#: Pairs that correlate less than that after the first are not looked at further.
_HOPELESS = 0.7
#: Detail is what is left of a slight blur when a stronger one is taken away.
_SLIGHT, _STRONG = 0.7, 3.0
#: Places in which detail is compared: so many a side, where there is so much of the mean place's.
_PLACES, _ENOUGH_DETAIL = 4, 0.1
#: Least share of the picture, or of a place, that must still overlap.
_OVERLAP = 0.6
#: Pairs worked on at once.
_CHUNK = 128
#: Where a point (x, y) of the first picture is in the second, (p0 x + p1, p2 y + p3) in [-1, 1]: at first
#: where it is, and then within these.
_STAY = np.array([1, 0, 1, 0], np.float32)
_LEAST, _MOST = np.array([[0.7, -0.4, 0.7, -0.4], [1.43, 0.4, 1.43, 0.4]], np.float32)


@dataclass(frozen=True)
class Likeness:
    """How alike the two pictures of each of n pairs are, once they lie over each other.

    Attributes
    ----------
    whole : ndarray of float32, shape (n,)
        Correlation of the grey values, -1 to 1.
    detail : ndarray of float32, shape (n,)
        Correlation of edges and texture, which a blur takes away.
    place : ndarray of float32, shape (n,)
        The same in that of 4 x 4 places that is least alike: of two drawings that differ in one thing, it is
        small.
    """

    whole: Array
    detail: Array
    place: Array


def compare_pictures(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8], hopeless: float = 0.5
) -> Likeness:
    """Compare pairs of thumbnails, the second as it is or mirrored, whichever is more alike.

    The second picture is shifted and stretched, and its brightness and contrast changed, until it lies over
    the first as well as it can: Gauss-Newton from coarse to fine. Pairs that do not come near each other on
    the way are given up, with their correlation as a whole and -1 for the rest.

    Parameters
    ----------
    first, second : ndarray of uint8, shape (n, 64, 64)
    hopeless : float
        Detail that correlates less than that on the way, at half the size, is given up.

    References
    ----------
    B. D. Lucas and T. Kanade, "An iterative image registration technique with an application to stereo
    vision", IJCAI 1981.
    """
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(first), _CHUNK)]
    found = [_compare(_single(first[rows]), _single(second[rows]), hopeless) for rows in chunks]
    whole, detail, place = np.concatenate(found, axis=1) if found else np.empty((3, 0), np.float32)
    return Likeness(whole, detail, place)


def _compare(first: Array, second: Array, hopeless: float) -> Array:
    """Return the three correlations of each pair, shape (3, n)."""
    (side, steps), stay = _COARSE, np.tile(_STAY, (len(first), 1))
    a, b = _shrink(first, side), _shrink(second, side)
    as_is, mirrored = _align(a, b, stay, steps), _align(a, b[:, :, ::-1], stay, steps)
    alike = _correlate_moved(a, b, as_is), _correlate_moved(a, b[:, :, ::-1], mirrored)
    turn = alike[1] > alike[0]
    second = np.where(turn[:, None, None], second[:, :, ::-1], second)
    position = np.where(turn[:, None], mirrored, as_is)
    found = np.full((3, len(first)), -1, np.float32)
    found[0] = np.maximum(*alike)
    near = np.flatnonzero(found[0] >= _HOPELESS)
    if len(near):
        side, steps = _MIDDLE
        a, b = _shrink(first[near], side), _shrink(second[near], side)
        position[near] = _align(a, b, position[near], steps)
        in_detail = _correlate_moved(a - _blur(a, 2.0), b - _blur(b, 2.0), position[near])
        near = near[in_detail >= hopeless]
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
    """Return the correlations as a whole, of detail, and of detail in the place where it is least."""
    n, side = len(first), first.shape[1]
    grid = _grid(side)
    a, b = _blur(first, _SLIGHT), _blur(second, _SLIGHT)
    fields = np.stack([b, b - _blur(b, _STRONG)])
    (value, detail), inside = _sample(fields, position, grid)
    weight = inside.astype(np.float32)
    whole, _ = _correlate(a.reshape(n, 1, -1), value.reshape(n, 1, -1), weight.reshape(n, 1, -1))
    own = a - _blur(a, _STRONG)
    fine, _ = _correlate(own.reshape(n, 1, -1), detail.reshape(n, 1, -1), weight.reshape(n, 1, -1))
    cut = [_cut(x) for x in (own, detail, weight)]
    places, energy = _correlate(*cut)
    counts = energy >= _ENOUGH_DETAIL * energy.mean(axis=1, keepdims=True)
    counts &= cut[2].mean(axis=2) >= _OVERLAP
    least = np.where(counts, places, 1).min(axis=1)
    enough = weight.mean(axis=(1, 2)) >= _OVERLAP
    return _single(np.where(enough, np.stack([whole[:, 0], fine[:, 0], least]), -1))


def _single(values: Any) -> Array:
    return np.asarray(values, dtype=np.float32)


def _cut(pictures: Array) -> Array:
    """Return the pixels of each place, shape (n, places, pixels)."""
    n, side = len(pictures), pictures.shape[1]
    step = side // _PLACES
    tiles = pictures.reshape(n, _PLACES, step, _PLACES, step).transpose(0, 1, 3, 2, 4)
    return tiles.reshape(n, _PLACES**2, step**2)


def _correlate_moved(a: Array, b: Array, position: Array) -> Array:
    values, inside = _sample(b[None], position, _grid(a.shape[1]))
    flat = [x.reshape(len(a), 1, -1) for x in (a, values[0], inside.astype(np.float32))]
    return _correlate(*flat)[0][:, 0]


def _correlate(a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    """Return correlations along the last axis, -1 where there is no contrast; and how much of it there is."""
    total = np.maximum(weight.sum(axis=-1, keepdims=True), 1)
    a, b = ((x - (x * weight).sum(axis=-1, keepdims=True) / total) * weight for x in (a, b))
    energy = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    largest = np.maximum((a**2).sum(axis=-1), (b**2).sum(axis=-1))
    found = np.where(energy > 1e-6, (a * b).sum(axis=-1) / np.maximum(energy, 1e-6), -1)
    return _single(found), _single(largest)


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
