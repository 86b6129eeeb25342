"""Exporting a published network: its graph, checked against the original, and its card."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from pathlib import Path

from cnncodes.backbones.card import Card
from cnncodes.backbones.cutting import cut_off
from cnncodes.backbones.initializers import summarize_weights, trainable_weights
from cnncodes.backbones.originals import Original, find_original, missing_export_extra, package_versions
from cnncodes.backbones.parity import Parity, compare_with_original
from cnncodes.backbones.photos import load_photos
from cnncodes.backbones.references import Reference, make_example
from cnncodes.backbones.session import Backbone
from cnncodes.backbones.sizing import OtherSizes, try_other_sizes
from cnncodes.backbones.tracing import OPSET, trace_network
from cnncodes.errors import BackboneError

MODEL_FILE = "model.onnx"
DENSE_FILE = "dense.onnx"
_EXPORTER = ("torch", "onnx", "onnxscript", "onnx-ir")


def export_backbone(
    address: str | Original, out: str | Path, *, random_state: int | None = None, dense: bool = False
) -> Card:
    """Export a network and write its card; both are checked against the original first.

    Parameters
    ----------
    address : str or Original
        A network that cnncodes knows how to export, or where one is: ``torchvision:resnet18``.
    out : path
        Folder for ``model.onnx`` and ``card.toml``.
    random_state : int, optional
        Draw the weights from this in place of those that were trained.
    dense : bool
        Also write ``dense.onnx``, see `Backbone.dense`.

    Returns
    -------
    Card

    Raises
    ------
    BackboneError
        If there is no such network, it has no classifier to cut, or the exported graph does not give the
        original's codes.
    BackendMissing
        If the extra ``export`` is not installed.
    """
    original = address if isinstance(address, Original) else find_original(address, random_state)
    photos = load_photos(original.frame)  # first, since it says soonest what is missing
    with missing_export_extra():
        reference = Reference.make(original)
    # Before the classifier is gone.
    codes, controls = reference.run(photos), reference.run_controls(photos)
    others = try_other_sizes(reference, photos)
    if reference.cut is not None:
        cut_off(reference.net, reference.cut, make_example(original))
    with missing_export_extra():
        backbone = _trace(reference, others, codes.shape[1])
    try:
        parity = compare_with_original(backbone.run(photos), codes, controls)
    except BackboneError as error:
        raise BackboneError(
            f"the exported graph of {original.name!r} does not give the original's codes: {error}."
        ) from error
    card = dataclasses.replace(backbone.card, parity=_round(parity))
    files = {card.model_file: backbone.model_bytes()}
    if dense:
        files[DENSE_FILE] = backbone.dense().model_bytes()
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        card = dataclasses.replace(card, files=hashes)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        _replace(folder / name, data)
    _replace(folder / "card.toml", card.to_toml().encode())
    return card


def _trace(reference: Reference, others: OtherSizes | None, code_size: int) -> Backbone:
    """Return the graph that takes any size where it gives the original's codes at all, else the fixed one."""
    dynamic = None if others is None else _trace_dynamic(reference, others, code_size)
    if dynamic is not None:
        return dynamic
    frame = reference.original.frame
    model = trace_network(reference.original, reference.net, fixed=True)
    card = _make_card(reference, model, code_size, "fixed", min(frame.height, frame.width))
    return Backbone.from_bytes(model, card)


def _trace_dynamic(reference: Reference, others: OtherSizes, code_size: int) -> Backbone | None:
    try:
        model = trace_network(reference.original, reference.net)
        card = _make_card(reference, model, code_size, "dynamic", others.least)
        backbone = Backbone.from_bytes(model, card)
    except Exception as error:
        # That torch's exporter gives up on free sizes, or the runtime on its graph, is no fault.
        if isinstance(error, BackboneError) or type(error).__module__.startswith("torch."):
            return None
        raise
    return backbone if others.agree(backbone) else None


def _round(parity: Parity) -> dict[str, float]:
    return {
        "images": parity.images,
        # Rounded: the figures differ in their last digits between machines.
        "relative_error": float(f"{parity.relative_error:.0e}"),
        "cosine": round(parity.cosine, 6),
    }


def _make_card(reference: Reference, model: bytes, code_size: int, sizes: str, min_size: int) -> Card:
    import onnx

    original = reference.original
    graph = onnx.load_from_string(model)
    _check_weights(reference, trainable_weights(graph), {tensor.name for tensor in graph.graph.initializer})
    versions = package_versions(original.packages)
    return Card(
        name=original.name,
        description=original.description,
        source_package=original.packages[0],
        source_version=versions[original.packages[0]],
        source_weights=original.weights or f"{original.packages[-1]} {versions[original.packages[-1]]}",
        licence=original.licence,
        model_file=MODEL_FILE,
        layer=reference.layer,
        code_size=code_size,
        value_range=(0.0, 255.0),
        mean=original.mean,
        std=original.std,
        sizes=sizes,
        min_size=min_size,
        opset=OPSET,
        frame=original.frame,
        files={MODEL_FILE: hashlib.sha256(model).hexdigest()},
        exporter=package_versions(_EXPORTER),
        parity={},
        weights=summarize_weights(graph),
        address=original.address,
        random_state=original.random_state,
    )


def _check_weights(reference: Reference, found: list[str], kept: set[str]) -> None:
    """Raise unless what a graph's names say of its weights is what the network says of its parameters."""
    parameters = {name for name, _ in reference.net.named_parameters()}
    if set(found) != parameters & kept:
        odd = sorted(set(found) ^ (parameters & kept))
        raise BackboneError(
            f"the weights of {reference.original.name!r} cannot be told from constants by their names:"
            f" {', '.join(odd[:3])}."
        )


def _replace(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
