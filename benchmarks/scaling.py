"""What the least scale of a standardised column does to heads with few images, and with many.

``python benchmarks/scaling.py`` draws training images of the quickstart's sample, at least three a class,
fits linear heads on their codes with and without the least scale, and writes
``benchmarks/results/scaling.json``: accuracy and log-loss of the test images, and the mean loss of varied
views of the training images themselves, means over the draws. Needs the extra cpu.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
VARIED = "flip+translation+rotation+stretching:1"
#: Training images and draws of them; 793 are all.
SIZES = {18: 12, 30: 8, 60: 6, 200: 3, 793: 1}


def embed(records: Any, views: str) -> Any:
    """Return codes, shape (n_images, n_views, code_size)."""
    from cnncodes.estimators.inputs import embed_records, make_embedder

    embedder = make_embedder("efficientnet-lite0", views, "exact", None, 0)
    found = embed_records(embedder, records).X
    return found.reshape(len(records), -1, found.shape[1])


def draw(y: Any, count: int, seed: int) -> Any:
    """Draw training images, of each class the same share, and three at least."""
    if count >= len(y):
        return np.arange(len(y))
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(y == label) for label in np.unique(y)]
    return np.concatenate(
        [rng.permutation(own)[: max(3, round(count * len(own) / len(y)))] for own in members]
    )


def measure(head: Any, codes: Any, varied: Any, y: Any, test: Any, truth: Any) -> dict[str, Any]:
    """Fit a head on images, two views each, and return its figures."""
    n, views = codes.shape[:2]
    images = np.repeat(np.arange(n), views)
    weight = np.full(len(images), 1 / views)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        head.fit(codes.reshape(-1, codes.shape[2]), y[images], sample_weight=weight, images=images)
    decision = head.decision_function(test.reshape(-1, test.shape[2])).reshape(len(test), test.shape[1], -1)
    proba = head.scorer_.proba_from_decision(decision.mean(axis=1))
    own = head.predict_proba(varied[:, 0])
    return {
        "accuracy": float((head.classes_[proba.argmax(axis=1)] == truth).mean()),
        "log_loss": _lose(proba, head.classes_, truth),
        "varied_loss": _lose(own, head.classes_, y),
        "standard": float(head.scaling_ == "standard"),
    }


def _lose(proba: Any, classes: Any, y: Any) -> float:
    right = proba[np.arange(len(y)), np.searchsorted(classes, y)]
    return float(-np.log(np.clip(right, 1e-300, 1)).mean())


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a draw of 18 images, nothing written")
    args = parser.parse_args()

    from gains_data import open_sample

    from cnncodes.heads import scaling
    from cnncodes.heads.selection import make_head

    data = open_sample(False)
    labels, truth = (np.array([str(record.label) for record in part]) for part in (data.train, data.test))
    codes, varied, test = embed(data.train, "flip"), embed(data.train, VARIED), embed(data.test, "flip")
    floor, found = scaling.FLOOR, []
    for name, given in (
        ("logistic", "standard"),
        ("linear-svm", "standard"),
        ("logistic", None),
        ("ridge", None),
    ):
        for count, draws in {18: 1}.items() if args.quick else SIZES.items():
            for least in (0.0, floor):
                scaling.FLOOR = least
                rows = []
                for seed in range(draws):
                    chosen = draw(labels, count, seed)
                    head = make_head(name, random_state=0).set_params(scaling=given)
                    rows.append(measure(head, codes[chosen], varied[chosen], labels[chosen], test, truth))
                means = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
                one = {"head": name, "scaling": given, "images": len(chosen), "draws": draws, "least": least}
                found.append({**one, **means})
                print(json.dumps(found[-1]), flush=True)
    if not args.quick:
        (RESULTS / "scaling.json").write_text(
            json.dumps({"test": len(truth), "rows": found}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
