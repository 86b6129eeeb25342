"""What was trained elsewhere, beside the methods of a ladder: its row, its place in the chart, and words."""

from __future__ import annotations

import math

from cnncodes.evaluation.figures import Figure
from cnncodes.report.chart import Chart
from cnncodes.report.comparison import Elsewhere
from cnncodes.report.html import escape, interval, name, number, show_interval

#: Half the width and height of a cross.
_ARM = 5.5


def list_cells(compared: Elsewhere, figure: Figure) -> tuple[str, ...]:
    """Return its row of the table: all of its seconds, where they are known, as of a fit."""
    value, low, high = figure.show_gap(compared.difference, signed=(True, True))
    return (
        "–",
        f"{name(compared.name)} (trained elsewhere)",
        figure.show(compared.estimate.value),
        show_interval(figure, compared.estimate),
        *(cell for one in compared.beside for cell in (number(one.value), interval(one.low, one.high))),
        value,
        f"{low} to {high}" if low else "not known",
        "–",
        "–" if compared.cost is None else f"{compared.cost:,.1f} s",
    )


def say_mark(compared: Elsewhere) -> str:
    """Return what it is in the chart, as HTML."""
    what = f"{name(compared.name)}, trained elsewhere"
    return (
        f" The cross is {what}." if compared.cost else f" The dashed line is {what}; its cost is not known."
    )


def say_standing(compared: Elsewhere, figure: Figure) -> str:
    """Return how it stands to the best method and to raw pixels, as HTML."""
    gap = compared.to_pixels
    if math.isnan(gap.value):
        return escape(compared.verdict)
    value, low, high = figure.show_gap(gap, signed=(True, False))
    whose = "Its difference" if compared.verdict else f"The difference of {compared.name}"
    ends = f" [{low}, {high}]" if low else ""
    said = f"{compared.verdict} {whose} to raw pixels, on the same images, is {value}{ends}."
    return escape(said.strip())


def describe(compared: Elsewhere, figure: Figure) -> str:
    """Return its name, figure and cost in words."""
    cost = f" in {compared.cost:,.1f} s" if compared.cost else ""
    return f"{compared.name}: {figure.show(compared.estimate.value)}{cost}"


def draw_cross(chart: Chart, figure: Figure, compared: Elsewhere, cost: float) -> str:
    """Return it as a cross at what it cost, with its interval."""
    x, y, estimate, bar = chart.x(cost), chart.y(compared.estimate.value), compared.estimate, ""
    if math.isfinite(estimate.low):
        bar = (
            f'<path class="elsewhere" d="M{x:.1f} {chart.y(estimate.high):.1f}V{chart.y(estimate.low):.1f}"/>'
        )
    left, right, top, bottom = (f"{one:.1f}" for one in (x - _ARM, x + _ARM, y - _ARM, y + _ARM))
    arms = f"M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}"
    said = escape(describe(compared, figure))
    return f'<g><title>{said}</title>{bar}<path class="elsewhere cross" d="{arms}"/></g>'
