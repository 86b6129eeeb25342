"""Heads fitted on more codes than memory: seconds, peak memory, accuracy, log-loss.

Each fit is a process of its own, whose peak the kernel keeps. The codes are made: classes with means of their
own, and what varies along 64 random directions and a little in all others.

    python benchmarks/streaming.py write many.codes --rows 1000000     # 2.6 GB
    python benchmarks/streaming.py fit many.codes --head ridge --memory-limit 1500M
    python benchmarks/streaming.py compare --rows 60000                # beside scikit-learn's partial_fit

``compare`` writes its codes to a temporary folder and fits them in blocks, in memory, and by
``SGDClassifier.partial_fit`` on the same blocks, in one run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

NEEDS = "Needs nothing beside cnncodes; 2.6 GB of disk a million rows."

SIZE = 1280
#: Images of the test set, by number: after all that are trained on.
TEST, FIRST_TEST = 10_000, 10**8


def draw_codes(first: int, count: int, n_classes: int) -> tuple[Any, Any]:
    """Return codes, float16 ``[count, 1280]``, and classes of images from a number on; always the same."""
    fixed, rng = np.random.default_rng(1), np.random.default_rng([2, first])
    means = fixed.normal(size=(n_classes, SIZE)).astype(np.float32) * 0.14
    mixing = fixed.normal(size=(64, SIZE)).astype(np.float32) * np.linspace(0.05, 0.5, 64)[:, None]
    y = rng.integers(0, n_classes, count)
    X = means[y] + rng.normal(size=(count, 64)).astype(np.float32) @ mixing.astype(np.float32)
    X += rng.standard_normal((count, SIZE), np.float32) * 0.8
    return np.maximum(X + 0.5, 0).astype(np.float16), y  # rectified, as codes are


def write(folder: Path, n_rows: int, n_classes: int) -> None:
    """Write a dataset of images with one view each."""
    from cnncodes.store import CodesWriter, ImageCodes, Space, StoredViews
    from cnncodes.views import ViewPlan

    space = Space("made", "00" * 32, "pool", SIZE, "none", "exact")
    view = {"view": 0, "view_name": "center", "box": (0.0, 0.0, 8.0, 8.0), "scale": 1.0, "flip": False}
    with CodesWriter.open(folder, space, StoredViews(ViewPlan.parse("center").to_dict())) as writer:
        for first in range(0, n_rows, 2048):
            X, y = draw_codes(first, min(2048, n_rows - first), n_classes)
            for number, (code, label) in enumerate(zip(X, y.tolist(), strict=True), start=first):
                content = hashlib.blake2b(b"%d" % number, digest_size=16).hexdigest()
                writer.add(
                    ImageCodes(
                        f"{number:08}.jpg", f"{label:04}", None, 8, 8, 10, 5, content, [view], code[None]
                    )
                )


def fit(folder: Path, head: str, limit: str | None, memory: bool) -> dict[str, Any]:
    """Fit a head in blocks, or on all codes in memory, and return the scorer and how it went."""
    from cnncodes.heads.selection import make_head

    started = time.perf_counter()
    if memory:
        from cnncodes.estimators.inputs import rows_of
        from cnncodes.estimators.training import fit_rows
        from cnncodes.store import read_codes

        rows, labels = rows_of(read_codes(folder))
        fitted, passes = fit_rows(make_head(head), rows, labels.astype(str)), 1
    else:
        from cnncodes.estimators.streaming import choose_limit, fit_blocks
        from cnncodes.store import open_codes

        found = fit_blocks(
            make_head(head),
            open_codes(folder),
            aggregate="auto",
            random_state=0,
            out_of_fold=None,
            memory=choose_limit(limit),
        )
        fitted, passes = found.head, found.n_passes
    seconds = time.perf_counter() - started
    return {
        "scorer": fitted.scorer_,
        "seconds": seconds,
        "passes": passes,
        "C": fitted.C_,
        "scaling": fitted.scaling_,
        "held_out": 0 if fitted.held_out_ is None else len(fitted.held_out_.y),
    }


class PartialFit:
    """What scikit-learn offers: one gradient step a row, some times through all blocks, in shuffled order."""

    def __init__(self, folder: Path, epochs: int, alpha: float) -> None:
        from sklearn.linear_model import SGDClassifier
        from sklearn.preprocessing import StandardScaler

        from cnncodes.store import open_codes

        self.codes = open_codes(folder)
        self.labels = np.asarray(self.codes.rows.column("label").to_pylist())
        self.classes = np.unique(self.labels)
        self.epochs = epochs
        self.scaler = StandardScaler()
        self.head = SGDClassifier(loss="log_loss", alpha=alpha, average=True, random_state=0)

    def blocks(self) -> Iterator[tuple[Any, Any]]:
        """Yield codes and labels."""
        for start, X in self.codes.blocks():
            yield X, self.labels[start : start + len(X)]

    def fit(self) -> None:
        """Go through all blocks once for the columns' means and deviations, then once an epoch."""
        for X, _ in self.blocks():
            self.scaler.partial_fit(X)
        rng = np.random.default_rng(0)
        for _ in range(self.epochs):
            for X, y in self.blocks():
                order = rng.permutation(len(y))
                self.head.partial_fit(self.scaler.transform(X)[order], y[order], classes=self.classes)


