"""The learning curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncodes.plots.axes import check_result, choose_colors, take_axes

if TYPE_CHECKING:
    from cnncodes.evaluation.baselines import LearningCurve
    from cnncodes.evaluation.intervals import Estimate


def plot_learning_curve(curve: LearningCurve, ax: Any = None) -> Any:
    """Plot the figure against the number of training images, with 95 % intervals; beyond them dashed.

    Parameters
    ----------
    curve : LearningCurve
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If something else is given, or `ax` is none.
    BackendMissing
        If Matplotlib is not installed.
    """
    check_result(curve, "points", "the `curve` of a ladder that `climb` gave with curve=True")
    axes = take_axes(ax, (6.4, 4.4))
    measured = [(point.images, point.estimate) for point in curve.points]
    beyond = [measured[-1], *((point.images, point.estimate) for point in curve.further)]
    _draw_band(axes, measured, "o-", choose_colors(axes).data, "measured")
    if len(beyond) > 1:
        _draw_band(axes, beyond, "o--", "#d55e00", "if it goes on so")
    axes.set_xscale("log", base=2)
    sizes = [images for images, _ in (*measured, *beyond[1:])]
    axes.set_xticks(sizes)
    axes.set_xticklabels([f"{images:,}" for images in sizes])
    axes.minorticks_off()
    axes.set_xlabel("training images")
    axes.set_ylabel(f"{curve.figure.name} on {curve.points[-1].estimate.n:,} test images")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right" if curve.figure.higher else "upper right", fontsize="small")
    return axes


def _draw_band(axes: Any, points: list[tuple[int, Estimate]], style: str, color: str, label: str) -> None:
    images = [number for number, _ in points]
    axes.plot(images, [one.value for _, one in points], style, color=color, label=label)
    lows, highs = [one.low for _, one in points], [one.high for _, one in points]
    axes.fill_between(images, lows, highs, color=color, alpha=0.15, linewidth=0)
