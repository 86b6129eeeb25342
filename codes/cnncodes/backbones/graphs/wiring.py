"""How a graph is wired: which node makes a tensor, which take it, and what shapes tensors have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.graphs.subgraphs import taken_names
from cnncodes.errors import BackboneError, BackendMissing, install_advice

#: Length of an axis; None where it is not known.
Shape = tuple[int | None, ...]

#: Numbers in an initializer from which on no operator takes a shape, or a scale of one, from it.
_LARGE = 1024

_BROKEN = "no ONNX file, or one that is damaged or cut off. Export or fetch it again."


@dataclass(frozen=True)
class Wiring:
    """A graph to look things up in; it is not kept up to date with changes of the graph.

    Parameters
    ----------
    model : onnx.ModelProto
    """

    model: Any

    @cached_property
    def producers(self) -> dict[str, Any]:
        """The node that makes each tensor, by the tensor's name."""
        return {name: node for node in self.model.graph.node for name in node.output if name}

    @cached_property
    def consumers(self) -> dict[str, list[Any]]:
        """The nodes that take each tensor, by themselves or in a graph within them."""
        found: dict[str, list[Any]] = {}
        for node in self.model.graph.node:
            for name in taken_names(node):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def initializers(self) -> dict[str, Any]:
        """The weights and constants, by name."""
        return {tensor.name: tensor for tensor in self.model.graph.initializer}

    def array(self, name: str) -> npt.NDArray[Any] | None:
        """Return the values of a weight or constant; None for what is computed."""
        from onnx import numpy_helper

        tensor = self.initializers.get(name)
        if tensor is not None:
            return np.asarray(numpy_helper.to_array(tensor))
        node = self.producers.get(name)
        if node is not None and node.op_type == "Constant" and node.attribute[0].name == "value":
            return np.asarray(numpy_helper.to_array(node.attribute[0].t))
        return None

    def depending_on(self, *names: str) -> set[str]:
        """Return the tensors that are computed from any of these, themselves included."""
        found = set(names)
        for node in self.model.graph.node:  # in the order of their work, as ONNX demands
            if found.intersection(taken_names(node)):
                found.update(name for name in node.output if name)
        return found

    def leading_to(self, name: str) -> set[str]:
        """Return the tensors that a tensor is computed from, itself included."""
        found, waiting = set(), [name]
        while waiting:
            tensor = waiting.pop()
            if tensor and tensor not in found:
                found.add(tensor)
                node = self.producers.get(tensor)
                waiting.extend(taken_names(node) if node is not None else ())
        return found


def load_graph(model: bytes, purpose: str, extra: str = "report") -> Any:
    """Return a file's ``onnx.ModelProto``; `extra` is the smallest that brings what the purpose needs.

    Raises
    ------
    BackendMissing
        If ONNX is not installed; the text says what it is needed for.
    BackboneError
        If the file is no ONNX file, or a damaged one.
    """
    try:
        import onnx
    except ImportError as error:
        raise BackendMissing(
            f"ONNX is not installed, which {purpose} needs: {install_advice(extra)}."
        ) from error
    try:
        graph = onnx.load_from_string(model)
    except Exception as error:  # of protobuf, by its implementation
        raise BackboneError(f"the file is {_BROKEN}") from error
    if not graph.graph.node:  # what is left of a file that was cut off, too
        raise BackboneError(f"the file is {_BROKEN}")
    return graph


def attributes(node: Any) -> dict[str, Any]:
    """Return a node's attributes by name."""
    from onnx import helper

    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def infer_shapes(model: Any, height: int, width: int) -> dict[str, Shape]:
    """Return the shapes of a graph's floating-point tensors for images of one size.

    Parameters
    ----------
    model : onnx.ModelProto
        With one input ``[batch, height, width, 3]`` or ``[batch, 3, height, width]``.
    height, width : int

    Returns
    -------
    dict of str to tuple
        Without tensors of other types. The batch is None.
    """
    shapes = {
        name: (None, *shape[1:]) if shape else () for name, shape in _infer(model, height, width).items()
    }
    unknown = [name for name, shape in shapes.items() if None in shape[1:]]
    measured = _measure_shapes(_set_size(model, height, width), unknown) if unknown else {}
    return shapes | {name: (None, *shape[1:]) for name, shape in measured.items()}


def keep_batch(model: Any, names: list[str], height: int, width: int) -> set[str]:
    """Return those of some tensors that have one entry an image: others fold tokens into the batch.

    Of most the graph's text says it. The others are found by running it, which takes seconds for large ones,
    since the lengths of what is reshaped may not be in its text.
    """
    shapes = _infer(model, height, width, batch=3)
    unknown = [name for name in names if shapes.get(name, ())[:1] in ((), (None,))]
    if unknown:
        shapes |= _measure_shapes(_set_size(model, height, width), unknown, batch=3)
    return {name for name in names if shapes[name][:1] == (3,)}


