"""How surely 'cnncodes check' finds near copies of pictures, and how often it takes others for copies.

python benchmarks/copies.py --memory cache

Copies are planted: recompressed, at half the size, cut, mirrored, turned, and several of it at once. Others
are different pictures of the same kind: tiles of one photograph, drawings of one hand, clothes of one cut,
what two cameras side by side see, and things of one outline on a plain background: clothes on black, clothes
in any colour on white, and tiles seen through an oval.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gains_data import SAMPLE, draw_fashion
from PIL import Image

from cnncodes.images import ImageRecord, decode, open_source

RESULTS = Path(__file__).parent / "results"
#: Photographs that come inside scikit-image and scikit-learn; their other data would be fetched.
PHOTOS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png",
    "motorcycle_left.png", "motorcycle_right.png", "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip
TILE = 224


@dataclass(frozen=True)
class Pictures:
    """Different pictures by kind and name, and the names of those that get copies."""

    base: dict[str, Image.Image]
    chosen: list[str]


def gather(clips: int, fashion: int, plain: int, copied: int) -> Pictures:
    """Open photographs, their tiles, drawings, clothes, and things on a plain background."""
    import skimage.data
    import sklearn.datasets

    own, other = Path(skimage.data.__file__).parent, Path(sklearn.datasets.__file__).parent / "images"
    paths = [*(own / name for name in PHOTOS), other / "china.jpg", other / "flower.jpg"]
    photos = {f"photo/{path.name}": Image.open(path).convert("RGB") for path in paths}
    tiles = {
        f"tile/{name[6:]}-{y}-{x}": photo.crop((x, y, x + TILE, y + TILE))
        for name, photo in photos.items()
        if max(photo.size) >= 2 * TILE
        for y in range(0, photo.height - TILE + 1, TILE)
        for x in range(0, photo.width - TILE + 1, TILE)
    }
    drawings = {f"drawing/{r.key}": decode(r.read()) for r in open_source(SAMPLE).records[:clips]}
    clothes = {
        f"clothes/{i}": Image.fromarray(np.asarray(r.read())).convert("RGB")
        for i, r in enumerate(draw_fashion(fashion, 10).train)
    }
    rng = np.random.default_rng(0)
    some = [clothes[f"clothes/{i}"] for i in range(min(plain, fashion))]
    black = {f"on black/{i}": _put_on_black(image) for i, image in enumerate(some)}
    white = {f"on white/{i}": _put_on_white(image, rng) for i, image in enumerate(some)}
    ovals = {f"in an oval/{name[5:]}": _see_through_oval(tile) for name, tile in tiles.items()}
    chosen = [*photos, *tiles, *ovals]
    for kind in (drawings, clothes, black, white):
        chosen += rng.permutation(sorted(kind))[:copied].tolist()
    return Pictures(photos | tiles | drawings | clothes | black | white | ovals, chosen)


def _put_on_black(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (TILE, TILE))
    canvas.paste(image.resize((TILE // 2, TILE // 2), Image.Resampling.BICUBIC), (TILE // 4, TILE // 4))
    return canvas


def _put_on_white(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Give clothes, which are on black, any colour and a white background."""
    side, left = 5 * TILE // 8, 3 * TILE // 16
    grey = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), float) / 255
    cover = np.minimum(4 * grey, 1)
    canvas = np.full((TILE, TILE, 3), 255.0)
    colored = grey * rng.uniform(0.1, 0.9, 3)
    canvas[left : left + side, left : left + side] = 255 * (1 - cover + cover * colored)
    return Image.fromarray(canvas.astype(np.uint8))


def _see_through_oval(image: Image.Image) -> Image.Image:
    y, x = np.mgrid[-1 : 1 : TILE * 1j, -1 : 1 : TILE * 1j]
    inside = ((x / 0.6) ** 2 + (y / 0.8) ** 2 < 1)[..., None]
    return Image.fromarray(np.where(inside, np.asarray(image), 255).astype(np.uint8))


