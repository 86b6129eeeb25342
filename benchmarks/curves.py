"""Whether learning curves go on as `baseline --curve` says: what more images were said to give, and gave.

Numbers: by how much pictures of the embedded sample are blurred (benchmarks/regression.py). Several labels:
what is in collages of them (benchmarks/multilabel.py). Codes are of one view, heads those of the ladder.
Needs nothing more.

    python benchmarks/curves.py
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from multilabel import SAMPLE, make_collages
from PIL import Image
from regression import blur

#: Of the training images, and how often each part is drawn.
PARTS, DRAWS = (0.25, 0.5), 8


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


def compare(task: Any, parts: Any) -> None:
    """Print for each part of the training images what was said of twice and four times as many, and found."""
    from cnncodes.estimators.unknown import Training
    from cnncodes.evaluation.baselines import measure_learning_curve

    rows, test = code(parts["train"][0]), code(parts["test"][0])
    y, truth = (task.read(parts[part][1]) for part in ("train", "test"))
    whole = Training(rows, y, None, np.arange(len(y)), "auto", 0)

    def measure(training: Training) -> float:
        answers = task.learn(task.make_head(task.head, random_state=0, n_jobs=2), training)(test)
        return float(task.measure(truth, answers)(np.ones(len(truth))))

    for part in PARTS:
        said: dict[int, list[tuple[float, float, bool]]] = {}
        for draw in range(DRAWS):
            order = np.random.default_rng(draw).permutation(len(y))
            count = round(part * len(y))
            curve = measure_learning_curve(
                whole.take(order[:count]),
                test,
                truth,
                lambda: task.make_head(task.head, random_state=0, n_jobs=2),
                task=task,
                random_state=draw,
            )
            for prospect in curve.further:
                if prospect.images <= len(y) * 1.01:
                    found = measure(whole.take(order[: prospect.images]))
                    one = prospect.estimate
                    row = (one.value, found, one.low <= found <= one.high)
                    said.setdefault(prospect.images, []).append(row)
        for images, found_rows in said.items():
            values = np.array(found_rows, dtype=float)
            off = np.abs(values[:, 0] - values[:, 1]).mean()
            print(
                f"| {task.figure.name} | {round(part * len(y))} | {images} | {values[:, 0].mean():.3f}"
                f" | {values[:, 1].mean():.3f} | {off:.3f} | {int(values[:, 2].sum())} of {len(values)} |",
                flush=True,
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.parse_args()
    pictures = {part: read_pictures(part) for part in ("train", "test")}
    print("| figure | from | of | said | found | off, mean | found in the interval |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for make in (make_numbers, make_labels):
        compare(*make(pictures))


if __name__ == "__main__":
    main()
