"""Tables of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncodes.errors import steady


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of cells in columns.

    Examples
    --------
    >>> print(format_table([("class", "n"), ("people", "12")]))
    class   n
    people  12
    """
    shown = [[_one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in shown) for i in range(len(shown[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in shown)
    return "\n".join(line.rstrip() for line in lines)


def format_interval(estimate: Mapping[str, float | None], form: str | None = None) -> str:
    """Return an estimate's 95 % interval, its ends in that form, or as shares.

    Examples
    --------
    >>> format_interval({"value": 0.8, "low": 0.75, "high": 0.84})
    '[0.750, 0.840]'
    """
    low, high = estimate.get("low"), estimate.get("high")
    show = _show_share if form is None else form.format
    return "-" if low is None or high is None else f"[{show(low)}, {show(high)}]"


def format_share(value: float | None) -> str:
    """Return a share with three digits, a dash for one that is not known; of R2, which has no least, four.

    Examples
    --------
    >>> format_share(0.8125), format_share(None), format_share(-4.4669e20)
    ('0.812', '-', '-4.467e+20')
    """
    return "-" if value is None else _show_share(value)


def _show_share(value: float) -> str:
    return f"{steady(value):z.3f}" if abs(value) < 1000 else f"{value:.4g}"


def _one_line(cell: str) -> str:
    # A file's name may hold a newline or a control character; a table must survive it.
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cell)
