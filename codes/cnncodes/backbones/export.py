"""Exporting a published network to ONNX: uint8 images in, codes out, the same bytes each time."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnncodes.backbones.card import Card
from cnncodes.backbones.graphs import make_canonical, serialize
from cnncodes.backbones.originals import Original, find_original, missing_export_extra, package_versions
from cnncodes.backbones.parity import compare_codes, run_original
from cnncodes.backbones.photos import load_photos
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError

OPSET = 18
MODEL_FILE = "model.onnx"
_EXPORTER = ("torch", "onnx", "onnxscript", "onnx-ir")


def export_backbone(name: str, out: str | Path) -> Card:
    """Export a network and write its card; both are checked against the original first.

    Parameters
    ----------
    name : str
        A network that cnncodes knows how to export.
    out : path
        Folder for ``model.onnx`` and ``card.toml``.

    Returns
    -------
    Card

    Raises
    ------
    BackboneError
        If there is no such network, or the exported graph does not give the original's codes.
    BackendMissing
        If the extra ``export`` is not installed.
    """
    original = find_original(name)
    photos = load_photos(original.frame)  # first, since it says soonest what is missing
    net = original.make()
    with missing_export_extra(), _quiet_exporter():
        model = _export(original, net)
    card = _make_card(original, model, {})
    codes = Backbone.from_bytes(model, card).run
    parity = compare_codes(
        codes(photos), run_original(net, photos, original.features, original.mean, original.std)
    )
    if not parity.holds:
        raise BackboneError(f"the exported graph of {name!r} does not give the original's codes: {parity}.")
    figures = {
        "images": parity.images,
        # Rounded: the figures differ in their last digits between machines.
        "relative_error": float(f"{parity.relative_error:.0e}"),
        "cosine": round(parity.cosine, 6),
    }
    card = _make_card(original, model, figures)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / MODEL_FILE, model)
    _replace(folder / "card.toml", card.to_toml().encode())
    return card


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep back what torch says of its own workings: that torchvision is missing, what it deprecates."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _export(original: Original, net: Any) -> bytes:
    import torch

    class Coder(torch.nn.Module):  # type: ignore[misc]
        """From uint8 NHWC images to codes, with the normalisation inside."""

        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            pixels = image.permute(0, 3, 1, 2).to(torch.float32)
            features: torch.Tensor = getattr(self.net, original.features)(
                (pixels - original.mean) / original.std
            )
            return features.mean((2, 3))

    dynamic = torch.export.Dim.DYNAMIC
    # Height and width differ, and the batch is above 1, lest the exporter takes them for equal or fixed.
    example = torch.zeros(2, original.frame.height, original.frame.width + 32, 3, dtype=torch.uint8)
    program = torch.onnx.export(
        Coder().eval(),
        (example,),
        dynamo=True,
        optimize=False,  # the optimiser folds batch normalisation into the convolutions
        input_names=["image"],
        output_names=["code"],
        dynamic_shapes={"image": {0: dynamic, 1: dynamic, 2: dynamic}},
        opset_version=OPSET,
        verbose=False,
    )
    model = make_canonical(program.model_proto, parameters=net.state_dict(), prefix="net.")
    return serialize(model)


def _make_card(original: Original, model: bytes, parity: dict[str, float]) -> Card:
    code, weights = original.packages
    versions = package_versions(original.packages)
    return Card(
        name=original.name,
        description=original.description,
        source_package=code,
        source_version=versions[code],
        source_weights=f"{weights} {versions[weights]}",
        licence=original.licence,
        model_file=MODEL_FILE,
        layer=original.layer,
        code_size=original.code_size,
        value_range=(0.0, 255.0),
        mean=(original.mean,) * 3,
        std=(original.std,) * 3,
        sizes="dynamic",
        min_size=original.min_size,
        opset=OPSET,
        frame=original.frame,
        files={MODEL_FILE: hashlib.sha256(model).hexdigest()},
        exporter=package_versions(_EXPORTER),
        parity=parity,
    )


def _replace(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
