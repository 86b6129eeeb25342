"""Contact sheets: an image's views as the network sees them, with what was drawn for each beneath it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnncodes.errors import UsageError
from cnncodes.views.darkroom import Rendered
from cnncodes.views.parameters import PARAMETERS
from cnncodes.views.view import View

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

#: Between cells, and between a patch and its caption.
_GAP, _SPACE = 12, 4
_TITLE_SIZE, _NAME_SIZE, _TEXT_SIZE = 17, 14, 13
#: Captions need so many pixels, also beneath a smaller patch.
_LEAST_WIDTH = 200
_PAPER, _INK, _FAINT = "white", "black", "#505050"
#: Of patches alone, so that most programs open the sheet without asking whether it is a bomb.
_MOST_PIXELS = 50_000_000
#: Pillow's own font has these beside ASCII; what it lacks would be an empty square.
_DRAWABLE = "°±·…"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet.

    Attributes
    ----------
    image : PIL.Image.Image
        Mode RGB.
    corners : tuple of tuple of int
        For each view, where the upper left pixel of its patch lies in `image`: x and y.
    """

    image: Image
    corners: tuple[tuple[int, int], ...]


def draw_sheet(rendered: Rendered, columns: Sequence[str], title: str) -> Sheet:
    """Draw the views of one image, every pixel as the network sees it, in cells with captions.

    Parameters
    ----------
    rendered : Rendered
        What `ViewPlan.render` gave.
    columns : sequence of str
        The parameters shown beside box, scale and flip: `ViewPlan.columns`.
    title : str
        Stands above them.

    Raises
    ------
    UsageError
        If there are too many views; see `check_count`.
    """
    from PIL import Image as pillow
    from PIL import ImageDraw

    height, width = rendered.pixels.shape[1:3]
    check_count(len(rendered.views), (width, height))
    captions = [_wrap_caption(rendered, i, columns) for i in range(len(rendered.views))]
    across, step = count_columns(len(captions)), max(width, _LEAST_WIDTH) + _GAP
    heading = _wrap(title, _font(_TITLE_SIZE), across * step - _GAP)
    top = _GAP + len(heading) * _leading(_TITLE_SIZE) + _GAP // 2
    corners: list[tuple[int, int]] = []
    for start in range(0, len(captions), across):
        row = captions[start : start + across]
        corners += [(_GAP + place * step, top) for place in range(len(row))]
        top += height + _caption_height(max(map(len, row))) + _GAP
    image = pillow.new("RGB", (across * step + _GAP, top), _PAPER)
    draw = ImageDraw.Draw(image)
    _write(draw, (_GAP, _GAP), heading, _TITLE_SIZE, _INK)
    for number, (left, upper) in enumerate(corners):
        image.paste(pillow.fromarray(rendered.pixels[rendered.index[number]]), (left, upper))
        beneath = upper + height + _SPACE
        _write(draw, (left, beneath), captions[number][:1], _NAME_SIZE, _INK)
        _write(draw, (left, beneath + _leading(_NAME_SIZE)), captions[number][1:], _TEXT_SIZE, _FAINT)
    return Sheet(image, tuple(corners))


def check_count(n_views: int, patch: tuple[int, int]) -> None:
    """Raise `UsageError` unless so many patches, each of a width and height, have room on one sheet."""
    width, height = patch
    room = max(1, _MOST_PIXELS // (max(width, _LEAST_WIDTH) * height))
    if n_views > room:
        raise UsageError(
            f"a contact sheet has room for {room} views of {height} x {width} pixels. Got {n_views}: name a"
            " plan with fewer views."
        )


def count_columns(n_views: int) -> int:
    """Return how many cells stand side by side: a ten-crop fills whole rows."""
    return min(n_views, 5) if n_views <= 20 else 10


def first_equal(rendered: Rendered, number: int) -> int | None:
    """Return the number of an earlier view that shows the same pixels, or None."""
    first = int((rendered.index == rendered.index[number]).argmax())
    return first if first < number else None


def describe_view(rendered: Rendered, number: int, columns: Sequence[str]) -> tuple[str, list[str]]:
    """Return what stands beneath a view: its heading, and its parameters, a text each."""
    view = rendered.views[number]
    parts = [_describe_box(view), f"scale {view.scale:.3f}", f"flip {'yes' if view.flip else 'no'}"]
    values = view.parameters()
    parts += [PARAMETERS[name].describe(values[name]) for name in columns if name in values]
    equal = first_equal(rendered, number)
    return f"view {view.index}: {view.name}", [*([] if equal is None else [f"= view {equal}"]), *parts]


def _describe_box(view: View) -> str:
    left, top, right, bottom = (_shorten(value) for value in view.box)
    return f"box x {left}-{right} y {top}-{bottom}"


def _shorten(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@functools.cache
def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    font: Any = ImageFont.load_default(size)
    return font  # type: ignore[no-any-return]


def _leading(size: int) -> int:
    return round(1.3 * size)


def _caption_height(n_lines: int) -> int:
    return _SPACE + _leading(_NAME_SIZE) + (n_lines - 1) * _leading(_TEXT_SIZE)


def _wrap_caption(rendered: Rendered, number: int, columns: Sequence[str]) -> list[str]:
    name, parts = describe_view(rendered, number, columns)
    width = max(rendered.pixels.shape[2], _LEAST_WIDTH)
    return [*_wrap(name, _font(_NAME_SIZE), width), *_wrap_parts(parts, _font(_TEXT_SIZE), width)]


def _write(draw: ImageDraw, place: tuple[int, int], lines: Sequence[str], size: int, ink: str) -> None:
    for number, line in enumerate(lines):
        draw.text((place[0], place[1] + number * _leading(size)), line, fill=ink, font=_font(size))


def _wrap_parts(parts: Sequence[str], font: FreeTypeFont, width: int) -> list[str]:
    """Fill lines with whole texts, commas between them; one that is too long alone is broken."""
    lines: list[str] = []
    for part in parts:
        if lines and font.getlength(f"{lines[-1]}, {part}") <= width:
            lines[-1] += f", {part}"
        else:
            lines += _wrap(part, font, width)
    return lines


def _wrap(text: str, font: FreeTypeFont, width: int) -> list[str]:
    """Break a text between words, and a word that is too long alone anywhere."""
    shown = "".join(c if " " <= c <= "~" or c in _DRAWABLE else "?" for c in text)
    lines = [""]
    for word in shown.split():
        joined = f"{lines[-1]} {word}".lstrip()
        if font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        lines += [word] if lines[-1] else []
        lines[-1] = word
        while font.getlength(lines[-1]) > width:
            fits = _count_fitting(lines[-1], font, width)
            lines[-1:] = [lines[-1][:fits], lines[-1][fits:]]
    return lines


def _count_fitting(word: str, font: FreeTypeFont, width: int) -> int:
    """Return how many of a word's first characters fit, one at least."""
    count = 1
    while count < len(word) and font.getlength(word[: count + 1]) <= width:
        count += 1
    return count
