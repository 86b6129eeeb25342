"""Checkpoints: read without running code from them, and said in words what is wrong with one."""

from __future__ import annotations

import hashlib
import io
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from cnncodes.backbones.exporting.checkpoints import hash_checkpoint, read_checkpoint
from cnncodes.errors import BackboneError

pytestmark = pytest.mark.slow

JUNK = b"no weights at all, but a few bytes"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1234\n"


def pack(kind: str) -> bytes:
    """Return a checkpoint of one tensor: ``torch``'s, ``old`` (before its archives), or ``safetensors``'."""
    import safetensors.torch
    import torch

    state = {"fc.weight": torch.arange(600.0).reshape(20, 30)}
    if kind == "safetensors":
        return bytes(safetensors.torch.save(state))
    buffer = io.BytesIO()
    torch.save(state, buffer, _use_new_zipfile_serialization=kind == "torch")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "kind"), [("w.pth", "torch"), ("w.pt", "old"), ("w.safetensors", "safetensors")]
)
def test_each_kind_is_read(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(pack(kind))
    assert read_checkpoint(tmp_path / name)["fc.weight"].sum() == 600 * 599 / 2


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("w.pth", b"", "is empty. Fetch or save it again."),
        ("w.safetensors", b"", "is empty. Fetch or save it again."),
        ("w.pth", JUNK, "is none that torch.save made, whatever its name says. Fetch or save it again."),
        ("w.pth", bytes(range(256)) * 50, "is none that torch.save made"),
        ("w.safetensors", JUNK, "is no file of safetensors, whatever its name says. Fetch or save it again."),
        ("w.pth", b"\n<!DOCTYPE html><html>", "is no checkpoint, but a web page: its download went wrong."),
        ("w.safetensors", b"<html>404</html>", "is no checkpoint, but a web page"),
        ("w.pth", POINTER, "is no checkpoint: a pointer of Git LFS stands in its place: fetch"),
        ("w.safetensors", POINTER, "is no checkpoint: a pointer of Git LFS stands"),
        ("w.safetensors", (9).to_bytes(8, "little") + b"{nothing}" + bytes(9), "is damaged: its header"),
    ],
)
def test_what_is_no_checkpoint_is_told_by_what_it_is(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BackboneError, match=re.escape(f"{name}' {words}")):
        read_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "kind", "cut", "words"),
    [
        ("w.pth", "torch", 0.5, "is cut off: the end of its archive is missing. Fetch or save it again."),
        ("w.pth", "torch", 0.99, "is cut off: the end of its archive is missing."),
        ("w.pth", "old", 0.5, "is cut off: it ends before its tensors do. Fetch or save it again."),
        ("w.safetensors", "safetensors", 0.01, "is cut off within its header: it has 24 bytes. Fetch or"),
        ("w.safetensors", "safetensors", 0.5, "is cut off: it has 1240 bytes, and its header says 2480."),
    ],
)
def test_a_checkpoint_that_was_cut_off_says_so(
    tmp_path: Path, name: str, kind: str, cut: float, words: str
) -> None:
    data = pack(kind)
    (tmp_path / name).write_bytes(data[: int(cut * len(data))])
    with pytest.raises(BackboneError, match=re.escape(f"{name}' {words}")):
        read_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "kind", "ending"), [("w.pth", "safetensors", ".safetensors"), ("w.safetensors", "torch", ".pth")]
)
def test_a_checkpoint_with_the_others_name_is_told_its_own(
    tmp_path: Path, name: str, kind: str, ending: str
) -> None:
    (tmp_path / name).write_bytes(pack(kind))
    with pytest.raises(BackboneError, match=rf"give it a name that ends in \{ending}\.$"):
        read_checkpoint(tmp_path / name)


@pytest.mark.parametrize("name", ["state_dict", "model_state_dict", "model", "net"])
def test_weights_may_lie_beside_other_things(tmp_path: Path, name: str) -> None:
    import torch

    state = {"fc.weight": torch.ones(2, 3)}
    rest = {"epoch": 3, "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 0.1}]}}
    torch.save(
        {**rest, name: {f"module.{key}": tensor for key, tensor in state.items()}}, tmp_path / "w.ckpt"
    )
    assert read_checkpoint(tmp_path / "w.ckpt")["fc.weight"].shape == (2, 3)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ([1, 2], "holds no table of tensors by name: expected what torch.save"),
        ([1, 2], "It holds a list."),
        ({"generator": {"a": 1}, "epoch": 3}, "It holds 'generator' (dict), 'epoch' (int)."),
        ({"model": {"a": 1}}, "It holds 'model' (dict)."),
        ({str(i): i for i in range(9)}, "'6' (int), '7' (int), …."),
    ],
)
def test_what_holds_no_tensors_is_refused(tmp_path: Path, state: Any, words: str) -> None:
    import torch

    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(BackboneError, match=re.escape(words)):
        read_checkpoint(tmp_path / "w.pth")


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [None, 2])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path, protocol: int | None) -> None:
    import torch

    path = tmp_path / "weights.pth"
    state = {"fc": Bomb(tmp_path / "exploded")}
    if protocol is None:
        torch.save(state, path)
    else:
        path.write_bytes(pickle.dumps(state, protocol=protocol))
    with pytest.raises(BackboneError, match="would run its code: it is refused"):
        read_checkpoint(path)
    assert not (tmp_path / "exploded").exists()


def test_a_checkpoint_is_known_by_its_hash(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"abc")
    assert hash_checkpoint(tmp_path / "a.pth") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(BackboneError, match="cannot be read"):
        hash_checkpoint(tmp_path / "b.pth")
    with pytest.raises(BackboneError, match=r"b\.pth' cannot be read: No such file"):
        read_checkpoint(tmp_path / "b.pth")


@pytest.mark.parametrize("protocol", [None, 2, 4])
def test_code_under_the_name_of_safetensors_is_told_to_be_saved_again_and_not_renamed(
    tmp_path: Path, protocol: int | None
) -> None:
    import torch

    path = tmp_path / "evil.safetensors"
    state = {"fc": Bomb(tmp_path / "exploded")}
    if protocol is None:
        torch.save(state, path)
    else:
        path.write_bytes(pickle.dumps(state, protocol=protocol))
    with pytest.raises(
        BackboneError, match=r"is a pickle, whatever its name says, and holds more than tensors"
    ) as caught:
        read_checkpoint(path)
    assert "give it a name" not in str(caught.value) and "Save the weights alone" in str(caught.value)
    assert not (tmp_path / "exploded").exists()


def test_a_damaged_pickle_under_the_name_of_safetensors_says_both(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(pack("torch")[:-500])
    with pytest.raises(BackboneError, match=r"is a pickle, whatever its name says, and is cut off"):
        read_checkpoint(tmp_path / "w.safetensors")
