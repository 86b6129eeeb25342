"""Weights that an ONNX file keeps in other files: bounds that are none, and files that are none."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest
from test_onnx_files import move_out, write_file

from cnncodes.backbones.exporting.onnx_reading import read_onnx_file
from cnncodes.errors import BackboneError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n"


def say(path: Path, **entries: str) -> None:
    """Say more of where the data of a file's first weight are."""
    model = onnx.load(path, load_external_data=False)
    for key, value in entries.items():
        entry = model.graph.initializer[0].external_data.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"offset": "abc"}, "with the offset 'abc': expected a number of bytes, 0 or more"),
        ({"offset": "-4"}, "with the offset '-4': expected"),
        ({"length": "1e3"}, "with the length '1e3': expected"),
        ({"offset": "9" * 30}, "with the offset '999"),
        ({"offset": "999999"}, "what follows byte 999999, which has 648 bytes"),
        ({"length": "999999"}, "999999 bytes from 0 on, which has 648 bytes"),
        ({"offset": "4", "length": "648"}, "648 bytes from 4 on, which has 648 bytes"),
    ],
)
def test_a_part_that_the_file_does_not_have_is_named(
    tmp_path: Path, entries: dict[str, str], words: str
) -> None:
    path = write_file(tmp_path / "net.onnx")
    move_out(path, "net.bin")
    say(path, **entries)
    with pytest.raises(BackboneError, match=rf"net\.onnx' keeps the weight 'w1' in 'net\.bin'.*{words}"):
        read_onnx_file(path)


def test_a_pointer_of_git_lfs_in_the_place_of_weights_is_told(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx")
    move_out(path, "net.bin")
    (tmp_path / "net.bin").write_bytes(POINTER)
    with pytest.raises(BackboneError, match=r"keeps weights in 'net\.bin' beside it: a pointer of Git LFS"):
        read_onnx_file(path)


@pytest.mark.parametrize("entries", [{"length": "644"}, {"offset": "4"}, {"offset": "648"}])
def test_a_part_of_another_length_than_the_weights_is_an_error(
    tmp_path: Path, entries: dict[str, str]
) -> None:
    path = write_file(tmp_path / "net.onnx")
    move_out(path, "net.bin")
    say(path, **entries)
    with pytest.raises(BackboneError, match=r"net\.onnx.*w1.* does not fill its shape \[6, 3, 3, 3\]"):
        read_onnx_file(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx")
    move_out(path, "net.bin")
    (tmp_path / "net.bin").unlink()
    os.mkfifo(tmp_path / "net.bin")
    with pytest.raises(BackboneError, match=r"the weight 'w1' in 'net\.bin', which is no regular file"):
        read_onnx_file(path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(BackboneError, match=r"pipe\.onnx' cannot be read: it is no regular file"):
        read_onnx_file(tmp_path / "pipe.onnx")
