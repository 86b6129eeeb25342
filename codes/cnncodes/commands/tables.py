"""Tables of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Characters of a name in a table.
_LONGEST = 40


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


def cut_name(name: str) -> str:
    """Return the name of a class or label for a table, a long one cut off, so that no row is padded to it.

    Examples
    --------
    >>> cut_name("sea"), len(cut_name("sea" * 1000))
    ('sea', 40)
    """
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def format_interval(estimate: Mapping[str, float | None], form: str = "{:z.3f}") -> str:
    """Return an estimate's 95 % interval, its ends in that form.

    Examples
    --------
    >>> format_interval({"value": 0.8, "low": 0.75, "high": 0.84})
    '[0.750, 0.840]'
    """
    low, high = estimate.get("low"), estimate.get("high")
    return "-" if low is None or high is None else f"[{form.format(low)}, {form.format(high)}]"


def format_share(value: float | None) -> str:
    """Return a share with three digits, a dash for one that is not known.

    Examples
    --------
    >>> format_share(0.8125), format_share(None)
    ('0.812', '-')
    """
    return "-" if value is None else f"{value:.3f}"


def _one_line(cell: str) -> str:
    # A file's name may hold a newline or a control character; a table must survive it.
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cell)
