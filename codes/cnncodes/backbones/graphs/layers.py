"""Layers of a network: which tensors of its graph can serve as a code, and a graph that gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from cnncodes.backbones.graphs.initializers import trainable_weights
from cnncodes.backbones.graphs.means import make_mean
from cnncodes.backbones.graphs.picks import OWN, Pick
from cnncodes.backbones.graphs.wiring import Wiring, attributes, infer_shapes, keep_batch, prune
from cnncodes.errors import UsageError, suggest_nearest

#: Make nothing new: what they rearrange is a candidate itself.
_REARRANGING = frozenset({"Flatten", "Pad", "Reshape", "Squeeze", "Transpose"})

_CHANNELS_FIRST = frozenset(
    {"AveragePool", "BatchNormalization", "Conv", "GlobalAveragePool", "InstanceNormalization", "MaxPool"}
)
_TRANSPOSED = {"last": (0, 3, 1, 2), "first": (0, 2, 3, 1)}


@dataclass(frozen=True)
class Layer:
    """A tensor that can serve as a code.

    Attributes
    ----------
    name : str
    operator : str
        The ONNX operator that makes it.
    shape : tuple of int
        For an image of the frame's size, without the batch: channels first where it is a map, the numbers of
        places and channels where it is tokens.
    channels : int
        Length of its code when one number a channel is kept.
    ends_stage : bool
        Whether it is the last at its spatial size.
    """

    name: str
    operator: str
    shape: tuple[int, ...]
    channels: int
    ends_stage: bool


class Layers:
    """The layers of a backbone's graph.

    Parameters
    ----------
    model : onnx.ModelProto
    height, width : int
        Size of an image, for the shapes.

    Attributes
    ----------
    shapes : dict of str to tuple
    wiring : Wiring
    """

    def __init__(self, model: Any, height: int, width: int) -> None:
        self._model = model
        self._size = height, width
        self.shapes = infer_shapes(model, height, width)
        self.wiring = Wiring(model)

    def candidates(self) -> list[Layer]:
        """Return what enters a layer with weights or a pooling, in the network's order; `OWN` is last."""
        weights = set(trainable_weights(self._model))
        found = []
        for node in self._model.graph.node:
            for name in node.output:
                is_new = name in self._usable and (
                    node.op_type not in _REARRANGING or self._is_flattened(node)
                )
                if name == OWN or (is_new and self._is_taken(name, weights)):
                    found.append((name, node.op_type))
        whole = keep_batch(self._model, [name for name, _ in found], *self._size)
        layers = [self._describe(name, operator) for name, operator in found if name in whole]
        last = {layer.shape[-2:]: layer.name for layer in layers if len(layer.shape) == 3}
        return [replace(layer, ends_stage=layer.name in last.values()) for layer in layers]

    def _is_flattened(self, node: Any) -> bool:
        """Tell whether a node makes one vector of all places of a map: of these no pooling does."""
        given, made = (self.shapes.get(name, ()) for name in (node.input[0], node.output[0]))
        return len(made) == 2 and len(given) == 4 and given[2:].count(1) < 2

    def _describe(self, name: str, operator: str) -> Layer:
        lengths = [int(length or 0) for length in self.shapes[name][1:]]
        if self.axes.get(name) == "last" and len(lengths) == 3:
            lengths = [lengths[2], *lengths[:2]]
        channels = lengths[-1] if len(lengths) < 3 else lengths[0]
        return Layer(name, operator, tuple(lengths), channels, ends_stage=False)

    @cached_property
    def _usable(self) -> set[str]:
        """The tensors that have a vector for each of several places, or are one."""
        weighted = self.wiring.depending_on(*trainable_weights(self._model))
        tensors = self.wiring.depending_on("image") & weighted
        return {name for name in tensors if self._has_places(name)}

    def _has_places(self, name: str) -> bool:
        shape = self.shapes.get(name, ())
        if None in shape[1:]:
            return False
        if len(shape) == 4:
            return name in self.axes and shape[1:].count(1) < 2
        return len(shape) == 2 or (len(shape) == 3 and self.axes.get(name) == "last")

    def _is_taken(self, name: str, weights: set[str]) -> bool:
        """Tell whether a tensor enters a layer with weights, or a pooling over all places."""
        for node in self.wiring.consumers.get(name, ()):
            if node.op_type in _REARRANGING and self._is_taken(node.output[0], weights):
                return True
            if node.op_type in ("AveragePool", "GlobalAveragePool", "MaxPool", "ReduceMean"):
                return True
            if node.op_type in ("Conv", "Gemm", "MatMul", "LayerNormalization") and name == node.input[0]:
                given = self.wiring.leading_to(node.input[1])
                if given & weights and "image" not in given:
                    return True
        return False

    @cached_property
    def axes(self) -> dict[str, str]:
        """Where the channels of tensors of several places stand, ``first`` or ``last``, where it is known."""
        axes: dict[str, str] = {}
        for node in self._model.graph.node:
            axis = self._axis_after(node, axes)
            if axis is not None:
                axes.update(dict.fromkeys(node.output, axis))
        for node in reversed(self._model.graph.node):  # what an operator takes says as much as what it gives
            axis = self._axis_within(node)
            if axis is not None:
                axes.setdefault(node.input[0], axis)
        return axes

    def _axis_within(self, node: Any) -> str | None:
        if node.op_type in _CHANNELS_FIRST:
            return "first"
        if node.op_type == "LayerNormalization":
            return (
                "last"
                if attributes(node).get("axis", -1) in (-1, len(self.shapes[node.input[0]]) - 1)
                else None
            )
        if node.op_type == "MatMul" and "image" not in self.wiring.leading_to(node.input[1]):
            return "last"
        return None

    def _axis_after(self, node: Any, axes: dict[str, str]) -> str | None:
        within = self._axis_within(node)
        if within is not None:
            return within
        known = [axes[name] for name in node.input if name in axes]
        if not known:
            return None
        if node.op_type == "Transpose":
            perm = tuple(attributes(node).get("perm", ()))
            swapped = {"first": "last", "last": "first"}[known[0]]
            return swapped if perm == _TRANSPOSED[known[0]] else None
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):  # of 8-bit numbers no shape is known
            return known[0]
        same_rank = len({len(self.shapes.get(name, ())) for name in (node.output[0], node.input[0])}) == 1
        return known[0] if node.op_type not in ("Reshape", "Gather") and same_rank else None

    def pick(self, pick: Pick) -> tuple[Any, dict[str, int]]:
        """Return a graph whose code is made of some layers, one after the other, and the length of each.

        Raises
        ------
        UsageError
            If there is no such layer, or it is nothing that can be pooled.
        """
        import onnx
        from onnx import helper

        model = onnx.ModelProto.FromString(self._model.SerializeToString())
        graph, parts, sizes = model.graph, [], {}
        for node in graph.node:  # the code gets its name back at the end
            node.input[:] = [self._set_aside(name) for name in node.input]
            node.output[:] = [self._set_aside(name) for name in node.output]
        known = [name for name in pick.names if name in self._usable | {OWN}]
        whole = keep_batch(self._model, known, *self._size)
        for number, name in enumerate(pick.names):
            layer = self._find(name, whole)
            nodes, part = self._pool(layer, pick.pool, number)
            graph.node.extend(nodes)
            parts.append(part)
            vector = len(self.shapes[name]) == 2
            sizes[name] = layer.channels * (2 if pick.pool == "both" and not vector else 1)
        if len(parts) > 1:
            graph.node.append(helper.make_node("Concat", parts, [OWN], axis=1))
        else:  # a map can be made of one layer
            graph.node.append(helper.make_node("Identity", parts, [OWN]))
        graph.output[0].type.tensor_type.shape.dim[1].dim_value = sum(sizes.values())
        prune(model)
        return model, sizes

    def _find(self, name: str, whole: set[str]) -> Layer:
        if name not in self._usable | {OWN}:
            candidates = self.candidates()
            known = [layer.name for layer in candidates]
            if name in self.shapes:
                shape = ", ".join("?" if n is None else str(n) for n in self.shapes[name][1:])
                raise UsageError(
                    f"the layer {name!r} has the shape [batch, {shape}], and no channels that can be told:"
                    f" expected one of those that are listed with --layers, such as {known[-1]!r}."
                )
            raise UsageError(
                f"the network has no layer {name!r}. {suggest_nearest(name, known)} {_list_some(candidates)}"
                " 'cnncodes models show NAME --layers' lists all, once the network is exported without"
                " --layer."
            )
        if name not in whole:
            raise UsageError(
                f"the layer {name!r} has no entry for each image: the network folds parts of images into the"
                " batch there. Choose one of those that 'cnncodes models show NAME --layers' lists."
            )
        return self._describe(name, "")

    @cached_property
    def _free_names(self) -> tuple[str, str]:
        """What the network's own code is called beside others, and how names of pooled layers begin."""
        taken = {name for node in self._model.graph.node for name in (*node.input, *node.output)}
        return _find_free_name("own_code", taken), _find_free_name("pooled", taken)

    def _set_aside(self, name: str) -> str:
        return self._free_names[0] if name == OWN else name

    def _pool(self, layer: Layer, pool: str, number: int) -> tuple[list[Any], str]:
        """Return the nodes that make a vector of a layer, and its name."""
        from onnx import helper

        name, rank = self._set_aside(layer.name), len(self.shapes[layer.name])
        if rank == 2:
            return [], name
        axes = [1] if rank == 3 else [1, 2] if self.axes.get(layer.name) == "last" else [2, 3]
        nodes, outputs = [], []
        for kind in ("mean", "max") if pool == "both" else (pool,):
            output = f"{self._free_names[1]}_{number}_reduce{kind}"
            outputs.append(output)
            nodes += (
                make_mean(name, rank, axes, output) if kind == "mean" else self._make_max(name, axes, output)
            )
        if len(outputs) == 1:
            return nodes, outputs[0]
        joined = f"{self._free_names[1]}_{number}"
        return [*nodes, helper.make_node("Concat", outputs, [joined], axis=1)], joined

    def _make_max(self, name: str, axes: list[int], output: str) -> list[Any]:
        from onnx import helper, numpy_helper

        if self._opset < 18:
            return [helper.make_node("ReduceMax", [name], [output], axes=axes, keepdims=0)]
        where = f"{output}_axes"
        value = numpy_helper.from_array(np.asarray(axes, np.int64))
        return [
            helper.make_node("Constant", [], [where], value=value),
            helper.make_node("ReduceMax", [name, where], [output], keepdims=0),
        ]

    @property
    def _opset(self) -> int:
        return next(int(item.version) for item in self._model.opset_import if item.domain in ("", "ai.onnx"))


def _find_free_name(name: str, taken: set[str]) -> str:
    """Return a name with which no other begins: the graph may be made of picked layers itself."""
    free, number = name, 2
    while any(f"{other}_".startswith(f"{free}_") for other in taken):
        free, number = f"{name}{number}", number + 1
    return free


def _list_some(layers: list[Layer]) -> str:
    """Return the sentence that names a few layers, each the last at its size."""
    ends = [layer.name for layer in layers if layer.ends_stage or layer.name == OWN]
    return f"Those that end a stage: {', '.join(map(repr, ends[-12:]))}."
