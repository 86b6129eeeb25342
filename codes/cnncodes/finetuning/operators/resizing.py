"""Resizing by the nearest place, linearly or by cubic curves, as ONNX Runtime counts places."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cnncodes.finetuning.operators.registry import Node, Operation, operator

Array = npt.NDArray[Any]

#: Weight by distance.
Curve = Callable[[Array], Array]

_SINCE = 11

#: Where the middle of a new place lies among the old ones, by number, scale, and both lengths.
_PLACES: dict[str, Callable[[Array, np.float32, int, int], Array]] = {
    "asymmetric": lambda new, scale, _old, _length: new / scale,
    "half_pixel": lambda new, scale, _old, _length: (new + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda new, scale, _old, length: (
        (new + 0.5) / scale - 0.5 if length > 1 else 0 * new
    ),
    "align_corners": lambda new, _scale, old, length: (
        new * (old - 1) / (length - 1) if length > 1 else 0 * new
    ),
}
_NEAREST: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda at: np.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


@operator("Resize")
def resize(node: Node) -> Operation:
    """Other lengths, by scales or as they are given; the axes are resized one after the other."""
    if node.opset < _SINCE:
        raise node.refuse(f"it is of opset {node.opset}, and {_SINCE} or later is expected")
    mode, rounding = node.get("mode", "nearest"), node.get("nearest_mode", "round_prefer_floor")
    counting = node.get("coordinate_transformation_mode", "half_pixel")
    antialias, inside = node.get("antialias", 0), bool(node.get("exclude_outside", 0))
    bend = float(node.get("cubic_coeff_a", -0.75))

    def curve(distance: Array) -> Array:
        return _CURVES[mode](distance, bend)

    for name, value, known in (
        ("mode", mode, ("nearest", *_CURVES)),
        ("nearest_mode", rounding, tuple(_NEAREST)),
        ("coordinate_transformation_mode", counting, tuple(_PLACES)),
        ("antialias", antialias, (0,) if mode == "nearest" else (0, 1)),
        ("keep_aspect_ratio_policy", node.get("keep_aspect_ratio_policy", "stretch"), ("stretch",)),
    ):
        if value not in known:
            raise node.refuse(f"{name} is {value!r}, where {' or '.join(map(str, known))} is expected")
    axes, factors, lengths = node.get("axes"), node.constants.get(2), node.integers("sizes", 3)

    def run(x: Tensor, *given: Tensor | None) -> Tensor:
        scales, sizes = factors, lengths
        if sizes is None and len(given) > 2 and given[2] is not None:
            sizes = tuple(given[2].tolist())
        elif scales is None and len(given) > 1 and given[1] is not None:
            scales = np.asarray(given[1].tolist())
        for at, axis in enumerate(range(x.ndim) if axes is None else axes):
            old = x.shape[axis]
            if sizes:
                length, scale = sizes[at], np.float32(sizes[at]) / np.float32(old)
            else:
                scale = np.float32(1 if scales is None else scales[at])
                length = int(np.floor(np.float32(old) * scale))
            if scale != 1:
                places = _PLACES[counting](np.arange(length, dtype=np.float32), scale, old, length)
                if mode == "nearest":
                    x = _take(x, axis, _NEAREST[rounding](places))
                elif mode == "linear" and not antialias:
                    x = _mix(x, axis, places)
                else:
                    stretch = min(float(scale), 1.0) if antialias else 1.0
                    weights = _weigh(places, old, curve, stretch, inside=inside)
                    x = torch.matmul(x.movedim(axis, -1), x.new_tensor(weights.T)).movedim(-1, axis)
        return x

    return run


def _mix(x: Tensor, axis: int, places: Array) -> Tensor:
    """Return what is at places between those of an axis."""
    places = places.clip(0, x.shape[axis] - 1)
    below = np.floor(places)
    share = torch.as_tensor(places - below, dtype=x.dtype, device=x.device)
    share = share.reshape(-1, *(1,) * (x.ndim - axis % x.ndim - 1))
    return torch.lerp(_take(x, axis, below), _take(x, axis, below + 1), share)


def _weigh(places: Array, old: int, curve: Curve, stretch: float, *, inside: bool) -> Array:
    """Return what each old place adds to each new one, shape (n_new, n_old).

    Parameters
    ----------
    places : ndarray, shape (n_new,)
        Where the new ones lie among the old.
    old : int
        How many old ones there are.
    curve : callable
        Weight by distance, 0 from 2 on.
    stretch : float
        By which distances are multiplied: below 1, where many old places make one new.
    inside : bool
        Whether nothing lies beyond the ends; else what is at an end goes on.
    """
    beyond = math.ceil(2 / stretch) + 1
    at = np.arange(-beyond, old + beyond)
    weights = curve((places.astype(np.float64)[:, None] - at) * stretch)
    if inside:
        weights *= (at >= 0) & (at < old)
    if inside or stretch < 1:
        weights /= weights.sum(axis=1, keepdims=True)
    folded = np.zeros((len(places), old))
    np.add.at(folded.T, at.clip(0, old - 1), weights.T)
    return folded


def _line(distance: Array, bend: float) -> Array:
    weights: Array = np.clip(1 - abs(distance), 0, None)
    return weights


def _bend(distance: Array, bend: float) -> Array:
    """Return weights of cubic convolution (Keys 1981); `bend` is the curve's slope at 1."""
    far = abs(distance)
    near = ((bend + 2) * far - (bend + 3)) * far**2 + 1
    beside = ((bend * far - 5 * bend) * far + 8 * bend) * far - 4 * bend
    weights: Array = np.where(far < 1, near, np.where(far < 2, beside, 0))
    return weights


_CURVES: dict[str, Callable[[Array, float], Array]] = {"linear": _line, "cubic": _bend}


def _take(x: Tensor, axis: int, places: Array) -> Tensor:
    """Return what is at some places of an axis; beyond it, what is at its end."""
    at = torch.as_tensor(places.clip(0, x.shape[axis] - 1).astype(np.int64), device=x.device)
    return x.index_select(axis, at)
