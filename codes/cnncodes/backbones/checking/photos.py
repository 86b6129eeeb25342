"""Real photos for checking a network: those that scikit-image and scikit-learn carry in their packages."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.frame import Frame
from cnncodes.errors import BackendMissing, install_advice

#: File names below each package's folder: people, animals, things, textures, sky, tissue.
PHOTOS = {
    "skimage": (
        *(
            f"data/{name}"
            for name in (
                "astronaut.png",
                "brick.png",
                "camera.png",
                "cell.png",
                "chelsea.png",
                "clock_motion.png",
                "coffee.png",
                "coins.png",
                "grass.png",
                "gravel.png",
                "hubble_deep_field.jpg",
                "ihc.png",
                "moon.png",
                "motorcycle_left.png",
                "page.png",
                "retina.jpg",
                "rocket.jpg",
                "text.png",
            )
        ),
    ),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
}


def find_photos() -> list[Path]:
    """Return the files.

    Raises
    ------
    BackendMissing
        If scikit-image is not installed.
    """
    found = []
    for package, names in PHOTOS.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise BackendMissing(f"scikit-image is not installed: {install_advice('export')}.")
        found += [Path(spec.origin).parent / name for name in names]
    return found


def load_photos(frame: Frame) -> npt.NDArray[np.uint8]:
    """Return the photos as a backbone's input; uint8, shape (n_photos, height, width, 3)."""
    return _decode_photos(frame).copy()


@functools.lru_cache(maxsize=4)  # an export asks several times, and decoding takes longer than many networks
def _decode_photos(frame: Frame) -> npt.NDArray[np.uint8]:
    from PIL import Image

    patches = []
    for path in find_photos():
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        short, long = sorted(image.size)
        scaled = int(frame.resize * long / short)
        size = (frame.resize, scaled) if image.width <= image.height else (scaled, frame.resize)
        image = image.resize(size, Image.Resampling[frame.interpolation.upper()])
        left, top = round((image.width - frame.width) / 2), round((image.height - frame.height) / 2)
        patches.append(np.asarray(image.crop((left, top, left + frame.width, top + frame.height))))
    return np.stack(patches)


def cut_photos(frame: Frame) -> npt.NDArray[np.uint8]:
    """Return parts of the two photos that scikit-learn carries, which is always there, as a backbone's input.

    Returns
    -------
    ndarray of uint8, shape (24, height, width, 3)
    """
    from PIL import Image

    spec = find_spec("sklearn")
    assert spec is not None and spec.origin is not None
    patches = []
    for name in PHOTOS["sklearn"]:
        with Image.open(Path(spec.origin).parent / name) as opened:
            image = opened.convert("RGB")
        side = image.height // 2
        for top in range(0, image.height - side + 1, image.height - side):
            for left in np.linspace(0, image.width - side, 6).astype(int).tolist():
                box = (left, top, left + side, top + side)
                part = image.resize((frame.width, frame.height), Image.Resampling.BICUBIC, box=box)
                patches.append(np.asarray(part))
    return np.stack(patches)
