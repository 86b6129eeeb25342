"""Weights that an ONNX file keeps in other files: where they may lie, and that they are there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from cnncodes.backbones.graphs.subgraphs import walk_tensors
from cnncodes.errors import BackboneError, sentence
from cnncodes.pointers import explain_pointer_at


def read_external(model: Any, path: Path) -> dict[str, str]:
    """Read a model's external data into it, in place.

    Parameters
    ----------
    model : onnx.ModelProto
    path : Path
        Of its file.

    Returns
    -------
    dict of str to str
        The sha256 of each file of external data, by its location.

    Raises
    ------
    BackboneError
        If data lie outside the file's folder, in something else than a file, or not where the model says.
    """
    import onnx

    hashes: dict[str, str] = {}
    sizes: dict[str, int] = {}
    outside: list[tuple[Any, str]] = []
    for tensor in walk_tensors(model):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        file = _locate(path, tensor.name, location)
        if location not in hashes:
            hashes[location], sizes[location] = _hash(path, location, file)
            if told := explain_pointer_at(file):
                raise BackboneError(f"{str(path)!r} keeps weights in {location!r} beside it: {told}.")
        _check_extent(path, tensor.name, entries, sizes[location])
        outside.append((tensor, location))
    if hashes:
        try:
            onnx.load_external_data_for_model(model, str(path.parent))
        except (ValueError, OSError, onnx.checker.ValidationError) as error:
            reason = sentence(" ".join(str(error).split())[:200].rstrip("."))
            raise BackboneError(
                f"the weights that {str(path)!r} keeps in other files cannot be read: {reason}"
            ) from error
    for tensor, location in outside:
        _check_filled(path, tensor, location)
    return hashes


def _check_filled(path: Path, tensor: Any, location: str) -> None:
    """Raise unless a tensor's data are as long as its shape says, of which onnx before 1.23 says nothing."""
    from onnx import numpy_helper

    try:
        numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise BackboneError(
            f"{str(path)!r} keeps the weight {tensor.name!r} in {location!r}, and what is there does not fill"
            f" its shape {list(tensor.dims)}. One of the two files is damaged or of another network; fetch or"
            " export both again."
        ) from error


def _locate(path: Path, name: str, location: str) -> Path:
    """Return the file of a tensor's data, which has to lie in the folder of the model's."""
    folder = path.parent.resolve()
    try:
        file = (folder / location).resolve()
    except (ValueError, OSError, RuntimeError):  # a NUL, a link to itself
        file = folder
    # Followed links included: a link in the folder may lead anywhere.
    if not location or Path(location).is_absolute() or folder not in file.parents:
        raise BackboneError(
            f"{str(path)!r} keeps the weight {name!r} in {location!r}, outside its own folder:"
            " it is refused, since that could be any file of this computer."
        )
    # Asked before it is opened: opening a pipe waits until somebody writes to it.
    if file.exists() and not file.is_file():
        raise BackboneError(
            f"{str(path)!r} keeps the weight {name!r} in {location!r}, which is no regular file: expected"
            " a file with its data. Fetch or export the network again."
        )
    return file


def _hash(path: Path, location: str, file: Path) -> tuple[str, int]:
    """Return a file's sha256 and size."""
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()
    except OSError as error:
        raise BackboneError(
            f"{str(path)!r} keeps weights in {location!r} beside it, which cannot be read: {error.strerror}."
        ) from error


def _check_extent(path: Path, name: str, entries: dict[str, str], size: int) -> None:
    """Raise unless the part of a file that a tensor's data are said to be is one of it."""
    said = {key: entries.get(key) or "0" for key in ("offset", "length")}
    where = f"{str(path)!r} keeps the weight {name!r} in {entries['location']!r}"
    for key, text in said.items():
        if not (text.isascii() and text.isdecimal() and len(text) < 20):
            raise BackboneError(
                f"{where} with the {key} {text[:40]!r}: expected a number of bytes, 0 or more. The file is"
                " damaged; fetch or export it again."
            )
    offset, length = int(said["offset"]), int(said["length"])
    if offset + length > size:
        part = f"{length} bytes from {offset} on" if length else f"what follows byte {offset}"
        raise BackboneError(
            f"{where}, {part}, which has {size} bytes. One of the two files is damaged or of another network;"
            " fetch or export both again."
        )
