"""How well several labels of an image are told, whose truth is known: what was put into a collage.

The pictures of the embedded sample, or of a source of your own with parts train and test, are put into
collages of one to four, each picture into one; a collage has the classes of its pictures as labels, but for
the last class by name, which is none, so that some collages have no label. Beside the heads by name stands
scikit-learn's one-vs-rest logistic regression as it comes, on the same codes.
Needs nothing more.

    python benchmarks/multilabel.py
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SAMPLE = Path(__file__).parents[1] / "pipelines" / "samples" / "openclipart.parquet"
HEADS = ("logistic", "ridge", "knn")
#: Side of a collage in pixels, and its places.
SIDE, PLACES = 256, 4


def compose(pictures: list[Image.Image]) -> Any:
    """Return a collage, white where there is no picture; `pictures` has one for each place, or None."""
    collage = Image.new("RGB", (SIDE, SIDE), "white")
    half = SIDE // 2
    for place, picture in enumerate(pictures):
        if picture is not None:
            small = picture.copy()
            small.thumbnail((half, half))
            left, top = (half * (place % 2), half * (place // 2))
            collage.paste(small, (left + (half - small.width) // 2, top + (half - small.height) // 2))
    return np.asarray(collage)


def make_collages(
    pictures: list[tuple[Image.Image, str]], unlabelled: str, rng: Any
) -> tuple[list[Any], list[set[str]]]:
    """Return collages of all pictures, one to four in each, and their labels."""
    waiting = [pictures[i] for i in rng.permutation(len(pictures))]
    images, labels = [], []
    while waiting:
        count = int(rng.integers(1, PLACES + 1))
        taken, waiting = waiting[:count], waiting[count:]
        places: list[Any] = [None] * PLACES
        for place, (picture, _) in zip(rng.permutation(PLACES), taken, strict=False):
            places[place] = picture
        images.append(compose(places))
        labels.append({name for _, name in taken} - {unlabelled})
    return images, labels


def describe(named: Any, proba: Any, classes: Any, truth: list[set[str]]) -> str:
    """Return a row of figures."""
    from cnncodes.evaluation import evaluate_multilabel, measure_calibration

    found = evaluate_multilabel(truth, named, proba, classes)
    has = np.array([[name in labels for name in classes] for labels in truth])
    images = np.repeat(np.arange(len(truth)), len(classes))
    error = measure_calibration(proba.ravel(), has.ravel(), groups=images).error
    cells = (found.micro_f1, found.macro_f1, found.mean_average_precision, found.subset_accuracy)
    shown = [f"{cell.value:.3f} [{cell.low:.3f}, {cell.high:.3f}]" for cell in (*cells, found.hamming_loss)]
    return " | ".join([*shown, f"{error.value:.3f}"])


def measure_reference(train: Any, test: Any, memory: str) -> str:
    """Return the figures of scikit-learn's one-vs-rest logistic regression, C=1, named from 0.5 on."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler

    from cnncodes import CodeExtractor

    coder = CodeExtractor(views="center", memory=memory)
    binarizer = MultiLabelBinarizer()
    Y = binarizer.fit_transform(train[1])
    classifier = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(max_iter=5000)))
    proba = classifier.fit(coder.fit_transform(train[0]), Y).predict_proba(coder.transform(test[0]))
    return describe(proba >= 0.5, proba, binarizer.classes_, test[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", nargs="?", default=str(SAMPLE), help="images with parts train and test")
    options = parser.parse_args()
    from cnncodes import ImageMultiLabelClassifier
    from cnncodes.images import decode, open_source

    records = open_source(options.source).records
    parts, last = [], max(str(record.label) for record in records)
    for part in ("train", "test"):
        chosen = [record for record in records if record.split == part]
        pictures = [(Image.fromarray(np.asarray(decode(r.read()))), str(r.label)) for r in chosen]
        parts.append(make_collages(pictures, last, np.random.default_rng(len(parts))))
    train, test = parts
    for name, (_, labels) in zip(("training", "test"), parts, strict=True):
        counts = {n: sum(n in s for s in labels) for n in sorted(set().union(*labels))}
        empty = sum(not s for s in labels)
        print(f"{len(labels)} {name} collages, {empty} of them without a label: {counts}")
    print("\n| head | named from | micro F1 | macro F1 | mAP | subset accuracy | Hamming loss", end=" | ")
    print("calibration error |\n|---|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as memory:
        for head in HEADS:
            for threshold in ("f1", 0.5):
                clf = ImageMultiLabelClassifier(
                    head=head, threshold=threshold, train_views="center", test_views="center", memory=memory
                ).fit(*train)
                row = describe(clf.predict(test[0]), clf.predict_proba(test[0]), clf.classes_, test[1])
                print(f"| `{head}` | {threshold} | {row} |", flush=True)
        print(f"| scikit-learn, C=1 | 0.5 | {measure_reference(train, test, memory)} |")


if __name__ == "__main__":
    main()
