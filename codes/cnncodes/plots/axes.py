"""Axes of Matplotlib, which is asked for only where something is drawn."""

from __future__ import annotations

from typing import Any

from cnncodes.errors import BackendMissing, UsageError, install_advice


def check_matplotlib() -> None:
    """Raise `BackendMissing` where Matplotlib is not installed: asked before the work that is to be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise BackendMissing(
            f"Matplotlib is not installed, which plots need: {install_advice('report')}."
        ) from error


def take_axes(axes: Any, size: tuple[float, float]) -> Any:
    """Return the axes that were given, or else those of a new figure of that size in inches.

    No window shows it.

    Raises
    ------
    UsageError
        If what was given is no axes.
    BackendMissing
        If Matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if axes is None:
        return Figure(figsize=size, layout="constrained").add_subplot()
    if not isinstance(axes, Axes):
        raise UsageError(
            "axes must be those of Matplotlib, one: the second that `matplotlib.pyplot.subplots()` gives. Got"
            f" {type(axes).__name__} instead."
        )
    return axes


def check_result(result: object, attribute: str, expected: str) -> None:
    """Raise `UsageError` where something else is to be plotted than what was expected, by an attribute."""
    if not hasattr(result, attribute):
        kind = "None" if result is None else type(result).__name__
        raise UsageError(f"what is plotted must be {expected}. Got {kind} instead.")