def _infer(model: Any, height: int, width: int, batch: int | None = None) -> dict[str, Shape]:
    """Return the shapes of floating-point tensors as far as a graph's text says them."""
    import onnx

    bare = _set_size(_leave_out_weights(model), height, width)
    if batch is not None:
        bare.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
        for value in bare.graph.output:
            value.type.tensor_type.shape.dim[0].Clear()  # to be inferred, too
        _straighten_lengths(bare)
    try:
        inferred = onnx.shape_inference.infer_shapes(bare, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(f"the graph contradicts itself at {height} x {width}: {reason}") from error
    shapes: dict[str, Shape] = {}
    for value in (*inferred.graph.value_info, *inferred.graph.output):
        tensor = value.type.tensor_type
        if tensor.elem_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
            dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
            # Not even how many axes it has may be known, as after a Reshape to another tensor's shape.
            shapes[value.name] = tuple(dims) if tensor.HasField("shape") else (None, None)
    return shapes


def _straighten_lengths(model: Any) -> None:
    """Take a length right from its Shape where PyTorch's exporter squeezes it and makes a list of it again.

    The inference follows no Reshape of values, and so would lose the batch wherever maps are flattened.
    """
    wiring = Wiring(model)
    straight = {}
    for node in model.graph.node:
        target = wiring.array(node.input[1]) if node.op_type == "Reshape" else None
        if target is None or target.tolist() != [-1]:
            continue
        squeeze = wiring.producers.get(node.input[0])
        if squeeze is None or squeeze.op_type != "Squeeze":
            continue
        shape = wiring.producers.get(squeeze.input[0])
        if shape is not None and shape.op_type == "Shape" and attributes(shape) == {"start": 0, "end": 1}:
            straight[node.output[0]] = squeeze.input[0]
    for node in model.graph.node:
        node.input[:] = [straight.get(name, name) for name in node.input]


def _leave_out_weights(model: Any) -> Any:
    """Return a graph whose larger floating-point initializers have a type and a shape, and no numbers.

    Shapes do not depend on these, and with them the inference would copy a whole network several times.
    """
    from onnx import TensorProto

    bare = type(model)(ir_version=model.ir_version, opset_import=model.opset_import)
    bare.functions.extend(model.functions)
    graph = model.graph
    bare.graph.name = graph.name
    for name in ("node", "input", "output", "value_info", "sparse_initializer"):
        getattr(bare.graph, name).extend(getattr(graph, name))
    for tensor in graph.initializer:
        floating = tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16)
        if floating and math.prod(tensor.dims) > _LARGE:
            bare.graph.initializer.add(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
        else:
            bare.graph.initializer.append(tensor)
    return bare


def _set_size(model: Any, height: int, width: int) -> Any:
    """Return a copy of a graph for images of one size."""
    copy = type(model).FromString(model.SerializeToString())
    dims = copy.graph.input[0].type.tensor_type.shape.dim
    sides = (height, width, 3) if dims[3].dim_value == 3 else (3, height, width)
    for dim, length in zip(dims[1:], sides, strict=True):
        dim.Clear()
        dim.dim_value = length
    return copy


def _measure_shapes(model: Any, names: list[str], batch: int = 1) -> dict[str, Shape]:
    """Return the shapes that some tensors have when a graph runs, where its text alone does not say.

    They become outputs of the graph, which has to be a copy.
    """
    from onnx import TensorProto, ValueInfoProto

    from cnncodes.backbones.running.starting import CPU, run_session, start_session

    given = model.graph.input[0]
    known = {value.name for value in model.graph.output}
    model.graph.output.extend(ValueInfoProto(name=name) for name in names if name not in known)
    session = start_session(model.SerializeToString(), "the graph", CPU, 1)
    shape = [dim.dim_value or batch for dim in given.type.tensor_type.shape.dim]
    kind = np.uint8 if given.type.tensor_type.elem_type == TensorProto.UINT8 else np.float32
    values = run_session(session, names, {given.name: np.zeros(shape, kind)}, "the graph")
    return {name: value.shape for name, value in zip(names, values, strict=True)}


def prune(model: Any) -> None:
    """Remove the nodes and initializers that no output needs, in place."""
    graph = model.graph
    wiring = Wiring(model)
    needed: set[str] = set()
    for value in graph.output:
        needed |= wiring.leading_to(value.name)
    _remove(graph.node, [not needed.intersection(node.output) for node in graph.node])
    _remove(graph.initializer, [tensor.name not in needed for tensor in graph.initializer])
    del graph.value_info[:]


def _remove(field: Any, idle: list[bool]) -> None:
    # One by one: to fill the field anew would copy weights, which may be hundreds of megabytes.
    for index in reversed(range(len(idle))):
        if idle[index]:
            del field[index]
