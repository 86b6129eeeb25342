"""What a nightly run costs where nearly everything is embedded already: time and memory, step by step.

Makes a folder of many names (hard links to a few small pictures: listing and asking for size and time cost
what they cost for that many files) and the codes dataset of all of them, with codes of the real length.
Then, in processes of their own: listing the folder, opening the dataset, comparing the two, and a whole
run of `embed` with ten new pictures.

    python benchmarks/planning.py --images 1000000 --folder /somewhere/with/room
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cnncodes.images import open_source

if TYPE_CHECKING:
    from cnncodes.store import CodesWriter

NEEDS = "Needs nothing but cnncodes."

NEW = 10
#: Names of one file; file systems allow some 65,000.
LINKS = 50_000
STEPS = ("list", "open", "plan", "nightly")


def write_pictures(folder: Path, count: int, seed: int, start: int = 0) -> None:
    """Write pictures that differ."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:07}.jpg")


def make_names(folder: Path, count: int) -> None:
    """Make `count` names below a folder, a thousand in each folder of it."""
    originals = folder.parent / "originals"
    write_pictures(originals, -(-count // LINKS), seed=0)
    for number in range(count):
        label = folder / f"class-{number // 1000:04}"
        if number % 1000 == 0:
            label.mkdir(parents=True)
        os.link(originals / f"{number // LINKS:07}.jpg", label / f"{number:07}.jpg")


def open_writer(out: Path) -> CodesWriter:
    """Open the dataset as `embed` does with its defaults."""
    from cnncodes import ViewPlan, load_backbone
    from cnncodes.embedding import Embedder
    from cnncodes.store import CodesWriter, StoredViews

    embedder = Embedder(load_backbone(), ViewPlan())
    stored = StoredViews(ViewPlan().to_dict(), asdict(embedder.backbone.frame), ViewPlan().columns)
    return CodesWriter.open(out, embedder.space, stored)


def make_codes(folder: Path, out: Path) -> None:
    """Write what `embed` would have written for all names, with made-up codes."""
    from cnncodes.store import ImageCodes

    rng = np.random.default_rng(0)
    pool = rng.normal(size=(4096, 1280)).astype(np.float32)
    view = {"view": 0, "view_name": "256/center", "box": (0.0, 0.0, 64.0, 64.0), "scale": 4.0, "flip": False}
    with open_writer(out) as writer:
        for number, record in enumerate(open_source(folder).records):
            stat, code = record.stat(), pool[number % len(pool)][None]
            content = hashlib.blake2b(record.key.encode(), digest_size=16).hexdigest()
            writer.add(
                ImageCodes(
                    record.key, record.label, None, 64, 64, stat.size, stat.mtime_ns, content, [view], code
                )
            )


def run_step(step: str, folder: Path, out: Path) -> None:
    """Do one step in this process, after what it needs; print its seconds and what it added to the memory."""
    from cnncodes import embed, load_backbone
    from cnncodes.embedding.planning import plan_work

    load_backbone()
    # Linux: the peak begins anew, at what Python, the network and the imports take.
    Path("/proc/self/clear_refs").write_text("5")
    before = read_memory("VmRSS")
    started = time.perf_counter()
    if step == "list":
        open_source(folder)
    elif step == "open":
        with open_writer(out):
            pass
    elif step == "plan":
        source = open_source(folder)
        with open_writer(out) as writer:
            started = time.perf_counter()
            work = plan_work(source, writer)
            assert not work.todo
    elif step == "nightly":
        summary = embed(folder, out)
        assert summary.embedded == NEW, summary
    seconds = time.perf_counter() - started
    added = read_memory("VmHWM") - before
    print(f"| {step:8} | {seconds:7.2f} s | {added:6.0f} MiB |", flush=True)


def read_memory(name: str) -> float:
    """Return a figure of this process in MiB."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) / 1024


def measure(folder: Path, count: int) -> None:
    """Make what is missing in the folder and print the table."""
    names, out = folder / "photos", folder / "photos.codes"
    if not names.exists():
        make_names(names, count)
    if not (out / "manifest.json").exists():
        started = time.perf_counter()
        make_codes(names, out)
        print(f"{count:,} rows written in {time.perf_counter() - started:.0f} s", flush=True)
    print("| step | time | peak memory, beside the network and the imports |\n|---|---|---|", flush=True)
    for step in STEPS:
        if step == "nightly":
            newest = names / f"new-{time.time_ns()}"
            write_pictures(newest, NEW, seed=time.time_ns() % 2**32)
        subprocess.run([sys.executable, __file__, "--folder", str(folder), "--step", step], check=True)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to work; what an earlier run left there is used")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step is not None:
        run_step(args.step, args.folder / "photos", args.folder / "photos.codes")
    elif args.folder is not None:
        measure(args.folder, args.images)
    else:
        with tempfile.TemporaryDirectory() as name:
            measure(Path(name), args.images)


if __name__ == "__main__":
    main()
