"""Files of weights: read without running code from them, and what is wrong with one said in words."""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnncodes.backbones.exporting.originals import missing_export_extra
from cnncodes.errors import BackboneError, sentence
from cnncodes.pointers import explain_pointer

#: Under these names training scripts keep the weights among other things; averaged weights come first.
_WRAPPERS = (
    *("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model_state", "model"),
    *("network", "net", "weights", "params"),
)

_AGAIN = "Fetch or save it again."
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the tensors of a checkpoint by name.

    Raises
    ------
    BackboneError
        If the file is no checkpoint, is damaged, or holds code; the text says which, and what to do.
    """
    return _unwrap(_read(path), path)


def hash_checkpoint(path: Path) -> str:
    """Return the sha256 of a checkpoint.

    Raises
    ------
    BackboneError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackboneError(f"the checkpoint {str(path)!r} cannot be read: {error.strerror}.") from error


def _read(path: Path) -> Any:
    with missing_export_extra():
        import safetensors.torch
    is_safe = path.suffix.lower() == ".safetensors"
    try:
        return safetensors.torch.load_file(path) if is_safe else _load_with_torch(path)
    except Exception as error:  # a class of its own for each kind of damage
        try:
            fault = _find_damage(path, error, is_safe=is_safe)
        except OSError as unreadable:
            fault = f"cannot be read: {unreadable.strerror}."
        raise BackboneError(f"the checkpoint {str(path)!r} {fault}") from error


def _load_with_torch(path: Path) -> Any:
    import torch

    # Opened here, since of some names torch takes the file for another kind.
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch remarks on other formats of pickle than its own
        return torch.load(file, map_location="cpu", weights_only=True)


def _find_damage(path: Path, error: Exception, *, is_safe: bool) -> str:
    """Return what is wrong with a file that was not read, and what to do: its readers say neither."""
    with path.open("rb") as file:
        head = file.read(4096)
    start = head.lstrip().lower()
    if not head:
        return f"is empty. {_AGAIN}"
    if told := explain_pointer(head):
        return f"is no checkpoint: {told}."
    if start.startswith((b"<!doctype html", b"<html")):
        return "is no checkpoint, but a web page: its download went wrong. Fetch it again."
    reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
    found = _find_damage_of_safetensors(path, head) if is_safe else _find_damage_of_torch(path, head, error)
    return found or f"cannot be read: {sentence(reason)} {_AGAIN}"


def _find_damage_of_safetensors(path: Path, head: bytes) -> str | None:
    if head.startswith((_ZIP, _PICKLE)):
        return _judge_pickle(path, head)
    size, length = path.stat().st_size, int.from_bytes(head[:8], "little")
    if len(head) > 8 and head[8:9] != b"{":
        return f"is no file of safetensors, whatever its name says. {_AGAIN}"
    if size < 8 + length:
        return f"is cut off within its header: it has {size} bytes. {_AGAIN}"
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(8 + length)[8:])
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        whole = 8 + length + max(ends, default=0)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):  # no header of its kind
        return f"is damaged: its header cannot be read. {_AGAIN}"
    if size < whole:
        return f"is cut off: it has {size} bytes, and its header says {whole}. {_AGAIN}"
    return None


def _judge_pickle(path: Path, head: bytes) -> str:
    """Say of a pickle that bears another name whether the name is all that is wrong."""
    try:
        _load_with_torch(path)
    except Exception as error:  # a class of its own for each kind of damage
        fault = _find_damage_of_torch(path, head, error) or f"cannot be read. {_AGAIN}"
        return f"is a pickle, whatever its name says, and {fault}"
    return "is one that torch.save made: give it a name that ends in .pth."


def _find_damage_of_torch(path: Path, head: bytes, error: Exception) -> str | None:
    said = str(error).lower()
    if head[8:10] == b'{"':
        return "is a file of safetensors: give it a name that ends in .safetensors."
    if head.startswith(_ZIP) and not zipfile.is_zipfile(path):
        return f"is cut off: the end of its archive is missing. {_AGAIN}"
    if "unsupported global" not in said:
        if not head.startswith((_ZIP, _PICKLE)):
            return f"is none that torch.save made, whatever its name says. {_AGAIN}"
        if isinstance(error, EOFError) or "unexpected eof" in said:
            return f"is cut off: it ends before its tensors do. {_AGAIN}"
    if "unsupported global" in said or "weights_only" in said:
        return (
            "holds more than tensors, and reading it would run its code: it is refused. Save the weights"
            " alone: torch.save(net.state_dict(), …) or safetensors."
        )
    return None


def _unwrap(state: Any, path: Path) -> dict[str, Any]:
    for name in _WRAPPERS:
        if isinstance(state, Mapping) and not _are_tensors(state) and _are_tensors(state.get(name)):
            state = state[name]
            break
    if not _are_tensors(state):
        raise BackboneError(
            f"the checkpoint {str(path)!r} holds no table of tensors by name: expected what"
            " torch.save(net.state_dict(), …) makes, by itself or under a name such as 'state_dict' or"
            f" 'model_state_dict'. It holds {_describe(state)}."
        )
    # Several GPUs leave this before each name.
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def _are_tensors(value: Any) -> bool:
    import torch

    return isinstance(value, Mapping) and all(isinstance(item, torch.Tensor) for item in value.values())


def _describe(state: Any) -> str:
    """Return what a file of other things holds, so that its user knows what to save instead."""
    if not isinstance(state, Mapping):
        return f"a {type(state).__name__}"
    names = [f"{name!r} ({type(value).__name__})" for name, value in state.items()]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "nothing"
