"""From a backbone's name to a session: which of its files, which layers, on which provider."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cnncodes.backbones.card import Card
from cnncodes.backbones.precisions import CHOICES
from cnncodes.backbones.running.doubt import Doubt
from cnncodes.backbones.running.instructions import has_dot_products
from cnncodes.backbones.running.outside_weights import check_self_contained
from cnncodes.backbones.running.providers import Provider, list_automatic, parse_providers
from cnncodes.backbones.running.runtime import list_providers
from cnncodes.backbones.session import Backbone, check_hash, list_default
from cnncodes.backbones.zoo import find_backbone
from cnncodes.choices import BACKBONE
from cnncodes.errors import BackboneError, ProviderError, UsageError, suggest


def load_backbone(
    name_or_path: str | Path = BACKBONE,
    *,
    layer: str | None = None,
    pool: str | None = None,
    precision: str | None = None,
    providers: Sequence[Any] | str | None = None,
    threads: int = 1,
) -> Backbone:
    """Load a backbone and start its session.

    Parameters
    ----------
    name_or_path : str or path
        A name in the zoo, or a folder with a card.
    layer : str, optional
        Make the code of this layer (``"add_3"``), or of several, one after the other (``"add_3,code"``); as
        `Space.layer` has it, with how places are pooled, too (``"add_3,code; max"``). ``code`` is the
        network's own. `cnncodes models show NAME --layers` lists them. Extra: report.
    pool : {"mean", "max", "both"}, optional
        How the places of a layer become one vector, by default their mean; both: the means, then the greatest
        values. Only with a layer.
    precision : {"fp32", "fp16", "int8", "bf16", "auto"}, optional
        Which of its files runs; by default its first, which is fp32 as a rule. On a processor without 8-bit
        dot products int8 runs too; where it is no gain, a warning says so when it first runs. ``"bf16"`` is
        the file of fp32, computed in bf16 by OpenVINO, an error where the processor has it not; ``"auto"``
        the fastest whose card says that it counts as equal, which of picked layers none does but the first.
    providers : sequence of str, tuple or Provider, or "auto", optional
        Execution providers of ONNX Runtime, in order of preference; each has to start. ``"cuda"``,
        ``"cuda:1"``, ``"openvino"``, ONNX Runtime's own names, or one of these with a dict of ONNX Runtime's
        settings: ``[("cuda", {"gpu_mem_limit": 2**31})]``. ``"auto"`` is a GPU's where one starts, else the
        CPU's. By default the CPU; for ``"bf16"`` OpenVINO, which alone computes it.
    threads : int
        Threads in one call. Several lanes of one thread beat one lane of several.

    Returns
    -------
    Backbone

    Raises
    ------
    UsageError
        If an argument is none of these, or there is no such layer.
    BackboneError
        If there is no such backbone, it has no file of that precision, or the file is none.
    CardError
        If the card is damaged or does not match the file.
    BackendMissing
        If ONNX Runtime is not installed; the text says which extra to install.

    Examples
    --------
    >>> import numpy as np, cnncodes
    >>> cnncodes.load_backbone().run(np.zeros((2, 224, 224, 3), np.uint8)).shape
    (2, 1280)
    """
    if not isinstance(name_or_path, str | Path):
        raise UsageError(f"a backbone must be a name or a folder. Got {type(name_or_path).__name__} instead.")
    if precision is not None and precision not in CHOICES:
        raise UsageError(f"unknown precision {precision!r}. {suggest(str(precision), CHOICES)}")
    _check_pick(layer, pool)
    if providers == "auto":
        return _load_first(
            lambda one: load_backbone(
                name_or_path, layer=layer, pool=pool, precision=precision, providers=(one,), threads=threads
            )
        )
    if providers is None:
        providers = list_default(precision)
    chosen = parse_providers(providers)
    folder = find_backbone(name_or_path)
    full = Card.read(folder / "card.toml")
    if precision == "auto" and layer is not None and not _is_made_of(full, layer, pool):
        precision = full.precision  # what counts as equal was measured on the network's own code
    elif precision == "auto":
        precision = _choose_automatic(full, device=chosen[0].is_device, dot_products=has_dot_products())
    card = full.choose(precision)
    model, running = _read(folder / card.model_file), card
    if layer is not None and not _is_made_of(card, layer, pool):
        model, running = _pick(model, card, layer, pool)
    backbone = Backbone(model, running, providers=providers, threads=threads)
    backbone.folder = folder
    load_full = None
    if card is not full:
        load_full = functools.partial(
            load_backbone, folder, layer=layer, pool=pool, providers=providers, threads=threads
        )
    backbone._doubt = Doubt(running, backbone.providers, load_full)
    return backbone


def _choose_automatic(card: Card, *, device: bool, dot_products: bool | None) -> str:
    """Return the fastest precision of a card's files that counts as equal to its first.

    Parameters
    ----------
    card : Card
    device : bool
        Whether it is to run on a GPU, which fp16 is for; int8 is for CPUs.
    dot_products : bool or None
        Whether the CPU has 8-bit dot products, without which int8 is no gain; None where that is not known.
    """
    int8 = card.quantization.get("int8")
    if not device and dot_products and int8 is not None and int8.equal and "int8" in card.precisions:
        return "int8"
    return "fp16" if device and "fp16" in card.precisions else card.precision


def _load_first(load: Callable[[Provider], Backbone]) -> Backbone:
    """Return what a function gives for the first provider that starts; the CPU's is tried last."""
    *others, last = list_automatic(list_providers())
    reasons = []
    for provider in others:
        try:
            backbone = load(provider)
        except ProviderError as error:
            reasons.append(f"{provider} does not start: {error.reason}")
        else:
            break
    else:
        backbone = load(last)
    backbone.passed_over = tuple(reasons)
    return backbone


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BackboneError(f"{path} cannot be read: {error.strerror}.") from error


def _pick(model: bytes, card: Card, layer: str, pool: str | None) -> tuple[bytes, Card]:
    """Return the graph and card of picked layers."""
    from cnncodes.backbones.graphs.picking import pick_layers

    check_hash(model, card)  # of what is picked from
    check_self_contained(model, f"{card.model_file} of {card.name!r}")
    return pick_layers(model, card, layer, pool)


def _is_made_of(card: Card, layer: str, pool: str | None) -> bool:
    """Tell whether a network's code is made of these layers in this way already, since its export."""
    from cnncodes.backbones.graphs.picks import Pick

    return card.layer == str(Pick.parse(layer, pool))


def _check_pick(layer: Any, pool: Any) -> None:
    """Raise `UsageError` where layers, or how they are pooled, are said wrongly: before anything is read."""
    if layer is None and pool is None:
        return
    from cnncodes.backbones.graphs.picks import OWN, Pick, check_pool

    Pick.parse(OWN if layer is None else layer, pool)
    check_pool(pool, layer)
