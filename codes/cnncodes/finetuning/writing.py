"""The tuned network as a backbone: its numbers in the graph, and a card; loaded by what needs torch."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable
from typing import Any

import torch

from cnncodes.backbones import Backbone
from cnncodes.backbones.card import TUNED, Card
from cnncodes.backbones.checking.parity import Parity, compare_codes
from cnncodes.backbones.checking.photos import cut_photos
from cnncodes.backbones.seen import pack_seen
from cnncodes.errors import BackboneError
from cnncodes.finetuning.loading import make_graph_module, write_back


def make_tuned_backbone(backbone: Backbone, upper: Any, n_images: int, seen: Iterable[str]) -> Backbone:
    """Return a backbone with the weights of its trained upper part.

    Parameters
    ----------
    backbone : Backbone
        The one that it was before.
    upper : GraphModule
        Where no number of it has changed, the backbone itself is returned.
    n_images : int
        Images that it was trained on, for the card.
    seen : iterable of str
        Hashes of the contents of those, and of the images that it was chosen by, for the card.

    Raises
    ------
    BackboneError
        If ONNX Runtime and torch do not give the same codes of it.
    """
    import cnncodes

    model = write_back(upper, backbone.model_bytes())
    if model == backbone.model_bytes():
        return backbone  # no epoch was kept: it is the network that it was
    before = backbone.card
    card = dataclasses.replace(
        before,
        name=_name(before),
        description=_describe(before.description, n_images),
        source_package=TUNED,
        source_version=cnncodes.__version__,
        source_weights=f"fine-tuned from {before.name} ({before.source_weights})",
        files={before.model_file: hashlib.sha256(model).hexdigest()},
        parity={},
        address=None,
        random_state=None,
        parent=backbone.sha256,
        seen=_join_seen(before, seen),
        precisions={},
        quantization={},
    )
    tuned = Backbone(model, card, providers=backbone.providers, threads=backbone.threads)
    parity = _compare(tuned)
    if not parity.holds:
        raise BackboneError(
            f"what was trained gives other codes in ONNX Runtime than in torch: relative error"
            f" {parity.relative_error:.2g}, cosine {parity.cosine:.6f}; either the codes of all images have"
            " become nearly the same, which a lower base_lr (--base-lr) or another start avoids, or an"
            " operator is at fault"
        )
    figures = {"images": parity.images, "relative_error": float(f"{parity.relative_error:.0e}")}
    card = dataclasses.replace(card, parity={**figures, "cosine": round(parity.cosine, 6)})
    return Backbone(model, card, providers=backbone.providers, threads=backbone.threads)


def _name(before: Card) -> str:
    """Return a name that tells a network from the one that it comes from: one that was tuned counts on."""
    again = re.fullmatch(r"(.*-tuned)(?:-(\d+))?", before.name) if before.source_package == TUNED else None
    return f"{again[1]}-{int(again[2] or 1) + 1}" if again else f"{before.name}-tuned"


def _join_seen(before: Card, seen: Iterable[str]) -> str | None:
    """Return what the card remembers of images; None where those of an earlier tuning are not known."""
    if before.source_package == TUNED and before.seen is None:
        return None
    return pack_seen(seen, before.seen or "")


def _describe(before: str, n_images: int) -> str:
    """Return a description with what it was trained on last; of several times each is named once.

    Examples
    --------
    >>> _describe(_describe("A network", 1200), 90)
    'A network; fine-tuned on 1,200 images and then on 90 images'
    """
    again = re.search(r"; fine-tuned on [\d,]+ images", before)
    return f"{before}{' and then' if again else '; fine-tuned'} on {n_images:,} images"


def _compare(backbone: Backbone) -> Parity:
    """Compare the codes of torch and of ONNX Runtime, of the whole graph as it is written."""
    photos = cut_photos(backbone.frame)
    with torch.no_grad():
        codes = make_graph_module(backbone.model_bytes())(torch.from_numpy(photos)).numpy()
    return compare_codes(backbone.run(photos), codes)
