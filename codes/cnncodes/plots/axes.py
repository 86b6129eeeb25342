"""Axes of Matplotlib, which is asked for only where something is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncodes.errors import BackendMissing, UsageError, install_advice

#: Letters of a name.
_LETTERS = 24


def check_matplotlib() -> None:
    """Raise `BackendMissing` where Matplotlib cannot be imported: asked before the work to be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and str(error.name).startswith("matplotlib")
        why = "is not installed" if absent else f"cannot be imported ({error})"
        raise BackendMissing(f"Matplotlib {why}, which plots need: {install_advice('report')}.") from error


def take_axes(ax: Any, size: tuple[float, float]) -> Any:
    """Return the axes that were given, or else those of a new figure of that size in inches.

    No window shows it.

    Raises
    ------
    UsageError
        If what was given is no axes, or has a projection, as polar ones do.
    BackendMissing
        If Matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if ax is None:
        return Figure(figsize=size, layout="constrained").add_subplot()
    if not isinstance(ax, Axes):
        raise UsageError(
            "ax must be axes of Matplotlib, one: the second that `matplotlib.pyplot.subplots()` gives. Got"
            f" {type(ax).__name__} instead."
        )
    if ax.name != "rectilinear":  # others have no such lines and limits
        raise UsageError(
            f"ax must be axes of Matplotlib without a projection. Got axes with projection={ax.name!r}."
        )
    return ax


def show_name(name: object) -> str:
    """Return the name of a class as plots show it: not too long, and no formula.

    Examples
    --------
    >>> show_name("a $5 bag"), show_name("n" * 40)
    ('a \\\\$5 bag', 'nnnnnnnnnnnnnnnnnnnnnnn…')
    """
    text = str(name)
    short = text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
    return short.replace("$", r"\$")  # two of them would make a formula of what is between


def add_legend(axes: Any, named: Sequence[tuple[Any, str]], **style: Any) -> None:
    """Name what was drawn, also by names that begin with "_", which Matplotlib leaves out."""
    handles, names = zip(*named, strict=True)
    legend = axes.legend(handles, [str(number) for number in range(len(names))], fontsize="small", **style)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def check_result(result: object, attribute: str, expected: str) -> None:
    """Raise `UsageError` where something else is to be plotted than what was expected, by an attribute."""
    if not hasattr(result, attribute):
        kind = "None" if result is None else type(result).__name__
        raise UsageError(f"what is plotted must be {expected}. Got {kind} instead.")