def judge(proba: Callable[[Any], Any], n_classes: int) -> tuple[float, float]:
    """Return accuracy and log-loss on images that were not trained on."""
    X, y = draw_codes(FIRST_TEST, TEST, n_classes)
    values = proba(X.astype(np.float32))
    chosen = np.clip(values[np.arange(len(y)), y], 1e-15, None)
    return float((values.argmax(axis=1) == y).mean()), float(-np.log(chosen).mean())


def run_fit(options: argparse.Namespace) -> dict[str, Any]:
    """Fit in this process, judge what came of it, and return all that a table says."""
    folder = Path(options.folder)
    if options.head.startswith("sgd"):
        epochs, alpha = int(options.head.split("-")[1]), float(options.head.split("-", 2)[2])
        sgd = PartialFit(folder, epochs, alpha)
        started = time.perf_counter()
        sgd.fit()
        facts: dict[str, Any] = {"seconds": time.perf_counter() - started, "passes": 1 + epochs}

        def proba(X: Any) -> Any:
            return sgd.head.predict_proba(sgd.scaler.transform(X))
    else:
        facts = fit(folder, options.head, options.memory_limit, options.in_memory)
        scorer = facts.pop("scorer")

        def proba(X: Any) -> Any:
            return scorer.proba_from_decision(scorer.decision(X))

    peak = read_peak()
    accuracy, loss = judge(proba, options.classes)
    return {**facts, "peak_mb": round(peak), "accuracy": accuracy, "log_loss": loss}


def read_peak() -> float:
    """Return the most memory that the process has held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says may be the peak of the process that started this one
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def compare(options: argparse.Namespace) -> None:
    """Fit every way, each in a process of its own, and print a table."""
    ways = [
        (["--head", head, *extra], f"`{head}`: {how}")
        for head in ("ridge", "lda", "logistic")
        for extra, how in (
            (["--memory-limit", options.memory_limit], "in blocks"),
            (["--in-memory"], "in memory"),
        )
    ]
    for alpha in ("1e-4", "1e-2"):
        ways += [
            (
                ["--head", f"sgd-{epochs}-{alpha}"],
                f"`SGDClassifier.partial_fit`, alpha {alpha}, {epochs} passes",
            )
            for epochs in (1, 5)
        ]
    with tempfile.TemporaryDirectory() as folder:
        codes = str(Path(folder) / "made.codes")
        write(Path(codes), options.rows, options.classes)
        print("| | seconds | passes | peak memory | accuracy | log-loss |\n|---|---:|---:|---:|---:|---:|")
        for arguments, name in ways:
            command = [sys.executable, __file__, "fit", codes, "--classes", str(options.classes), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
            found = json.loads(done.stdout)
            print(
                f"| {name} | {found['seconds']:.1f} | {found['passes']} | {found['peak_mb']:,} MB |"
                f" {found['accuracy']:.4f} | {found['log_loss']:.4f} |",
                flush=True,
            )


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=NEEDS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("write", "fit", "compare"))
    parser.add_argument("folder", nargs="?", help="of the codes: written, or fitted on")
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--head", default="ridge", help="a head by name, or sgd-EPOCHS-ALPHA")
    parser.add_argument("--memory-limit", default="1000M")
    parser.add_argument("--in-memory", action="store_true", help="fit on all codes in memory")
    options = parser.parse_args()
    if options.what == "compare":
        compare(options)
    elif options.folder is None:
        parser.error(f"{options.what} needs a folder")
    elif options.what == "write":
        write(Path(options.folder), options.rows, options.classes)
    else:
        print(json.dumps(run_fit(options)))


if __name__ == "__main__":
    main()
