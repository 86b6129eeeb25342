"""The view engine against torchvision.transforms.v2 and albumentations: views a second of decoded images.

Each makes one batch of uint8 pixels of each image's views, in one thread, from what it decodes itself to: a
PIL image, a tensor, an array. All run in turn, `--rounds` times; the medians are shown, and a ratio is the
median of the rounds' own ratios, so that a machine whose speed drifts does not decide it. Seconds are those
of processors, all threads together: what else runs there counts less, and a hidden thread is not free. Above
1, cnncodes is faster.

    pip install -e '.[cpu,bench]'
    python benchmarks/views.py --images 4 --rounds 7

The peers work as their users write it, with their best settings:

- An image is resized once a scale for its fixed crops, and once for all its jittered or warped views.
- Warps are chains that act on the resized picture and then cut the patch from it, so that they see beyond it
  as cnncodes does. "Everything" lacks the lens in torchvision, which has none.
- Resizing is antialiased: bicubic, in albumentations by OpenCV's area filter where a picture shrinks, since
  its others alias. Warps are bicubic, on tensors bilinear, since torchvision has no other there.
- A tensor is resized as it was decoded, channels last, and then made contiguous: so both parts are fastest.

Fixed crops are the same for all, and `off` is the mean difference from ours in levels of 255; of equal ones
cnncodes makes one, and counts all. Random ones are drawn from about the same ranges by each; the peers
resize the whole picture for each view of "train", as their users do.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # no network while it is imported

import numpy as np
from PIL import Image

from cnncodes import ViewPlan
from cnncodes.backbones import Frame
from cnncodes.images import decode

NEEDS = "Needs the extra bench: albumentations, torch, torchvision, scikit-image."

SIZES = ((500, 375), (1024, 1024), (1600, 1200))
FRAME = Frame(224, 224, 256)
#: Views of one image in the random cases.
COUNT = 4
FIXED = ("center", "flip", "tencrop", "multicrop")
AFFINE = "rotation+translation+stretching+shearing"
COLOR = "brightness+contrast+saturation"
RANDOM = {
    "train": "train",
    "colour jitter": COLOR,
    "rotation": "rotation",
    "affine": AFFINE,
    "perspective": "perspective",
    "everything": f"train+{AFFINE}+perspective+lens+{COLOR}",
}

#: From an image, as its library decodes it, to a batch of views.
Work = Callable[[Any], Any]


class Case(NamedTuple):
    """What is measured: a plan, and for each library how it decodes and how it makes the same views."""

    name: str
    plan: ViewPlan
    works: dict[str, Work]
    decoders: dict[str, Work]


def to_pil(data: bytes) -> Image.Image:
    """Decode with Pillow."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def to_tensor(data: bytes) -> Any:
    """Decode with torchvision."""
    import torch
    from torchvision.io import decode_jpeg

    return decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode="RGB")


def to_array(data: bytes) -> np.ndarray:
    """Decode with OpenCV, as albumentations' users do."""
    import cv2

    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


DECODERS: dict[str, Work] = {
    "cnncodes": decode,
    "torchvision, PIL": to_pil,
    "torchvision, tensors": to_tensor,
    "albumentations": to_array,
}


def stack_pil(views: list[Image.Image]) -> np.ndarray:
    """Return a batch of PIL images."""
    return np.stack([np.asarray(view) for view in views])


def ours(plan: ViewPlan) -> Work:
    """Return our own engine; each call draws random views anew."""
    calls = iter(range(1 << 60))
    return lambda image: plan.render(image, FRAME, f"{next(calls):016x}").pixels


def torchvision_fixed(name: str, sides: tuple[int, ...], tensors: bool) -> Work:
    """Return torchvision's fixed crops: one resize a scale."""
    import torch
    from torchvision.transforms import v2

    resizes = [torchvision_resize(side, tensors) for side in sides]
    center, ten = v2.CenterCrop(224), v2.TenCrop(224)

    def crop(image: Any) -> tuple[Any, ...]:
        if name in ("tencrop", "multicrop"):
            return ten(image)
        # The mirrored picture's centre, as in the ten-crop: by an odd margin not the centre's mirror image.
        pictures = (image,) if name == "center" else (image, v2.functional.horizontal_flip(image))
        return tuple(center(picture) for picture in pictures)

    stack = torch.stack if tensors else stack_pil
    return lambda image: stack([view for resize in resizes for view in crop(resize(image))])


def torchvision_resize(side: int, tensors: bool) -> Work:
    """Return the antialiased resize that fixed crops and warps share."""
    import torch
    from torchvision.transforms import v2

    resize = v2.Resize(side, v2.InterpolationMode.BICUBIC, antialias=True)
    return v2.Compose([resize, v2.Lambda(torch.Tensor.contiguous)]) if tensors else resize


