"""What a plan's random views may vary, and how far."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from cnncodes.errors import UsageError
from cnncodes.views.checks import (
    check_choice,
    check_keys,
    check_number,
    check_range,
    check_whole,
    check_whole_range,
)
from cnncodes.views.colors import PrincipalColors
from cnncodes.views.parameters import list_varied

CROPS = ("center", "scale", "area")
BORDERS = ("reflect", "edge", "black")

#: More views of one image than this are a slip of the hand.
MAX_VIEWS = 10_000
#: What draws are hashed from has 64 bits.
MAX_RANDOM_STATE = 2**64 - 1
_MAX_SIDE = 16_384

Pair = tuple[float, float]


def _set(target: object, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(target, name, value)


def _changed(target: Any) -> dict[str, Any]:
    """Return the fields that differ from their defaults, which for these classes do nothing."""
    given = {item.name: getattr(target, item.name) for item in fields(target)}
    kept = {item.name: given[item.name] for item in fields(target) if given[item.name] != item.default}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


@dataclass(frozen=True)
class RandomCrop:
    """Which part of the picture a random view shows, before it is warped.

    Parameters
    ----------
    kind : {"center", "scale", "area"}
        ``"center"``: always the backbone's own central patch. ``"scale"``: the shorter side is resized to
        a length drawn from `short_sides`, and the patch is cut at a random place (He et al., 2015; Simonyan
        and Zisserman, 2014). ``"area"``: a rectangle of random area and aspect ratio is resized to the patch
        (Szegedy et al., 2014).
    short_sides : tuple of int
        For ``"scale"``: smallest and largest length in pixels.
    reference : int
        The patch size that `short_sides` are meant for; they follow the backbone's in proportion. 0: taken as
        they are.
    area : tuple of float
        For ``"area"``: smallest and largest share of the picture's area.
    aspect : tuple of float
        For ``"area"``: smallest and largest width over height, drawn uniformly in the logarithm.
    """

    kind: str = "center"
    short_sides: tuple[int, int] = (256, 480)
    reference: int = 224
    area: Pair = (0.08, 1.0)
    aspect: Pair = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        check_choice("kind of random crop", self.kind, CROPS)
        _set(
            self,
            short_sides=check_whole_range("short_sides", self.short_sides, 1, _MAX_SIDE),
            reference=check_whole("reference", self.reference, 0, _MAX_SIDE),
            area=check_range("area", self.area, 1e-4, 1.0),
            aspect=check_range("aspect", self.aspect, 0.1, 10.0),
        )
        for name in _changed(self):
            if name != "kind" and name not in self._used():
                raise UsageError(f"{name} says nothing for random crops of kind {self.kind!r}: leave it out.")

    def _used(self) -> tuple[str, ...]:
        return {"center": (), "scale": ("short_sides", "reference"), "area": ("area", "aspect")}[self.kind]

    def to_dict(self) -> dict[str, Any]:
        """Return the settings that matter for this kind."""
        values: dict[str, Any] = {"kind": self.kind}
        for name in self._used():
            value = getattr(self, name)
            values[name] = list(value) if isinstance(value, tuple) else value
        return values


@dataclass(frozen=True)
class ColorJitter:
    """How far the colours of a random view may change.

    Parameters
    ----------
    brightness, contrast, saturation : tuple of float
        Smallest and largest factor, drawn uniformly; (1, 1) changes nothing.
    pca_std : float
        Standard deviation of α: along each principal component of the training set's colours, α·√variance
        is added to every pixel of the view (Krizhevsky et al., 2012, use 0.1). 0: nothing is added.
    principal_colors : PrincipalColors, optional
        These components. None where they have yet to be computed from training images.
    """

    brightness: Pair = (1.0, 1.0)
    contrast: Pair = (1.0, 1.0)
    saturation: Pair = (1.0, 1.0)
    pca_std: float = 0.0
    principal_colors: PrincipalColors | None = None

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            _set(self, **{name: check_range(name, getattr(self, name), 0.0, 10.0)})
        _set(self, pca_std=check_number("pca_std", self.pca_std, 0.0, 10.0))
        if isinstance(self.principal_colors, Mapping):
            _set(self, principal_colors=PrincipalColors.from_dict(self.principal_colors))
        if self.principal_colors is not None and not self.pca_std:
            raise UsageError("principal_colors say nothing where pca_std is 0: give both or neither.")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings that do something."""
        values = _changed(self)
        if self.principal_colors is not None:
            values["principal_colors"] = self.principal_colors.to_dict()
        return values


