"""Evidence that the network is fed as it was trained: what it sees on known photos, by way of feeding it.

Run it to print the table of models/README.md: ``python tests/backbones/evidence.py`` (extra: export).
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from cnncodes.backbones import Backbone, Frame, load_backbone
from cnncodes.backbones.checking.photos import find_photos
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.images import decode
from cnncodes.views import ViewPlan

NAME = "efficientnet-lite0"

#: Photos whose subject is one of ImageNet's 1,000 classes; several where they are near.
SUBJECTS = {
    "camera.png": ("tripod", (872,)),
    "chelsea.png": ("tabby, tiger cat or Egyptian cat", (281, 282, 285)),
    "china.jpg": ("palace or monastery", (698, 663)),
    "coffee.png": ("espresso", (967,)),
    "flower.jpg": ("daisy", (985,)),
    "motorcycle_left.png": ("moped", (665,)),
    "rocket.jpg": ("missile or projectile", (657, 744)),
}

#: What is subtracted from pixels of 0 to 255, and what they are then divided by.
WAYS: dict[str, tuple[Any, Any]] = {
    "(x − 127) / 128": (127.0, 128.0),
    "(x − 127.5) / 127.5": (127.5, 127.5),
    "ImageNet mean, std": (255 * np.array([0.485, 0.456, 0.406]), 255 * np.array([0.229, 0.224, 0.225])),
    "x / 255": (0.0, 255.0),
    "x": (0.0, 1.0),
}
SHIPPED = "(x − 127) / 128"


@dataclasses.dataclass(frozen=True)
class Finding:
    """The probability of a photo's subject, and the best rank among its classes, from 1."""

    probability: float
    rank: int


def feed(backbone: Backbone, mean: Any, std: Any) -> Backbone:
    """Return a backbone whose graph normalises in another way."""
    model = onnx.load_from_string(backbone.model_bytes())
    names = {node.op_type: node.input[1] for node in model.graph.node if node.op_type in ("Sub", "Div")}
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for operator, value in (("Sub", mean), ("Div", std)):
        array = np.asarray(value, np.float32).reshape(-1, 1, 1)
        tensors[names[operator]].CopyFrom(numpy_helper.from_array(array, names[operator]))
    data = model.SerializeToString()
    files = {backbone.card.model_file: hashlib.sha256(data).hexdigest()}
    return Backbone(data, dataclasses.replace(backbone.card, files=files, precisions={}, quantization={}))


def classify(codes: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the probabilities of ImageNet's classes, by the original's classification layer."""
    layer = find_original(NAME).make()._fc
    scores = codes.astype(np.float64) @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return probabilities


def see(name: str, mean: Any, std: Any) -> dict[str, Finding]:
    """Return what a network of the zoo sees on each photo, by its original with its classification layer."""
    import torch

    original = find_original(name)
    images = _cut_photos(original.frame)
    pixels = ((images - np.asarray(mean)) / np.asarray(std)).astype(np.float32).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        probabilities = original.make()(torch.from_numpy(pixels.copy())).softmax(1).numpy()
    return {subject: _find(subject, row) for subject, row in zip(SUBJECTS, probabilities, strict=True)}


def _find(subject: str, probabilities: npt.NDArray[Any]) -> Finding:
    classes = SUBJECTS[subject][1]
    rank = min(int((probabilities > probabilities[index]).sum()) + 1 for index in classes)
    return Finding(float(probabilities[list(classes)].sum()), rank)


def _cut_photos(frame: Frame) -> npt.NDArray[np.uint8]:
    """Return the photos as ``embed`` cuts them."""
    paths, plan = {path.name: path for path in find_photos()}, ViewPlan.parse("center")
    return np.concatenate([plan.render(_decode(paths[name]), frame).pixels for name in SUBJECTS])


def collect() -> dict[str, dict[str, Finding]]:
    """Return the finding for each photo and each way of feeding it, cut as ``embed`` cuts it."""
    backbone = load_backbone(NAME)
    images = _cut_photos(backbone.frame)
    found: dict[str, dict[str, Finding]] = {name: {} for name in SUBJECTS}
    for way, (mean, std) in WAYS.items():
        probabilities = classify(feed(backbone, mean, std).run(images))
        for name, row in zip(SUBJECTS, probabilities, strict=True):
            found[name][way] = _find(name, row)
    return found


def _decode(path: Path) -> Any:
    return decode(path.read_bytes())


def make_table() -> str:
    """Return the findings as a table in Markdown: probability, and rank in brackets where it is not 1."""
    lines = ["| photo | subject | " + " | ".join(WAYS) + " |", "|---|---|" + "---|" * len(WAYS)]
    for name, findings in collect().items():
        cells = [f"{f.probability:.2f}" + (f" ({f.rank})" if f.rank > 1 else "") for f in findings.values()]
        lines.append(f"| {name} | {SUBJECTS[name][0]} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(make_table(), end="")