def torchvision_random(name: str, tensors: bool) -> Work:
    """Return torchvision's random views: what they share, and then a chain for each."""
    import torch
    from torchvision.transforms import v2

    mode = v2.InterpolationMode.BILINEAR if tensors else v2.InterpolationMode.BICUBIC
    crop, random_crop, flip = v2.CenterCrop(224), v2.RandomCrop(224), v2.RandomHorizontalFlip()
    resize = torchvision_resize(FRAME.resize, tensors)
    sides = v2.RandomShortestSize(
        list(range(256, 481)), interpolation=v2.InterpolationMode.BICUBIC, antialias=True
    )
    affine = v2.RandomAffine(15, (0.1, 0.1), (0.8, 1.25), (-10, 10, -10, 10), interpolation=mode)
    perspective = v2.RandomPerspective(0.2, p=1, interpolation=mode)
    jitter = v2.ColorJitter(0.4, 0.4, 0.4)
    shared, chain = {
        "train": (None, [sides, random_crop, flip]),
        "colour jitter": (v2.Compose([resize, crop]), [jitter]),
        "rotation": (resize, [v2.RandomRotation(15, mode), crop]),
        "affine": (resize, [affine, crop]),
        "perspective": (resize, [perspective, crop]),
        "everything": (None, [sides, affine, perspective, random_crop, flip, jitter]),
    }[name]
    each, stack = v2.Compose(chain), torch.stack if tensors else stack_pil

    def work(image: Any) -> Any:
        start = shared(image) if shared else image
        return stack([each(start) for _ in range(COUNT)])

    return work


def albumentations_resize(side: int, size: tuple[int, int]) -> Any:
    """Return the resize to the size that the others take; its own rounds to the nearest."""
    import albumentations
    import cv2

    short = min(size)
    width, height = (int(side * length / short) for length in size)
    return albumentations.Resize(height, width, cv2.INTER_CUBIC, area_for_downscale="image")


def albumentations_fixed(plan: ViewPlan, size: tuple[int, int]) -> Work:
    """Return albumentations' fixed crops: it has no ten-crop, so each crop is one of its own."""
    import albumentations

    mirror = albumentations.HorizontalFlip(p=1)
    scales: dict[int, list[Any]] = {}
    for view in plan.locate(size, FRAME):
        left, top = view.grid.left, view.grid.top
        crop = albumentations.Crop(left, top, left + FRAME.width, top + FRAME.height)
        scales.setdefault(view.grid.short_side, []).append((crop, view.flip))
    resizes = [(albumentations_resize(side, size), crops) for side, crops in scales.items()]

    def work(image: np.ndarray) -> np.ndarray:
        views = []
        for resize, crops in resizes:
            resized = resize(image=image)["image"]
            for crop, flip in crops:
                patch = crop(image=resized)["image"]
                views.append(mirror(image=patch)["image"] if flip else patch)
        return np.stack(views)

    return work


def albumentations_random(name: str, size: tuple[int, int]) -> Work:
    """Return albumentations' random views: what they share, and then a chain for each."""
    import albumentations
    import cv2

    smooth: Any = {"interpolation": cv2.INTER_CUBIC, "border_mode": cv2.BORDER_REFLECT, "p": 1}
    crop, random_crop = albumentations.CenterCrop(224, 224), albumentations.RandomCrop(224, 224)
    resize, flip = albumentations_resize(FRAME.resize, size), albumentations.HorizontalFlip()
    sides = albumentations.SmallestMaxSize(
        list(range(256, 481)), interpolation=cv2.INTER_CUBIC, area_for_downscale="image"
    )
    affine = albumentations.Affine(
        scale={"x": (0.8, 1.25), "y": (0.8, 1.25)},
        translate_percent=(-0.1, 0.1),
        rotate=(-15, 15),
        shear=(-10, 10),
        **smooth,
    )
    perspective = albumentations.Perspective((0.05, 0.1), **smooth)
    lens = albumentations.OpticalDistortion((-0.2, 0.2), **smooth)
    factors = (0.6, 1.4)
    jitter = albumentations.ColorJitter(factors, factors, factors, (0, 0), p=1)
    shared, chain = {
        "train": ([], [sides, random_crop, flip]),
        "colour jitter": ([resize, crop], [jitter]),
        "rotation": ([resize], [albumentations.Rotate((-15, 15), **smooth), crop]),
        "affine": ([resize], [affine, crop]),
        "perspective": ([resize], [perspective, crop]),
        "everything": ([], [sides, affine, perspective, lens, random_crop, flip, jitter]),
    }[name]
    first, each = albumentations.Compose(shared), albumentations.Compose(chain)

    def work(image: np.ndarray) -> np.ndarray:
        start = first(image=image)["image"]
        return np.stack([each(image=start)["image"] for _ in range(COUNT)])

    return work


