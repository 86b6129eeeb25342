"""Exporting a published network: its graph, checked against the original, and its card."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnncodes.backbones.card import Card
from cnncodes.backbones.checking.parity import Codes, Parity, compare_with_original
from cnncodes.backbones.checking.photos import load_photos
from cnncodes.backbones.exporting.layer_parity import Within, compare_layers, look_within
from cnncodes.backbones.exporting.onnx_files import FileReference
from cnncodes.backbones.exporting.originals import Original, missing_export_extra, package_versions
from cnncodes.backbones.exporting.placing import MODEL_FILE, check_place, place_network
from cnncodes.backbones.exporting.references import (
    Images,
    Reference,
    TorchReference,
    check_finite,
    run_controls,
)
from cnncodes.backbones.exporting.sizing import OtherSizes, try_other_sizes
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.backbones.exporting.steadying import make_steady
from cnncodes.backbones.graphs.dense import DENSE_FILE
from cnncodes.backbones.graphs.initializers import summarize_weights, trainable_weights
from cnncodes.backbones.graphs.picking import pick_layers
from cnncodes.backbones.graphs.picks import OUTPUT, Pick, check_pool
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError, UsageError

#: How the figures of a card begin that are not of its codes, but of the code of the network picked from.
OWN_CODE = "own_code_"

_EXPORTER = ("torch", "onnx", "onnxscript", "onnx-ir")


def export_backbone(
    address: str | Original,
    out: str | Path,
    *,
    random_state: int | None = None,
    dense: bool = False,
    layer: str | None = None,
    pool: str | None = None,
    replace: bool = False,
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
    layer : str, optional
        Make the code of this layer, or of several (`load_backbone`); ``output`` is the network's output. Of
        layers that are not found again within the original the card has the parity of the network's own code,
        by the name ``own_code_cosine`` and the like.
    pool : {"mean", "max", "both"}, optional
        How the places of a layer become one vector; by default their mean.
    replace : bool
        Put it into the place of another backbone that the folder holds. The same one, made again, keeps what
        was made of it.

    Returns
    -------
    Card

    Raises
    ------
    UsageError
        If there is no such layer, or maps are to be made of several.
    BackboneError
        If there is no such network, it has no classifier to cut, the exported graph does not give the
        original's codes, or the folder holds something else.
    BackendMissing
        If the extra ``export`` is not installed.
    """
    check_pool(pool, layer)
    if dense and layer is not None and len(Pick.parse(layer).names) > 1:
        raise UsageError(
            f"a map can be made of one layer, and several are named ({layer}): name one, or leave --dense"
            " out."
        )
    original = address if isinstance(address, Original) else find_original(address, random_state)
    check_place(Path(out), original, layer, pool, replace=replace)
    backbone = make_backbone(original, layer, pool)
    files = {MODEL_FILE: backbone.model_bytes()}
    if dense:
        files[DENSE_FILE] = backbone.dense().model_bytes()
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    card = dataclasses.replace(backbone.card, files=hashes)
    return place_network(Path(out), card, files, replace=replace)


def make_backbone(original: Original, layer: str | None = None, pool: str | None = None) -> Backbone:
    """Return the backbone that a network becomes, checked against it; see `export_backbone`."""
    photos = load_photos(original.frame)  # first, since it says soonest what is missing
    reference = choose_reference(original, layer)
    # Before the classifier is gone.
    codes = reference.run(photos)
    check_finite(original, codes)
    controls = run_controls(reference, photos)
    pick = None if layer in (None, OUTPUT) else Pick.parse(str(layer), pool)
    within = None if pick is None else look_within(reference, photos, pick, codes, controls)
    others = try_other_sizes(reference, photos)
    reference.cut_off()
    with missing_export_extra():
        traced = _trace(reference, others, codes.shape[1])
    try:
        backbone = make_steady(traced)
        parity = compare_with_original(backbone.run(photos), codes, controls)
    except BackboneError as error:
        cause = _explain(original, layer, traced, photos, codes)
        raise BackboneError(
            f"the exported graph of {original.name!r} does not give the original's codes:"
            f" {str(error).rstrip('.')}.{_advise(reference)}{cause}"
        ) from error
    if pick is not None and within is not None:
        return _pick(backbone, pick, photos, parity, within)
    card = dataclasses.replace(backbone.card, parity=_round(parity))
    return Backbone.from_bytes(backbone.model_bytes(), card)