@dataclass(frozen=True)
class Geometry:
    """How far a random view may be moved, turned and bent.

    Each is drawn uniformly between minus and plus its value, or between its two values. All that apply to a
    view are composed into one map of coordinates, so that its pixels are interpolated once.

    Parameters
    ----------
    translation : float
        Largest shift along each axis, as a share of the patch's side.
    rotation : float
        Largest angle in degrees.
    stretching : tuple of float
        Smallest and largest factor along each axis, drawn uniformly in the logarithm, one for each axis.
    shearing : float
        Largest angle in degrees by which each axis leans.
    perspective : float
        Largest shift of each corner along each axis, as a share of the patch's side.
    lens_k1, lens_k2 : tuple of float
        Radial distortion (Brown, 1966): a point at distance r from the centre, the corner being at 1, shows
        what was at r·(1 + k1·r² + k2·r⁴). Positive k1 gives a barrel, negative k1 a pincushion.
    border : {"reflect", "edge", "black"}
        What a view shows beyond the picture's edge: its mirror image, its outermost pixels, or nothing.
    """

    translation: float = 0.0
    rotation: float = 0.0
    stretching: Pair = (1.0, 1.0)
    shearing: float = 0.0
    perspective: float = 0.0
    lens_k1: Pair = (0.0, 0.0)
    lens_k2: Pair = (0.0, 0.0)
    border: str = "reflect"

    def __post_init__(self) -> None:
        _set(
            self,
            translation=check_number("translation", self.translation, 0.0, 1.0),
            rotation=check_number("rotation", self.rotation, 0.0, 180.0),
            stretching=check_range("stretching", self.stretching, 0.2, 5.0),
            shearing=check_number("shearing", self.shearing, 0.0, 45.0),
            perspective=check_number("perspective", self.perspective, 0.0, 0.2),
            lens_k1=check_range("lens_k1", self.lens_k1, -0.5, 0.5),
            lens_k2=check_range("lens_k2", self.lens_k2, -0.5, 0.5),
            border=check_choice("border", self.border, BORDERS),
        )
        for k1 in self.lens_k1:
            for k2 in self.lens_k2:
                _check_lens(k1, k2)
        if self.border != "reflect" and not self.warps:
            raise UsageError("border says nothing where no geometry is varied: leave it out.")

    @property
    def warps(self) -> bool:
        """Whether anything here moves a pixel."""
        return any(name != "border" for name in _changed(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings that do something."""
        return {**_changed(self), **({"border": self.border} if self.warps else {})}


def _check_lens(k1: float, k2: float) -> None:
    """Refuse a distortion that folds the picture over: r·(1 + k1·r² + k2·r⁴) must grow up to r = 1."""
    # Its slope, a parabola in r², is least at an end or, where it opens upwards, at its vertex.
    squares = [0.0, 1.0]
    if k2 > 0:
        squares.append(min(1.0, max(0.0, -3 * k1 / (10 * k2))))
    if min(1 + 3 * k1 * s + 5 * k2 * s * s for s in squares) <= 0.05:
        raise UsageError(
            f"lens_k1 = {k1:g} with lens_k2 = {k2:g} folds the picture over: 1 + 3·k1·r² + 5·k2·r⁴ must stay"
            " above 0.05 for r from 0 to 1. Give values nearer to 0."
        )


@dataclass(frozen=True)
class RandomViews:
    """Views that are drawn at random for each image.

    A view is a function of `random_state`, the image's content and the view's number, and of nothing else:
    neither the image's name, nor other views, images or settings.

    Parameters
    ----------
    count : int
        Views of each image.
    random_state : int
        Chooses among all possible draws.
    crop : RandomCrop
    flip : float
        Probability with which a view is mirrored left to right.
    color : ColorJitter
    geometry : Geometry

    Examples
    --------
    >>> RandomViews(4, flip=0.5, geometry=Geometry(rotation=15)).columns
    ('angle',)
    """

    count: int
    random_state: int = 0
    crop: RandomCrop = field(default_factory=RandomCrop)
    flip: float = 0.0
    color: ColorJitter = field(default_factory=ColorJitter)
    geometry: Geometry = field(default_factory=Geometry)

    def __post_init__(self) -> None:
        check_whole("count", self.count, 1, MAX_VIEWS)
        check_whole("random_state", self.random_state, 0, MAX_RANDOM_STATE)
        _set(self, flip=check_number("flip", self.flip, 0.0, 1.0))
        for name, kind in (("crop", RandomCrop), ("color", ColorJitter), ("geometry", Geometry)):
            if not isinstance(getattr(self, name), kind):
                got = getattr(self, name)
                raise UsageError(f"{name} must be a {kind.__name__}. Got {got!r} instead.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The parameters that vary, beside the box, the scale and the flip: columns of a codes dataset."""
        return list_varied({"geometry": _changed(self.geometry), "color": _changed(self.color)})

    @property
    def needs_colors(self) -> bool:
        """Whether the principal colours of a training set have yet to be put in."""
        return self.color.pca_std > 0 and self.color.principal_colors is None

    @property
    def id(self) -> str:
        """Hash of all but the count: views of one number and one such hash show the same pixels."""
        text = json.dumps({**self.to_dict(), "count": 0}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that TOML and JSON can hold; what changes nothing is left out."""
        tables = {"color": self.color.to_dict(), "geometry": self.geometry.to_dict()}
        return {
            "count": self.count,
            "random_state": self.random_state,
            **({"flip": self.flip} if self.flip else {}),
            "crop": self.crop.to_dict(),
            **{name: table for name, table in tables.items() if table},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build them from what `to_dict` gave.

        Raises
        ------
        UsageError
            Naming the key that is unknown, missing or wrong.
        """
        given = check_keys("random", values, [item.name for item in fields(cls)])
        if "count" not in given:
            raise UsageError("random must have the key 'count': how many views of each image.")
        tables: dict[str, type] = {"crop": RandomCrop, "color": ColorJitter, "geometry": Geometry}
        for name, kind in tables.items():
            if name in given:
                known = [item.name for item in fields(kind)]
                given[name] = kind(**check_keys(f"random.{name}", given[name], known))
        return cls(**given)
