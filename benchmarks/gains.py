"""What views buy: accuracy of test views, training views and each augmentation, and what they cost.

Two sets of images: the quickstart's sample with its own parts, and of Fashion-MNIST a training subset,
balanced by class, with the whole test part. Every head is ``logistic`` on the default backbone, chosen by
cross-validation inside `fit`; every difference is paired, on the same test images.

    python benchmarks/gains.py                        # tables; figures in benchmarks/results/gains.json
    python benchmarks/gains.py --quick --data sample -o quick.json
    python benchmarks/gains.py --show benchmarks/results/gains.json

Fashion-MNIST is Debian's package ``dataset-fashion-mnist``. Codes are kept in `--memory`, so that each
view of an image meets the network once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gains_data import SEED, Data, open_fashion, open_sample

import cnncodes
from cnncodes.images import ImageRecord, content_hash, decode
from cnncodes.views import PrincipalColors
from cnncodes.views.names import AUGMENTATIONS

if TYPE_CHECKING:
    from cnncodes import ImageClassifier, ViewPlan
    from cnncodes.estimators.inputs import ImageRows
    from cnncodes.evaluation import Estimate

NEEDS = "Needs nothing but cnncodes; Fashion-MNIST: Debian's package dataset-fashion-mnist."

RESULTS = Path(__file__).parent / "results/gains.json"

TEST_VIEWS = ("center", "flip", "tencrop", "multicrop")
COUNTS = (1, 2, 4, 8)
#: What is averaged over test views, as `ImageClassifier` calls it.
AVERAGES = {"decision values": "decision", "probabilities": "probability", "codes": "code"}
GEOMETRY = "translation+rotation+stretching+shearing+perspective+lens"
COMPOSED = {
    "train": "train",
    "train+contrast": "train+contrast",
    "train+pca": "train+pca",
    "all colours": "brightness+contrast+saturation+pca",
    "all geometry": GEOMETRY,
    "all": f"train+brightness+contrast+saturation+pca+{GEOMETRY}",
}


class Bench:
    """Fits and tests on one set of images; every code is made once."""

    def __init__(self, data: Data, memory: str, n_jobs: int | None) -> None:
        from cnncodes import load_backbone
        from cnncodes.embedding import measure_colors

        self.data = data
        self.backbone = load_backbone()
        self.options: dict[str, Any] = {"memory": memory, "n_jobs": n_jobs}
        self.colors: PrincipalColors = measure_colors(data.train, n_jobs=n_jobs)
        self.truth = np.array([record.label for record in data.test])
        self.rows: list[dict[str, Any]] = []
        self._classifiers: dict[str, ImageClassifier] = {}
        self._tested: dict[tuple[str, int], ImageRows] = {}
        self._runs: dict[tuple[str, str], float] = {}

    def _plan(self, views: str) -> ViewPlan:
        from cnncodes import ViewPlan

        return ViewPlan.parse(views).with_colors(self.colors)

    def embed(self, records: Sequence[ImageRecord], views: str) -> ImageRows:
        """Make the codes of images, or take them from the cache."""
        from cnncodes.estimators.inputs import embed_records, make_embedder

        started = time.perf_counter()
        embedder = make_embedder(self.backbone, self._plan(views), "exact")
        rows = embed_records(embedder, records, on_error="raise", **self.options)
        print(f"{self.data.name}: {views}, {time.perf_counter() - started:.0f} s", file=sys.stderr)
        return rows

    def fit(self, views: str) -> ImageClassifier:
        """Return a classifier trained on these views."""
        from cnncodes import ImageClassifier

        if views not in self._classifiers:
            self.embed(self.data.train, views)
            started = time.perf_counter()
            classifier = ImageClassifier(self.backbone, train_views=self._plan(views), **self.options)
            classifier.fit_records(self.data.train)
            print(f"{self.data.name}: fit on {views}, {time.perf_counter() - started:.0f} s", file=sys.stderr)
            self._classifiers[views] = classifier
        return self._classifiers[views]

    def answer(self, train: str, test: str, count: int, average: str) -> np.ndarray:
        """Predict the first images of the test part."""
        from cnncodes.estimators.aggregation import score_images

        if (test, count) not in self._tested:
            self._tested[test, count] = self.embed(self.data.test[:count], test)
        rows = self._tested[test, count]
        classifier = self.fit(train)
        return score_images(classifier.predictor_.head, rows.X, rows.counts, AVERAGES[average]).labels

    def measure(
        self, table: str, train: str, test: str, base: tuple[str, str], *, name: str = "", few: bool = False,
        average: str = "decision values",
    ) -> None:  # fmt: skip
        """Add a row to a table: one plan of training and one of test, against a base of two plans."""
        from cnncodes.evaluation.shares import wilson

        count = self.data.few if few else len(self.data.test)
        answers = self.answer(train, test, count, average)
        y = self.truth[:count]
        against = self.answer(*base, count, "decision values")
        right = wilson(int((answers == y).sum()), count)
        classifier = self.fit(train)
        self.rows.append(
            {
                "table": table,
                "name": name or train,
                "train": train,
                "test": test,
                "average": average,
                "accuracy": asdict(right),
                "base": list(base),
                "difference": asdict(_compare(y, answers, against)),
                "train_runs": self.count_runs(train, "train"),
                "test_runs": self.count_runs(test, "test"),
                "C": classifier.head_.C_,
                "scaling": classifier.head_.scaling_,
            }
        )

    def count_runs(self, views: str, part: str) -> float:
        """Return the mean number of distinct views an image, which is how often the network runs."""
        if (views, part) not in self._runs:
            records = self.data.train if part == "train" else self.data.test[: self.data.few]
            plan, frame = self._plan(views), self.backbone.frame
            counts = []
            for record in records:
                pixels = record.read()
                located = plan.locate(decode(pixels).size, frame, content_hash(pixels))
                counts.append(len({view.pixels_id for view in located}))
            self._runs[views, part] = statistics.mean(counts)
        return self._runs[views, part]


def _compare(y: np.ndarray, answers: np.ndarray, against: np.ndarray) -> Estimate:
    from cnncodes.evaluation import Estimate, compare_paired

    if (answers == against).all():
        return Estimate(0.0, 0.0, 0.0, len(y))
    return compare_paired(y, answers, against)


def measure_all(bench: Bench) -> None:
    """Fill the tables; plans of many views come first, so that the cache has the views of the others."""
    bench.embed(bench.data.test[: bench.data.few], "multicrop")
    bench.embed(bench.data.train, "flip")
    bench.embed(bench.data.train, f"train:{max(COUNTS)}")
    for train in ("center", "flip"):
        for test in TEST_VIEWS:
            bench.measure("test views", train, test, ("center", "center"), few=True)
    for test in TEST_VIEWS[2:]:
        for average in AVERAGES:
            bench.measure("averages", "flip", test, ("flip", test), few=True, average=average)
    base = ("center", "flip")
    for train in ("center", "flip"):
        bench.measure("training views", train, "flip", base)
    for start in ("center, ", ""):
        for count in COUNTS:
            bench.measure("training views", f"{start}train:{count}", "flip", base)
    for name, terms in {**{name: name for name in AUGMENTATIONS}, **COMPOSED}.items():
        bench.embed(bench.data.train, f"{terms}:4")
        bench.measure("augmentations", f"center, {terms}:4", "flip", base, name=name)


COLUMNS = (
    "training views",
    "test views",
    "average of",
    "accuracy, %",
    "difference, points",
    "runs/train image",
    "runs/test image",
)
TABLES = {
    "test views": "Test views: what averaging over more views of a test image brings",
    "averages": "Averages: what is averaged over the test views",
    "training views": "Training views: each a row, an image's rows together weighing 1",
    "augmentations": "Augmentations, each alone and composed: the centre and four random views to train on",
}


def format_tables(result: dict[str, Any]) -> str:
    """Return the tables of one set of images as Markdown; shares and differences in per cent."""
    lines = [f"## {result['name']}: {result['n_train']} images to train on", ""]
    for table, title in TABLES.items():
        rows = [row for row in result["rows"] if row["table"] == table]
        lines += [f"**{title}.** {rows[0]['accuracy']['n']} test images. {_name_base(rows)}", ""]
        lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", *map(_format_row, rows)]
        lines.append("")
    return "\n".join(lines)


def _name_base(rows: list[dict[str, Any]]) -> str:
    bases = {tuple(row["base"]) for row in rows}
    if len(bases) > 1:
        return "Differences to decision values."
    train, test = bases.pop()
    return f"Differences to training on {train} and testing on {test}."


def _format_row(row: dict[str, Any]) -> str:
    right, gain = row["accuracy"], row["difference"]
    cells = [
        row["name"],
        row["test"],
        row["average"],
        f"{100 * right['value']:.1f} ({100 * right['low']:.1f} to {100 * right['high']:.1f})",
        _format_difference(gain),
        f"{row['train_runs']:.1f}",
        f"{row['test_runs']:.1f}",
    ]
    if row["base"] == [row["train"], row["test"]] and row["average"] == "decision values":
        cells[4] = "base"
    return f"| {' | '.join(cells)} |"


def _format_difference(gain: dict[str, Any]) -> str:
    if gain["low"] == gain["high"]:
        return "the same answers"
    return f"{100 * gain['value']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"


def main() -> None:
    """Measure, print tables, write figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--data", nargs="+", choices=("sample", "fashion"), default=("sample", "fashion"))
    parser.add_argument("--quick", action="store_true", help="a tenth of the images")
    parser.add_argument("--memory", help="folder that keeps codes (default: a temporary one)")
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS)
    parser.add_argument("--show", type=Path, help="only print the tables of an earlier run's figures")
    args = parser.parse_args()
    if args.show:
        for result in json.loads(args.show.read_text(encoding="utf-8"))["data"]:
            print(format_tables(result))
        return
    report: dict[str, Any] = {"cnncodes": cnncodes.__version__, "seed": SEED, "quick": args.quick, "data": []}
    with tempfile.TemporaryDirectory() as folder:
        for name in args.data:
            data = open_sample(args.quick) if name == "sample" else open_fashion(args.quick)
            bench = Bench(data, args.memory or folder, args.jobs)
            measure_all(bench)
            result = {
                "name": data.name,
                "n_train": len(data.train),
                "n_test": len(data.test),
                "n_test_of_test_views": data.few,
                "rows": bench.rows,
            }
            report["data"].append(result)
            print(format_tables(result), flush=True)
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
