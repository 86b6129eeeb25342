"""View plans: which crops, scales and mirrors of an image become codes.

A plan is a small frozen value. It is written down beside the codes, hashed, and used alike when
codes are made, when a classifier predicts and when a network is fine-tuned. Where an image has
several views that show the same pixels (all corners of a square picture at the smallest scale),
they are rendered once and `Rendered.index` says which views share them.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from cnncodes.errors import UnreadableImage, UsageError, suggest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from cnncodes.backbones.card import Frame

#: A short side is scaled up for narrow pictures too; beyond this many pixels that is a bomb.
MAX_RESIZED_PIXELS = 64_000_000

_CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")
_POSITIONS = {"center": ("center",), "five": (*_CORNERS, "center")}
# Mirroring the picture swaps its sides: the top-left crop of the mirror is the mirrored top-right.
_MIRRORED = {
    "top-left": "top-right",
    "top-right": "top-left",
    "bottom-left": "bottom-right",
    "bottom-right": "bottom-left",
    "center": "center",
}


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """One view of a plan for one backbone, before any image is known.

    Attributes
    ----------
    index : int
        Its number in the plan, from 0.
    short_side : int
        Length in pixels to which the image's shorter side is resized.
    position : str
        ``"center"``, ``"top-left"``, ``"top-right"``, ``"bottom-left"`` or ``"bottom-right"``,
        in the picture as it is seen: in the mirrored one where `flip` is true.
    flip : bool
        Whether the picture is mirrored left to right.
    """

    index: int
    short_side: int
    position: str
    flip: bool

    @property
    def name(self) -> str:
        """The view's name, the same for every image: ``"256/center/mirror"``."""
        return f"{self.short_side}/{self.position}" + ("/mirror" if self.flip else "")


@dataclass(frozen=True, slots=True)
class View:
    """One view of one image.

    Attributes
    ----------
    spec : ViewSpec
        What was asked for.
    left, top : int
        Corner of the patch in the resized, unmirrored image, in pixels.
    scale : float
        Resized pixels for one source pixel.
    box : tuple of float
        Left, top, right, bottom of the patch in source pixels.
    """

    spec: ViewSpec
    left: int
    top: int
    scale: float
    box: tuple[float, float, float, float]

    def parameters(self) -> dict[str, Any]:
        """Return the columns that describe this view in a codes dataset."""
        return {
            "view": self.spec.index,
            "view_name": self.spec.name,
            "box": self.box,
            "scale": self.scale,
            "flip": self.spec.flip,
        }


@dataclass(frozen=True, slots=True)
class Rendered:
    """The pixels of an image's views.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (n_distinct, height, width, 3)
        Each distinct view once.
    index : ndarray of int64, shape (n_views,)
        For each view of the plan, its row in `pixels`.
    views : tuple of View
        One for each view of the plan, in order.
    """

    pixels: npt.NDArray[np.uint8]
    index: npt.NDArray[np.int64]
    views: tuple[View, ...]


