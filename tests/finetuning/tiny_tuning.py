"""A small network and small labelled pictures, on which a fine-tuning takes a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image
from written_graphs import write_backbone, write_dotted

from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder
from cnncodes.finetuning.examples import Labelled, split_validation
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.task import Task
from cnncodes.images import content_hash, records_from
from cnncodes.views import ViewPlan

#: Three blocks of convolution and batch normalisation, the second with a way around it.
BODY = """
    a1 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]>(pixels, stem__weight)
    a = Relu(a1)
    b1 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(a, layer1__conv__weight)
    b2 = BatchNormalization
        (b1, layer1__bn__weight, layer1__bn__bias, layer1__bn__running_mean, layer1__bn__running_var)
    b3 = Relu(b2)
    b = Add(a, b3)
    c1 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]>(b, layer2__conv__weight)
    c2 = BatchNormalization
        (c1, layer2__bn__weight, layer2__bn__bias, layer2__bn__running_mean, layer2__bn__running_var)
    c = Relu(c2)
    pooled = GlobalAveragePool(c)
    code = Flatten(pooled)
"""
WEIGHTS: dict[str, Any] = {
    "stem__weight": (8, 3, 3, 3),
    "layer1__conv__weight": (8, 8, 3, 3),
    "layer1__bn__weight": np.ones(8, np.float32),
    "layer1__bn__bias": np.zeros(8, np.float32),
    "layer1__bn__running_mean": np.zeros(8, np.float32),
    "layer1__bn__running_var": np.ones(8, np.float32),
    "layer2__conv__weight": (6, 8, 3, 3),
    "layer2__bn__weight": np.ones(6, np.float32),
    "layer2__bn__bias": np.zeros(6, np.float32),
    "layer2__bn__running_mean": np.zeros(6, np.float32),
    "layer2__bn__running_var": np.ones(6, np.float32),
}
SIDE = 16
CLASSES = ("dots", "lines", "plain")
#: A fine-tuning that gains.
GOOD: dict[str, Any] = {
    "train_views": "flip",
    "unfreeze": "all",
    "base_lr": 0.01,
    "backbone_lr_mult": 1.0,
    "epochs": 12,
    "patience": 12,
    "device": "cpu",
    "n_jobs": 1,
}


def make_backbone(changes: Mapping[str, Any] = MappingProxyType({})) -> Backbone:
    """Return the network, with random weights but for some."""
    return write_backbone(write_dotted(BODY, {**WEIGHTS, **changes}, 6), side=SIDE)


def draw(label: str, number: int) -> np.ndarray[Any, Any]:
    """Return a picture of a class: noise, and on it dots, lines, or nothing; all of one mean."""
    rng = np.random.default_rng([CLASSES.index(label), number])
    image = rng.normal(120, 30, (28, 28, 3))
    if label == "lines":
        image[rng.integers(2) :: 2] += 30
    elif label == "dots":
        image[rng.integers(2) :: 2, rng.integers(2) :: 2] += 60
    return np.asarray(np.clip(image - image.mean() + 120, 0, 255), np.uint8)


def make_images(count: int, *, classes: Sequence[str] = CLASSES, first: int = 0) -> Labelled:
    """Return so many pictures of each class, in memory."""
    labels = [label for label in classes for _ in range(count)]
    arrays = [draw(label, first + number) for label in classes for number in range(count)]
    return Labelled(records_from(arrays), np.array(labels), [content_hash(array) for array in arrays])


def write_images(root: Path, count: int, *, parts: Sequence[str] = ("train", "test")) -> Path:
    """Write so many pictures of each class and part as files."""
    for place, part in enumerate(parts):
        for label in CLASSES:
            folder = root / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(draw(label, place * 1000 + number)).save(folder / f"{number:03}.png")
    return root


def make_task(count: int = 20, *, train_views: str = "flip", **settings: Any) -> Task:
    """Return a fine-tuning of the small network on small pictures."""
    train, validation = split_validation(make_images(count), 0.25, 0)
    chosen = FineTuning(**{"epochs": 3, "unfreeze": "all", "device": "cpu", "precision": "fp32", **settings})
    embedder = Embedder(make_backbone(), ViewPlan.parse("flip"))
    return Task(embedder, ViewPlan.parse(train_views), "logistic", train, validation, chosen, n_jobs=1)
