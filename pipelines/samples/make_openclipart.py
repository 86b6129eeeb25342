"""Make openclipart.parquet, the labelled pictures that the quickstart runs on.

    apt-get install openclipart-png        # Debian
    python pipelines/samples/make_openclipart.py

Chance plays no part: which pictures are taken and which are for testing follows from hashes of their
pixels. The same pictures and the same Pillow and PyArrow give the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

ROOT = Path("/usr/share/openclipart/png")
OUT = Path(__file__).with_name("openclipart.parquet")
CLASSES = ("animals", "buildings", "food", "people", "plants", "transportation")
MAX_SIDE = 256
MAX_PER_CLASS = 250
TEST_SHARE = 0.3
#: Of 8-bit levels. Thumbnails closer than that show one drawing, recoloured or redrawn a little.
NEAR = 6.0
#: A thumbnail whose levels spread less than that shows nothing.
BLANK = 2.0


@dataclass(frozen=True)
class Picture:
    """One picture, ready to be written."""

    key: str
    label: str
    image: Image.Image
    digest: str
    thumbnail: npt.NDArray[np.float32]


def read_picture(path: Path, label: str) -> Picture | None:
    """Return a picture on white and at most 256 pixels long, or None where it cannot be read or is blank."""
    try:
        with Image.open(path) as opened:
            drawn = opened.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        print(f"left out, not readable: {path.name}: {error}", file=sys.stderr)
        return None
    image = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    thumbnail = np.asarray(image.resize((16, 16), Image.Resampling.BOX), np.float32)
    if min(image.size) < 16 or thumbnail.std() < BLANK:
        print(f"left out, blank or tiny: {path.name}", file=sys.stderr)
        return None
    digest = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()
    return Picture(f"{label}/{path.stem}.webp", label, image, digest, thumbnail.reshape(-1))


def read_all(root: Path) -> list[Picture]:
    """Return each class's distinct pictures, at most 250, in the order of their digests.

    A picture that is filed under two classes is left out: it has no one label.
    """
    found: dict[str, Picture] = {}
    ambiguous = set()
    for label in CLASSES:
        for path in sorted((root / label).rglob("*.png")):
            picture = read_picture(path, label)
            if picture is None:
                continue
            first = found.setdefault(picture.digest, picture)
            if first.label != label:
                ambiguous.add(picture.digest)
    taken: Counter[str] = Counter()
    pictures = []
    for digest in sorted(found.keys() - ambiguous):
        label = found[digest].label
        if taken[label] < MAX_PER_CLASS:
            taken[label] += 1
            pictures.append(found[digest])
    return pictures


def group_alike(pictures: list[Picture]) -> list[int]:
    """Return a number for each picture, the same for those that are nearly alike."""
    group = list(range(len(pictures)))
    thumbnails = np.stack([picture.thumbnail for picture in pictures])
    for i in range(len(pictures)):
        distances = np.abs(thumbnails[i + 1 :] - thumbnails[i]).mean(axis=1)
        for j in np.flatnonzero(distances < NEAR) + i + 1:
            old, new = group[j], group[i]
            if old != new:
                group = [new if number == old else number for number in group]
    return group


def split(pictures: list[Picture], groups: list[int]) -> list[str]:
    """Return each picture's part: 30 % of every class for testing, what is nearly alike together."""
    members: dict[int, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    wanted = {
        label: round(TEST_SHARE * count)
        for label, count in Counter(picture.label for picture in pictures).items()
    }
    parts = ["train"] * len(pictures)
    # Pictures are in the order of their digests, and so are the groups: as good as shuffled.
    for together in members.values():
        needs = Counter(pictures[index].label for index in together)
        if all(wanted[label] >= count for label, count in needs.items()):
            for label, count in needs.items():
                wanted[label] -= count
            for index in together:
                parts[index] = "test"
    return parts


def encode(image: Image.Image) -> bytes:
    """Return WebP of a quality that shows no loss on clip art at a glance."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=6)
    return buffer.getvalue()


def unique_keys(pictures: list[Picture]) -> list[str]:
    """Return the keys; where files in different folders share a name, with the digest's beginning."""
    counts = Counter(picture.key for picture in pictures)
    return [
        picture.key
        if counts[picture.key] == 1
        else f"{picture.key.removesuffix('.webp')}-{picture.digest[:8]}.webp"
        for picture in pictures
    ]


def main() -> int:
    """Make the file and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, help=f"the clip art (default {ROOT})")
    parser.add_argument("-o", "--out", type=Path, default=OUT, help="the file to write")
    arguments = parser.parse_args()
    missing = [label for label in CLASSES if not (arguments.root / label).is_dir()]
    if missing:
        parser.error(f"{arguments.root} has no folder {missing[0]!r}: install openclipart-png or give --root")
    pictures = read_all(arguments.root)
    groups = group_alike(pictures)
    columns = {
        "image": unique_keys(pictures),
        "label": [picture.label for picture in pictures],
        "split": split(pictures, groups),
        "bytes": [encode(picture.image) for picture in pictures],
    }
    table = pa.table(columns).sort_by("image")
    # Encoded pictures do not shrink further; small row groups let each lane read its own.
    pq.write_table(table, arguments.out, row_group_size=128, compression="none")
    for (label, part), count in sorted(Counter(zip(columns["label"], columns["split"], strict=True)).items()):
        print(f"{label:15} {part:6} {count:4}")
    alike = len(pictures) - len(set(groups))
    print(f"{len(pictures)} pictures, {alike} nearly alike to another, {arguments.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
