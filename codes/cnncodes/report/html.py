r"""HTML from text that may be hostile: names of files and classes are a stranger's.

What is shown is escaped; what would be invisible, break a line or turn the direction of writing is spelled
out, with a mark of direction where letters from right to left stand beside it; and each name stands in
``<bdi>``, so that one written from right to left does not rearrange what surrounds it.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from unicodedata import bidirectional

import numpy as np
import numpy.typing as npt

from cnncodes.errors import steady

if TYPE_CHECKING:
    from cnncodes.evaluation.figures import Figure
    from cnncodes.evaluation.intervals import Estimate

#: What stands beside a table that scripts can sort; not on paper.
HOW_TO_SORT = '<span class="for-screen">Press a column’s heading to sort by it.</span>'

#: Letters at either end of a file name that is too long to be shown.
_NAME_END = 32

# Control characters, line separators, marks and overrides of direction, halves of surrogate pairs (bytes that
# are no text), and what is no character at all.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)

# Where a line may end within a name: after what joins its words, but in no number.
_JOINT = re.compile(r"(?<=\w[_./-])(?=[^\W\d])")


def clean(text: object) -> str:
    r"""Return a text in one line, with escapes for what is not seen.

    Examples
    --------
    >>> print(clean("a\nb\u202egnp.exe"))
    a\nb\u202egnp.exe
    """
    given = str(text)
    # Beside letters written from right to left a backslash would stand behind what it begins.
    before = "\u200e" if any(bidirectional(letter) in ("R", "AL") for letter in given) else ""
    return _UNSEEN.sub(lambda match: f"{before}{_spell(match[0])}", given)


def _spell(unseen: str) -> str:
    return repr(unseen)[1:-1] if unseen != "\ufeff" else r"\ufeff"


def escape(text: object) -> str:
    """Return a text for HTML, in an element or between quotes.

    Examples
    --------
    >>> escape("<b>'\\"")
    '&lt;b&gt;&#x27;&quot;'
    """
    return html.escape(clean(text))


def name(text: object, whole: object = None) -> str:
    """Return a name for HTML, apart from the direction of what surrounds it; its words may stand in lines.

    Of one that is cut, `whole` is what a pointer at it shows.

    Examples
    --------
    >>> name("R&D"), name("Adalia_bipunctata")
    ('<bdi>R&amp;D</bdi>', '<bdi>Adalia_<wbr>bipunctata</bdi>')
    """
    title = "" if whole is None or whole == text else f' title="{escape(whole)}"'
    return f"<bdi{title}>{_JOINT.sub('<wbr>', escape(text))}</bdi>"


def file_name(key: object) -> str:
    """Return the key of an image for HTML: broken after a slash, and a very long one without its middle.

    Examples
    --------
    >>> file_name("test/cat/1.png")
    '<bdi>test/<wbr>cat/<wbr>1.png</bdi>'
    """
    text, title = str(key), ""
    if len(text) > 2 * _NAME_END:
        text, title = f"{text[:_NAME_END]}…{text[-_NAME_END:]}", f' title="{escape(key)}"'
    return f"<bdi{title}>{escape(text).replace('/', '/<wbr>')}</bdi>"


def embed_json(value: Any) -> str:
    r"""Return a value as JSON that cannot close the script element it stands in.

    Examples
    --------
    >>> embed_json("</script><!--")
    '"\\u003c/script\\u003e\\u003c!--"'
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def embed_bytes(data: bytes, kind: str) -> str:
    """Return bytes as the address of themselves: ``data:image/jpeg;base64,…``."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def pack(values: npt.ArrayLike, dtype: str) -> str:
    """Return numbers in base64, little-endian, for a typed array of the page."""
    data = np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()
    return base64.b64encode(data).decode("ascii")


def section(ident: str, title: str, *parts: str) -> str:
    """Return a section with its heading, which names it for screen readers."""
    body = "\n".join(part for part in parts if part)
    heading = f'<h2 id="{ident}-title">{escape(title)}</h2>'
    return f'<section id="{ident}" aria-labelledby="{ident}-title">\n{heading}\n{body}\n</section>'


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of a text that is HTML already; a number and its per cent sign stay together."""
    text = re.sub(r"(\d) %", r"\1&nbsp;%", text)
    return f'<p class="{kind}">{text}</p>' if kind else f"<p>{text}</p>"


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    ident: str = "",
    sortable: bool = False,
) -> str:
    """Return a table of cells that are HTML already; the first of each row is its heading.

    A cell that starts with ``<td`` or ``<th`` is taken as it is.
    """
    if sortable:
        head = [f'<button type="button">{title}<span aria-hidden="true"></span></button>' for title in head]
    top = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "\n".join(
        "<tr>" + "".join(_cell(cell, i > 0) for i, cell in enumerate(row)) + "</tr>" for row in rows
    )
    kind = ' class="sortable"' if sortable else ""
    mark = f' id="{ident}"' if ident else ""
    return scrolling(
        re.sub("<[^>]*>", "", caption),
        f"<table{mark}{kind}><caption><span>{caption}</span></caption>\n<thead><tr>{top}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table>",
    )


