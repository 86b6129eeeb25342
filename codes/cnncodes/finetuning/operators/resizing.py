"""Resizing by the nearest place, or linearly between two, as ONNX Runtime counts places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cnncodes.finetuning.operators.registry import Node, Operation, operator

Array = npt.NDArray[Any]

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
    for name, value, known in (
        ("mode", mode, ("nearest", "linear")),
        ("nearest_mode", rounding, tuple(_NEAREST)),
        ("coordinate_transformation_mode", counting, tuple(_PLACES)),
        ("antialias", node.get("antialias", 0), (0,)),
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
                x = _take(x, axis, _NEAREST[rounding](places)) if mode == "nearest" else _mix(x, axis, places)
        return x

    return run


def _mix(x: Tensor, axis: int, places: Array) -> Tensor:
    """Return what is at places between those of an axis."""
    places = places.clip(0, x.shape[axis] - 1)
    below = np.floor(places)
    share = torch.as_tensor(places - below, dtype=x.dtype, device=x.device)
    share = share.reshape(-1, *(1,) * (x.ndim - axis % x.ndim - 1))
    return torch.lerp(_take(x, axis, below), _take(x, axis, below + 1), share)


def _take(x: Tensor, axis: int, places: Array) -> Tensor:
    """Return what is at some places of an axis; beyond it, what is at its end."""
    at = torch.as_tensor(places.clip(0, x.shape[axis] - 1).astype(np.int64), device=x.device)
    return x.index_select(axis, at)
