"""Plots of predicted numbers."""

from __future__ import annotations

from typing import Any

from cnncodes.errors import count
from cnncodes.plots.axes import choose_colors, take_axes, write_title


def plot_predicted(y: Any, predicted: Any, *, width: Any = None, ax: Any = None) -> Any:
    """Plot predicted against true numbers, a dot an image, with the line on which they are equal.

    Parameters
    ----------
    y, predicted : array-like of float, shape (n_images,)
    width : float, or array-like of shape (n_images,), optional
        Half the width of intervals (`NumberEvaluation.width`), of several the mean: their edges are dashed
        lines.
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If the shapes do not fit, a number is not finite, `width` is none that an interval has, or `ax` is
        none.
    BackendMissing
        If Matplotlib is not installed.

    Examples
    --------
    >>> axes = plot_predicted([1.0, 2.0, 3.0], [1.5, 2.0, 2.5], width=0.6)
    >>> axes.get_title()
    'R2 0.750, mean absolute error 0.333, 3 images'
    """
    import numpy as np

    from cnncodes.evaluation.given import check_width
    from cnncodes.evaluation.numbers import check_numbers, make_statistics

    y, predicted = check_numbers(y, predicted)
    width = None if width is None else float(np.mean(check_width(width, len(y))))
    axes = take_axes(ax, (5.4, 5.4))
    colors = choose_colors(axes)
    low, high = float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))
    axes.plot(y, predicted, "o", color=colors.data, alpha=0.45, markersize=4, linestyle="none")
    axes.plot([low, high], [low, high], "-", color=colors.line, linewidth=1, label="predicted = true")
    for shift in () if width is None else (-width, width):
        label = None if shift > 0 else f"± {width:.3g}"
        ends = [low + shift, high + shift]
        axes.plot([low, high], ends, "--", color=colors.line, linewidth=1, label=label)
    statistics, weights = make_statistics(y, predicted), np.ones(len(y))
    r2, mae = (statistics[name](weights) for name in ("r2", "mae"))
    said = [f"R2 {r2:.3f}"] * bool(np.isfinite(r2)) + [f"mean absolute error {mae:.3g}"]
    write_title(axes, *said, count(len(y), "image"), within=ax is not None)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("true number")
    axes.set_ylabel("predicted number")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize="small")
    return axes
