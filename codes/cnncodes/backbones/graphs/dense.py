"""Dense graphs: a network whose code is one vector, as one that gives a map of codes for images of any size.

Convolution and pooling do not care for the size; what does are the last pooling and fully connected layers.
The pooling goes, and each fully connected layer becomes the convolution that it is: over the whole of its
map as large as that is in training, over one cell after that (Sermanet et al., "OverFeat", 2014; Long et al.,
"Fully convolutional networks", 2015).
"""

from __future__ import annotations

from typing import Any

from cnncodes.backbones.graphs.layers import Layers
from cnncodes.backbones.graphs.subgraphs import taken_names
from cnncodes.backbones.graphs.tail import Tail
from cnncodes.backbones.graphs.wiring import Shape, Wiring, attributes, prune
from cnncodes.errors import BackboneError

#: Name of a dense graph's output.
MAP = "map"

#: The file that ``models export --dense`` writes.
DENSE_FILE = "dense.onnx"

_COLLAPSING = frozenset({"AveragePool", "Flatten", "GlobalAveragePool", "ReduceMean", "Reshape"})


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
    layers = Layers(dense, height, width)
    wiring = layers.wiring
    collapse = _find_collapse(wiring, layers.shapes)
    tail = Tail(wiring, layers.shapes, layers.axes)
    tail.start(collapse, window=window)
    following = wiring.depending_on(collapse.output[0]) & wiring.leading_to("code")
    for node in list(dense.graph.node):
        if node is not collapse and following.intersection(node.output):
            tail.convert(node)
    tail.check_code()
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
        data = [name for name in taken_names(node) if name in image and name in shapes]
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


def _rebuild(model: Any, collapse: Any, following: set[str], tail: Tail) -> None:
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