def _pick(backbone: Backbone, pick: Pick, photos: Images, own: Parity, within: Within) -> Backbone:
    """Return the network of picked layers, with their parity on its card, or else that of its own code."""
    model, card = pick_layers(backbone.model_bytes(), backbone.card, str(pick))
    sizes = card.layers or {}
    # A network of its own from here on: what it was picked from is not kept. One layer alone is its code.
    layers = sizes if len(sizes) > 1 else None
    picked = Backbone.from_bytes(model, dataclasses.replace(card, layers=layers, whole=None))
    parity = compare_layers(picked.run(photos), [*sizes.values()], within)
    figures = _round(own if parity is None else parity)
    if parity is None:
        figures = {f"{OWN_CODE}{key}": value for key, value in figures.items()}
    return Backbone.from_bytes(model, dataclasses.replace(picked.card, parity=figures))


def choose_reference(original: Original, layer: str | None) -> Reference:
    """Make an original network for codes of a layer, for which it needs no classifier."""
    if layer == OUTPUT:
        return make_reference(dataclasses.replace(original, headless=True))
    try:
        return make_reference(original)
    except BackboneError:
        if layer is None:
            raise
        return make_reference(dataclasses.replace(original, headless=True))  # no need of a classifier then


def make_reference(original: Original) -> Reference:
    """Make an original network, and find the layer whose activations are its code.

    Raises
    ------
    BackboneError
        If there is no classifier to cut.
    """
    with missing_export_extra():
        made = original.make()
        if original.is_file:
            return FileReference.make(original, made)
        return TorchReference.make(original, made)


def _trace(reference: Reference, others: OtherSizes | None, code_size: int) -> Backbone:
    """Return the graph that takes any size where it gives the original's codes at all, else the fixed one."""
    if others is not None:
        for trace in (reference.trace_quickly, reference.trace):
            dynamic = _trace_dynamic(reference, trace, others, code_size)
            if dynamic is not None:
                return dynamic
    original = reference.original
    try:
        model = reference.trace(fixed=True)
        least = min(original.frame.height, original.frame.width)
        return Backbone.from_bytes(model, _make_card(reference, model, code_size, "fixed", least))
    except BackboneError as error:
        raise BackboneError(
            f"{original.name!r} cannot be made a backbone: {error}{_advise(reference)}"
        ) from error


def _advise(reference: Reference) -> str:
    """Return the sentence that helps where a file's own graph is at fault: what is fixed in it may be."""
    if not isinstance(reference, FileReference) or reference.file.input.batch is None:
        return ""
    return " Export it again, with a free batch where it has a fixed one."


def _explain(original: Original, layer: str | None, backbone: Backbone, photos: Images, codes: Codes) -> str:
    """Return the sentence that says what is to blame where a code hangs on the batch."""
    try:
        alone = choose_reference(original, layer).run(photos[:1])
    except BackboneError:
        return " The network does not take one image alone: it has to take any number of them."
    if not np.allclose(alone, codes[:1], rtol=1e-3, atol=1e-3 * float(np.abs(codes).max())):
        return (
            " The network itself gives an image another code in another batch: of what is computed over the"
            " images of a batch (their mean, batch normalisation in training) no code can be made."
        )
    try:
        backbone.run(photos[:1])
    except BackboneError:
        return " What the network computes must not depend on how many images there are, as its graph does."
    return ""


def _trace_dynamic(
    reference: Reference, trace: Callable[[], bytes | None], others: OtherSizes, code_size: int
) -> Backbone | None:
    """Return a graph that gives the original's codes at other sizes, None where it is none."""
    try:
        model = trace()
        if model is None:
            return None
        card = _make_card(reference, model, code_size, others.sizes, others.least)
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
    reference.check_weights(trainable_weights(graph), {tensor.name for tensor in graph.graph.initializer})
    versions = package_versions(original.packages)
    return Card(
        name=original.name,
        description=original.description,
        source_package=original.packages[0],
        source_version=versions[original.packages[0]],
        source_weights=reference.weights or f"{original.packages[-1]} {versions[original.packages[-1]]}",
        licence=original.licence,
        model_file=MODEL_FILE,
        layer=reference.layer,
        code_size=code_size,
        value_range=(0.0, 255.0),
        mean=original.mean,
        std=original.std,
        channels=original.channels,
        sizes=sizes,
        min_size=min_size,
        opset=next(item.version for item in graph.opset_import if item.domain in ("", "ai.onnx")),
        frame=original.frame,
        files={MODEL_FILE: hashlib.sha256(model).hexdigest()},
        exporter=package_versions(("onnx",) if original.is_file else _EXPORTER),
        parity={},
        weights=summarize_weights(graph),
        address=original.address,
        random_state=original.random_state,
        parent=original.parent,
    )