def _encode(image: Image.Image, kind: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def _cut(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    """Cut a share of width and height away, so much of it on one side as chance says."""
    (width, height), (left, top) = image.size, rng.random(2) * share
    right, bottom = 1 - share + left, 1 - share + top
    return image.crop(
        (round(left * width), round(top * height), round(right * width), round(bottom * height))
    )


def list_changes(rng: np.random.Generator) -> dict[str, Callable[[Image.Image], bytes]]:
    """Return the ways of copying, by name."""

    def resize(image: Image.Image, scale: float) -> Image.Image:
        width, height = (max(8, round(side * scale)) for side in image.size)
        return image.resize((width, height), Image.Resampling.BICUBIC)

    def mirror(image: Image.Image) -> Image.Image:
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    def turn(image: Image.Image) -> Image.Image:
        return image.transpose(Image.Transpose.ROTATE_90)

    def spoil(image: Image.Image) -> bytes:
        dimmed = _cut(resize(image, 0.7), 0.05, rng).point(lambda v: int(0.85 * v + 20))
        return _encode(dimmed, "JPEG", quality=60)

    return {
        "JPEG, quality 30": lambda image: _encode(image, "JPEG", quality=30),
        "half the size": lambda image: _encode(resize(image, 0.5), "PNG"),
        "mirrored": lambda image: _encode(mirror(image), "PNG"),
        "cut by 5 %": lambda image: _encode(_cut(image, 0.05, rng), "PNG"),
        "cut by 10 %": lambda image: _encode(_cut(image, 0.1, rng), "PNG"),
        "cut by 20 %": lambda image: _encode(_cut(image, 0.2, rng), "PNG"),
        "mirrored, 0.7 of the size, cut by 5 %, dimmed, JPEG 60": lambda image: spoil(mirror(image)),
        "turned by a quarter": lambda image: _encode(turn(image), "PNG"),
        "upside down": lambda image: _encode(turn(turn(image)), "PNG"),
        "turned by a quarter, JPEG, quality 30": lambda image: _encode(turn(image), "JPEG", quality=30),
        "turned by a quarter, 0.7 of the size, cut by 5 %, dimmed, JPEG 60": lambda image: spoil(turn(image)),
    }


def embed(records: list[ImageRecord], memory: str | None) -> tuple[list[Any], np.ndarray]:
    """Return the looks and mean codes of records, all of which can be read."""
    from cnncodes.estimators.aggregation import average_rows
    from cnncodes.estimators.inputs import embed_records, make_embedder
    from cnncodes.evaluation.checks.looking import watch

    looks: dict[str, Any] = {}
    embedder = make_embedder("efficientnet-lite0", "flip", "exact")
    rows = embed_records(embedder, watch(records, looks), memory=memory, on_error="raise")
    return [looks[r.key] for r in records], average_rows(rows.X, rows.counts).astype(np.float32)


def measure(pictures: Pictures, memory: str | None) -> dict[str, Any]:
    """Plant copies one kind at a time, seek them among all pictures, and count."""
    from cnncodes.evaluation.checks.duplicates import find_duplicates
    from cnncodes.evaluation.checks.neighbours import find_neighbours

    names = list(pictures.base)
    base = [ImageRecord(name, _encode(pictures.base[name], "PNG")) for name in names]
    looks, codes = embed(base, memory)
    rng = np.random.default_rng(0)
    started = time.perf_counter()
    found = find_duplicates(looks, find_neighbours(codes, 5))
    seconds = time.perf_counter() - started
    kinds = sorted({name.split("/")[0] for name in names})
    wrong = {kind: [] for kind in kinds}
    for group in found:
        wrong[names[group.rows[0]].split("/")[0]].append([names[i] for i in group.rows])
    recall: dict[str, dict[str, float]] = {}
    for change, copy in list_changes(rng).items():
        copies = [ImageRecord(f"{name}#", copy(pictures.base[name])) for name in pictures.chosen]
        more_looks, more_codes = embed(copies, memory)
        groups = find_duplicates(
            [*looks, *more_looks], find_neighbours(np.concatenate([codes, more_codes]), 5)
        )
        group_of = {i: number for number, group in enumerate(groups) for i in group.rows}
        hits: dict[str, list[bool]] = {kind: [] for kind in kinds}
        for i, name in enumerate(pictures.chosen):
            own, its = group_of.get(names.index(name)), group_of.get(len(names) + i)
            hits[name.split("/")[0]].append(own is not None and own == its)
        recall[change] = {kind: float(np.mean(values)) for kind, values in hits.items()}
        print(change, recall[change], flush=True)
    return {
        "pictures": {kind: sum(name.startswith(f"{kind}/") for name in names) for kind in kinds},
        "copied": {kind: sum(name.startswith(f"{kind}/") for name in pictures.chosen) for kind in kinds},
        "recall": recall,
        "groups_of_different_pictures": wrong,
        "seconds_for_the_search": round(seconds, 1),
    }


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Needs scikit-image; Fashion-MNIST is Debian's package dataset-fashion-mnist.",
    )
    parser.add_argument("--drawings", type=int, default=1134, help="of the quickstart's sample [%(default)s]")
    parser.add_argument("--clothes", type=int, default=1000, help="of Fashion-MNIST [%(default)s]")
    parser.add_argument("--plain", type=int, default=400, help="clothes on black, and on white [%(default)s]")
    parser.add_argument("--copied", type=int, default=150, help="copies of each such kind [%(default)s]")
    parser.add_argument("--memory", help="folder that keeps codes between runs")
    parser.add_argument("--json", type=Path, default=RESULTS / "copies.json", help="file for the figures")
    args = parser.parse_args()
    result = measure(gather(args.drawings, args.clothes, args.plain, args.copied), args.memory)
    args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
