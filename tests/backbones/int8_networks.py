"""Networks with a file of int8, and what a system says of a processor that runs them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import onnx
from onnx import helper
from small_convolutions import write_convolutions

from cnncodes.backbones import Card


def write_cpuinfo(path: Path, line: str) -> Path:
    path.write_text(f"processor\t: 0\nmodel name\t: some\n{line}\n\nprocessor\t: 1\n")
    return path


def write_both(folder: Path, **work: int) -> Path:
    """Write a network of two files, of which that of int8 or that of fp32 has more to do."""
    folder = write_convolutions(folder)
    read = onnx.load(folder / "model.onnx")
    for node in read.graph.node:
        if node.output[0] == "pixels_":
            node.output[0] = "sin_0"
    for number in range(200):
        last = "pixels_" if number == 199 else f"sin_{number + 1}"
        read.graph.node.append(helper.make_node("Sin", [f"sin_{number}"], [last]))
    names = {"fast.onnx": (folder / "model.onnx").read_bytes(), "slow.onnx": read.SerializeToString()}
    for name, data in names.items():
        (folder / name).write_bytes(data)
    full, int8 = sorted(names, key=lambda name: work[name.removesuffix(".onnx")])
    files = {name: hashlib.sha256(data).hexdigest() for name, data in names.items()}
    card = Card.read(folder / "card.toml")
    replace(card, model_file=full, files=files, precisions={"int8": int8}).write(folder / "card.toml")
    return folder
