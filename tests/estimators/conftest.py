"""Small pictures of three classes, and classifiers on them that share one cache of codes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cnncodes import ImageClassifier, load_backbone
from cnncodes.backbones import Backbone

CLASSES = ("dark", "light", "red")
PER_CLASS = 6


def draw(name: str, rng: np.random.Generator) -> np.ndarray:
    low, high = {"dark": (0, 110), "light": (130, 256), "red": (60, 190)}[name]
    picture = rng.integers(low, high, (8, 8, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    if name == "red":
        picture[:, :, 0] = 255
    return picture


@dataclass(frozen=True)
class Pictures:
    """Six pictures of each of three classes, class after class."""

    arrays: list[np.ndarray]
    labels: np.ndarray
    paths: list[Path]
    root: Path

    def two(self) -> tuple[list[np.ndarray], np.ndarray]:
        """Return arrays and labels of the first two classes."""
        return self.arrays[: 2 * PER_CLASS], self.labels[: 2 * PER_CLASS]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("pictures")
    labels = np.repeat(CLASSES, PER_CLASS)
    arrays, paths = [], []
    for number, name in enumerate(labels):
        (root / name).mkdir(exist_ok=True)
        arrays.append(draw(name, rng))
        paths.append(root / name / f"{number:02}.png")
        Image.fromarray(arrays[-1]).save(paths[-1])
    return Pictures(arrays, labels, paths, root)


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    return load_backbone()


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memory")


@pytest.fixture(scope="session")
def make(backbone: Backbone, memory: Path) -> Callable[..., ImageClassifier]:
    """Return a maker of unfitted classifiers with one view, one lane and the common cache."""

    def build(head: Any = "ridge", **params: Any) -> ImageClassifier:
        common = {
            "backbone": backbone,
            "train_views": "center",
            "test_views": "center",
            "n_jobs": 1,
            "memory": memory,
        }
        return ImageClassifier(head=head, **{**common, **params})

    return build


class CountingBackbone(Backbone):
    """The real network, with a note of how many pictures went through it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batches: list[int] = []

    def run(self, images: np.ndarray) -> np.ndarray:
        self.batches.append(len(images))
        return super().run(images)

    @property
    def seen(self) -> int:
        """Return how many pictures since the last question."""
        total = sum(self.batches)
        self.batches.clear()
        return total


@pytest.fixture(scope="session")
def _counting(backbone: Backbone) -> CountingBackbone:
    return CountingBackbone(backbone.model_bytes(), backbone.card)


@pytest.fixture
def counting(_counting: CountingBackbone) -> CountingBackbone:
    """Return the counting network with nothing counted yet."""
    _counting.batches.clear()
    return _counting


#: Heads that are no arrays alone, and so are saved with skops.
OBJECTS = {
    "forest": RandomForestClassifier(5, random_state=0),
    "svc": SVC(),
    "neighbors": KNeighborsClassifier(3),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "calibrated": CalibratedClassifierCV(SVC(), cv=2),
    "search": GridSearchCV(SVC(), {"C": [1.0, 10.0]}, cv=2, scoring="accuracy"),
}


@pytest.fixture(scope="session")
def fitted(make, pictures):
    """Return a maker of fitted classifiers, each fitted once."""

    @functools.cache
    def build(name):
        return make(OBJECTS.get(name, name), test_views="flip").fit(pictures.arrays, pictures.labels)

    return build


@pytest.fixture(scope="session")
def saved(fitted, tmp_path_factory):
    """Return a maker of small saved files, without the network."""

    @functools.cache
    def build(name):
        path = tmp_path_factory.mktemp("saved") / f"{name}.cnncodes"
        fitted(name).save(path, include_backbone=False)
        return path

    return build
