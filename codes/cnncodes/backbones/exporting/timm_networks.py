"""Networks of timm, fed as the configuration of their weights says."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from cnncodes.backbones.exporting.addresses import Address
from cnncodes.backbones.exporting.originals import NO_LICENCE, Original, missing_export_extra
from cnncodes.backbones.exporting.weights import describe_weights, fill
from cnncodes.backbones.frame import Frame
from cnncodes.backbones.running.quiet import quiet_logging
from cnncodes.errors import BackboneError, sentence, suggest_nearest

_NEEDED = ("input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode")

#: timm writes licences as the hub does; a card has SPDX's spelling.
_LICENCES = {
    "apache-2.0": "Apache-2.0",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "mit": "MIT",
}


def list_timm() -> list[str]:
    """Return the names of timm's architectures, without tags.

    Raises
    ------
    BackendMissing
        If timm is not installed.
    """
    with missing_export_extra():
        import timm
    names: list[str] = timm.list_models()
    return names


def find_in_timm(address: Address, random_state: int | None) -> Original:
    """Return a network of timm with the weights of its tag, those of a checkpoint, or random ones.

    Raises
    ------
    BackboneError
        If there is none of that name or tag, the name has several tags, or nothing says how it is fed.
    """
    trained = address.checkpoint is None and random_state is None
    name = _find_name(address, trained)
    import timm

    published = timm.get_pretrained_cfg(name)
    config = published.to_dict() if published else {}
    mean, std, frame = read_config(name, config)
    tagged = f"{name.partition('.')[0]}.{config['tag']}" if config.get("tag") else name
    licence = str(config.get("license") or "")
    return Original(
        name=address.slug,
        description=f"{name.partition('.')[0]} of timm, fed as the configuration of {tagged} says",
        licence=_LICENCES.get(licence, licence or NO_LICENCE) if trained else NO_LICENCE,
        packages=("timm",),
        make=partial(_make, address, name, random_state),
        mean=mean,
        std=std,
        frame=frame,
        weights=describe_weights(address, random_state) or tagged,
        headless=config.get("num_classes") == 0,
        address=address.portable,
        random_state=random_state,
        note=""
        if trained or "." in name
        else f"resize, crop and normalisation are those of {tagged}, the architecture's default weights",
    )


def _find_name(address: Address, trained: bool) -> str:
    """Return the name as timm takes it, with its tag where the weights are to be those."""
    names = list_timm()
    import timm

    architecture, dot, tag = address.name.partition(".")
    if architecture not in names:
        raise BackboneError(f"timm has no network {architecture!r}. {suggest_nearest(architecture, names)}")
    tagged: list[str] = timm.list_pretrained(f"{architecture}.*")
    if dot and address.name not in tagged:
        raise BackboneError(f"timm has no weights {tag!r} of {architecture}: {_offer(tagged)}.")
    if not dot and trained and len(tagged) != 1:
        raise BackboneError(f"'timm:{architecture}' could mean several weights: {_offer(tagged)}.")
    return tagged[0] if not dot and trained else address.name


def _offer(tagged: list[str]) -> str:
    return f"expected {' or '.join(f'timm:{name}' for name in tagged) or 'no tag: there are none'}"


def read_config(name: str, config: dict[str, Any]) -> tuple[Any, Any, Frame]:
    """Return mean and std in units of pixels, and the frame, out of a configuration of timm.

    Raises
    ------
    BackboneError
        If a key is missing, or it asks for what no frame has.
    """
    missing = [key for key in _NEEDED if not config.get(key)]
    if missing:
        raise BackboneError(
            f"timm does not say how {name!r} is fed ({', '.join(missing)} missing), and it is not guessed:"
            " choose an architecture or tag with a configuration."
        )
    channels, height, width = config["input_size"]
    if channels != 3 or config["crop_mode"] != "center":
        raise BackboneError(
            f"{name!r} takes {channels} channels, cropped by {config['crop_mode']!r}: expected 3 channels and"
            " a crop from the centre."
        )
    # As timm's own evaluation has it: the shorter side is longer than the patch by the crop's share.
    resize = math.floor(max(height, width) / config["crop_pct"])
    frame = Frame(height, width, resize, config["interpolation"])
    mean, std = (tuple(255 * float(x) for x in config[key]) for key in ("mean", "std"))
    return mean, std, frame


def _make(address: Address, name: str, random_state: int | None) -> Any:
    import timm

    trained = address.checkpoint is None and random_state is None
    try:
        with quiet_logging():
            net = timm.create_model(name, pretrained=trained)
    except Exception as error:  # the hub's client has a class of its own for each kind of fault
        if not trained:
            raise
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(
            f"the weights of timm:{name} cannot be fetched: {sentence(reason)} Give a checkpoint"
            f" (timm:{name}@FILE) or --random-weights."
        ) from error
    return fill(net, address, random_state).eval()
