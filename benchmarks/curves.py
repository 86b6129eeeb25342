"""Whether learning curves go on as `baseline --curve` says: what more images were said to give, and gave.

Classes: of Fashion-MNIST (Debian: dataset-fashion-mnist), training and test images drawn anew each time.
Numbers: by how much pictures of the embedded sample are blurred (benchmarks/regression.py). Several labels:
what is in collages of them (benchmarks/multilabel.py); their draws share images. Codes are of one view, heads
those of the ladder, and ridge of classes.

    python benchmarks/curves.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from multilabel import SAMPLE, make_collages
from PIL import Image
from regression import blur

#: Of the training images, and how often each part is drawn.
PARTS, DRAWS = (0.25, 0.5), 8
#: Clothes to begin with, and how often these are drawn.
CLOTHES, CLOTHES_DRAWS = (200, 400), 24


def read_pictures(part: str) -> list[tuple[Image.Image, str]]:
    """Return the pictures of a part of the sample, and their classes."""
    from cnncodes.images import decode, open_source

    records = [record for record in open_source(SAMPLE).records if record.split == part]
    return [(Image.fromarray(np.asarray(decode(record.read()))), str(record.label)) for record in records]


def make_numbers(pictures: dict[str, list[tuple[Image.Image, str]]]) -> Any:
    """Return the task, and for each part images and radii by which they were blurred."""
    from cnncodes.evaluation.baselines import NUMBERS

    rng, parts = np.random.default_rng(0), {}
    for part, given in pictures.items():
        shares = rng.random(len(given)).tolist()
        made = [blur(picture, share) for (picture, _), share in zip(given, shares, strict=True)]
        parts[part] = [np.asarray(picture) for picture, _ in made], [str(radius) for _, radius in made]
    return NUMBERS, parts


def make_labels(pictures: dict[str, list[tuple[Image.Image, str]]]) -> Any:
    """Return the task, and for each part collages and their labels."""
    from cnncodes.evaluation.baselines import LabelTask

    last, parts = max(name for _, name in pictures["train"]), {}
    for i, (part, given) in enumerate(pictures.items()):
        images, labels = make_collages(given, last, np.random.default_rng(i))
        parts[part] = images, ["|".join(sorted(names)) or "|" for names in labels]
    return LabelTask.find(parts["train"][1], parts["test"][1], "|"), parts


def code(images: list[Any]) -> Any:
    """Return the codes of images as rows."""
    from cnncodes import CodeExtractor
    from cnncodes.estimators.inputs import ImageRows

    X = CodeExtractor(views="center").fit_transform(images)
    return ImageRows(X, np.ones(len(X), np.int64), [str(hash(row.tobytes())) for row in X], {})


@dataclass
class Found:
    """What was said of so many images in each draw, and found."""

    said: list[Any] = field(default_factory=list)
    gave: list[tuple[float, float]] = field(default_factory=list)

    def add(self, prospect: Any, figure: float, before: float) -> None:
        """Take what was said, what is so, and what was so with the images that there were."""
        self.said.append(prospect)
        self.gave.append((figure, figure - before))

    def show(self, name: str, count: int, images: int) -> None:
        """Print a row of the table."""
        figures, gains = ([getattr(one, kind) for one in self.said] for kind in ("estimate", "gain"))
        found = np.array(self.gave)
        cells = [name, count, images]
        for column, estimates in enumerate((figures, gains)):
            said = np.array([one.value for one in estimates])
            held = sum(
                one.low <= value <= one.high for one, value in zip(estimates, found[:, column], strict=True)
            )
            off = np.abs(said - found[:, column]).mean()
            cells += [f"{said.mean():.3f}", f"{found[:, column].mean():.3f}", f"{off:.3f}"]
            cells.append(f"{held} of {len(said)}")
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def follow(
    task: Any, head: str, whole: Any, order: Any, count: int, test: Any, truth: Any, found: dict[int, Found]
) -> None:
    """Say of the first of some images what more would give, and look."""
    from cnncodes.evaluation.baselines import measure_learning_curve

    def make_head() -> Any:
        return task.make_head(head, random_state=0, n_jobs=2)

    def learn(images: int) -> float:
        answers = task.learn(make_head(), whole.take(order[:images]))(test)
        return float(task.measure(truth, answers)(np.ones(len(truth))))

    curve = measure_learning_curve(
        whole.take(order[:count]), test, truth, make_head, task=task, random_state=int(order[0])
    )
    before = learn(count)
    for prospect in curve.further:
        if prospect.images <= len(order) * 1.01:
            found.setdefault(prospect.images, Found()).add(prospect, learn(prospect.images), before)


def compare_clothes() -> None:
    """Print what was said of clothes, and found, with images that no draw shares but by chance."""
    from gains_data import draw_fashion

    from cnncodes.estimators.inputs import ImageRows
    from cnncodes.estimators.unknown import Training
    from cnncodes.evaluation.baselines import CLASSES

    records = draw_fashion(10, 8000).test
    rows, y = code([record.data for record in records]), np.array([record.label for record in records])
    whole = Training(rows, y, None, np.arange(len(y)), "auto", 0)
    for count in CLOTHES:
        found: dict[int, Found] = {}
        for draw in range(CLOTHES_DRAWS):
            order = np.random.default_rng(draw).permutation(len(y))
            tested, order = order[:341], order[341:]
            contents = [rows.contents[i] for i in tested]
            test = ImageRows(rows.X[tested], rows.counts[tested], contents, {})
            follow(CLASSES, "ridge", whole, order, count, test, y[tested], found)
        for images, one in found.items():
            one.show(CLASSES.figure.name, count, images)


def compare(task: Any, parts: Any) -> None:
    """Print for each part of the training images what was said of twice and four times as many, and found."""
    from cnncodes.estimators.unknown import Training

    rows, test = code(parts["train"][0]), code(parts["test"][0])
    y, truth = (task.read(parts[part][1]) for part in ("train", "test"))
    whole = Training(rows, y, None, np.arange(len(y)), "auto", 0)
    for part in PARTS:
        found: dict[int, Found] = {}
        for draw in range(DRAWS):
            order = np.random.default_rng(draw).permutation(len(y))
            follow(task, task.head, whole, order, round(part * len(y)), test, truth, found)
        for images, one in found.items():
            one.show(task.figure.name, round(part * len(y)), images)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.parse_args()
    pictures = {part: read_pictures(part) for part in ("train", "test")}
    print("| figure | from | of | said | found | off, mean | held | gain said | found | off, mean | held |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    compare_clothes()
    for make in (make_numbers, make_labels):
        compare(*make(pictures))


if __name__ == "__main__":
    main()
