"""Verifying a backbone: its file, its signature, its codes, and that it is still the original network."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.card import Card
from cnncodes.backbones.checking.agreement import compare_providers
from cnncodes.backbones.checking.parity import (
    compare_codes,
    compare_each,
    compare_with_original,
    measure_spread,
)
from cnncodes.backbones.checking.photos import cut_photos
from cnncodes.backbones.exporting.originals import Original, find_original
from cnncodes.backbones.exporting.references import Reference
from cnncodes.backbones.graphs.dense import DENSE_FILE
from cnncodes.backbones.graphs.layers import was_picked
from cnncodes.backbones.graphs.steadying import run_in_batches
from cnncodes.backbones.running.starting import CPU, start_session
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.backbones.session import Backbone, load_backbone
from cnncodes.backbones.zoo import find_backbone
from cnncodes.errors import BackboneError, CardError, MissingFile

#: What the median cosine of codes of less precision with those of fp32 has to be, without the mean code. With
#: int8, EfficientNet-Lite0 has 0.99 and MobileNet v3 with random weights 0.74; another network's is about 0.
MIN_COSINES = {"fp32": 0.999, "fp16": 0.999, "int8": 0.5}

#: Least spread of the codes of noise, which is all alike to a network: above what rounding does.
MIN_ROUNDING = 1e-5

#: Most that codes of less precision may differ between batches, by their largest value.
MAX_ROUNDING = 1e-6


def verify_backbone(name_or_path: str | Path, *, parity: bool = False) -> dict[str, Any]:
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

    Returns
    -------
    dict
        ``name``, ``sha256``, ``checks`` (what was tried), ``providers`` (see `compare_providers`),
        ``precisions`` (the checks and the cosine, by the precision of each further file), and ``parity``
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
        "checks": [*_check_codes(backbone), _check_sizes(backbone), *_check_weights(backbone)],
        "providers": compare_providers(backbone, draw_noise(backbone.frame, 8)),
    }
    if DENSE_FILE in backbone.card.files and find_spec("onnx") is not None:
        result["checks"].append(_check_dense(folder / DENSE_FILE, backbone))
    if backbone.card.precisions:
        result["precisions"] = {
            precision: verify_precision(load_backbone(name_or_path, precision=precision), backbone)
            for precision in backbone.card.precisions
        }
    if parity:
        result["parity"] = _verify_parity(backbone)
    return result


def _check_codes(backbone: Backbone) -> list[str]:
    """Check the codes of made-up images, and say what was tried."""
    images = draw_noise(backbone.frame, 8)
    codes = backbone.run(images)
    _expect(bool(np.isfinite(codes).all()), backbone, "its codes are not all finite")
    spread = measure_spread(codes)
    _expect(
        len(np.unique(codes, axis=0)) == len(codes) and spread >= MIN_ROUNDING,
        backbone,
        f"different images have one code, or nearly: they lie {spread:.1g} of their length from their mean",
    )
    return [
        "sha256",
        "input and output",
        "finite codes",
        "different codes",
        _check_batches(backbone, images, codes),
    ]


def _check_batches(backbone: Backbone, images: npt.NDArray[np.uint8], codes: npt.NDArray[np.float32]) -> str:
    """Compare codes in small batches with those in one, and say how far they agree."""
    equal, bound = True, MAX_ROUNDING * float(np.abs(codes).max())
    for size in (1, 3):
        found = run_in_batches(backbone, images, size)
        equal &= np.array_equal(found, codes)
        # Products of 8-bit numbers that end in float may be rounded in another order; those of fp32 are not.
        near = backbone.precision != "fp32" and bool((np.abs(found - codes) <= bound).all())
        same = near or np.array_equal(found, codes)
        _expect(same, backbone, f"codes in batches of {size} differ from those in a batch of {len(images)}")
    return (
        "equal bits in batches of 1, 3 and 8"
        if equal
        else "equal codes, to rounding, in batches of 1, 3 and 8"
    )


def verify_precision(backbone: Backbone, full: Backbone) -> dict[str, Any]:
    """Check a network of less precision, and its codes against those of fp32 on parts of photos.

    Raises
    ------
    BackboneError
        If a check fails; the text says which.
    """
    checks = [*_check_codes(backbone), _check_sizes(backbone)]
    photos = cut_photos(full.frame)
    cosine = float(np.median(compare_each(backbone.run(photos), full.run(photos))))
    precision = backbone.precision
    floor = MIN_COSINES[precision]
    _expect(
        cosine >= floor,
        backbone,
        f"the cosine of its {precision} codes with those of {full.precision} is {cosine:.3f} on {len(photos)}"
        f" parts of photos (median), and must be at least {floor}",
    )
    return {"sha256": backbone.sha256, "checks": checks, "images": len(photos), "cosine": round(cosine, 4)}


def _check_sizes(backbone: Backbone) -> str:
    """Run the network at other sizes, as far as its card says that it takes any, and say what was tried."""
    card, frame = backbone.card, backbone.frame
    if card.sizes == "fixed":
        return f"one size, {frame.height} x {frame.width}"
    step, random = math.lcm(32, card.multiple), np.random.default_rng(1)
    least = card.least_side()
    for height, width in ((frame.height + step, frame.width), (frame.height, frame.width + 3 * step)):
        images = random.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        images[1, : frame.height, : frame.width] = images[0, : frame.height, : frame.width]
        codes = backbone.run(images)
        _expect(
            not np.array_equal(codes[0], codes[1]),
            backbone,
            f"at {height} x {width} it does not look beyond {frame.height} x {frame.width}",
        )
    codes = backbone.run(random.integers(0, 256, (1, least, least, 3), dtype=np.uint8))
    _expect(bool(np.isfinite(codes).all()), backbone, f"at {least} x {least} its codes are not all finite")
    return "other heights and widths"


def _check_weights(backbone: Backbone) -> list[str]:
    """Compare the graph's trainable weights with the card's, where the card says which, and ONNX is there."""
    if backbone.card.weights is None or find_spec("onnx") is None:
        return []
    import onnx

    from cnncodes.backbones.graphs.initializers import summarize_weights

    found = summarize_weights(onnx.load_from_string(backbone.model_bytes()))
    expected = backbone.card.weights
    _expect(
        found == expected,
        backbone,
        f"it has {found.count} trainable weights of {found.numbers} numbers, and its card says"
        f" {expected.count} of {expected.numbers}, or others by name",
    )
    return ["trainable weights"]


def _check_dense(path: Path, backbone: Backbone) -> str:
    """Compare the dense file with the form that is made of the network now, on an image above its size."""
    from cnncodes.backbones.graphs.maps import run_model

    frame = backbone.frame
    image = np.random.default_rng(2).integers(
        0, 256, (1, frame.height + 32, frame.width + 64, 3), dtype=np.uint8
    )
    expected = backbone.dense().run(image)
    session = start_session(path.read_bytes(), f"{DENSE_FILE} of {backbone.card.name!r}", CPU, 1)
    found = run_model(session, image)
    same = found.shape == expected.shape and np.allclose(
        found, expected, rtol=1e-4, atol=1e-5 * float(np.abs(expected).max())
    )
    _expect(same, backbone, f"{DENSE_FILE} gives other maps than the network")
    return f"the maps of {DENSE_FILE}"


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
        file = "" if backbone.precision == "fp32" else f" ({backbone.card.model_file})"
        raise BackboneError(f"backbone {backbone.card.name!r}{file} fails: {otherwise}.")


def _verify_parity(backbone: Backbone) -> dict[str, Any]:
    from cnncodes.backbones.checking.photos import load_photos
    from cnncodes.backbones.exporting.references import make_reference, run_controls

    card = backbone.card
    if was_picked(card.layer):
        raise BackboneError(
            f"the code of {card.name!r} is made of picked layers ({card.layer}), which is no code of its"
            " original's: they cannot be compared. Those of an export without --layer can."
        )
    original = _find_again(card)
    if card.layer == "output":
        original = replace(original, headless=True)
    reference = make_reference(original)
    _expect_same_weights(backbone, reference)
    photos = load_photos(backbone.frame)
    codes = reference.run(photos)
    sizes = (backbone.code_size, codes.shape[1])
    _expect(sizes[0] == sizes[1], backbone, "its codes have {} values, the original's {}".format(*sizes))
    ours, controls = backbone.run(photos), run_controls(reference, photos)
    try:
        parity = compare_with_original(ours, codes, controls)
    except BackboneError as error:
        raise BackboneError(f"backbone {card.name!r} fails: {error}.") from error
    compared = {name: compare_codes(ours, wrong).to_dict() for name, wrong in controls.items()}
    return {**parity.to_dict(), "controls": compared}


def _find_again(card: Card) -> Original:
    try:
        return find_original(card.address or card.name, card.random_state)
    except MissingFile as error:
        raise BackboneError(
            f"{error} Run this in the folder that holds it: a card names files without their folders."
        ) from error


def _expect_same_weights(backbone: Backbone, reference: Reference) -> None:
    ours, theirs = backbone.card.source_weights, reference.weights
    if backbone.card.address and theirs:  # of the zoo's own, the exporter's packages say which they are
        _expect(ours == theirs, backbone, f"its weights are {ours}, those at its address now {theirs}")
