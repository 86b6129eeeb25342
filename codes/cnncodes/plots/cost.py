"""How good against cost: the methods of a ladder."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cnncodes.plots.axes import add_legend, check_result, choose_colors, take_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnncodes.evaluation.baselines import Ladder
    from cnncodes.evaluation.baselines.rungs import Compared
    from cnncodes.evaluation.figures import Figure
    from cnncodes.evaluation.intervals import Estimate

#: Where the number of a point may stand: directions, and how far from it; the first that is free is taken.
_OFFSETS = tuple(
    (x * far, y * far)
    for far in (1, 1.8, 2.6, 3.6, 4.8)
    for x, y in ((11, -9), (-11, -9), (11, 11), (-11, 11), (14, 2), (-14, 2), (2, -14), (2, 15))
)

#: The middle of what takes room, and half its width and height.
Box = tuple[float, float, float, float]

#: Of points: a marker each, so that they can be told apart in grey, too; Okabe and Ito's colours.
_LOOKS = {
    "pixels": ("#999999", "s"),
    "shapes": ("#e69f00", "D"),
    "int8": ("#56b4e9", "v"),
    "codes": ("#0072b2", "o"),
    "views": ("#009e73", "^"),
    "heads": ("#cc79a7", "P"),
    "backbones": ("#d55e00", "*"),
}


def plot_cost(ladder: Ladder, ax: Any = None, *, compared: Compared | None = None) -> Any:
    """Plot the figure that methods are compared by against seconds of processors, with 95 % intervals.

    Parameters
    ----------
    ladder : Ladder
        What `cnncodes.evaluation.baselines.climb` gave.
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure's. Methods are named beside a new figure's axes; within given ones
        up to 10, since others may lie beside them.
    compared : Compared, optional
        What was trained elsewhere: a point where it is known what that took, else a line.

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
    check_result(ladder, "rungs", "the ladder of `climb`")
    axes = take_axes(ax, (10.0, 5.0))
    colors, (low, high) = choose_colors(axes), _find_room(ladder, compared)
    for number, rung in enumerate(ladder.rungs, start=1):
        color, marker = _LOOKS.get(rung.group, (colors.text, "o"))
        estimate, label = rung.estimate, f"{number}  {rung.title}"
        if rung.cost == 0:  # it has no place on a logarithmic axis
            _draw_free(axes, estimate.value, ladder.task.figure, low, high, color=color, label=label)
            continue
        _draw_point(axes, rung.cost, estimate, color=color, marker=marker, label=label)
    if compared is not None:
        _draw_compared(axes, compared, colors.text)
    axes.set_ylim(low, high)
    axes.set_xscale("log")
    _number_decades(axes.xaxis)
    gap = " " if ax is None else "\n"  # axes that were given may be narrow
    axes.set_xlabel(f"seconds of processors,{gap}to describe all images and to fit")
    axes.set_ylabel(f"{ladder.task.figure.name} on {len(ladder.test):,} test images")
    axes.grid(alpha=0.3)
    named = list(zip(*axes.get_legend_handles_labels(), strict=True))
    add_legend(axes, named, within=ax is not None, frameon=ax is not None)
    _write_numbers(axes, ladder)
    return axes


def _draw_point(axes: Any, cost: float, estimate: Estimate, **look: Any) -> None:
    ends = [[estimate.value - estimate.low], [estimate.high - estimate.value]]
    axes.errorbar([cost], [estimate.value], ends, capsize=2, linewidth=1, **look)


def _draw_compared(axes: Any, compared: Compared, color: str) -> None:
    """Draw what was trained elsewhere; no number stands beside it, as it is no method of the table."""
    if compared.cost:
        _draw_point(axes, compared.cost, compared.estimate, color=color, marker="X", label=compared.name)
    else:
        axes.axhline(compared.estimate.value, color=color, linestyle="--", label=compared.name)


