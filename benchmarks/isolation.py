"""What it costs to decode in processes of their own: `embed` with and without `isolate`, in pairs.

Both share one session and take turns, each round in the other order, from JPEG files to codes in memory and
with the processes started. Each ratio is the median of the rounds' own ratios: of images a second, and of
images a second of processor time, in all processes together, which other programs on the machine disturb
less. Beside it: what starting a process takes, which is also what an image costs that ends one, and the
memory that a process holds. Linux only.

    python benchmarks/isolation.py --images 256 --rounds 7

Needs scikit-image (extra ``test``) for its photos. Writes ``benchmarks/results/isolation.json``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embed import SIZES, rate, ratio, write_photos

from cnncodes import ViewPlan, load_backbone
from cnncodes.backbones.running.instructions import name_processor
from cnncodes.commands.doctor import count_cores
from cnncodes.images import Decoding, ImageRecord, open_source

if TYPE_CHECKING:
    from cnncodes.embedding import Embedder

NEEDS = "Needs scikit-image (extra test)."

RESULTS = Path(__file__).parent / "results" / "isolation.json"


NAMES = ("plain", "isolated")


def embed_all(embedder: Embedder, records: list[ImageRecord], lanes: int) -> None:
    """Make the codes of all images."""
    from cnncodes.embedding import run_lanes

    list(run_lanes(embedder.embed, records, lanes))


def time_pair(
    embedders: dict[str, Embedder], order: Sequence[str], records: list[ImageRecord], lanes: int
) -> dict[str, float]:
    """Return images a second with and without isolation, and images a second of processor time."""
    found = {}
    for name in order:
        before = read_processor_time()
        found[name] = round(
            rate(lambda name=name: embed_all(embedders[name], records, lanes), len(records)), 2
        )
        found[f"{name}, processor"] = round(len(records) / (read_processor_time() - before), 2)
    return found


def measure(folder: Path, precision: str, views: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of every round, and their ratios."""
    from cnncodes.embedding.engine import Engine

    records = list(open_source(folder).records)
    backbone, plan = load_backbone(precision=precision), ViewPlan.parse(views)
    plain, isolated = (Engine.make(backbone, None, args.jobs, isolate=name == "isolated") for name in NAMES)
    rounds = []
    with plain.start(plan, Decoding()) as first, isolated.start(plan, Decoding()) as second:
        embedders = dict(zip(NAMES, (first, second), strict=True))
        for number in range(args.rounds + 1):
            order = NAMES if number % 2 else NAMES[::-1]
            rounds.append(time_pair(embedders, order, records, plain.lanes))
    found: dict[str, Any] = {key: [one[key] for one in rounds[1:]] for key in rounds[0]}  # the first starts
    found["ratio"] = round(ratio(found["isolated"], found["plain"]), 4)
    found["ratio, processor"] = round(ratio(found["isolated, processor"], found["plain, processor"]), 4)
    return found


def measure_start(folder: Path, rounds: int) -> dict[str, float]:
    """Return the seconds that one process takes to start, and the MiB that it holds after some images."""
    from cnncodes.embedding.engine import Engine

    records = list(open_source(folder).records)[:8]
    seconds, sizes = [], []
    for _ in range(rounds):
        engine = Engine.make(load_backbone(), None, 1, isolate=True)
        with engine.start(ViewPlan(), Decoding()) as embedder:
            first, second = (1 / rate(lambda: embed_all(embedder, records, 1), 1) for _ in range(2))
            seconds.append(first - second)
            sizes.append(sum(_read_memory(pid) for pid in _list_children()))
    return {
        "start_seconds": round(statistics.median(seconds), 3),
        "worker_mib": round(statistics.median(sizes), 1),
    }


def read_processor_time() -> float:
    """Return the seconds of processor time that this process and those that it has started took."""
    # Linux's number of another process's clock, see clock_getcpuclockid(3).
    return time.process_time() + sum(time.clock_gettime((~pid << 3) | 2) for pid in _list_children())


def _list_children() -> list[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def _read_memory(pid: int) -> float:
    """Return the memory of a process that no other shares, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def main() -> None:
    """Measure all, print a table, and keep it."""
    from cnncodes.embedding import count_lanes

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "int8"])
    parser.add_argument("--views", nargs="+", default=["center"])
    parser.add_argument("--json", type=Path, default=RESULTS)
    args = parser.parse_args()
    kept: dict[str, Any] = {
        "processor": name_processor(),
        "cores": count_cores(),
        "lanes": count_lanes(args.jobs),
        "images": args.images,
        "date": time.strftime("%Y-%m-%d"),
        "load": os.getloadavg()[0],
    }
    print("| JPEG files of | views | precision | images/s | isolated | ratio | ratio of processor time |")
    print("|---|---|---|---:|---:|---:|---:|")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            write_photos(Path(name), args.images, size)
            for views, precision in itertools.product(args.views, args.precisions):
                found = measure(Path(name), precision, views, args)
                kept[f"{size[0]}x{size[1]}, {views}, {precision}"] = found
                medians = [f"{statistics.median(found[key]):.0f}" for key in NAMES]
                row = (f"{size[0]} × {size[1]}", views, precision, *medians)
                ratios = f"{found['ratio']:.3f} | {found['ratio, processor']:.3f}"
                print(f"| {' | '.join(row)} | {ratios} |", flush=True)
            if size == SIZES[0]:
                kept |= measure_start(Path(name), args.rounds)
    print(f"\nA process takes {kept['start_seconds']} s to start and {kept['worker_mib']} MiB of its own.")
    args.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
