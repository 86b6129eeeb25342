"""Heads, pictures and hostile names for reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnncodes.evaluation.checks import run_checks
from cnncodes.evaluation.checks.looking import look_at
from cnncodes.heads.linear import LinearScorer
from cnncodes.heads.multilabel.scorers import LinearLabelScorer
from cnncodes.images import ImageRecord
from cnncodes.report import CheckedData, LabelMaterial, Material, NumberMaterial, Training, find_training
from cnncodes.report.material import Subject

#: Length of the small network's codes.
CODE_SIZE = 5

MakeMaterial = Callable[..., Material]
MakeLabels = Callable[..., LabelMaterial]
MakeNumbers = Callable[..., NumberMaterial]
#: Opens a report in a browser, and returns its page.
Open = Callable[..., Any]

#: Names that would be something else than text if anybody let them.
HOSTILE = (
    "</script><script>window.broken = 1</script>",
    '"><img src=x onerror="window.broken = 2">',
    "' onmouseover='window.broken = 3",
    "<!-- <script>",
    "two\nlines\u2028three",
    "\u202egpj.exe",
    "שלום",
    "bytes \udcff that are no text",
    "]]>&amp;${title}$body",
)


def make_head(
    classes: Sequence[str], *, seed: int = 0, code_size: int = CODE_SIZE, **changes: Any
) -> LinearScorer:
    """Return a head with random weights."""
    rng = np.random.default_rng(seed)
    rows = 1 if len(classes) == 2 else len(classes)
    coef, intercept = rng.standard_normal((rows, code_size)), rng.standard_normal(rows)
    return LinearScorer(coef, intercept, np.array(list(classes)), **changes)


def make_label_head(
    classes: Sequence[str], *, seed: int = 0, code_size: int = CODE_SIZE, l2_normalize: bool = False
) -> LinearLabelScorer:
    """Return a multi-label head with random weights."""
    rng, n = np.random.default_rng(seed), len(classes)
    return LinearLabelScorer(
        coef=rng.standard_normal((n, code_size)),
        intercept=rng.standard_normal(n),
        l2_normalize=l2_normalize,
        classes=np.array(list(classes)),
        slope=rng.uniform(0.5, 2, n),
        offset=rng.standard_normal(n),
        threshold=rng.uniform(0.3, 0.7, n),
    )


def draw_records(
    labels: Sequence[str], keys: Sequence[str] | None = None, seed: int = 0
) -> list[ImageRecord]:
    """Return pictures of one colour and some noise in memory, the colours by class."""
    rng = np.random.default_rng(seed)
    colors = {label: rng.integers(40, 216, 3) for label in sorted(set(labels))}
    records = []
    for i, label in enumerate(labels):
        pixels = np.clip(colors[label] + rng.integers(-30, 31, (40, 52, 3)), 0, 255).astype(np.uint8)
        records.append(ImageRecord(f"{i:05}.png" if keys is None else keys[i], pixels, label))
    return records


def add_training(material: Material, labels: Sequence[str], keys: Sequence[str] | None = None) -> Training:
    """Return training images next to those of a report: other pictures of the same colours by class."""
    records = draw_records(labels, keys or [f"train/{i:05}.png" for i in range(len(labels))], seed=1)
    codes = material.predictor.predict_records(records, codes=True).codes
    assert codes is not None
    return find_training(
        [record.key for record in material.records], material.codes, records, codes, f"{len(records)} images"
    )


def check_records(material: Subject, records: Sequence[ImageRecord], **meant: Any) -> CheckedData:
    """Run the data checks on some images, by the estimator's codes."""
    codes = material.predictor.predict_records(records, codes=True).codes
    assert codes is not None
    found = run_checks(records, [look_at(record.read()) for record in records], codes, n_jobs=1, **meant)
    return CheckedData(found, {record.key: record for record in records}, f"{len(records)} images")


def estimate(value: float, margin: float = 0.03, n: int = 400) -> dict[str, Any]:
    """Return a figure with its interval, as JSON has it."""
    return {"value": value, "low": value - margin, "high": min(1.0, value + margin), "n": n}


def make_ladder(**changes: Any) -> dict[str, Any]:
    """Return what ``cnncodes baseline`` writes, of made-up figures."""
    rows = [
        ("majority class", "majority", 0.11, 0.0, 0.0),
        ("raw pixels, 16 x 16: logistic", "pixels", 0.81, 1.2, 3.0),
        ("net, center: logistic", "codes", 0.86, 30.0, 12.0),
        ("net, flip: logistic", "views", 0.875, 55.0, 20.0),
        ("net, flip: ridge", "heads", 0.872, 55.0, 2.0),
        ("net, flip: lda", "heads", 0.871, 55.0, 2.5),
        ("net, flip: knn", "heads", 0.83, 55.0, 1.0),
    ]
    methods = [
        {
            "title": title,
            "group": group,
            "evaluation": {"accuracy": estimate(accuracy)},
            "difference": None if group == "codes" else estimate(accuracy - 0.86, 0.02),
            "describe_cpu_seconds": described,
            "fit_cpu_seconds": fitted,
        }
        for title, group, accuracy, described, fitted in rows
    ]
    curve = {
        "points": [
            {"images": images, "draws": 5 if images < 1600 else 1, "estimate": estimate(accuracy, 0.04)}
            for images, accuracy in ((100, 0.7), (200, 0.76), (400, 0.8), (800, 0.84), (1600, 0.86))
        ],
        "further": [
            {"images": 3200, "estimate": estimate(0.88, 0.03)},
            {"images": 6400, "estimate": estimate(0.895, 0.05)},
        ],
        "verdict": "3,200 labelled images instead of 1,600 would bring about +2.0 points [+1.0, +3.0]",
    }
    made = {
        "src": "photos", "figure": {"key": "accuracy"}, "n": 400, "n_train": 1600, "n_groups": None,
        "n_different": None, "unlabelled": 0, "failed": 0, "trained_on": 0, "groups_trained_on": 0,
        "methods": methods, "left_out": [], "compared_with": "net, center: logistic",
        "recommended": "net, flip: ridge", "verdict": "Take net, flip: ridge.", "curve": curve,
        "images": [], "labels": [], "answers": {}, "doubts": [], "without_interval": "",
    }  # fmt: skip
    return {**made, **changes}


def make_compared(seconds: float | None = 20.0, **changes: Any) -> dict[str, Any]:
    """Return what such a report has of a model that was trained elsewhere, and its difference to pixels."""
    made = {
        "name": "tuned/a.cnncodes", "accuracy": estimate(0.93, 0.02), "n": 400, "cpu_seconds": seconds,
        "difference": estimate(0.07, 0.02), "difference_to_best": estimate(0.055, 0.02), "trained_on": 0,
        "groups_trained_on": 0, "doubts": [], "verdict": "tuned/a.cnncodes is clearly better.",
    }  # fmt: skip
    return {"compared": {**made, **changes}, "difference": estimate(0.12, 0.02)}


def make_errors(worst: float = 40.0) -> dict[str, Any]:
    """Return a ladder of numbers in which the error falls with the cost."""
    ladder = make_ladder(figure={"key": "mae"}, curve=None)
    for i, method in enumerate(ladder["methods"]):
        error = {"value": worst / (i + 1), "low": worst / (i + 2), "high": worst / (i + 0.5), "n": 400}
        method["evaluation"] = {"mae": error, "r2": estimate(0.5)}
    return ladder
