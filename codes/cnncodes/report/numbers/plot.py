"""Predicted against true numbers, as a chart and as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.report.chart import Chart
from cnncodes.report.html import paragraph, say_ends, section, significant, table
from cnncodes.report.material import NumberMaterial
from cnncodes.report.percents import percent

Array = npt.NDArray[Any]

#: Images up to which each is a dot; more are squares, the stronger the more images: side in pixels, shades.
DOTS, SQUARE, SHADES = 2000, 4, 5


def show_plot(material: NumberMaterial) -> str:
    """Return the section with predicted against true numbers."""
    n, width = len(material.truth), material.evaluation.width
    mark = "Each dot is an image" if n <= DOTS else "The stronger a square, the more images lie in it"
    text = (
        f"{mark}: on the line, the prediction is the true number; above it, it is too high, below it too low."
    )
    if len(material.ranges) > 1:
        text += " The discs are means of the images in a range of true numbers."
    if width is not None:
        share = percent(material.evaluation.coverage or 0.0)
        text += (
            " Between the dashed lines the true number is in the interval of"
            f" {share}, ± {significant(width)}."
        )
    figure = f'<figure class="plot square">{draw_plot(material)}</figure>'
    details = f"<details><summary>The plot as a table</summary>{_tabulate(material)}</details>"
    return section("plot", "Predicted against true", paragraph(text), figure, details)


def _tabulate(material: NumberMaterial) -> str:
    rows = []
    for one in material.ranges:
        among = (material.truth >= one.low) & (material.truth <= one.high)
        low, middle, high = np.quantile(material.predicted[among], [0.1, 0.5, 0.9])
        numbers = (one.middle, one.predicted, low, middle, high)
        rows.append((say_ends(one.low, one.high), f"{one.mae.n:,}", *(significant(v, 4) for v in numbers)))
    head = ("True number", "Images", "Mean true", "Mean predicted", "A tenth is below", "Half is below",
            "Nine tenths are below")  # fmt: skip
    return table("Predicted numbers by range of the true number", head, rows)


def draw_plot(material: NumberMaterial) -> str:
    """Return the chart as SVG; images are paths and no elements, so that there may be many."""
    truth, predicted = material.truth, material.predicted
    chart = Chart.fit_square([*_ends(truth), *_ends(predicted)])
    low, high = chart.low, chart.high
    parts = [_draw_line(chart, 0.0, "ideal")]
    width = material.evaluation.width
    if width is not None and width < high - low:
        parts += [_draw_line(chart, shift, "edge") for shift in (-width, width)]
    x = np.array([chart.x(value) for value in truth.tolist()])
    y = np.array([chart.y(value) for value in predicted.tolist()])
    parts += _draw_dots(x, y) if len(x) <= DOTS else _draw_squares(x, y)
    if len(material.ranges) > 1:
        places = [(chart.x(one.middle), chart.y(one.predicted)) for one in material.ranges]
        parts.append(f'<path class="line" d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in places)}"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="5"/>' for a, b in places]
    return chart.draw(
        "plot-chart",
        "Predicted against true numbers",
        _describe(material),
        ("true number", "predicted number"),
        chart.list_ticks(),
        parts,
    )


def _ends(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _draw_line(chart: Chart, shift: float, kind: str) -> str:
    """Return the line of predictions that are off by `shift`, as far as the chart goes."""
    first, last = max(chart.low, chart.low - shift), min(chart.high, chart.high - shift)
    ends = [f"{chart.x(value):.1f} {chart.y(value + shift):.1f}" for value in (first, last)]
    return f'<path class="{kind}" d="M{"L".join(ends)}"/>'


def _draw_dots(x: Array, y: Array) -> list[str]:
    # A path of no length with round ends is a disc.
    path = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return [f'<path class="dots" d="{path}"/>']


def _draw_squares(x: Array, y: Array) -> list[str]:
    cells = np.column_stack([x, y]).astype(np.int64) // SQUARE
    places, counts = np.unique(cells, axis=0, return_counts=True)
    shade = np.ceil(SHADES * np.log1p(counts) / np.log1p(counts.max())).astype(np.int64)
    parts = []
    for one in np.unique(shade).tolist():
        corners = (SQUARE * places[shade == one]).tolist()
        path = "".join(f"M{left} {top}h{SQUARE}v{SQUARE}h-{SQUARE}z" for left, top in corners)
        parts.append(f'<path class="squares s{one}" d="{path}"/>')
    return parts


def _describe(material: NumberMaterial) -> str:
    said = "; ".join(
        f"of true numbers {say_ends(one.low, one.high)}, {one.mae.n:,} images, the mean prediction is"
        f" {significant(one.predicted)}"
        for one in material.ranges
    )
    return f"The table below holds the same: {said}."