def make_cases(size: tuple[int, int]) -> list[Case]:
    """Return what is measured for images of that size."""
    cases = []
    for name in FIXED:
        plan = ViewPlan.parse(name)
        works = {
            "cnncodes": ours(plan),
            "torchvision, PIL": torchvision_fixed(name, plan.short_sides or (FRAME.resize,), False),
            "torchvision, tensors": torchvision_fixed(name, plan.short_sides or (FRAME.resize,), True),
            "albumentations": albumentations_fixed(plan, size),
        }
        cases.append(Case(name, plan, works, {}))
        if name == "tencrop":
            cases.append(Case("tencrop with decoding", plan, works, DECODERS))
    for name, terms in RANDOM.items():
        plan = ViewPlan.parse(f"{terms}:{COUNT}")
        works = {
            "cnncodes": ours(plan),
            "torchvision, PIL": torchvision_random(name, False),
            "torchvision, tensors": torchvision_random(name, True),
            "albumentations": albumentations_random(name, size),
        }
        cases.append(Case(name, plan, works, {}))
    return cases


def to_array_batch(batch: Any) -> np.ndarray:
    """Return a batch as numbers of shape (n, height, width, 3)."""
    import torch

    if isinstance(batch, torch.Tensor):
        batch = batch.permute(0, 2, 3, 1).numpy()
    return batch.astype(np.int16)


def difference(case: Case, inputs: dict[str, list[Any]]) -> dict[str, float]:
    """Return how far each library's fixed crops are from ours, in levels."""
    off = {}
    for engine, images in inputs.items():
        total = 0.0
        for image, own in zip(images, inputs["cnncodes"], strict=True):
            rendered = case.plan.render(own, FRAME)
            batch = to_array_batch(case.works[engine](image))
            # Ours holds equal views once.
            wanted = rendered.pixels if engine == "cnncodes" else rendered.pixels[rendered.index]
            total += float(np.abs(batch - wanted).mean())
        off[engine] = total / len(images)
    return off


def measure(case: Case, files: list[bytes], rounds: int) -> str:
    """Return a row of the table."""
    decoded = {engine: [decoder(data) for data in files] for engine, decoder in DECODERS.items()}
    fixed = case.plan.random is None
    off = difference(case, decoded) if fixed else {}  # it is a round to warm up, too
    times: dict[str, list[float]] = {engine: [] for engine in case.works}
    for _ in range(rounds):
        for engine, work in case.works.items():
            inputs: list[Any] = files if case.decoders else decoded[engine]
            decoder = case.decoders.get(engine, lambda image: image)
            started = time.process_time()
            for item in inputs:
                work(decoder(item))
            times[engine].append(time.process_time() - started)
    count = case.plan.count * len(files)
    cells = [case.name, str(case.plan.count)]
    for engine, seconds in times.items():
        text = f"{count / statistics.median(seconds):,.0f}"
        if engine != "cnncodes":
            pairs = zip(seconds, times["cnncodes"], strict=True)
            text += f" | **{statistics.median(theirs / own for theirs, own in pairs):.2f}**"
            text += f" | {off[engine]:.3f}" if fixed else " | –"
        cells.append(text)
    return f"| {' | '.join(cells)} |"


def find_processor() -> str:
    """Return the processor's model, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Measure all cases at all sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cases", nargs="+", help="only these")
    args = parser.parse_args()

    import cv2
    import torch
    from embed import write_photos

    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    names = ("cnncodes", "pillow", "torch", "torchvision", "albumentations", "opencv-python-headless")
    print(", ".join(f"{name} {version(name)}" for name in names))
    print(f"{find_processor()}; one thread each; {args.images} images, {args.rounds} rounds; views/s")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write_photos(Path(folder), args.images, size)
            files = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
        print(f"\n{size[0]} x {size[1]}\n")
        peers = [f"{engine} | ours / theirs | off" for engine in DECODERS if engine != "cnncodes"]
        print(f"| case | views | cnncodes | {' | '.join(peers)} |\n|---|{'---:|' * (2 + 3 * len(peers))}")
        for case in make_cases(size):
            if not args.cases or case.name in args.cases:
                print(measure(case, files, args.rounds), flush=True)


if __name__ == "__main__":
    main()
