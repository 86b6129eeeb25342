"""Reading an ONNX file that somebody else made: nothing in it is taken on trust."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.backbones.exporting.external_data import read_external
from cnncodes.backbones.exporting.originals import missing_export_extra
from cnncodes.backbones.graphs.initializers import describe_odd_weights
from cnncodes.backbones.graphs.rounded import find_rounded
from cnncodes.backbones.graphs.subgraphs import walk_nodes
from cnncodes.errors import BackboneError, MissingFile
from cnncodes.pointers import explain_pointer

_STANDARD = ("", "ai.onnx")
#: The runtime's own operators, which it has wherever it is.
_RUNTIME = ("com.microsoft",)


@dataclass(frozen=True)
class OnnxInput:
    """What a network of an ONNX file takes: one batch of normalised images.

    Attributes
    ----------
    name : str
    channels_first : bool
    batch, height, width : int or None
        None where the file leaves it free.
    """

    name: str
    channels_first: bool
    batch: int | None
    height: int | None
    width: int | None


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file with one image in.

    Attributes
    ----------
    path : Path
    model : onnx.ModelProto
        With its external data, and its own functions written out.
    hashes : dict of str to str
        The sha256 of the file, and of the files of external data, by name.
    input : OnnxInput
    """

    path: Path
    model: Any
    hashes: dict[str, str]
    input: OnnxInput

    @property
    def sha256(self) -> str:
        """Of the file itself."""
        return self.hashes[self.path.name]


def read_onnx_file(path: str | Path) -> OnnxFile:
    """Read an ONNX file.

    Raises
    ------
    BackboneError
        If it is missing or no ONNX file; keeps data outside its folder; has operators of its own or of a
        later set than is known here; is quantised; has weights that are not finite; or takes anything else
        than one float batch of images of three channels.
    """
    with missing_export_extra():
        import onnx
    path = Path(path)
    if path.exists() and not path.is_file():  # asked first: reading a pipe may wait for ever
        raise BackboneError(f"the ONNX file {str(path)!r} cannot be read: it is no regular file.")
    try:
        data = path.read_bytes()
    except OSError as error:
        kind = MissingFile if isinstance(error, FileNotFoundError) else BackboneError
        raise kind(f"the ONNX file {str(path)!r} cannot be read: {error.strerror}.") from error
    try:
        model = onnx.load_from_string(data)
    except Exception as error:  # of protobuf, by its implementation
        told = explain_pointer(data)
        said = f"is no ONNX file: {told}." if told else "is no ONNX file, or a damaged one."
        raise BackboneError(f"{str(path)!r} {said}") from error
    if not model.graph.node:
        raise BackboneError(f"{str(path)!r} is no ONNX file, or one without a graph.")
    _check_operators(model, path)
    if rounded := find_rounded(model.graph):
        raise BackboneError(
            f"{str(path)!r} is quantised ({rounded}): give the fp32 file that it was made from. Of that"
            " backbone 'cnncodes models quantize' makes one of 8 bits, and measures what it costs."
        )
    hashes = {path.name: hashlib.sha256(data).hexdigest(), **read_external(model, path)}
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    _check_sound(model, path)
    return OnnxFile(path, model, hashes, _read_input(model, path))


def _check_operators(model: Any, path: Path) -> None:
    import onnx

    known, own = onnx.defs.onnx_opset_version(), {function.domain for function in model.functions}
    for entry in model.opset_import:
        if entry.domain in _STANDARD and entry.version > known:
            raise BackboneError(
                f"{str(path)!r} is of opset {entry.version}, and the onnx installed here knows up to {known}:"
                " upgrade onnx and onnxruntime, or export the network with an older opset."
            )
    for node in walk_nodes(model.graph, *model.functions):
        if node.domain in _STANDARD and not onnx.defs.has(node.op_type):
            raise BackboneError(f"{str(path)!r} has an operator {node.op_type!r}, which ONNX does not know.")
        if node.domain not in (*_STANDARD, *_RUNTIME, *own):
            raise BackboneError(
                f"{str(path)!r} has the operator {node.op_type!r} of {node.domain!r}: such custom operators"
                " need code that does not come with the file. Export the network with ONNX's own operators."
            )


def _check_sound(model: Any, path: Path) -> None:
    import onnx

    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:  # ValueError: above what protobuf can hold
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(f"{str(path)!r} is no sound ONNX file: {reason}") from error
    odd = describe_odd_weights(model)
    if odd:
        raise BackboneError(
            f"{str(path)!r} is of no use: {odd}. Its training has gone wrong: take a sound checkpoint of it."
        )


def _read_input(model: Any, path: Path) -> OnnxInput:
    from onnx import TensorProto

    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    shown = ", ".join(f"{value.name!r} {_describe(value)}" for value in inputs) or "none"
    wanted = "expected one input, a float batch of images [batch, 3, height, width]"
    if len(inputs) != 1:
        raise BackboneError(f"{str(path)!r} has {len(inputs)} inputs: {wanted}. Got {shown}.")
    tensor = inputs[0].type.tensor_type
    lengths = [dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim]
    if tensor.elem_type == TensorProto.UINT8:
        raise BackboneError(
            f"{str(path)!r} takes uint8 images already: nothing is left to wrap. A folder with this file and"
            " a card.toml is a backbone."
        )
    if tensor.elem_type != TensorProto.FLOAT or len(lengths) != 4:
        raise BackboneError(f"{str(path)!r}: {wanted}. Got {shown}.")
    if lengths[1] == 3 or (lengths[1] is None and lengths[3] != 3):
        return OnnxInput(inputs[0].name, True, lengths[0], lengths[2], lengths[3])
    if lengths[3] == 3:
        return OnnxInput(inputs[0].name, False, *lengths[:3])
    raise BackboneError(f"{str(path)!r}: {wanted}. Got {shown}.")


def _describe(value: Any) -> str:
    from onnx import TensorProto

    tensor = value.type.tensor_type
    shape = ", ".join(dim.dim_param or str(dim.dim_value or "?") for dim in tensor.shape.dim)
    return f"{TensorProto.DataType.Name(tensor.elem_type).lower()} [{shape}]"
