"""How sure the data checks are: wrong labels, leaks, outliers and twin classes planted in real pictures.

python benchmarks/checks.py --memory cache

Planted in Fashion-MNIST and in the quickstart's drawings. Copies are measured by benchmarks/copies.py.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from copies import embed
from gains_data import SAMPLE, draw_fashion
from PIL import Image

from cnncodes.images import ImageRecord, decode, open_source

RESULTS = Path(__file__).parent / "results"
SEEDS = range(3)


@dataclass(frozen=True)
class Data:
    """Labelled pictures with their codes and looks."""

    name: str
    records: list[ImageRecord]
    looks: list[Any]
    codes: np.ndarray
    labels: np.ndarray


def gather(clothes: int, memory: str | None) -> list[Data]:
    """Embed both sets of pictures."""
    found = []
    for name, records in (
        ("clothes", draw_fashion(clothes, 10).train),
        ("drawings", list(open_source(SAMPLE).records)),
    ):
        looks, codes = embed(records, memory)
        found.append(Data(name, records, looks, codes, np.array([r.label for r in records])))
    return found


def flip_labels(data: Data, share: float, seed: int) -> dict[str, float | None]:
    """Give a share of the images another label, and count those among the suspected."""
    from cnncodes.evaluation.checks.label_errors import find_label_issues
    from cnncodes.evaluation.checks.predicting import predict_out_of_fold

    rng = np.random.default_rng(seed)
    classes, y = np.unique(data.labels, return_inverse=True)
    flipped = rng.random(len(y)) < share
    y = np.where(flipped, (y + rng.integers(1, len(classes), len(y))) % len(classes), y)
    found = predict_out_of_fold(data.codes, classes[y], random_state=seed)
    assert found is not None
    rows = find_label_issues(found.y, found.proba)
    hits, count = flipped[rows], int(flipped.sum())
    return {
        "flipped": count,
        "suspected": len(rows),
        "precision": float(hits.mean()) if len(hits) else None,
        "recall": float(hits.sum() / count) if count else None,
        "precision_in_first_half": float(hits[: count // 2].mean()) if count else None,
    }


def halve_class(data: Data, label: str, size: int, seed: int) -> dict[str, Any]:
    """Call half of a class by another name, and say which pairs are reported."""
    from cnncodes.evaluation.checks.confusable import find_confusable_classes
    from cnncodes.evaluation.checks.predicting import predict_out_of_fold

    rng = np.random.default_rng(seed)
    labels = data.labels.astype(object)
    own = rng.permutation(np.flatnonzero(data.labels == label))[: 2 * size]
    labels[own[:size]] = f"{label}, again"
    kept = np.flatnonzero((data.labels != label) | np.isin(np.arange(len(labels)), own))
    found = predict_out_of_fold(data.codes[kept], labels[kept].astype(str), random_state=seed)
    assert found is not None
    reported = [
        f for f in find_confusable_classes(found.y, found.proba, found.classes) if f.severity == "warn"
    ]
    pairs = [set(f.details["pairs"][0]["classes"]) for f in reported]
    twin = {label, f"{label}, again"}
    return {"found": twin in pairs, "wrong": len([pair for pair in pairs if pair != twin])}


def plant_outliers(data: Data, other: Data, count: int, seed: int) -> dict[str, float | None]:
    """Put pictures of another set among a set's, and count them among the outliers."""
    from cnncodes.evaluation.checks.neighbours import find_neighbours
    from cnncodes.evaluation.checks.outliers import find_outliers

    strange = np.random.default_rng(seed).permutation(len(other.codes))[:count]
    codes = np.concatenate([data.codes, other.codes[strange]])
    rows = find_outliers(find_neighbours(codes, 5))
    planted = rows >= len(data.codes)
    recall = float(planted.sum() / count) if count else None
    return {"planted": count, "recall": recall, "others": int((~planted).sum())}


