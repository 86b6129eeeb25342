"""Axes of Matplotlib, which is asked for only where something is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cnncodes.errors import BackendMissing, UsageError, install_advice
from cnncodes.plain import cut_names

#: Letters of a name.
_LETTERS = 24
#: Names of a legend up to which it lies within axes that were given: there may be others beside them.
_WITHIN = 10
_BESIDE = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "fontsize": "small"}
#: Names that stand in one column beside a new figure's axes.
_HIGH = 24
#: Room around what is drawn, in inches.
_MARGIN = 0.1


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
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    if ax is None:
        layout = ConstrainedLayoutEngine(w_pad=_MARGIN, h_pad=_MARGIN)
        return Figure(figsize=size, layout=layout).add_subplot()
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


def show_names(names: Iterable[object]) -> list[str]:
    """Return names of classes as plots show them: not too long, each its own, and no formulas.

    Examples
    --------
    >>> show_names(["a $5 bag", "n" * 40])
    ['a \\\\$5 bag', 'nnnnnnnnnnnnnnnnnnnnnnn…']
    """
    # Two dollar signs would make a formula of what is between.
    return [name.replace("$", r"\$") for name in cut_names(list(map(str, names)), _LETTERS)]


@dataclass(frozen=True)
class Colors:
    """Colours that can be seen on axes: of data, and of lines to compare them with."""

    data: str
    line: str
    text: str


def choose_colors(axes: Any) -> Colors:
    """Return colours by what lies behind: Okabe and Ito's blue on light axes, their sky blue on dark ones.

    Examples
    --------
    >>> axes = take_axes(None, (1.0, 1.0))
    >>> choose_colors(axes).data
    '#0072b2'
    >>> axes.set_facecolor("black")
    >>> choose_colors(axes).data
    '#56b4e9'
    """
    from matplotlib.colors import to_rgba

    behind = (axes, axes.figure, axes.figure.figure)  # the last of a figure's part, which is clear
    faces = [to_rgba(one.get_facecolor()) for one in behind]
    red, green, blue = next((face[:3] for face in faces if face[3] > 0.5), (1.0, 1.0, 1.0))
    if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5:
        return Colors("#56b4e9", "#bbbbbb", "#ffffff")
    return Colors("#0072b2", "#444444", "#000000")


def count_colors() -> int:
    """Return how many colours lines have, in turn: ten, and in some styles fewer."""
    from matplotlib import rcParams

    return len(set(rcParams["axes.prop_cycle"].by_key().get("color", ["C0"])))


def has_two_columns(count: int) -> bool:
    """Say whether so many names stand in two columns beside a new figure's axes."""
    return count > _HIGH


def add_legend(axes: Any, named: Sequence[tuple[Any, str]], *, within: bool, **style: Any) -> None:
    """Name what was drawn, also by names that begin with "_", which Matplotlib leaves out.

    Beside the axes; or `within` them, where there is most room, and then few names alone.
    """
    if within and len(named) > _WITHIN:
        return
    place = (
        {"loc": "best", "fontsize": "x-small"}
        if within
        else {**_BESIDE, "ncols": 1 + has_two_columns(len(named))}
    )
    handles, names = zip(*named, strict=True)
    legend = axes.legend(handles, [str(number) for number in range(len(names))], **{**style, **place})
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def write_title(axes: Any, *parts: str, within: bool, size: str = "medium") -> None:
    """Write the parts of a title beside each other; of axes that were given below each other, and smaller.

    A layout of Matplotlib leaves no room for titles that are wider than their axes: they would be cut.
    """
    axes.set_title(("\n" if within else ", ").join(parts), fontsize="small" if within else size)


def check_result(result: object, attribute: str, expected: str) -> None:
    """Raise `UsageError` where something else is to be plotted than what was expected, by an attribute."""
    if not hasattr(result, attribute):
        kind = "None" if result is None else type(result).__name__
        raise UsageError(f"what is plotted must be {expected}. Got {kind} instead.")
