"""What a random view may vary, beside its box, scale and flip: columns of a codes dataset, and captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnncodes.views.colors import Tint
    from cnncodes.views.warp import Warp


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of them.

    Attributes
    ----------
    table : {"geometry", "color"}
        The table of a plan that varies it: what is drawn of the first is a `Warp`, of the second a `Tint`.
    setting : str
        Its field there; a view varies it where that is not at its default.
    describe : callable
        Gives the caption of a value.
    length : int
        Numbers that it has, each stored as float32.
    attribute : str
        Its field of the `Warp` or `Tint`, where that is not the column's name.
    """

    table: str
    setting: str
    describe: Callable[[Any], str]
    length: int = 1
    attribute: str = ""


def _percent(value: float) -> str:
    return f"{100 * value:+.1f}"


def _degrees(value: float) -> str:
    return f"{value:+.1f}°"


def _factor(value: float) -> str:
    return f"{value:.3f}"


def _perspective(values: Sequence[float]) -> str:
    pairs = zip(values[::2], values[1::2], strict=True)
    return f"perspective {' '.join(f'({_percent(x)},{_percent(y)})' for x, y in pairs)} %"


#: By the column's name, in the order of the columns.
PARAMETERS: dict[str, Parameter] = {
    "translation": Parameter(
        "geometry",
        "translation",
        lambda pair: f"translation x {_percent(pair[0])} % y {_percent(pair[1])} %",
        length=2,
    ),
    "angle": Parameter("geometry", "rotation", lambda value: f"angle {_degrees(value)}"),
    "stretch": Parameter(
        "geometry",
        "stretching",
        lambda pair: f"stretch x {_factor(pair[0])} y {_factor(pair[1])}",
        length=2,
    ),
    "shear": Parameter(
        "geometry",
        "shearing",
        lambda pair: f"shear x {_degrees(pair[0])} y {_degrees(pair[1])}",
        length=2,
    ),
    "perspective": Parameter("geometry", "perspective", _perspective, length=8),
    "k1": Parameter("geometry", "lens_k1", lambda value: f"k1 {value:+.3f}"),
    "k2": Parameter("geometry", "lens_k2", lambda value: f"k2 {value:+.3f}"),
    "brightness": Parameter("color", "brightness", lambda value: f"brightness {_factor(value)}"),
    "contrast": Parameter("color", "contrast", lambda value: f"contrast {_factor(value)}"),
    "saturation": Parameter("color", "saturation", lambda value: f"saturation {_factor(value)}"),
    "color_offset": Parameter(
        "color",
        "pca_std",
        lambda rgb: f"colour R {rgb[0]:+.1f} G {rgb[1]:+.1f} B {rgb[2]:+.1f}",
        length=3,
        attribute="offset",
    ),
}


def list_varied(changed: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the parameters that settings vary, given for each table those that are not at their default."""
    return tuple(name for name, one in PARAMETERS.items() if one.setting in changed[one.table])


def list_drawn(warp: Warp | None, tint: Tint | None) -> dict[str, Any]:
    """Return the parameters of what was drawn for a view."""
    drawn = {"geometry": warp, "color": tint}
    values = {}
    for name, one in PARAMETERS.items():
        if (part := drawn[one.table]) is not None:
            value = getattr(part, one.attribute or name)
            values[name] = (0.0,) * one.length if value == () else value  # an empty perspective moves nothing
    return values