def encode(record: ImageRecord, kind: str, border: bool, **settings: Any) -> ImageRecord:
    """Return a picture written anew, with a white line around it where that is wanted."""
    image = decode(record.read())
    if border:
        pixels = np.asarray(image).copy()
        width = max(1, min(image.size) // 28)
        pixels[:width] = pixels[-width:] = 255
        pixels[:, :width] = pixels[:, -width:] = 255
        image = Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return ImageRecord(record.key, file.getvalue(), record.label)


LEAKS: dict[str, dict[str, Any]] = {
    "file type": {"kind": "JPEG", "border": False, "quality": 90},
    "file size": {"kind": "PNG", "border": False, "compress_level": 1},
    "border colour": {"kind": "PNG", "border": True},
}


def look_at_files(data: Data) -> list[Any]:
    """Return the looks of all pictures written as PNG."""
    from cnncodes.evaluation.checks.looking import look_at

    return [look_at(encode(record, kind="PNG", border=False).read()) for record in data.records]


def plant_leak(
    data: Data, files: list[Any], leak: str | None, share: float, seed: int
) -> list[dict[str, Any]]:
    """Write a share of one class otherwise, all else as PNG, and return what is found."""
    from cnncodes.evaluation.checks.looking import look_at
    from cnncodes.evaluation.checks.metadata import find_betraying_metadata

    rng = np.random.default_rng(seed)
    label = str(rng.choice(np.unique(data.labels)))
    looks = [
        look_at(encode(record, **LEAKS[leak]).read())
        if leak is not None and record.label == label and rng.random() < share
        else look
        for record, look in zip(data.records, files, strict=True)
    ]
    return [
        {
            "severity": found.severity,
            "feature": found.details["feature"],
            "right_class": found.details["class"] == label,
            "skill": round(found.details["skill"], 3),
        }
        for found in find_betraying_metadata(looks, data.labels, random_state=seed) or []
    ]


def time_search(count: int, data: Data) -> dict[str, float]:
    """Time the neighbours of so many codes, made of real ones and noise."""
    from cnncodes.evaluation.checks.duplicates import NEAREST
    from cnncodes.evaluation.checks.neighbours import find_neighbours

    rng = np.random.default_rng(0)
    codes = np.empty((count, data.codes.shape[1]), np.float32)
    for start in range(0, count, 1000):
        part = codes[start : start + 1000]
        part[:] = data.codes[rng.integers(0, len(data.codes), len(part))]
        part += np.abs(rng.normal(0, 0.15, part.shape)).astype(np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    find_neighbours(codes, NEAREST)
    seconds = time.perf_counter() - started
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"codes": count, "seconds": round(seconds, 1), "more_memory_mib": round(more)}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Plant everything in every set and count."""
    result: dict[str, Any] = {}
    sets = gather(args.clothes, args.memory)
    for data, other in ((sets[0], sets[1]), (sets[1], sets[0])):
        classes = np.unique(data.labels).tolist()
        found: dict[str, Any] = {"images": len(data.records), "classes": len(classes)}
        found["labels"] = {f"{s:.0%}": [flip_labels(data, s, seed) for seed in SEEDS] for s in (0, 0.05, 0.1)}
        found["classes_halved"] = {
            str(size): [halve_class(data, label, size, 0) for label in classes[:5]] for size in (20, 60)
        }
        found["outliers"] = [plant_outliers(data, other, n, 0) for n in (0, 4, 20)]
        leaks: list[tuple[str | None, float]] = [(leak, s) for leak in LEAKS for s in (1, 0.5, 0.25)]
        files = look_at_files(data)
        found["leaks"] = {
            f"{leak}, {share:.0%}": [plant_leak(data, files, leak, share, seed) for seed in SEEDS]
            for leak, share in [(None, 0.0), *leaks]
        }
        result[data.name] = found
        print(data.name, json.dumps(found), flush=True)
    if args.codes:
        result["search"] = time_search(args.codes, sets[0])
    return result


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Fashion-MNIST is Debian's package dataset-fashion-mnist.",
    )
    parser.add_argument("--clothes", type=int, default=4000, help="of Fashion-MNIST [%(default)s]")
    parser.add_argument("--codes", type=int, default=50_000, help="to time the search on, or 0 [%(default)s]")
    parser.add_argument("--memory", help="folder that keeps codes between runs")
    parser.add_argument("--json", type=Path, default=RESULTS / "checks.json", help="file for the figures")
    args = parser.parse_args()
    args.json.write_text(json.dumps(measure(args), indent=1) + "\n")


if __name__ == "__main__":
    main()
