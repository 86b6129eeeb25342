"""Dense graphs: a network whose code is one vector, as one that gives a map of codes for images of any size.

Convolution and pooling do not care for the size; what does are the last pooling and fully connected layers.
The pooling goes, and each fully connected layer becomes the convolution that it is: over the whole of its
map as large as that is in training, over one cell after that (Sermanet et al., "OverFeat", 2014; Long et al.,
"Fully convolutional networks", 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnncodes.backbones.graphs.wiring import Shape, Wiring, attributes, infer_shapes, prune
from cnncodes.errors import BackboneError

#: Name of a dense graph's output.
MAP = "map"

#: The file that ``models export --dense`` writes.
DENSE_FILE = "dense.onnx"

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
_COLLAPSING = frozenset({"AveragePool", "Flatten", "GlobalAveragePool", "ReduceMean", "Reshape"})
_RESHAPING = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})


def make_dense_model(model: Any, *, height: int, width: int, window: bool = False) -> Any:
    """Return a graph that gives a map of codes for images of any size.

    Parameters
    ----------
    model : onnx.ModelProto
        A backbone's graph: ``image`` in, ``code`` out.
    height, width : int
        The size that its code is for.
    window : bool
        Average over a window as large as the last map is at that size: each cell of the map is then the code
        of one window of the image, as far as padding allows. Without it that average is left out, and the
        map is as fine as the network's last. Where fully connected layers take the last map as a whole, both
        are the same.

    Returns
    -------
    onnx.ModelProto
        With the output ``map``, float ``[batch, code_size, rows, columns]``.

    Raises
    ------
    BackboneError
        If the code does not come from a map, or what comes after that is nothing that can be done by cell.
    """
    import onnx

    dense = onnx.ModelProto.FromString(model.SerializeToString())
    shapes = infer_shapes(dense, height, width)
    wiring = Wiring(dense)
    collapse = _find_collapse(wiring, shapes)
    tail = _Tail(wiring, shapes)
    tail.start(collapse, window=window)
    following = wiring.depending_on(collapse.output[0]) & wiring.leading_to("code")
    for node in list(dense.graph.node):
        if node is not collapse and following.intersection(node.output):
            tail.convert(node)
    _rebuild(dense, collapse, following, tail)
    return dense


def _find_collapse(wiring: Wiring, shapes: dict[str, Shape]) -> Any:
    """Return the node that makes a vector of the last map: every path to the code leads through it."""
    found, seen, waiting = [], set(), ["code"]
    image = wiring.depending_on("image")
    while waiting:
        node = wiring.producers[waiting.pop()]
        if node.output[0] in seen:
            continue
        seen.add(node.output[0])
        data = [name for name in node.input if name in image and name in shapes]
        if any(_is_map(shapes[name]) for name in data):
            found.append(node)
        else:
            waiting.extend(data)
    if len(found) != 1 or found[0].op_type not in _COLLAPSING:
        what = ", ".join(sorted({node.op_type for node in found})) or "nothing"
        raise BackboneError(
            "the network has no dense form: its code must come from one map, by pooling over all of it or by"
            f" a fully connected layer. It comes from a map by {what}."
        )
    return _skip_identities(found[0], wiring)


def _is_map(shape: Shape) -> bool:
    """Tell whether a tensor has more than one place, wherever its channels are; tokens have, too."""
    return len(shape) == 3 or (len(shape) == 4 and shape[1:].count(1) < 2)


def _skip_identities(node: Any, wiring: Wiring) -> Any:
    """Take a pooling over single cells before a fully connected layer out of the way."""
    before = wiring.producers.get(node.input[0])
    while before is not None and before.op_type == "AveragePool" and _pools_nothing(before):
        node.input[0] = before.input[0]
        before = wiring.producers.get(node.input[0])
    return node


def _pools_nothing(node: Any) -> bool:
    given = attributes(node)
    return set(given["kernel_shape"]) | set(given.get("strides", [1])) == {1}


@dataclass
class _Tail:
    """What comes after the last map, converted node by node."""

    wiring: Wiring
    shapes: dict[str, Shape]
    nodes: list[Any] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # of converted tensors
    grids: dict[str, tuple[int, int]] = field(default_factory=dict)  # of flattened maps that wait for a layer

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
        grid = (int(shape[2] or 0), int(shape[3] or 0))
        if collapse.op_type in ("Flatten", "Reshape"):
            self.grids[output] = grid
            self.names[output] = source
            return
        self._check_mean(collapse, grid)
        if not window:
            self.names[output] = source
            return
        self.names[output] = output + WINDOWS
        self.nodes.append(
            helper.make_node("AveragePool", [source], [self.names[output]], kernel_shape=grid, strides=(1, 1))
        )

    def _check_mean(self, node: Any, grid: tuple[int, int]) -> None:
        given = attributes(node)
        if node.op_type == "AveragePool":
            whole = tuple(given["kernel_shape"]) == grid
        elif node.op_type == "ReduceMean":
            axes = given["axes"] if "axes" in given else self.wiring.array(node.input[1])
            whole = axes is not None and sorted(int(axis) % 4 for axis in axes) == [2, 3]
        else:
            whole = True
        if not whole:
            raise BackboneError(
                f"the network has no dense form: {node.op_type} {node.output[0]!r} makes a vector of its last"
                " map, but is no average over all of it."
            )

    def convert(self, node: Any) -> None:
        """Add the form of a node that works on a map."""
        if node.op_type in _RESHAPING:
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
        grid = self.grids.get(node.input[0], (1, 1))
        kernel = np.ascontiguousarray(rows).reshape(len(rows), -1, *grid)
        name, output = f"{node.input[1]}_kernel", f"{node.output[0]}_map"
        self.tensors.append(numpy_helper.from_array(kernel, name))
        self.nodes.append(
            helper.make_node(
                "Conv", [self.names[node.input[0]], name, *node.input[2:]], [output], kernel_shape=grid
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


def _rebuild(model: Any, collapse: Any, following: set[str], tail: _Tail) -> None:
    """Put the converted nodes in the place of those that make the code, and free the sizes."""
    from onnx import TensorProto, helper

    graph = model.graph
    code_size = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    dropped = following | set(collapse.output)
    kept = [node for node in graph.node if not dropped.intersection(node.output)]
    kept = [type(node).FromString(node.SerializeToString()) for node in kept]
    kept += [*tail.nodes, helper.make_node("Identity", [tail.names["code"]], [MAP])]
    del graph.node[:]
    graph.node.extend(kept)
    graph.initializer.extend(tail.tensors)
    for dim, name in zip(
        graph.input[0].type.tensor_type.shape.dim, ("batch", "height", "width"), strict=False
    ):
        dim.dim_param = name
    del graph.output[:]
    sides = ["batch", code_size, "rows", "columns"]
    graph.output.append(helper.make_tensor_value_info(MAP, TensorProto.FLOAT, sides))
    prune(model)
