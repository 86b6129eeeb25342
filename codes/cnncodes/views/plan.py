"""View plans: which crops, scales, mirrors and distortions of an image become codes.

A plan is a small frozen value. It is written down beside the codes, hashed, and used alike when
codes are made, when a classifier predicts and when a network is fine-tuned.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cnncodes.errors import UsageError
from cnncodes.plain import to_builtin
from cnncodes.views.checks import check_choice, check_keys, check_whole
from cnncodes.views.colors import PrincipalColors
from cnncodes.views.darkroom import Rendered, render_views
from cnncodes.views.drawing import draw_view, random_name, scaled_sides
from cnncodes.views.files import check_format, format_settings, read_settings
from cnncodes.views.finding import explain_missing
from cnncodes.views.fixed import POSITIONS, FixedView
from cnncodes.views.names import parse_name
from cnncodes.views.settings import MAX_RANDOM_STATE, RandomViews
from cnncodes.views.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnncodes.backbones.frame import Frame
    from cnncodes.views.encoded import Picture

_MAX_SIDE = 16_384


@dataclass(frozen=True)
class ViewPlan:
    """The views of each image: fixed ones, the same for every image, and random ones after them.

    Parameters
    ----------
    short_sides : tuple of int, optional
        Lengths to which the shorter side is resized for the fixed views, one after another. Empty: the
        backbone's own.
    reference : int, optional
        The patch size that `short_sides` are meant for: they are scaled in proportion for a backbone
        with another one. 0: taken as they are.
    crops : {"center", "five", "none"}
        Fixed views: the centre, or the four corners and the centre, or none.
    mirror : bool
        Whether the same crops of the mirrored picture follow.
    random : RandomViews, optional
        What is varied at random, and for how many views.

    See Also
    --------
    ViewPlan.parse : plans by name: ``center``, ``flip``, ``tencrop``, ``multicrop``, ``train:4``.

    Notes
    -----
    Ten-crop testing is that of Krizhevsky et al. (2012); ``multicrop`` is the test of He et al.
    (2015), ten crops at short sides 224, 256, 384, 480 and 640. The order of ten views is that of
    torchvision's ``TenCrop``.

    Examples
    --------
    >>> from cnncodes import ViewPlan
    >>> ViewPlan.parse("multicrop").count
    50
    >>> print(ViewPlan.parse("center, rotation:3").to_toml())
    format = 1
    crops = "center"
    <BLANKLINE>
    [random]
    count = 3
    random_state = 0
    <BLANKLINE>
    [random.crop]
    kind = "center"
    <BLANKLINE>
    [random.geometry]
    rotation = 15.0
    border = "reflect"
    <BLANKLINE>
    """

    short_sides: tuple[int, ...] = ()
    reference: int = 0
    crops: str = "center"
    mirror: bool = False
    random: RandomViews | None = None

    def __post_init__(self) -> None:
        if isinstance(self.short_sides, list):
            object.__setattr__(self, "short_sides", tuple(self.short_sides))
        if not isinstance(self.short_sides, tuple):
            raise UsageError(f"short_sides must be a list of lengths. Got {self.short_sides!r} instead.")
        for side in self.short_sides:
            check_whole("each of short_sides", side, 1, _MAX_SIDE)
        if len(set(self.short_sides)) < len(self.short_sides):
            raise UsageError(f"short_sides must differ. Got {self.short_sides!r} instead.")
        check_whole("reference", self.reference, 0, _MAX_SIDE)
        if self.reference and not self.short_sides:
            raise UsageError("reference says nothing where short_sides is empty: leave it out.")
        check_choice("crops", self.crops, tuple(POSITIONS))
        if not isinstance(self.mirror, bool):
            raise UsageError(f"mirror must be true or false. Got {self.mirror!r} instead.")
        if self.random is not None and not isinstance(self.random, RandomViews):
            raise UsageError(f"random must be a RandomViews. Got {self.random!r} instead.")
        if self.crops == "none":
            if self.random is None:
                raise UsageError("a view plan with crops 'none' and no random views has no views at all.")
            if self.short_sides or self.reference or self.mirror:
                raise UsageError("short_sides, reference and mirror say nothing where crops is 'none'.")

    @classmethod
    def parse(cls, plan: str | Path | ViewPlan, *, random_state: int | None = None) -> ViewPlan:
        """Return the plan of that name or file, or the plan itself.

        Parameters
        ----------
        plan : str, path or ViewPlan
            A fixed plan (``"tencrop"``), so many random views (``"train:4"``, ``"rotation+lens:2"``), both
            (``"center, train:8"``), or a file ending in ``.toml``.
        random_state : int, optional
            For random views that are given by name; 0 without it.

        Raises
        ------
        UsageError
            If there is no such plan; the text offers the nearest name. If `random_state` is none.
        """
        random_state = to_builtin(random_state)
        if random_state is not None:  # also where the plan has no use for it
            check_whole("random_state", random_state, 0, MAX_RANDOM_STATE)
        if isinstance(plan, ViewPlan):
            return plan
        if isinstance(plan, str) and not plan.strip().lower().endswith(".toml"):
            return cls(**parse_name(plan, random_state))
        if not isinstance(plan, str | Path):
            raise UsageError(
                f"views must be a plan's name, a .toml file or a ViewPlan. Got {plan!r} instead."
            )
        return cls.read(plan.strip() if isinstance(plan, str) else plan)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a plan from what `to_dict` gave, or from what a plan's file holds.

        Raises
        ------
        UsageError
            Naming the key that is unknown or wrong, or a newer format.
        """
        given = check_keys("a view plan", values, ["format", *(item.name for item in fields(cls))])
        if "format" in given:
            check_format("the given table", given.pop("format"))
        if given.get("random") is not None:
            given["random"] = RandomViews.from_dict(given["random"])
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values that TOML and JSON can hold."""
        fixed = {
            "short_sides": list(self.short_sides),
            "reference": self.reference,
            "crops": self.crops,
            "mirror": self.mirror,
        }
        return fixed if self.random is None else {**fixed, "random": self.random.to_dict()}

    @classmethod
    def read(cls, path: str | Path) -> ViewPlan:
        """Read a plan from a TOML file.

        Raises
        ------
        UsageError
            If the file is missing, no TOML, of a newer format, or no plan.
        """
        settings = read_settings(path)
        try:
            return cls.from_dict(settings)
        except UsageError as error:
            raise UsageError(f"the view plan {str(path)!r} is wrong: {error}") from error

    def to_toml(self) -> str:
        """Return the text of a TOML file that `read` understands."""
        return format_settings(self.to_dict(), ViewPlan().to_dict())

    @property
    def id(self) -> str:
        """Hash of the plan: 16 hexadecimal digits."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def count(self) -> int:
        """How many views the plan gives of each image."""
        return self._fixed_count + (self.random.count if self.random else 0)

    @property
    def _fixed_count(self) -> int:
        return max(1, len(self.short_sides)) * len(POSITIONS[self.crops]) * (2 if self.mirror else 1)

    @property
    def columns(self) -> tuple[str, ...]:
        """Parameters that vary beside the box, the scale and the flip: columns of a codes dataset."""
        return self.random.columns if self.random else ()

    @property
    def needs_colors(self) -> bool:
        """Whether the principal colours of a training set have yet to be put in."""
        return self.random is not None and self.random.needs_colors

    @property
    def principal_colors(self) -> PrincipalColors | None:
        """The principal colours of a training set, where the plan has them."""
        return self.random.color.principal_colors if self.random else None

    def with_colors(self, colors: PrincipalColors | None) -> ViewPlan:
        """Return the plan with the principal colours of a training set; with None, without them."""
        if self.random is None or not self.random.color.pca_std:
            return self
        color = replace(self.random.color, principal_colors=colors)
        return replace(self, random=replace(self.random, color=color))

    def names(self, frame: Frame) -> tuple[str, ...]:
        """Return the views' names for a backbone's input frame, in order.

        Raises
        ------
        UsageError
            If a short side is smaller than the patch that is cut from it.
        """
        randoms = range(self.random.count) if self.random else ()
        return (*(view.name for view in _fixed_views(self, frame)), *map(random_name, randoms))

    def pixel_names(self, frame: Frame) -> tuple[str, ...]:
        """Return names under which views of one image that are equal show the same pixels, in any plan."""
        mark = f"#{self.random.id}" if self.random else ""
        return tuple(f"{name}{mark}" if name.startswith("random") else name for name in self.names(frame))

    def find_in(self, stored: ViewPlan, frame: Frame) -> list[int]:
        """Return the number that each of this plan's views has in another plan.

        Raises
        ------
        UsageError
            If the other plan lacks one of them; the text names it.
        """
        there = {name: number for number, name in enumerate(stored.pixel_names(frame))}
        names = self.pixel_names(frame)
        for name, shown in zip(names, self.names(frame), strict=True):
            if name not in there:
                why = explain_missing(shown, stored.names(frame), self.random, stored.random)
                raise UsageError(f"the codes hold no view {shown!r}{why}")
        return [there[name] for name in names]

    def largest_short_side(self, frame: Frame) -> int:
        """Return the length of an image's shorter side, in pixels, that no view needs more than."""
        sides = [view.short_side for view in _fixed_views(self, frame)]
        if self.random is not None:
            crop = self.random.crop
            sides.append(frame.resize)
            if crop.kind == "scale":
                sides += scaled_sides(crop.short_sides, crop.reference, frame)
            elif crop.kind == "area":
                sides.append(int(max(frame.height, frame.width) / crop.area[0] ** 0.5) + 1)
        return max(sides)

    def reads_once(self, only: Sequence[int] | None = None) -> bool:
        """Return whether a picture is resized but once for all views, or for those numbers of `only`."""
        if self.random is None:
            return len(self.short_sides) <= 1 or (only is not None and len(only) == 1)
        count = self.count if only is None else len(only)
        return count == 1 and not self.random.geometry.warps

    def locate(self, size: tuple[int, int], frame: Frame, content: str | None = None) -> tuple[View, ...]:
        """Return the plan's views of an image, without their pixels.

        Parameters
        ----------
        size : tuple of int
            Width and height of the image in pixels.
        frame : Frame
            The backbone's input: patch size, resize rule, interpolation.
        content : str, optional
            Hash of the image's content; needed where the plan has random views.

        Raises
        ------
        UnreadableImage
            If the image is so narrow that resizing its short side would take over 64 million pixels.
        """
        fixed = [view.locate(size, frame) for view in _fixed_views(self, frame)]
        if self.random is None:
            return tuple(fixed)
        if not isinstance(content, str):
            raise UsageError(f"random views need the hash of the image's content, a text. Got {content!r}.")
        drawn = [
            draw_view(self.random, number, len(fixed) + number, size, frame, content)
            for number in range(self.random.count)
        ]
        return (*fixed, *drawn)

    def render(
        self, image: Picture, frame: Frame, content: str | None = None, *, only: Sequence[int] | None = None
    ) -> Rendered:
        """Cut the plan's views out of an image.

        Fixed crops are slices of one resize a scale, exactly as Pillow does it. A random crop is resized
        from its part of the image alone. A warped view is shrunk once, and then interpolated once.

        Parameters
        ----------
        image : PIL.Image.Image or EncodedJpeg
            Mode RGB.
        frame : Frame
            The backbone's input: patch size, resize rule, interpolation.
        content : str, optional
            Hash of the image's content; needed where the plan has random views.
        only : sequence of int, optional
            Numbers of the views that are wanted, where not all are.

        Returns
        -------
        Rendered
            Of the views that are wanted, in that order.

        Raises
        ------
        UnreadableImage
            If the image is so narrow that resizing its short side would take over 64 million pixels, or is
            decoded only now and cannot be.
        """
        views = self.locate(image.size, frame, content)
        return render_views(image, frame, views if only is None else [views[number] for number in only])


@functools.lru_cache(maxsize=64)
def _fixed_views(plan: ViewPlan, frame: Frame) -> tuple[FixedView, ...]:
    if plan.crops == "none":
        return ()
    sides = scaled_sides(plan.short_sides, plan.reference, frame) or (frame.resize,)
    if len(set(sides)) < len(sides):
        raise UsageError(
            f"the view plan's short sides {plan.short_sides}, meant for {plan.reference}, become {sides}"
            f" for a {frame.height} x {frame.width} patch, and two of them are one. Leave one out."
        )
    flips = (False, True) if plan.mirror else (False,)
    places = [(side, flip, place) for side in sides for flip in flips for place in POSITIONS[plan.crops]]
    return tuple(FixedView(i, side, place, flip) for i, (side, flip, place) in enumerate(places))
