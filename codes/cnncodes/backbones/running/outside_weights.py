"""Weights that a graph keeps in other files: no hash holds those, so that a graph with them never starts.

ONNX Runtime reads them from wherever the process happens to run, as it is given the graph without its folder.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnncodes.errors import BackboneError

#: Of each message of ONNX, which fields hold one in which there may be tensors (onnx.proto).
INNER = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
}
#: The fields of a tensor that have its name, and whether its data lie elsewhere.
NAME, DATA_LOCATION = 8, 14

#: The key under which a tensor says in which file its data are. No graph without these bytes has such data.
_KEY = b"location"

_VARINT, _FIXED64, _BYTES, _GROUP, _END_GROUP, _FIXED32 = range(6)


def check_self_contained(model: bytes, name: str) -> None:
    """Raise where a graph keeps weights in other files.

    Without the package onnx, which predicting does not need, and in the time that a search for a few bytes
    takes: the graph itself is looked through only where these are found.

    Parameters
    ----------
    model : bytes
        An ONNX file.
    name : str
        What the error calls it.

    Raises
    ------
    BackboneError
        If it does, or is found damaged while looking.
    """
    if _KEY not in model:
        return
    try:
        outside = next(_walk_outside(model), None)
    except ValueError as error:
        raise BackboneError(
            f"{name} does not start: it is no ONNX file, or one that is damaged or cut off. Export or fetch"
            " it again."
        ) from error
    if outside is not None:
        raise BackboneError(
            f"{name} keeps the weight {outside!r} in another file: it is refused, since the card's sha256"
            " does not hold that one. Export the network again, from the file that it was made of: 'cnncodes"
            " models export' puts all weights into one."
        )


def _walk_outside(model: bytes) -> Iterator[str]:
    """Yield the names of tensors whose data lie in other files; `ValueError` where the bytes are no messages.

    Written down is Protocol Buffers' wire format: https://protobuf.dev/programming-guides/encoding/
    """
    waiting = [("ModelProto", 0, len(model))]
    while waiting:
        kind, start, end = waiting.pop()
        if kind == "TensorProto":
            yield from _read_tensor(model, start, end)
            continue
        for number, first, last in _walk_fields(model, start, end):
            inner = INNER[kind].get(number)
            if inner is not None:
                waiting.append((inner, first, last))


def _read_tensor(model: bytes, start: int, end: int) -> Iterator[str]:
    name, outside = b"", False
    for number, first, last in _walk_fields(model, start, end):
        if number == NAME:
            name = model[first:last]
        elif number == DATA_LOCATION:
            outside |= _read_varint(model, first, end)[0] & 0xFFFFFFFF != 0
    if outside:
        yield name.decode(errors="replace")


def _walk_fields(model: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of each field of a message, and where its value starts and ends."""
    while start < end:
        tag, start = _read_varint(model, start, end)
        number, kind = (tag & 0xFFFFFFFF) >> 3, tag & 7
        if kind == _BYTES:
            length, start = _read_varint(model, start, end)
            last = start + length
        elif kind == _VARINT:
            last = _read_varint(model, start, end)[1]
        elif kind in (_FIXED64, _FIXED32):
            last = start + (8 if kind == _FIXED64 else 4)
        elif kind in (_GROUP, _END_GROUP):  # which ONNX has not: its fields are looked at like others
            last = start
        else:
            raise ValueError(f"no such type of field: {kind}")
        if last > end:
            raise ValueError("a field ends behind its message")
        yield number, start, last
        start = last


def _read_varint(model: bytes, start: int, end: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = 0
    for index in range(start, min(end, start + 10)):
        byte = model[index]
        value |= (byte & 0x7F) << (7 * (index - start))
        if byte < 0x80:
            return value, index + 1
    raise ValueError("a number has no end")
