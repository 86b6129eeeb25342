"""Which head is best with one to five images a class, over many draws of these.

python benchmarks/few_images.py sample        # the quickstart's drawings, six classes
python benchmarks/few_images.py fashion       # 4,000 images of Fashion-MNIST, ten classes
python benchmarks/few_images.py sample --fixed   # settings that nothing has chosen, instead of heads by name
python benchmarks/few_images.py sample --rare    # all images, but of one class, each in turn, one alone

Each draw is the training set of every head, and all are tested on the same images, which are in no draw.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RESULTS = Path(__file__).parent / "results"
SAMPLE = Path(__file__).parents[1] / "pipelines" / "samples" / "openclipart.parquet"
SIZES = (1, 2, 3, 4, 5)


class Data(NamedTuple):
    """Images to draw from, two rows each, and rows to test on."""

    X: Any
    y: Any
    images: Any
    X_test: Any
    y_test: Any


def make_codes(name: str) -> Data:
    """Make codes of the mirrored views of images to draw from, and of the centre of others."""
    from heads import embed_fashion

    if name == "fashion":
        return Data(*embed_fashion(argparse.Namespace(images=4000, test=1000))[1:])
    from cnncodes.estimators.inputs import embed_records, make_embedder
    from cnncodes.images import open_source

    records = open_source(SAMPLE).records
    parts = [[record for record in records if record.split == part] for part in ("train", "test")]
    rows = [
        embed_records(make_embedder("efficientnet-lite0", views, "exact"), part)
        for views, part in zip(("flip", "center"), parts, strict=True)
    ]
    labels = [np.array([record.label for record in part]) for part in parts]
    return Data(rows[0].X, labels[0][rows[0].index], rows[0].index, rows[1].X, labels[1])


def read_codes_of(args: argparse.Namespace) -> Data:
    """Return codes from the file that keeps them, which is made where it is missing."""
    if args.codes is None or not args.codes.exists():
        data = make_codes(args.data)
        if args.codes is not None:
            np.savez(args.codes, **data._asdict())
        return data
    with np.load(args.codes) as found:
        return Data(*(found[name] for name in Data._fields))


def draw(data: Data, size: int, rng: np.random.Generator) -> Any:
    """Return which rows are those of so many images of each class."""
    chosen = [
        rng.choice(np.unique(data.images[data.y == name]), size, replace=False) for name in np.unique(data.y)
    ]
    return np.flatnonzero(np.isin(data.images, np.concatenate(chosen)))


def draw_rare(data: Data, name: str) -> Any:
    """Return the rows of all images, but of one class those of one image."""
    one = np.random.default_rng(0).choice(np.unique(data.images[data.y == name]), 1)
    return np.flatnonzero((data.y != name) | np.isin(data.images, one))


def measure_rare(data: Data, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Fit heads where one class has one image: figures on all test images, and on those of other classes."""
    found = []
    for name, head in list_heads(args.fixed):
        if args.heads and name not in args.heads:
            continue
        values = []
        for rare in np.unique(data.y):
            some = draw_rare(data, rare)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                weight = np.full(len(some), 0.5)
                head.fit(data.X[some], data.y[some], sample_weight=weight, images=data.images[some])
            proba, y_test = head.predict_proba(data.X_test), np.searchsorted(head.classes_, data.y_test)
            right = proba.argmax(axis=1) == y_test
            loss = -np.log(np.maximum(proba[np.arange(len(y_test)), y_test], np.finfo(float).eps))
            others = data.y_test != rare
            values.append([right[others].mean(), loss[others].mean(), right.mean(), loss.mean()])
        names = ("accuracy_others", "log_loss_others", "accuracy", "log_loss")
        means = np.mean(values, axis=0).round(4).tolist()
        found.append({"head": name, "draws": len(values), **dict(zip(names, means, strict=True))})
        print(json.dumps(found[-1]), flush=True)
    return found