def _find_room(ladder: Ladder, compared: Compared | None) -> tuple[float, float]:
    """Return the ends of the axis upwards: what costs nothing guesses, and would press others together."""
    estimates = [rung.estimate for rung in ladder.rungs if rung.cost > 0]
    estimates = estimates or [rung.estimate for rung in ladder.rungs]
    estimates += [] if compared is None else [compared.estimate]
    ends = [end for one in estimates for end in (one.value, one.low, one.high) if math.isfinite(end)]
    margin = 0.06 * (max(ends) - min(ends)) or 0.01 * abs(max(ends)) or 0.01
    return min(ends) - margin, max(ends) + margin


def _draw_free(
    axes: Any, value: float, figure: Figure, low: float, high: float, *, label: str, color: str
) -> None:
    """Draw what costs nothing as a line; beyond the axis the legend alone has it, with its value."""
    if low <= value <= high:
        axes.axhline(value, color=color, linestyle=":", label=label)
        return
    where = "below" if value < low else "above"
    axes.plot([], [], color=color, linestyle=":", label=f"{label}, {figure.show(value)}: {where}")


def _number_decades(axis: Any) -> None:
    """Write a logarithmic axis as 1, 2, 5, 10, …, without exponents."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _write_numbers(axes: Any, ladder: Ladder) -> None:
    """Write the number of each point beside it, over none of the others."""
    axes.figure.draw_without_rendering()  # only then is it known where points stand
    scale = 72 / axes.figure.dpi  # from pixels to points
    shown = [(i, rung) for i, rung in enumerate(ladder.rungs, start=1) if rung.cost > 0]
    spots = [(rung.cost, rung.estimate.value) for _, rung in shown]
    places = [tuple(scale * axes.transData.transform(spot)) for spot in spots]
    taken: list[Box] = [(x, y, 4.0, 4.0) for x, y in places]
    for (x, _), (_, rung) in zip(places, shown, strict=True):
        ends = (rung.estimate.low, rung.estimate.high)
        low, high = (scale * axes.transData.transform((rung.cost, end))[1] for end in ends)
        if low < high:
            taken.append((x, (low + high) / 2, 1.5, (high - low) / 2))
    extent = axes.get_window_extent()
    room = (extent.x0 + extent.x1, extent.y0 + extent.y1, extent.width, extent.height)
    numbers = place_numbers(places, taken, (7.0, 5.5), tuple(scale * one / 2 for one in room))
    for (i, _), spot, (x, y), (to_x, to_y) in zip(shown, spots, places, numbers, strict=True):
        far = abs(to_x - x) + abs(to_y - y) > 22
        axes.annotate(
            str(i),
            spot,
            (to_x - x, to_y - y),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize="small",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "#777777"} if far else None,
        )


def place_numbers(
    points: Sequence[tuple[float, float]],
    taken: list[Box],
    half: tuple[float, float],
    room: Box = (0.0, 0.0, math.inf, math.inf),
) -> list[tuple[float, float]]:
    """Return where the number of each point stands: beside it, and over nothing else where that can be.

    Parameters
    ----------
    points : sequence of (float, float)
        In units of about a 72nd of an inch.
    taken : list of Box
        What stands there already; the numbers are added.
    half : (float, float)
        Half the width and height of a number.
    room : Box
        What they are to stay in.

    Examples
    --------
    >>> place_numbers([(0.0, 0.0), (0.0, 0.0)], [], (7.0, 5.5))
    [(11.0, -9.0), (-11.0, -9.0)]
    """
    found = []
    for x, y in points:
        boxes = [(x + dx, y + dy, *half) for dx, dy in _OFFSETS]
        inside = [box for box in boxes if _lies_within(box, room)] or boxes
        best = min(inside, key=lambda box: (count_overlaps(box, taken), boxes.index(box)))
        taken.append(best)
        found.append(best[:2])
    return found


def _lies_within(box: Box, room: Box) -> bool:
    (x, y, width, height), (middle_x, middle_y, half_x, half_y) = box, room
    return abs(x - middle_x) + width <= half_x and abs(y - middle_y) + height <= half_y


def count_overlaps(box: Box, taken: Sequence[Box]) -> int:
    """Return how many of the boxes lie over one."""
    x, y, width, height = box
    return sum(
        abs(x - other_x) < width + other_width and abs(y - other_y) < height + other_height
        for other_x, other_y, other_width, other_height in taken
    )