@dataclass(frozen=True)
class ViewPlan:
    """A fixed set of views, the same for every image.

    Parameters
    ----------
    short_sides : tuple of int, optional
        Lengths to which the shorter side is resized, one after another. Empty: the backbone's own.
    reference : int, optional
        The patch size that `short_sides` are meant for: they are scaled in proportion for a backbone
        with another one. 0: taken as they are.
    crops : {"center", "five"}
        The centre, or the four corners and the centre.
    mirror : bool
        Whether the same crops of the mirrored picture follow.

    See Also
    --------
    ViewPlan.parse : plans by name: ``center``, ``flip``, ``tencrop``, ``multicrop``.

    Notes
    -----
    Ten-crop testing is that of Krizhevsky et al. (2012); ``multicrop`` is the test of He et al.
    (2015), ten crops at short sides 224, 256, 384, 480 and 640. The order of ten views is that of
    torchvision's ``TenCrop``.

    Examples
    --------
    >>> from cnncodes import ViewPlan
    >>> ViewPlan.parse("flip")
    ViewPlan(short_sides=(), reference=0, crops='center', mirror=True)
    >>> ViewPlan.parse("multicrop").count
    50
    """

    short_sides: tuple[int, ...] = ()
    reference: int = 0
    crops: str = "center"
    mirror: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.short_sides, tuple):
            object.__setattr__(self, "short_sides", tuple(self.short_sides))
        if any(not isinstance(side, int) or isinstance(side, bool) or side < 1 for side in self.short_sides):
            raise UsageError(f"short_sides must be positive whole numbers. Got {self.short_sides!r} instead.")
        if not isinstance(self.reference, int) or self.reference < 0:
            raise UsageError(
                f"reference must be a whole number of pixels, or 0. Got {self.reference!r} instead."
            )
        if self.crops not in _POSITIONS:
            raise UsageError(f"unknown crops {self.crops!r}. {suggest(str(self.crops), _POSITIONS)}")
        if not isinstance(self.mirror, bool):
            raise UsageError(f"mirror must be true or false. Got {self.mirror!r} instead.")

    @classmethod
    def parse(cls, plan: str | ViewPlan) -> ViewPlan:
        """Return the plan of that name, or the plan itself.

        Raises
        ------
        UsageError
            If no plan has that name.
        """
        if isinstance(plan, ViewPlan):
            return plan
        if not isinstance(plan, str):
            raise UsageError(f"views must be a plan's name or a ViewPlan. Got {plan!r} instead.")
        if plan not in PLANS:
            raise UsageError(f"unknown view plan {plan!r}. {suggest(plan, PLANS)}")
        return PLANS[plan]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ViewPlan:
        """Build a plan from what `to_dict` gave."""
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise UsageError(f"unknown key {key!r} in a view plan. {suggest(key, known)}")
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values that TOML and JSON can hold."""
        return {**asdict(self), "short_sides": list(self.short_sides)}

    @property
    def id(self) -> str:
        """Hash of the plan: 16 hexadecimal digits."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def count(self) -> int:
        """How many views the plan gives of each image."""
        return max(1, len(self.short_sides)) * len(_POSITIONS[self.crops]) * (2 if self.mirror else 1)

    def specs(self, frame: Frame) -> tuple[ViewSpec, ...]:
        """Return the plan's views for a backbone's input frame.

        Raises
        ------
        UsageError
            If a short side is smaller than the patch that is cut from it.
        """
        return _specs(self, frame)

    def render(self, image: Image, frame: Frame) -> Rendered:
        """Cut the plan's views out of an image.

        Each short side is resized once, exactly as Pillow does it, and the crops are slices of it.

        Parameters
        ----------
        image : PIL.Image.Image
            Mode RGB.
        frame : Frame
            The backbone's input: patch size, resize rule, interpolation.

        Returns
        -------
        Rendered

        Raises
        ------
        UnreadableImage
            If the image is so narrow that resizing its short side would take over 64 million pixels.
        """
        import numpy as np

        views = tuple(_locate(spec, image.size, frame) for spec in self.specs(frame))
        distinct: dict[tuple[int, int, int, bool], int] = {}
        pixels: list[npt.NDArray[np.uint8]] = []
        resized: tuple[int, npt.NDArray[np.uint8]] | None = None
        index = np.empty(len(views), dtype=np.int64)
        for number, view in enumerate(views):
            spec = view.spec
            place = (spec.short_side, view.left, view.top, spec.flip)
            if place not in distinct:
                if resized is None or resized[0] != spec.short_side:
                    resized = (spec.short_side, _resize(image, spec.short_side, frame))
                patch = resized[1][view.top : view.top + frame.height, view.left : view.left + frame.width]
                pixels.append(patch[:, ::-1] if spec.flip else patch)
                distinct[place] = len(pixels) - 1
            index[number] = distinct[place]
        return Rendered(np.stack(pixels), index, views)


#: The plans that have a name.
PLANS = {
    "center": ViewPlan(),
    "flip": ViewPlan(mirror=True),
    "tencrop": ViewPlan(crops="five", mirror=True),
    "multicrop": ViewPlan((224, 256, 384, 480, 640), 224, "five", True),
}


@functools.lru_cache(maxsize=64)
def _specs(plan: ViewPlan, frame: Frame) -> tuple[ViewSpec, ...]:
    patch = min(frame.height, frame.width)
    sides = plan.short_sides or (frame.resize,)
    if plan.short_sides and plan.reference:
        sides = tuple(round(side * patch / plan.reference) for side in sides)
    for side in sides:
        if side < max(frame.height, frame.width):
            raise UsageError(
                f"a view plan asks for {frame.height} x {frame.width} patches of images with short side"
                f" {side}:"
                f" every short side must be at least {max(frame.height, frame.width)}."
            )
    flips = (False, True) if plan.mirror else (False,)
    places = [
        (side, flip, position) for side in sides for flip in flips for position in _POSITIONS[plan.crops]
    ]
    return tuple(ViewSpec(i, side, position, flip) for i, (side, flip, position) in enumerate(places))


def _resized_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Width and height after the shorter side became `short_side`; the longer one is rounded down."""
    width, height = size
    if width <= height:
        return short_side, int(short_side * height / width)
    return int(short_side * width / height), short_side


def _locate(spec: ViewSpec, size: tuple[int, int], frame: Frame) -> View:
    width, height = _resized_size(size, spec.short_side)
    if width * height > MAX_RESIZED_PIXELS:
        raise UnreadableImage(
            "views",
            f"the image is too narrow: {size[0]} x {size[1]} pixels would become {width} x {height};"
            f" the limit is {MAX_RESIZED_PIXELS} pixels. Crop it first.",
        )
    right, bottom = width - frame.width, height - frame.height
    position = _MIRRORED[spec.position] if spec.flip else spec.position
    if position == "center":
        left, top = round(right / 2), round(bottom / 2)
        if spec.flip:
            left = right - left  # the centre of the mirrored picture, where an odd margin is not symmetric
    else:
        left = right if position.endswith("right") else 0
        top = bottom if position.startswith("bottom") else 0
    across, down = size[0] / width, size[1] / height
    box = (left * across, top * down, (left + frame.width) * across, (top + frame.height) * down)
    return View(spec, left, top, 1 / min(across, down), box)


def _resize(image: Image, short_side: int, frame: Frame) -> npt.NDArray[np.uint8]:
    import numpy as np
    from PIL import Image as pillow

    size = _resized_size(image.size, short_side)
    if size != image.size:
        image = image.resize(size, pillow.Resampling[frame.interpolation.upper()])
    return np.asarray(image)
