"""How sure the data checks of numbers and of several labels are: errors and leaks planted in the drawings.

python benchmarks/checks_more.py --memory cache

Numbers are what was done to each drawing of the quickstart's sample (benchmarks/regression.py), labels what
was put into each collage of them (benchmarks/multilabel.py). Needs nothing more.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from copies import embed
from multilabel import make_collages
from PIL import Image
from regression import CHANGES, SAMPLE

from cnncodes.images import ImageRecord, decode, open_source

RESULTS = Path(__file__).parent / "results"
SEEDS = range(3)
KINDS = ("blur, radius in pixels", "darkened, factor")


@dataclass(frozen=True)
class Data:
    """Pictures with their codes, and their numbers or an indicator of their labels."""

    pictures: list[Any]
    codes: Any
    truth: Any
    names: list[str]


def gather(pictures: list[Any], truth: Any, names: list[str], memory: str | None) -> Data:
    """Embed pictures, given as arrays."""
    records = [ImageRecord(f"{i:05}", picture) for i, picture in enumerate(pictures)]
    return Data(pictures, embed(records, memory)[1], truth, names)


def describe(planted: Any, suspected: Any) -> dict[str, Any]:
    """Count planted errors, bool, among what is suspected, the likeliest first."""
    hits, count = planted[suspected], int(planted.sum())
    first = hits[: count // 2]
    return {
        "planted": count,
        "suspected": len(suspected),
        "precision": round(float(hits.mean()), 3) if len(hits) else None,
        "recall": round(float(hits.sum() / count), 3) if count else None,
        "precision_in_first_half": round(float(first.mean()), 3) if len(first) else None,
    }


def swap_numbers(data: Data, share: float, seed: int) -> dict[str, Any]:
    """Give a share of the pictures another's number; wrong are those that differ by half a deviation."""
    from cnncodes.evaluation.checks.number_errors import find_number_issues, predict_numbers

    rng = np.random.default_rng(seed)
    swapped = rng.random(len(data.truth)) < share
    numbers = np.where(swapped, rng.permutation(data.truth), data.truth)
    wrong = np.abs(numbers - data.truth) > 0.5 * data.truth.std()
    found = predict_numbers(data.codes, numbers, np.arange(len(numbers)), random_state=seed)
    return {**describe(wrong, find_number_issues(found)), "r2": round(found.r2, 3)}


def flip_labels(data: Data, share: float, seed: int) -> dict[str, Any]:
    """Take away or give a share of all pairs of picture and label."""
    from cnncodes.evaluation.checks.label_set_errors import find_label_set_issues, predict_labels

    flipped = np.random.default_rng(seed).random(data.truth.shape) < share
    Y = np.where(flipped, 1 - data.truth, data.truth)
    found = predict_labels(data.codes, Y, np.arange(len(Y)), random_state=seed)
    issues = find_label_set_issues(Y, found)
    places = np.array([one.row * Y.shape[1] + one.label for one in issues], dtype=np.int64)
    return {**describe(flipped.ravel(), places), "pairs": Y.size}


def look(data: Data, as_jpeg: Any) -> list[Any]:
    """Return the looks of pictures written as PNG, some as JPEG."""
    import io

    from cnncodes.evaluation.checks.looking import look_at

    looks = []
    for picture, jpeg in zip(data.pictures, as_jpeg, strict=True):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, *(("JPEG",) if jpeg else ("PNG",)))
        looks.append(look_at(file.getvalue()))
    return looks


def plant_leak(data: Data, share: float, seed: int) -> list[dict[str, Any]]:
    """Write a share of the pictures with large numbers, or with one label, as JPEG; return what is found."""
    from cnncodes.evaluation.checks.label_metadata import find_betraying_label_metadata
    from cnncodes.evaluation.checks.number_metadata import find_betraying_number_metadata

    rng = np.random.default_rng(seed)
    groups, y = np.arange(len(data.truth)), data.truth
    label = int(rng.integers(len(data.names))) if data.names else 0
    marked = y[:, label] > 0 if data.names else y > np.median(y)
    looks = look(data, marked & (rng.random(len(y)) < share))
    if data.names:
        found = find_betraying_label_metadata(looks, y, groups, data.names, random_state=seed)
        return [
            {"severity": f.severity, "planted": data.names[label], **f.details["labels"][0]} for f in found
        ]
    found = find_betraying_number_metadata(looks, y, groups, random_state=seed)
    return [{"severity": f.severity, **f.details} for f in found]


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="Needs nothing more.")
    parser.add_argument("--memory", help="folder that keeps codes between runs")
    parser.add_argument(
        "--json", type=Path, default=RESULTS / "checks_more.json", help="file for the figures"
    )
    args = parser.parse_args()
    records = open_source(SAMPLE).records
    pictures = [Image.fromarray(np.asarray(decode(record.read()))) for record in records]
    result: dict[str, Any] = {}
    for name in KINDS:
        rng = np.random.default_rng(0)
        made = [CHANGES[name](picture, float(rng.random())) for picture in pictures]
        numbers = np.array([number for _, number in made])
        data = gather([np.asarray(image) for image, _ in made], numbers, [], args.memory)
        result[name] = measure(data, swap_numbers, (0.0, 0.02, 0.05, 0.1))
    labels = [str(record.label) for record in records]
    images, sets = make_collages(
        list(zip(pictures, labels, strict=True)), max(labels), np.random.default_rng(0)
    )
    names = sorted(set().union(*sets))
    Y = np.array([[name in own for name in names] for own in sets], dtype=np.int8)
    result["collages"] = measure(gather(images, Y, names, args.memory), flip_labels, (0.0, 0.02, 0.05))
    args.json.write_text(json.dumps(result, indent=1) + "\n")


def measure(data: Data, plant: Any, shares: tuple[float, ...]) -> dict[str, Any]:
    """Plant errors and leaks in one set."""
    found = {
        "images": len(data.pictures),
        "errors": {f"{share:.0%}": [plant(data, share, seed) for seed in SEEDS] for share in shares},
        "leaks": {
            f"{share:.0%}": [plant_leak(data, share, seed) for seed in SEEDS] for share in (0, 1, 0.5, 0.25)
        },
    }
    print(json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    main()
