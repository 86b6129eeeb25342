"""Axes of Matplotlib, which is asked for only where something is drawn."""

from __future__ import annotations

from typing import Any

from cnncodes.errors import BackendMissing, install_advice


def check_matplotlib() -> None:
    """Raise `BackendMissing` where Matplotlib is not installed: asked before the work that is to be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise BackendMissing(
            f"Matplotlib is not installed, which plots need: {install_advice('report')}."
        ) from error


def make_axes(size: tuple[float, float]) -> Any:
    """Return axes of a new figure of that size in inches, which no window shows.

    Raises
    ------
    BackendMissing
        If Matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained").add_subplot()
