"""What runs through a network on real images: ranges of its values, and means by channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.running.starting import CPU, run_session, start_session

_BATCH = 8

#: Share of the images whose least and greatest values lie within a range: a few odd images, whose extremes
#: nobody else reaches, would make every step coarser.
_WITHIN = 0.9

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Statistics:
    """What was measured.

    Attributes
    ----------
    ranges : dict of str to (float, float)
        Least and greatest value by name; 0 lies within.
    means : dict of str to ndarray of float64, shape (n_channels,)
        Mean over images and places.
    """

    ranges: dict[str, tuple[float, float]]
    means: dict[str, npt.NDArray[np.float64]]


def measure_values(
    model: Any,
    images: npt.NDArray[np.uint8],
    *,
    ranges: Sequence[str],
    means: Sequence[str],
    on_progress: Progress | None = None,
) -> Statistics:
    """Run a graph on images and measure some of its values; the images' order does not matter.

    Parameters
    ----------
    model : onnx.ModelProto
    images : ndarray of uint8, shape (n_images, height, width, 3)
    ranges, means : sequence of str
        Names of float values in the graph; `means` are of maps, channels first.
    on_progress : callable, optional
        Called with the numbers of images done, and in all.
    """
    outputs, watched = _watch(model, ranges, means)
    session = start_session(watched, "the graph to calibrate", CPU, 0)
    found: list[list[Any]] = []
    for start in range(0, len(images), _BATCH):
        batch = {"image": images[start : start + _BATCH]}
        found.append(run_session(session, outputs, batch, "the graph to calibrate"))
        if on_progress is not None:
            on_progress(min(start + _BATCH, len(images)), len(images))
    columns = [np.concatenate([batch[i] for batch in found]) for i in range(len(outputs))]
    lows, highs = columns[: len(ranges)], columns[len(ranges) : 2 * len(ranges)]
    return Statistics(
        {name: _to_range(low, high) for name, low, high in zip(ranges, lows, highs, strict=True)},
        {
            # Sorted, so that the order of images cannot show in the last digit.
            name: np.sort(values.astype(np.float64), axis=0).mean(axis=0)
            for name, values in zip(means, columns[2 * len(ranges) :], strict=True)
        },
    )


def _to_range(low: npt.NDArray[Any], high: npt.NDArray[Any]) -> tuple[float, float]:
    return min(0.0, float(np.quantile(low, 1 - _WITHIN))), max(0.0, float(np.quantile(high, _WITHIN)))


def _watch(model: Any, ranges: Sequence[str], means: Sequence[str]) -> tuple[list[str], bytes]:
    """Return a copy of the graph that gives the least, the greatest and the mean values, and their names."""
    import onnx
    from onnx import helper, numpy_helper

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    graph = watched.graph
    for name, value in (("watch_rows", [0, -1]), ("watch_row", [1])):
        graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    rows = {name: f"watch_{number}" for number, name in enumerate(ranges)}
    for name, row in rows.items():
        graph.node.append(helper.make_node("Reshape", [name, "watch_rows"], [row]))
    outputs = []
    for operator in ("ReduceMin", "ReduceMax"):
        for row in rows.values():
            outputs.append(f"{row}_{operator}")
            graph.node.append(helper.make_node(operator, [row, "watch_row"], outputs[-1:], keepdims=0))
    for number, name in enumerate(means):
        outputs.append(f"watch_mean_{number}")
        graph.node.append(helper.make_node("GlobalAveragePool", [name], [f"{outputs[-1]}_kept"]))
        graph.node.append(helper.make_node("Flatten", [f"{outputs[-1]}_kept"], outputs[-1:]))
    graph.output.extend(helper.make_empty_tensor_value_info(name) for name in outputs)
    return outputs, watched.SerializeToString()
