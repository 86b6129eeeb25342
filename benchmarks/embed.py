"""Embedding JPEG files to Parquet against the limit of its parts and against other ways, in one run.

The limit is 1 / (1 / decode-only + 1 / model-only), each part measured with as many lanes as the whole
job. All take turns, `--rounds` times; the medians are shown, and every ratio is the median of the rounds' own
ratios, so that a machine whose speed drifts does not decide it. Peers run on the first `--peer-images` of
the files, since the slow ones would take most of the time.

    python benchmarks/embed.py --images 512 --rounds 5 --peers

Needs scikit-image (extra ``test``) for its photos; `--peers` also the extra ``export``, and embetter if it is
to be among them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cnncodes.backbones.checking.parity import compare_each
from cnncodes.backbones.running.instructions import name_processor
from cnncodes.commands.doctor import count_cores, find_version, read_instructions
from cnncodes.embedding import count_lanes, run_lanes
from cnncodes.errors import count
from cnncodes.images import Decoding, ImageRecord, open_source

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone

NEEDS = "Needs scikit-image (extra test); --peers: the extra export, and embetter if it is to be among them."

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "retina", "immunohistochemistry", "hubble_deep_field")
SIZES = ((500, 375), (1600, 1200))
PACKAGES = ("onnxruntime", "pillow", "numpy", "torch", "torchvision", "timm", "embetter")
#: Load a core, and share of the limit, above which other programs have run meanwhile.
BUSY, BEYOND = 0.5, 1.02
SLOWEST = "torch, one image at a time"


def write_photos(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write different crops of real photos as JPEG files of one size."""
    from skimage import data

    rng = np.random.default_rng(0)
    photos = [Image.fromarray(getattr(data, name)()).convert("RGB") for name in PHOTOS]

    def write(number: int, across: float, down: float) -> None:
        photo = photos[number % len(photos)]
        left, top = int(across * (photo.width // 4)), int(down * (photo.height // 4))
        box = (left, top, left + photo.width * 3 // 4, top + photo.height * 3 // 4)
        photo.resize(size, Image.Resampling.BICUBIC, box=box).save(folder / f"{number:05}.jpg", quality=90)

    with ThreadPoolExecutor(count_cores()) as pool:
        list(pool.map(write, range(count), rng.random(count), rng.random(count)))


def rate(work: Callable[[], object], count: int) -> float:
    """Return items a second of one call."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


class Job:
    """One network in one precision, one way of decoding, and one folder of files."""

    def __init__(self, folder: Path, precision: str, mode: str, jobs: int | None) -> None:
        from cnncodes import load_backbone

        self.source = open_source(folder)
        self.backbone: Backbone = load_backbone(precision=precision)
        self.precision, self.mode, self.jobs = precision, mode, jobs
        self.count = len(self.source.records)

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.precision}, {self.mode} decoding"

    def decode(self) -> None:
        """Read, decode and cut alone."""
        from cnncodes import ViewPlan
        from cnncodes.embedding.cutting import Cutter

        cutter = Cutter(ViewPlan(), self.backbone.frame, Decoding.make(self.mode, None))

        def work(chunk: Sequence[ImageRecord]) -> list[int]:
            return [len(cutter.work(record.read(), "")[1]) for record in chunk]

        list(run_lanes(work, self.source.records, self.jobs))

    def run_model(self) -> None:
        """Run the network alone."""
        batch = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)

        def work(chunk: Sequence[int]) -> list[int]:
            for _ in range(0, len(chunk), len(batch)):
                self.backbone.run(batch)
            return list(chunk)

        list(run_lanes(work, range(self.count), self.jobs))

    def embed(self, out: Path) -> Path:
        """Run all of it: JPEG files to a codes dataset."""
        from cnncodes import embed

        embed(self.source, out, backbone=self.backbone, decode=self.mode, n_jobs=self.jobs)
        return out

    def rate(self) -> float:
        """Return images a second of all of it."""
        with tempfile.TemporaryDirectory() as folder:
            return rate(lambda: self.embed(Path(folder) / "photos.codes"), self.count)

    def read(self) -> np.ndarray[Any, Any]:
        """Return the codes."""
        from cnncodes import read_codes

        with tempfile.TemporaryDirectory() as folder:
            return read_codes(self.embed(Path(folder) / "photos.codes")).X


def measure(folder: Path, args: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Return the rates of every round, by what was measured."""
    jobs = [Job(folder, precision, mode, args.jobs) for precision in args.precisions for mode in args.decode]
    peers: dict[str, Callable[[Sequence[Path]], Any]] = {}
    if args.peers:
        from embed_peers import list_peers

        peers = list_peers()
    paths = sorted(folder.glob("*.jpg"))[: args.peer_images]
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(args.rounds + 1):
        for job in jobs:
            rates = {
                "decode": rate(job.decode, job.count),
                "model": rate(job.run_model, job.count),
                "ours": job.rate(),
            }
            for key, value in rates.items() if number else ():
                found.setdefault(job.name, {}).setdefault(key, []).append(value)
        for name, peer in peers.items():
            value = rate(lambda peer=peer: peer(paths), len(paths))  # type: ignore[misc]
            if number:
                found.setdefault(name, {}).setdefault("ours", []).append(value)
    reference = jobs[0].read()[: len(paths)].astype(np.float32)
    for job in jobs:
        found[job.name]["cosine"] = [float(np.median(compare_each(job.read()[: len(paths)], reference)))]
    for name, peer in peers.items():
        found[name]["cosine"] = [float(np.median(compare_each(peer(paths), reference)))]
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def doubt(shares: Sequence[float], load: float, cores: int) -> str:
    """Return why the figures say little, as where other programs ran; empty where nothing shows it."""
    reasons = []
    if load > BUSY * cores:
        reasons.append(f"a load of {load:.2f} on {cores} cores before the start")
    if max(shares, default=0) > BEYOND:
        reasons.append(f"{max(shares):.2f} of the limit, which no job reaches")
    return (
        f"Other programs ran, or images are too few; these figures say little: {' and '.join(reasons)}."
        if reasons
        else ""
    )


def print_table(
    size: tuple[int, int], found: dict[str, dict[str, list[float]]], args: argparse.Namespace
) -> None:
    """Print the table of one size, in Markdown."""
    lanes, shares = count_lanes(args.jobs), []
    rounds = count(args.rounds, "round")
    print(f"\n{size[0]} × {size[1]} JPEG, {args.images} files, {lanes} lanes, {rounds}\n")
    print("| | images/s | of the limit | decode | model | × torch one by one | cosine |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, rates in found.items():
        ours, cells = rates["ours"], ["", "", ""]
        if "model" in rates:
            limit = [1 / (1 / d + 1 / m) for d, m in zip(rates["decode"], rates["model"], strict=True)]
            shares.append(ratio(ours, limit))
            cells = [
                f"{shares[-1]:.2f}",
                *(f"{statistics.median(rates[k]):.0f}" for k in ("decode", "model")),
            ]
        times = f"{ratio(ours, found[SLOWEST]['ours']):.1f}" if SLOWEST in found else ""
        row = [name, f"{statistics.median(ours):.0f}", *cells, times, f"{rates['cosine'][0]:.4f}"]
        print(f"| {' | '.join(row)} |")
    if doubts := doubt(shares, args.load, count_cores()):
        print(f"\n{doubts}")


def describe_machine() -> dict[str, Any]:
    """Return what the figures depend on beside this script."""
    versions = {name: find_version(name) for name in PACKAGES}
    return {
        "processor": name_processor(),
        "cores": count_cores(),
        "instructions": read_instructions() or ["unknown"],
        "versions": {name: version for name, version in versions.items() if version},
    }


def main() -> None:
    """Measure both sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--peer-images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "int8"])
    parser.add_argument("--decode", nargs="+", default=["exact"], choices=("exact", "fast"))
    parser.add_argument(
        "--peers", action="store_true", help="compare with torch, ONNX Runtime alone, embetter"
    )
    parser.add_argument("--json", type=Path, help="keep every round's figures here")
    args = parser.parse_args()
    args.load = os.getloadavg()[0]
    machine = describe_machine()
    print(f"{machine['processor']}, {machine['cores']} cores: {', '.join(machine['instructions'])}")
    kept: dict[str, Any] = {"machine": machine, "rounds": args.rounds, "images": args.images}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write_photos(Path(folder), args.images, size)
            found = kept[f"{size[0]}x{size[1]}"] = measure(Path(folder), args)
            print_table(size, found, args)
    if args.json:
        args.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
