"""What comes after a network's last map, converted node by node to work on a map of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnncodes.backbones.graphs.wiring import Shape, Wiring, attributes
from cnncodes.errors import BackboneError

#: How the name of the tensor ends that the average over windows gives.
WINDOWS = "_windows"

#: Work on each cell alone, whatever the rank.
_BY_CELL = frozenset(
    {
        "Add",
        "BatchNormalization",
        "Cast",
        "Clip",
        "Div",
        "Elu",
        "Erf",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "Mish",
        "Mul",
        "PRelu",
        "Pow",
        "Relu",
        "Sigmoid",
        "Sqrt",
        "Softplus",
        "Sub",
        "Tanh",
    }
)
_RESHAPING = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})


@dataclass(frozen=True)
class _Grid:
    """The places of a map that was flattened, and whether its channels came last."""

    rows: int = 1
    columns: int = 1
    last: bool = False

    def to_kernel(self, weight: Any) -> Any:
        """Return the kernel of the convolution that a layer with these rows of weights is."""
        sides = (self.rows, self.columns)
        if not self.last:
            return weight.reshape(len(weight), -1, *sides)
        return weight.reshape(len(weight), *sides, -1).transpose(0, 3, 1, 2)


@dataclass
class Tail:
    """What comes after the last map, converted node by node."""

    wiring: Wiring
    shapes: dict[str, Shape]
    axes: dict[str, str]  # where channels stand, see `Layers`
    nodes: list[Any] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # of converted tensors
    grids: dict[str, _Grid] = field(default_factory=dict)  # of flattened maps that wait for a layer

    def start(self, collapse: Any, *, window: bool) -> None:
        """Convert the node that makes a vector of the map."""
        from onnx import helper

        source, output = collapse.input[0], collapse.output[0]
        shape = self.shapes[source]
        if len(shape) != 4 or None in shape[1:]:
            raise BackboneError(
                f"the network has no dense form: {collapse.op_type} {output!r} takes {list(shape)}, and a"
                " map of [batch, channels, rows, columns] was expected."
            )
        flattens = collapse.op_type in ("Flatten", "Reshape")
        if flattens:
            self._check_flat(collapse)
        last = self.axes.get(source) == "last"
        lengths = [int(length or 0) for length in shape[1:]]
        rows, columns = lengths[:2] if last else lengths[1:]
        if not flattens:
            self._check_mean(collapse, (rows, columns), last=last)
        if last:
            turned = f"{output}_first"
            self.nodes.append(helper.make_node("Transpose", [source], [turned], perm=[0, 3, 1, 2]))
            source = turned
        self.names[output] = source
        if flattens:
            self.grids[output] = _Grid(rows, columns, last)
        elif window:
            self.names[output] = output + WINDOWS
            self.nodes.append(
                helper.make_node(
                    "AveragePool", [source], [output + WINDOWS], kernel_shape=(rows, columns), strides=(1, 1)
                )
            )

    def _check_flat(self, node: Any) -> None:
        """Raise unless a node makes one vector of a map whose channels can be told."""
        source, output = node.input[0], node.output[0]
        before = [int(length or 0) for length in self.shapes[source][1:]]
        if self.shapes[output] != (None, math.prod(before)):
            raise BackboneError(
                f"the network has no dense form: {node.op_type} {output!r} makes {list(self.shapes[output])}"
                f" of its last map of {before}, and one vector of all its numbers was expected."
            )
        if source not in self.axes:
            raise BackboneError(
                f"the network has no dense form: {node.op_type} {output!r} makes a vector of {source!r}, of"
                " which it cannot be told where its channels stand."
            )

    def check_code(self) -> None:
        """Raise where the code is the flattened map itself: it has no value for each place."""
        if "code" in self.grids:
            raise BackboneError(
                "the network has no dense form: its code is its whole last map as one vector, and not one"
                " vector for each place. Make the code of the layer before that by --layer, which"
                " 'cnncodes models show NAME --layers' lists."
            )

    def _check_mean(self, node: Any, grid: tuple[int, int], *, last: bool) -> None:
        given = attributes(node)
        if node.op_type == "AveragePool":
            whole = tuple(given["kernel_shape"]) == grid
        elif node.op_type == "ReduceMean":
            axes = given["axes"] if "axes" in given else self.wiring.array(node.input[1])
            places = [1, 2] if last else [2, 3]
            whole = axes is not None and sorted(int(axis) % 4 for axis in axes) == places
        else:
            whole = True
        if not whole:
            raise BackboneError(
                f"the network has no dense form: {node.op_type} {node.output[0]!r} makes a vector of its last"
                " map, but is no average over all of it."
            )

    def convert(self, node: Any) -> None:
        """Add the form of a node that works on a map."""
        if node.op_type in _RESHAPING and self._keeps_vector(node):
            self.names[node.output[0]] = self.names[node.input[0]]
            if node.input[0] in self.grids:
                self.grids[node.output[0]] = self.grids[node.input[0]]
        elif node.op_type in ("Gemm", "MatMul"):
            self._convert_linear(node)
        elif node.input[0] in self.grids and self._is_even(node):
            self._keep(node)
            self.grids[node.output[0]] = self.grids[node.input[0]]
        elif any(name in self.grids for name in node.input):
            self._refuse(node)
        elif node.op_type == "LayerNormalization":
            self._convert_norm(node)
        elif node.op_type in _BY_CELL or self._is_by_cell(node):
            self._keep(node)
        else:
            self._refuse(node)

    def _keeps_vector(self, node: Any) -> bool:
        """Tell whether a node leaves the numbers of a place on one axis, in their order."""
        lengths = self.shapes.get(node.output[0], ())[1:]
        return sum(length != 1 for length in lengths) <= 1 or node.op_type in ("Dropout", "Identity")

    def _is_even(self, node: Any) -> bool:
        """Tell whether a node does the same to every number."""
        others = [self.wiring.array(name) for name in node.input[1:] if name]
        return node.op_type in _BY_CELL and all(given is not None and given.size == 1 for given in others)

    def _is_by_cell(self, node: Any) -> bool:
        if node.op_type == "Conv":
            return set(attributes(node).get("kernel_shape", [1])) == {1}
        return node.op_type == "Transpose" and len(self.shapes[node.input[0]]) == 4

    def _refuse(self, node: Any) -> None:
        raise BackboneError(
            f"the network has no dense form: {node.op_type} {node.output[0]!r}, between its last map and its"
            " code, is nothing that can be done for each cell of a map."
        )

    def _convert_linear(self, node: Any) -> None:
        from onnx import helper, numpy_helper

        weight = self.wiring.array(node.input[1])
        given = attributes(node)
        if (
            weight is None
            or weight.ndim != 2
            or given.get("alpha", 1.0) != 1.0
            or given.get("beta", 1.0) != 1.0
        ):
            self._refuse(node)
        assert weight is not None
        rows = weight if given.get("transB", 0) else weight.T
        grid = self.grids.get(node.input[0], _Grid())
        kernel = np.ascontiguousarray(grid.to_kernel(rows))
        name, output = f"{node.input[1]}_kernel", f"{node.output[0]}_map"
        self.tensors.append(numpy_helper.from_array(kernel, name))
        self.nodes.append(
            helper.make_node(
                "Conv",
                [self.names[node.input[0]], name, *node.input[2:]],
                [output],
                kernel_shape=kernel.shape[2:],
            )
        )
        self.names[node.output[0]] = output

    def _convert_norm(self, node: Any) -> None:
        """Keep a normalisation over channels; channels come last only while it is at work."""
        from onnx import helper

        if len(self.shapes[node.input[0]]) == 4:  # between transpositions of its own
            return self._keep(node)
        before, after, output = (f"{node.output[0]}_{part}" for part in ("last", "normal", "map"))
        source = self.names[node.input[0]]
        self.nodes.append(helper.make_node("Transpose", [source], [before], perm=[0, 2, 3, 1]))
        norm = type(node).FromString(node.SerializeToString())
        norm.input[0], norm.output[0] = before, after
        self.nodes += [norm, helper.make_node("Transpose", [after], [output], perm=[0, 3, 1, 2])]
        self.names[node.output[0]] = output

    def _keep(self, node: Any) -> None:
        kept = type(node).FromString(node.SerializeToString())
        inputs = [self.names.get(name) or self._constant(name, node) for name in node.input]
        kept.input[:] = inputs
        kept.output[0] = f"{node.output[0]}_map"
        self.names[node.output[0]] = kept.output[0]
        self.nodes.append(kept)

    def _constant(self, name: str, node: Any) -> str:
        """Return a constant in a shape that goes with maps: one number a channel stands along channels."""
        from onnx import numpy_helper

        values = self.wiring.array(name) if name else None
        elementwise = node.op_type in ("Add", "Div", "Mul", "PRelu", "Pow", "Sub")
        vectors = any(len(self.shapes.get(given, ())) == 2 for given in node.input)
        if values is None or not elementwise or not vectors or values.size == 1:
            return name
        tensor = numpy_helper.from_array(values.reshape(-1, 1, 1), f"{name}_by_channel")
        if tensor.name not in {known.name for known in self.tensors}:
            self.tensors.append(tensor)
        return str(tensor.name)
