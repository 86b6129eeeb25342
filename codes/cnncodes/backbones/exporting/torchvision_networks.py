"""Classifiers of torchvision, fed as the transforms of their weights say."""

from __future__ import annotations

from functools import partial
from typing import Any

from cnncodes.backbones.exporting.addresses import Address
from cnncodes.backbones.exporting.originals import NO_LICENCE, Original, missing_export_extra
from cnncodes.backbones.exporting.weights import describe_weights, fill
from cnncodes.backbones.frame import Frame
from cnncodes.errors import BackboneError, sentence, suggest_nearest


def list_torchvision() -> list[str]:
    """Return the names of torchvision's classifiers.

    Raises
    ------
    BackendMissing
        If torchvision is not installed.
    """
    with missing_export_extra():
        from torchvision import models
    names: list[str] = models.list_models(module=models)
    return names


def find_in_torchvision(address: Address, random_state: int | None) -> Original:
    """Return a classifier of torchvision with its default weights, those of a checkpoint, or random ones.

    Raises
    ------
    BackboneError
        If there is none of that name, or its transforms are none that a card can hold.
    """
    names = list_torchvision()
    if address.name not in names:
        raise BackboneError(
            f"torchvision has no classifier {address.name!r}. {suggest_nearest(address.name, names)}"
        )
    from torchvision import models

    published: Any = models.get_model_weights(address.name).DEFAULT
    mean, std, frame = _read_transforms(published)
    borrowed = address.checkpoint is not None or random_state is not None
    return Original(
        name=address.slug,
        description=f"{address.name} of torchvision, fed as {published} says",
        licence=NO_LICENCE,  # torchvision leaves the weights' to the data that they were trained on
        packages=("torchvision",),
        make=partial(_make, address, random_state, published),
        mean=mean,
        std=std,
        frame=frame,
        weights=describe_weights(address, random_state)
        or f"{published} ({published.url.rpartition('/')[2]})",
        address=address.portable,
        random_state=random_state,
        note=f"resize, crop and normalisation are those of {published}, the architecture's default weights"
        if borrowed
        else "",
    )


def _read_transforms(published: Any) -> tuple[Any, Any, Frame]:
    """Return mean and std in units of pixels, and the frame."""
    from torchvision.transforms._presets import ImageClassification

    transforms = published.transforms()
    if type(transforms) is not ImageClassification or len(transforms.resize_size) != 1:
        raise BackboneError(
            f"{published} is fed by {transforms}: expected torchvision's transforms for classification, with"
            " one length for the shorter side."
        )
    crop = [int(side) for side in transforms.crop_size]
    resize = int(transforms.resize_size[0])
    frame = Frame(crop[0], crop[-1], resize, transforms.interpolation.value)
    mean, std = (tuple(255 * float(x) for x in values) for values in (transforms.mean, transforms.std))
    return mean, std, frame


def find_arguments(name: str, published: Any) -> dict[str, Any]:
    """Return how torchvision builds an architecture for its default weights, beyond what it does by itself.

    Weights of one's own are fed like those, so the network has to be the same.
    """
    if name in ("googlenet", "inception_v3"):  # they go from ImageNet's normalisation to one of their own
        return {"transform_input": True}
    size = published.meta.get("min_size")
    if name.startswith("vit_"):
        return {"image_size": size[0]}
    return {"input_size": tuple(size)} if name.startswith("maxvit") else {}


def _make(address: Address, random_state: int | None, published: Any) -> Any:
    from torchvision import models

    own = address.checkpoint is None and random_state is None
    try:
        if own:
            net = models.get_model(address.name, weights=published)
        else:
            given = find_arguments(address.name, published)
            if "transform_input" in given:  # they warn of how they draw weights, which all get others
                given["init_weights"] = False
            net = models.get_model(address.name, weights=None, **given)
    except OSError as error:  # the only call that goes to the network
        raise BackboneError(
            f"the weights of {address} cannot be fetched from {published.url}: {sentence(error)} Give a"
            f" checkpoint ({address}@FILE) or --random-weights."
        ) from error
    return fill(net, address, random_state).eval()
