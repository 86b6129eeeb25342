"""Random views: from a plan's settings and an image's content to what is drawn for each view."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cnncodes.errors import UsageError
from cnncodes.views.colors import Tint
from cnncodes.views.draws import Draws
from cnncodes.views.fixed import FixedView
from cnncodes.views.settings import ColorJitter, Geometry, RandomCrop, RandomViews
from cnncodes.views.view import Grid, View, locate_patch, resized_size
from cnncodes.views.warp import Warp

if TYPE_CHECKING:
    from cnncodes.backbones.frame import Frame
    from cnncodes.views.pixels import Box

#: How often a rectangle is drawn that may not fit the picture, before the largest that fits is taken.
_TRIES = 10


def random_name(number: int) -> str:
    """Return the name of a random view: the same for every image."""
    return f"random/{number}"


def draw_view(
    settings: RandomViews, number: int, index: int, size: tuple[int, int], frame: Frame, content: str
) -> View:
    """Draw one view of an image.

    Parameters
    ----------
    settings : RandomViews
    number : int
        The view's number among the random ones; `index` is that in the plan.
    size : tuple of int
        Width and height of the image.
    frame : Frame
    content : str
        Hash of the image's content.

    Raises
    ------
    UnreadableImage
        If the image is too narrow to be resized.
    UsageError
        If the plan needs principal colours and has none.
    """
    draws = Draws(settings.random_state, content, number)
    box, scale, grid = _draw_crop(settings.crop, draws, size, frame)
    return View(
        index=index,
        name=random_name(number),
        box=box,
        scale=scale,
        flip=draws.chance("flip", settings.flip),
        grid=grid,
        warp=_draw_warp(settings.geometry, draws) if settings.geometry.warps else None,
        tint=_draw_tint(settings.color, draws) if settings.color != ColorJitter() else None,
    )


def scaled_sides(sides: tuple[int, ...], reference: int, frame: Frame) -> tuple[int, ...]:
    """Return lengths that were meant for a patch of `reference` pixels, for the patch of this frame.

    Raises
    ------
    UsageError
        If one is smaller than the patch that is cut from it.
    """
    if reference:
        sides = tuple(round(side * max(frame.height, frame.width) / reference) for side in sides)
    patch = max(frame.height, frame.width)
    for side in sides:
        if side < patch:
            raise UsageError(
                f"a view plan asks for {frame.height} x {frame.width} patches of images with short side"
                f" {side}: every short side must be at least {patch}."
            )
    return sides


def _draw_crop(
    crop: RandomCrop, draws: Draws, size: tuple[int, int], frame: Frame
) -> tuple[Box, float, Grid | None]:
    if crop.kind == "center":
        view = FixedView(0, frame.resize, "center", False).locate(size, frame)
        return view.box, view.scale, view.grid
    if crop.kind == "area":
        box = _draw_rectangle(crop, draws, size)
        scale = math.sqrt(frame.width * frame.height / ((box[2] - box[0]) * (box[3] - box[1])))
        return box, scale, None
    smallest, largest = scaled_sides(crop.short_sides, crop.reference, frame)
    side = draws.whole("short_side", smallest, largest)
    width, height = resized_size(size, side)
    left = draws.whole("left", 0, width - frame.width)
    top = draws.whole("top", 0, height - frame.height)
    # No grid: the patch alone is resized, which gives a slice of the whole but for Pillow's rounding.
    return *locate_patch(size, Grid(side, left, top), frame), None


def _draw_rectangle(crop: RandomCrop, draws: Draws, size: tuple[int, int]) -> Box:
    """Draw a rectangle of whole pixels; where ten do not fit, take the largest of an allowed aspect."""
    width, height = size
    for attempt in range(_TRIES):
        area = width * height * draws.uniform(f"area/{attempt}", *crop.area)
        aspect = math.exp(draws.uniform(f"aspect/{attempt}", *(math.log(value) for value in crop.aspect)))
        w, h = max(1, round(math.sqrt(area * aspect))), max(1, round(math.sqrt(area / aspect)))
        if w <= width and h <= height:
            break
    else:
        aspect = min(max(width / height, crop.aspect[0]), crop.aspect[1])
        w, h = min(width, max(1, round(height * aspect))), min(height, max(1, round(width / aspect)))
    left, top = draws.whole("left", 0, width - w), draws.whole("top", 0, height - h)
    return (left, top, left + w, top + h)


def _draw_warp(geometry: Geometry, draws: Draws) -> Warp:
    def around(name: str, largest: float) -> float:
        return draws.uniform(name, -largest, largest) if largest else 0.0

    low, high = (math.log(value) for value in geometry.stretching)
    perspective = tuple(around(f"perspective/{number}", geometry.perspective) for number in range(8))
    return Warp(
        translation=(
            around("translation/x", geometry.translation),
            around("translation/y", geometry.translation),
        ),
        angle=around("rotation", geometry.rotation),
        stretch=(
            math.exp(draws.uniform("stretching/x", low, high)),
            math.exp(draws.uniform("stretching/y", low, high)),
        ),
        shear=(around("shearing/x", geometry.shearing), around("shearing/y", geometry.shearing)),
        perspective=perspective if geometry.perspective else (),
        k1=draws.uniform("lens_k1", *geometry.lens_k1),
        k2=draws.uniform("lens_k2", *geometry.lens_k2),
        border=geometry.border,
    )


def _draw_tint(color: ColorJitter, draws: Draws) -> Tint:
    offset = (0.0, 0.0, 0.0)
    if color.pca_std:
        if color.principal_colors is None:
            raise UsageError(
                "the view plan varies colours along their principal components ('pca'), and these have not"
                " been computed: `cnncodes views write PLAN --data TRAINING_IMAGES -o plan.toml` does so."
            )
        first, second, third = (draws.normal(f"pca/{number}", color.pca_std) for number in range(3))
        offset = color.principal_colors.offset((first, second, third))
    return Tint(
        brightness=draws.uniform("brightness", *color.brightness),
        contrast=draws.uniform("contrast", *color.contrast),
        saturation=draws.uniform("saturation", *color.saturation),
        offset=offset,
    )
