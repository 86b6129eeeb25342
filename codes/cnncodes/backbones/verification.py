"""Verifying a backbone: its file, its signature, its codes, and that it is still the original network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.card import Card
from cnncodes.backbones.originals import find_original
from cnncodes.backbones.parity import compare_codes, run_original
from cnncodes.backbones.session import Backbone, load_backbone
from cnncodes.backbones.zoo import find_backbone
from cnncodes.errors import BackboneError, CardError


def verify_backbone(name_or_path: str | Path, *, parity: bool = False) -> dict[str, Any]:
    """Check a backbone and return the figures.

    Loading checks the network's hash, input and output. Then the other files on the card have to match;
    codes have to be finite, to differ between images, to be the same bits whatever the batch, and to come
    at other sizes of image.

    Parameters
    ----------
    name_or_path : str or path
    parity : bool
        Also compare with the original network, which needs the extra ``export``; controls with
        swapped channels and a wrong normalisation must fail that comparison.

    Returns
    -------
    dict
        ``name``, ``sha256``, ``checks`` (what was tried), ``parity`` (figures) where asked for.

    Raises
    ------
    BackboneError
        If a check fails; the text says which.
    """
    backbone = load_backbone(name_or_path)
    _check_files(find_backbone(name_or_path), backbone.card)
    frame = backbone.frame
    images = np.random.default_rng(0).integers(0, 256, (8, frame.height, frame.width, 3), dtype=np.uint8)
    codes = backbone.run(images)
    checks = ["sha256", "input and output"]
    _expect(bool(np.isfinite(codes).all()), backbone, "its codes are not all finite")
    _expect(len(np.unique(codes, axis=0)) == len(codes), backbone, "different images have one code")
    checks += ["finite codes", "different codes"]
    for size in (1, 3):
        parts = [backbone.run(images[start : start + size]) for start in range(0, len(images), size)]
        same = np.array_equal(np.concatenate(parts), codes)
        _expect(same, backbone, f"codes in batches of {size} differ from those in a batch of {len(images)}")
    checks.append("equal bits in batches of 1, 3 and 8")
    for height, width in ((frame.height + 32, frame.width), (frame.height, frame.width + 96)):
        shape = backbone.run(np.zeros((1, height, width, 3), np.uint8)).shape
        _expect(shape == (1, backbone.code_size), backbone, f"at {height} x {width} it gives shape {shape}")
    checks.append("other heights and widths")
    result: dict[str, Any] = {"name": backbone.card.name, "sha256": backbone.sha256, "checks": checks}
    if parity:
        result["parity"] = _verify_parity(backbone)
    return result


def _check_files(folder: Path, card: Card) -> None:
    for name, expected in card.files.items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BackboneError(f"{folder / name} cannot be read: {error.strerror}.") from error
        if found != expected:
            raise CardError(
                f"{name} of backbone {card.name!r} has sha256 {found}, but its card says {expected}."
            )


def _expect(holds: bool, backbone: Backbone, otherwise: str) -> None:
    if not holds:
        raise BackboneError(f"backbone {backbone.card.name!r} fails: {otherwise}.")


def _verify_parity(backbone: Backbone) -> dict[str, Any]:
    from cnncodes.backbones.photos import load_photos

    original = find_original(backbone.card.name)
    sizes = (backbone.code_size, original.code_size)
    _expect(sizes[0] == sizes[1], backbone, "its codes have {} values, the original's {}".format(*sizes))
    net, photos = original.make(), load_photos(backbone.frame)

    def codes_of(images: npt.NDArray[np.uint8], std: float = original.std) -> Any:
        return run_original(net, images, original.features, original.mean, std)

    ours = backbone.run(photos)
    parity = compare_codes(ours, codes_of(photos))
    _expect(parity.holds, backbone, f"its codes are not those of the original: {parity}")
    controls = {
        "swapped channels": compare_codes(ours, codes_of(photos[..., ::-1])),
        "wrong standard deviation": compare_codes(ours, codes_of(photos, original.std * 0.9)),
    }
    for name, control in controls.items():
        _expect(not control.holds, backbone, f"the comparison does not notice {name}: it proves nothing")
    return {**parity.to_dict(), "controls": {name: item.to_dict() for name, item in controls.items()}}
