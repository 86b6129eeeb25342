"""Whole embedding jobs where cores are many: decoding in threads and in processes, and with a GPU.

All take turns, `--rounds` times: decoding alone, the network alone, and JPEG files to a codes dataset; on the
CPU, and with CUDA beside a torch DataLoader with a worker a core, which feeds the same architecture (of timm,
random weights, fp16, channels last). Medians are shown, each ratio the median of the rounds' own.

    python benchmarks/many_cores.py --images 4000 --rounds 3

Needs scikit-image (extra ``test``) for its photos; with a GPU onnxruntime-gpu, onnx, torch and timm. Writes
``benchmarks/results/many_cores.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from embed import SIZES, describe_machine, rate, ratio, write_photos

from cnncodes import ViewPlan, load_backbone
from cnncodes.backbones.running.runtime import list_providers
from cnncodes.embedding import count_lanes, run_lanes
from cnncodes.images import Decoding, ImageSource, open_source

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone

NEEDS = "Needs scikit-image (extra test); with a GPU onnxruntime-gpu, onnx, torch and timm."

RESULTS = Path(__file__).parent / "results" / "many_cores.json"

THREADS, PROCESSES = 10**9, 0
NVIMGCODEC = "nvimgcodec"


def decode_alone(source: ImageSource, backbone: Backbone, lanes: int, most_threads: int) -> None:
    """Read, decode and cut all images."""
    from cnncodes.embedding import engine
    from cnncodes.embedding.preparing import Preparer

    engine._THREADS = most_threads
    made = engine.Engine.make(backbone, None, lanes).for_images(len(source.records), Decoding())
    with made.start(ViewPlan(), Decoding()) as embedder:
        preparer = Preparer(embedder.cutter, embedder.workers)
        list(
            run_lanes(
                lambda chunk: [len(chunk) for _ in preparer.prepare_all(chunk, embedder.budget)],
                source.records,
                made.lanes,
            )
        )


def run_alone(backbone: Backbone, count: int) -> float:
    """Return the views a second of the network, as a job runs it."""
    from cnncodes.embedding import engine
    from cnncodes.embedding.tuning import measure_rates

    size = engine.DEVICE_BATCH_SIZE if backbone.providers[0].is_device else 8
    return measure_rates(backbone, [(size, count_lanes(None))])[0]


def run_job(source: ImageSource, backbone: Backbone, most_threads: int, decode: str = "exact") -> None:
    """Embed all images."""
    from cnncodes import embed
    from cnncodes.embedding import engine

    engine._THREADS = most_threads
    with tempfile.TemporaryDirectory() as folder:
        embed(source, Path(folder) / "x.codes", backbone=backbone, decode=decode)


class TorchLoader:
    """What one writes with torch: a DataLoader with a worker a core, batches of 64, on a GPU in fp16."""

    def __init__(self, paths: list[Path]) -> None:
        import timm
        import torch

        self.paths = paths
        torch.backends.cudnn.benchmark = True
        model = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval().cuda().half()
        self.model = model.to(memory_format=torch.channels_last)

    def run(self) -> np.ndarray[Any, Any]:
        """Return the codes of all images."""
        import torch
        from torch.utils.data import DataLoader

        loader = DataLoader(
            Pictures(self.paths), batch_size=64, num_workers=count_lanes(None), pin_memory=True
        )
        found = []
        with torch.inference_mode():
            for batch in loader:
                images = batch.cuda(non_blocking=True).half().contiguous(memory_format=torch.channels_last)
                found.append(self.model(images).float().cpu().numpy())
        return np.concatenate(found)


class Pictures:
    """The dataset of the loader: decoded by Pillow, resized and cut by torchvision's transforms."""

    def __init__(self, paths: list[Path]) -> None:
        from torchvision import transforms

        self.paths = paths
        self.transform = transforms.Compose(
            [
                transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
                transforms.CenterCrop(224),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.5,) * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> Any:
        from PIL import Image

        return self.transform(Image.open(self.paths[number]).convert("RGB"))


def list_works(folder: Path, source: ImageSource) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name."""
    cpu = load_backbone()
    works: dict[str, Callable[[], object]] = {}
    for name, most in (("threads", THREADS), ("processes", PROCESSES)):
        works[f"decoding alone, {name}"] = lambda most=most: decode_alone(source, cpu, -1, most)
        works[f"cpu fp32, {name}"] = lambda most=most: run_job(source, cpu, most)
        int8 = load_backbone(precision="int8")
        works[f"cpu int8, {name}"] = lambda most=most, int8=int8: run_job(source, int8, most)
    if "CUDAExecutionProvider" not in list_providers():
        return works
    from cnncodes.backbones import Backbone
    from cnncodes.backbones.quantizing.halving import halve

    half = halve(cpu)
    networks = {
        "fp32": load_backbone(providers=("cuda",)),
        "fp16": Backbone(half.model_bytes(), half.card, providers=("cuda",)),
    }
    for precision, backbone in networks.items():
        for name, most in (("threads", THREADS), ("processes", PROCESSES)):
            works[f"cuda {precision}, {name}"] = lambda most=most, b=backbone: run_job(source, b, most)
    works[f"cuda fp16, {NVIMGCODEC}"] = lambda: run_job(source, networks["fp16"], PROCESSES, NVIMGCODEC)
    works["torch DataLoader fp16"] = TorchLoader(sorted(folder.glob("*.jpg"))).run
    return works


def measure(folder: Path, count: int, rounds: int) -> dict[str, list[float]]:
    """Return the rates of every round, by what was measured; the first round starts what starts slowly."""
    source = open_source(folder)
    works = list_works(folder, source)
    for name in [*works]:
        try:
            works[name]()
        except Exception as error:
            print(f"not run: {name}: {error}")
            del works[name]
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(rate(work, count))
    return found


def main() -> None:
    """Measure both sizes, print tables, and keep all."""
    from cnncodes.embedding import engine

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--images", type=int, default=4000, help="of the small size; of the large a sixth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=RESULTS)
    args = parser.parse_args()
    engine._WORTH = 1
    kept: dict[str, Any] = {"machine": describe_machine(), "rounds": args.rounds, "load": os.getloadavg()[0]}
    kept["model alone, cpu fp32"] = run_alone(load_backbone(), args.images)
    if "CUDAExecutionProvider" in list_providers():
        kept["model alone, cuda fp32"] = run_alone(load_backbone(providers=("cuda",)), args.images)
    print({name: round(value) for name, value in kept.items() if name.startswith("model")})
    for size, count in zip(SIZES, (args.images, args.images // 6), strict=True):
        with tempfile.TemporaryDirectory() as folder:
            write_photos(Path(folder), count, size)
            found = measure(Path(folder), count, args.rounds)
        kept[f"{size[0]} x {size[1]}"] = {"images": count, **found}
        print(f"\n| {size[0]} × {size[1]}, {count} files | images/s | × threads |\n|---|---:|---:|")
        for name, rates in found.items():
            base = found.get(f"{name.partition(',')[0]}, threads", rates)
            print(f"| {name} | {statistics.median(rates):.0f} | {ratio(rates, base):.2f} |")
    args.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
