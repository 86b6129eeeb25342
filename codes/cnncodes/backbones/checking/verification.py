"""Verifying a backbone: its file, its signature, its codes, and that it is still the original network."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.card import TUNED, Card
from cnncodes.backbones.channels import ORDERS
from cnncodes.backbones.checking.agreement import compare_providers
from cnncodes.backbones.checking.codes import check_codes, check_sizes, expect
from cnncodes.backbones.checking.graph import check_dense, check_graph
from cnncodes.backbones.checking.origin import verify_parity
from cnncodes.backbones.checking.parity import WRONG_STD, compare_each
from cnncodes.backbones.checking.photos import cut_photos
from cnncodes.backbones.graphs.dense import DENSE_FILE
from cnncodes.backbones.loading import load_backbone
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.backbones.session import Backbone
from cnncodes.backbones.zoo import find_backbone
from cnncodes.errors import BackboneError, CardError

#: What the median cosine of codes of less precision with those of fp32 has to be, without the mean code. With
#: int8, EfficientNet-Lite0 has 0.99 and MobileNet v3 with random weights 0.74; another network's is about 0.
MIN_COSINES = {"fp32": 0.999, "fp16": 0.999, "int8": 0.5}


def verify_backbone(
    name_or_path: str | Path, *, parity: bool = False, original: str | None = None
) -> dict[str, Any]:
    """Check a backbone and return the figures.

    Loading checks the network's hash, input and output. Then the other files on the card have to match;
    codes have to be finite, to differ between images, to be the same bits whatever the batch, to be the same
    on every execution provider that starts, and to come at every kind of size that the card promises; and the
    weights are those that the card counts. Files of less precision are checked in the same way, and their
    codes have to be near those of the first file.

    Parameters
    ----------
    name_or_path : str or path
    parity : bool
        Also compare with the original network, which needs the extra ``export``; controls with
        swapped channels and a wrong normalisation must fail that comparison.
    original : str, optional
        Where the original is: its address on the card with the folders of its files. By default they are
        looked for in the current folder.

    Returns
    -------
    dict
        ``name``, ``sha256``, ``checks`` (what was tried), ``providers`` (see `compare_providers`),
        ``precisions`` (the checks and the cosine, by the precision of each further file), ``tuned`` (of a
        fine-tuned network, what it came from and how close it was to the torch network), and ``parity``
        (figures) where asked for.

    Raises
    ------
    BackboneError
        If a check fails; the text says which.
    """
    backbone = load_backbone(name_or_path)
    folder = find_backbone(name_or_path)
    _check_files(folder, backbone.card)
    result: dict[str, Any] = {
        "name": backbone.card.name,
        "sha256": backbone.sha256,
        "checks": [
            *check_codes(backbone),
            check_sizes(backbone),
            *check_graph(backbone),
        ],
        "providers": compare_providers(backbone, draw_noise(backbone.frame, 8)),
    }
    if DENSE_FILE in backbone.card.files and find_spec("onnx") is not None:
        result["checks"].append(check_dense(folder / DENSE_FILE, backbone))
    if backbone.card.precisions:
        result["precisions"] = {
            precision: verify_precision(load_backbone(name_or_path, precision=precision), backbone)
            for precision in backbone.card.precisions
        }
    if backbone.card.source_package == TUNED:
        result["tuned"] = {"parent": backbone.card.parent, **backbone.card.parity}
    if parity:
        result["parity"] = verify_parity(backbone, original)
    return result


def verify_precision(backbone: Backbone, full: Backbone) -> dict[str, Any]:
    """Check a network of less precision, and its codes against those of fp32 on parts of photos.

    Rounding may move codes, but not so far that those of the same photos shown in a wrong way are nearer.

    Raises
    ------
    BackboneError
        If a check fails; the text says which.
    """
    checks = [*check_codes(backbone), check_sizes(backbone)]
    photos = cut_photos(full.frame)
    codes = backbone.run(photos)
    cosines = compare_each(codes, full.run(photos))
    cosine = float(np.median(cosines))
    precision = backbone.precision
    floor = MIN_COSINES[precision]
    expect(
        cosine >= floor,
        backbone,
        f"the cosine of its {precision} codes with those of {full.precision} is {cosine:.3f} on {len(photos)}"
        f" parts of photos (median), and must be at least {floor}",
    )
    for name, shown in show_wrongly(photos, full.card).items():
        others = compare_each(codes, full.run(shown))
        expect(
            float(np.median(cosines - others)) > 0,
            backbone,
            f"its {precision} codes of photos are nearer to those of {full.precision} of the same photos with"
            f" {name} (median cosine {np.median(others):.3f}) than to the right ones ({cosine:.3f})",
        )
    checks.append("nearer to the right codes than to wrong ones")
    return {"sha256": backbone.sha256, "checks": checks, "images": len(photos), "cosine": round(cosine, 4)}


def show_wrongly(images: npt.NDArray[np.uint8], card: Card) -> dict[str, npt.NDArray[np.uint8]]:
    """Return images as a network would see them that was made in a wrong way, by what is wrong."""
    order = list(ORDERS[card.channels])
    mean, factors = (np.asarray(values, np.float32)[order] for values in (card.mean, WRONG_STD))
    stretched = np.clip(np.rint((images - mean) / factors + mean), 0, 255).astype(np.uint8)
    shown = {"swapped channels": images[..., ::-1], "a wrong standard deviation": stretched}
    if images.shape[1] == images.shape[2]:
        shown["rows for columns"] = images.transpose(0, 2, 1, 3)
    return {name: np.ascontiguousarray(wrong) for name, wrong in shown.items()}


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