def scrolling(label: str, inner: str) -> str:
    """Return a box that scrolls sideways where it is too narrow, by keyboard too."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{inner}</div>'


def _cell(cell: str, is_value: bool) -> str:
    if cell.startswith(("<td", "<th")):
        return cell
    return f"<td>{cell}</td>" if is_value else f'<th scope="row">{cell}</th>'


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as text, a dash for one that is not known.

    Examples
    --------
    >>> number(0.12345), number(float("nan")), number(-4.4669e20)
    ('0.123', '–', '−4.47e+20')
    """
    if value is not None and abs(value) >= 1e6:
        return significant(value, digits)
    return "–" if value is None or not np.isfinite(value) else f"{steady(value):z.{digits}f}"


def significant(value: float | None, digits: int = 3) -> str:
    """Return a number of any size with so many digits that count, a dash for one that is not known.

    Examples
    --------
    >>> significant(0.012345), significant(12345.6), significant(-1.5), significant(0.0), significant(2e-9)
    ('0.0123', '12,346', '−1.50', '0', '2.00e−09')
    """
    if value is None or not np.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    power = int(f"{value:.{digits - 1}e}".partition("e")[2])  # of what it rounds to
    text = (
        f"{value:,.{max(0, digits - 1 - power)}f}"
        if -5 <= power < max(9, digits)
        else f"{value:.{digits - 1}e}"
    )
    return text.replace("-", "−")


def plain_number(value: float, digits: int = 4) -> str:
    """Return a number with up to four digits that count, without zeros at its end.

    Examples
    --------
    >>> plain_number(7.0), plain_number(0.25), plain_number(1234.5)
    ('7', '0.25', '1,234')
    """
    text = significant(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def say_ends(low: float, high: float) -> str:
    """Return the ends of a range of true numbers, or the one number that is in it.

    Examples
    --------
    >>> say_ends(2.0, 2.0), say_ends(0.5, 7.0)
    ('2', '0.5 to 7')
    """
    if low == high:
        return plain_number(low)
    digits = _tell_apart(low, high, 4)
    return f"{plain_number(low, digits)} to {plain_number(high, digits)}"


def _tell_apart(low: float, high: float, digits: int) -> int:
    """Return how many digits tell two numbers apart, at least as many as given; where 12 do not, these."""
    return next(
        (more for more in range(digits, 13) if significant(low, more) != significant(high, more)), digits
    )


def significant_interval(low: float, high: float, digits: int = 3) -> str:
    """Return the ends of an interval of numbers of any size."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return "not known"
    digits = _tell_apart(low, high, digits)
    return f"{significant(low, digits)} to {significant(high, digits)}"


def interval(low: float, high: float) -> str:
    """Return the ends of an interval."""
    known = np.isfinite(low) and np.isfinite(high)
    return f"{steady(low):z.3f} to {steady(high):z.3f}" if known else "not known"


def show_interval(figure: Figure, estimate: Estimate) -> str:
    """Return the interval of a figure that ways to predict are compared by, in words."""
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return "not known"
    return " to ".join(figure.show(end) for end in (estimate.low, estimate.high))


def capitalize(text: str) -> str:
    """Return a text as it begins a sentence.

    Examples
    --------
    >>> capitalize("codes of net-A: knn")
    'Codes of net-A: knn'
    """
    return f"{text[:1].upper()}{text[1:]}"
