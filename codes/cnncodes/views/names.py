"""Settings of plans by name: ``tencrop``, ``train:4``, ``rotation+lens:2``, ``center, train:8``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cnncodes.errors import UsageError, suggest
from cnncodes.views.settings import MAX_VIEWS, RandomCrop, RandomViews

#: Fixed plans that have a name: what differs from a plan's defaults, and what they are.
FIXED_PLANS: dict[str, tuple[dict[str, Any], str]] = {
    "center": ({}, "the centre of the picture, as the backbone was tested"),
    "flip": ({"mirror": True}, "the centre and its mirror image"),
    "tencrop": (
        {"crops": "five", "mirror": True},
        "four corners and the centre, and their mirror images, at the backbone's own scale",
    ),
    "multicrop": (
        {"short_sides": (224, 256, 384, 480, 640), "reference": 224, "crops": "five", "mirror": True},
        "ten crops at each of the short sides 224, 256, 384, 480 and 640",
    ),
}


@dataclass(frozen=True)
class Augmentation:
    """Something that random views may vary.

    Attributes
    ----------
    change : callable
        From settings to settings that vary it too, as far as is usual.
    describes : str
        What it varies and how far, in a line.
    crop : bool
        Whether it chooses the crop, which only one augmentation of a plan can.
    """

    change: Callable[[RandomViews], RandomViews]
    describes: str
    crop: bool = False


def _crop(kind: str) -> Callable[[RandomViews], RandomViews]:
    return lambda views: replace(views, crop=RandomCrop(kind))


def _color(**changes: Any) -> Callable[[RandomViews], RandomViews]:
    return lambda views: replace(views, color=replace(views.color, **changes))


def _geometry(**changes: Any) -> Callable[[RandomViews], RandomViews]:
    return lambda views: replace(views, geometry=replace(views.geometry, **changes))


#: Each augmentation alone, with its usual range; a plan in TOML may choose others.
AUGMENTATIONS: dict[str, Augmentation] = {
    "flip": Augmentation(lambda views: replace(views, flip=0.5), "mirrored left to right, half of the time"),
    "scale-crop": Augmentation(
        _crop("scale"), "a patch anywhere in the picture resized to a short side of 256 to 480", True
    ),
    "area-crop": Augmentation(
        _crop("area"), "8 to 100 % of the picture's area, 3:4 to 4:3 in shape, resized to the patch", True
    ),
    "brightness": Augmentation(_color(brightness=(0.6, 1.4)), "values times 0.6 to 1.4"),
    "contrast": Augmentation(_color(contrast=(0.6, 1.4)), "distance from the mean grey times 0.6 to 1.4"),
    "saturation": Augmentation(
        _color(saturation=(0.6, 1.4)), "distance from each pixel's grey times 0.6 to 1.4"
    ),
    "pca": Augmentation(
        _color(pca_std=0.1),
        "one shift of all colours along the training set's principal components, α ~ N(0, 0.1)",
    ),
    "translation": Augmentation(_geometry(translation=0.1), "up to 10 % of the patch along each axis"),
    "rotation": Augmentation(_geometry(rotation=15.0), "up to 15° either way"),
    "stretching": Augmentation(_geometry(stretching=(0.8, 1.25)), "each axis by 0.8 to 1.25"),
    "shearing": Augmentation(_geometry(shearing=10.0), "each axis leans by up to 10°"),
    "perspective": Augmentation(_geometry(perspective=0.1), "each corner shifted by up to 10 % of the patch"),
    "lens": Augmentation(
        _geometry(lens_k1=(-0.2, 0.2), lens_k2=(-0.05, 0.05)),
        "barrel and pincushion, k1 to ±0.2, k2 to ±0.05",
    ),
}

#: What ``train`` stands for.
TRAIN = ("flip", "scale-crop")


def parse_name(name: str, random_state: int | None = None) -> dict[str, Any]:
    """Return the settings of the plan that a name stands for, those at their defaults left out.

    Raises
    ------
    UsageError
        If there is no such plan; the text offers the nearest name.

    Examples
    --------
    >>> parse_name("tencrop"), parse_name("center, flip:4")["random"].count
    ({'crops': 'five', 'mirror': True}, 4)
    """
    first, comma, second = (part.strip() for part in name.partition(","))
    _check_parts(name)
    if not comma and ":" in first:
        return {"crops": "none", "random": _parse_random(first, random_state)}
    if not comma:
        return _parse_fixed(first)
    if ":" in first:
        raise UsageError(
            "a plan of both kinds names its fixed views first and its random ones second, as in"
            f" 'center, train:4'. Got {name!r} instead."
        )
    if first in FIXED_PLANS and second in FIXED_PLANS:
        random = f" Random views need their number, as in '{first}, {second}:4'."
        raise UsageError(
            f"a view plan has one kind of fixed views. Got {first!r} and {second!r} in {name!r}: give one of"
            f" them.{random if second in AUGMENTATIONS else ''}"
        )
    return {**_parse_fixed(first), "random": _parse_random(second, random_state)}


def _check_parts(name: str) -> None:
    """Raise `UsageError` where a name lacks a part, or has too many."""
    parts = [part.strip() for part in name.split(",")]
    if len(parts) > 2:
        raise UsageError(
            "a view plan has one comma at most, between fixed views and random ones, which '+' joins, as in"
            f" 'center, rotation+lens:2'. Got {name!r} instead."
        )
    if all(parts):
        return
    lack = "a view plan without a name"
    if len(parts) == 2:
        side = "after" if parts[0] else "before" if parts[1] else "on either side of"
        lack = f"a view plan with nothing {side} the comma"
    raise UsageError(
        f"{lack}. Expected fixed views, random ones or both, as in 'center, train:4'. Got {name!r} instead."
    )


def _parse_fixed(name: str) -> dict[str, Any]:
    if name in FIXED_PLANS:
        return dict(FIXED_PLANS[name][0])
    terms = [term.strip() for term in name.split("+")]
    if all(term in AUGMENTATIONS or term == "train" for term in terms):
        raise UsageError(f"{name!r} names random views: say how many of each image, as in '{name}:4'.")
    known = [*FIXED_PLANS, *(f"{term}:4" for term in ("train", *AUGMENTATIONS)), "plan.toml"]
    raise UsageError(f"unknown view plan {name!r}. {suggest(name, known)}")


def _parse_random(text: str, random_state: int | None) -> RandomViews:
    names, colon, number = text.partition(":")
    if not colon or not number.strip().isascii() or not number.strip().isdigit():
        example = f"{names}:4" if names in AUGMENTATIONS else "train:4"
        raise UsageError(f"random views need a number of views, as in '{example}'. Got {text!r} instead.")
    if not 1 <= int(number) <= MAX_VIEWS:
        raise UsageError(f"random views must be 1 to {MAX_VIEWS} for each image. Got {text!r} instead.")
    views = RandomViews(int(number), 0 if random_state is None else random_state)
    crops: list[str] = []
    given = [name.strip() for name in names.split("+")]
    for term in [part for name in given for part in (TRAIN if name == "train" else (name,))]:
        if term not in AUGMENTATIONS:
            raise UsageError(f"unknown augmentation {term!r}. {suggest(term, ['train', *AUGMENTATIONS])}")
        if AUGMENTATIONS[term].crop:
            crops.append(term)
        views = AUGMENTATIONS[term].change(views)
    if len(set(crops)) > 1:
        raise UsageError(
            f"{' and '.join(crops)} both choose the crop: give one of them (train has {TRAIN[1]})."
        )
    return views
