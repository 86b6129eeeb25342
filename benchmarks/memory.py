"""The most memory that an embedding job holds, against the number of images and their size.

Each job is a process of its own, ``cnncodes embed``, whose peak the kernel keeps. The many images are
a few hundred small photos under many names, each with bytes of its own behind the picture, so that no two
are equal; the large ones are 8000 × 8000 JPEG, on two lanes, with and without a budget.

    python benchmarks/memory.py --images 2000 100000 --network tiny --large 0

``tiny`` is a network of one convolution with codes of 1,280 numbers: what a job holds for each image does not
depend on the network, and a hundred thousand images take minutes. Needs scikit-image (extra ``test``) for its
photos, and onnx (extra ``export``) for ``tiny``.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

NEEDS = "Needs scikit-image (extra test); --network tiny: onnx (extra export)."

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "retina")


def write_many(folder: Path, count: int) -> None:
    """Write small JPEG files that differ in what stands behind the picture."""
    from skimage import data

    base = folder / "base.jpg"
    files = []
    for name in PHOTOS:
        Image.fromarray(getattr(data, name)()).convert("RGB").resize((96, 72)).save(base, quality=80)
        files.append(base.read_bytes())
    base.unlink()
    for number in range(count):
        label = folder / f"class {number % 10}"
        label.mkdir(exist_ok=True)
        (label / f"{number:06}.jpg").write_bytes(files[number % len(files)] + b"%d" % number)


def write_large(folder: Path, count: int, side: int, **options: object) -> None:
    """Write large photos."""
    from skimage import data

    for number in range(count):
        photo = Image.fromarray(getattr(data, PHOTOS[number % len(PHOTOS)])()).convert("RGB")
        photo.resize((side, side)).save(folder / f"{number:03}.jpg", quality=85, **options)


def write_tiny(folder: Path) -> None:
    """Write a network of one convolution and its card."""
    import hashlib

    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    from cnncodes.backbones import Card, Frame

    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "weight"], ["map"], strides=[32, 32]),
        helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["code"]),
    ]
    weight = np.random.default_rng(0).normal(0, 0.01, (1280, 3, 32, 32)).astype(np.float32)
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", 3])
    code = helper.make_tensor_value_info("code", TensorProto.FLOAT, ["batch", 1280])
    graph = helper.make_graph(nodes, "tiny", [image], [code], [numpy_helper.from_array(weight, "weight")])
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()
    (folder / "model.onnx").write_bytes(model)
    Card(
        name="tiny",
        description="one convolution",
        source_package="cnncodes",
        source_version="0",
        source_weights="random",
        licence="none",
        model_file="model.onnx",
        layer="mean",
        code_size=1280,
        value_range=(0.0, 255.0),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        sizes="dynamic",
        min_size=32,
        opset=18,
        frame=Frame(224, 224, 256, "bicubic"),
        files={"model.onnx": hashlib.sha256(model).hexdigest()},
        exporter={},
        parity={},
    ).write(folder / "card.toml")


def apart(work: Callable[..., None], *args: object, **options: object) -> None:
    """Run in a process of its own: a job's peak counts from what its parent holds."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=args, kwargs=options)
    process.start()
    process.join()


def measure(folder: Path, *options: str) -> tuple[float, float]:
    """Return the peak of a job in MiB, and its seconds."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "cnncodes", "embed", str(folder), "-o", f"{out}/x.codes", "--quiet"]
        started = time.perf_counter()
        job = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(job.pid, 0)
        job.returncode = os.waitstatus_to_exitcode(status)
        if job.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {job.returncode}")
        return usage.ru_maxrss / 1024, time.perf_counter() - started


def check_needs(network: str) -> None:
    """End where a package is not there, before anything is measured."""
    wanted = {"skimage": "scikit-image", **({"onnx": "onnx"} if network == "tiny" else {})}
    lacking = [name for module, name in wanted.items() if importlib.util.find_spec(module) is None]
    if lacking:
        raise SystemExit(f"{lacking[0]} is not installed. {NEEDS}")


def main() -> None:
    """Measure many small images and some large ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--images", type=int, nargs="*", default=[2000, 20000])
    parser.add_argument("--large", type=int, default=12, help="large photos; 0 for none")
    parser.add_argument("--side", type=int, default=8000)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--network", choices=("shipped", "tiny"), default="shipped")
    args = parser.parse_args()
    check_needs(args.network)
    if args.network == "tiny":
        with tempfile.TemporaryDirectory() as folder:
            write_tiny(Path(folder))
            run(args, ("--backbone", folder))
    else:
        run(args, ("--precision", args.precision))


def run(args: argparse.Namespace, network: tuple[str, ...]) -> None:
    """Print a line for each job."""
    print("small images | peak, MiB | seconds")
    for count in args.images:
        with tempfile.TemporaryDirectory() as folder:
            apart(write_many, Path(folder), count)
            peak, seconds = measure(Path(folder), *network)
        print(f"{count:12,} | {peak:9.0f} | {seconds:.0f}", flush=True)
    if not args.large:
        return
    for name, options in (("baseline", {}), ("progressive", {"progressive": True})):
        with tempfile.TemporaryDirectory() as folder:
            apart(write_large, Path(folder), args.large, args.side, **options)
            for extra in (("-j", "1"), ("-j", "2"), ("-j", "2", "--max-memory", "600M")):
                peak, seconds = measure(Path(folder), *network, *extra)
                what = f"{args.large} {name} of {args.side} x {args.side}, {' '.join(extra)}"
                print(f"{what}: {peak:.0f} MiB, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