def list_heads(fixed: bool) -> Iterator[tuple[str, Any]]:
    """Yield heads by name as `fit` makes them, or with settings that are given."""
    from cnncodes.heads.estimator import LinearHead
    from cnncodes.heads.kernel_head import KernelHead
    from cnncodes.heads.names import HEADS
    from cnncodes.heads.neighbor_head import NeighborHead
    from cnncodes.heads.selection import make_head

    if not fixed:
        for name in HEADS:
            yield name, make_head(name, n_jobs=1)
        return
    for scaling in ("standard", "l2"):
        for kind, Cs in (
            ("logistic", (0.001, 0.1, 1, 10, 100, 1000)),
            ("ridge", (0.001, 0.1, 1, 10)),
            ("linear-svm", (0.001, 0.1, 1, 10)),
            ("lda", (0.01, 0.1, 1, 10)),
        ):
            for C in Cs:
                yield f"{kind} {scaling} C={C:g}", LinearHead(kind, scaling=scaling, C=C, cv=NoFolds())
        yield f"centroid {scaling}", LinearHead("centroid", scaling=scaling, cv=NoFolds())
        yield f"knn {scaling} k=1", NeighborHead(k=1, scaling=scaling, cv=NoFolds())
        for gamma in (0.5, 2.0):
            head = KernelHead(C=10.0, gamma=gamma, scaling=scaling, cv=NoFolds())
            yield f"rbf-svm {scaling} C=10 gamma={gamma:g}", head


def find_temperature(head: Any, data: Data) -> tuple[float, float]:
    """Return the temperature that is best for the test images, and the least log-loss, which it gives."""
    from cnncodes.heads.calibration import fit_temperature, log_loss

    decision = head.decision_function(data.X_test)
    decision = decision[:, None] if decision.ndim == 1 else decision
    y, weight = np.searchsorted(head.classes_, data.y_test), np.ones(len(data.y_test))
    temperature = fit_temperature(decision, y, weight)
    return temperature, log_loss(decision, y, weight, temperature)


def measure(data: Data, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Fit every head on every draw."""
    found = []
    for size in args.sizes:
        rows: dict[str, list[tuple[float, ...]]] = {}
        for number in range(args.draws):
            some = draw(data, size, np.random.default_rng([size, number]))
            for name, head in list_heads(args.fixed):
                if args.heads and name not in args.heads:
                    continue
                started = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    head.fit(
                        data.X[some],
                        data.y[some],
                        sample_weight=np.full(len(some), 0.5),
                        images=data.images[some],
                    )
                seconds = time.perf_counter() - started
                proba = head.predict_proba(data.X_test)
                y_test = np.searchsorted(head.classes_, data.y_test)
                given = np.maximum(proba[np.arange(len(y_test)), y_test], np.finfo(float).eps)
                temperature, least = find_temperature(head, data)
                rows.setdefault(name, []).append(
                    (
                        float((proba.argmax(axis=1) == y_test).mean()),
                        float(-np.log(given).mean()),
                        least,
                        temperature / head.scorer_.temperature,
                        seconds,
                    )
                )
        found += [summarise(size, name, np.array(values)) for name, values in rows.items()]
    return found


def summarise(size: int, name: str, values: Any) -> dict[str, Any]:
    """Return means over the draws; `temperature` is the geometric mean of how far it is from the best."""
    spread = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    row = {
        "images": size,
        "head": name,
        "draws": len(values),
        "accuracy": round(float(values[:, 0].mean()), 4),
        "accuracy_error": round(float(spread[0]), 4),
        "log_loss": round(float(values[:, 1].mean()), 4),
        "log_loss_error": round(float(spread[1]), 4),
        "least_log_loss": round(float(values[:, 2].mean()), 4),
        "temperature": float(f"{np.exp(np.log(values[:, 3]).mean()):.3g}"),
        "seconds": round(float(values[:, 4].mean()), 3),
    }
    print(json.dumps(row), flush=True)
    return row


class NoFolds:
    """A splitter that holds nothing out: the settings stay as they are given."""

    def split(self, *rows: Any) -> tuple[()]:
        return ()


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Needs Debian's package dataset-fashion-mnist for 'fashion'.",
    )
    parser.add_argument("data", choices=("sample", "fashion"), help="which images")
    parser.add_argument("--fixed", action="store_true", help="given settings, instead of heads by name")
    parser.add_argument("--rare", action="store_true", help="one class of one image, the others whole")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="images a class [%(default)s]")
    parser.add_argument("--heads", nargs="+", help="which of them, by name [all]")
    parser.add_argument("--draws", type=int, default=20, help="draws of each size [%(default)s]")
    parser.add_argument("--codes", type=Path, help="file that keeps the codes between runs, .npz")
    parser.add_argument("--json", type=Path, help="file for the figures [in benchmarks/results]")
    args = parser.parse_args()
    name = f"few-{args.data}{'-fixed' if args.fixed else ''}{'-rare' if args.rare else ''}.json"
    found = (measure_rare if args.rare else measure)(read_codes_of(args), args)
    (args.json or RESULTS / name).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
