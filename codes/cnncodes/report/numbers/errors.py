"""How errors of predicted numbers are distributed, and where the true number makes them larger."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.intervals import Estimate
from cnncodes.report.chart import Chart
from cnncodes.report.html import (
    number,
    paragraph,
    say_ends,
    section,
    significant,
    significant_interval,
    table,
)
from cnncodes.report.material import NumberMaterial
from cnncodes.report.percents import percent
from cnncodes.report.tables import head_groups, make_cell

Array = npt.NDArray[Any]

#: Bars of the histogram, about.
BARS = 24


def show_errors(material: NumberMaterial) -> str:
    """Return the section on errors: their histogram, and figures by range of the true number."""
    errors, width = material.errors, material.evaluation.width
    high, low = float((errors > 0).mean()), float((errors < 0).mean())
    text = (
        f"An error is prediction less true number. {percent(high)} of the predictions are too high,"
        f" {percent(low)} too low; half of them are between {significant(float(np.quantile(errors, 0.25)))}"
        f" and {significant(float(np.quantile(errors, 0.75)))} off."
    )
    if width is not None:
        text += " The dashed lines are the ends of the intervals."
    edges, counts = count_errors(errors)
    rows = [
        (f"{significant(a)} to {significant(b)}", f"{count:,}")
        for a, b, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    ]
    details = table("The distribution as a table", ("Error", "Images"), rows)
    return section(
        "errors",
        "Errors",
        "<h3>How errors are distributed</h3>",
        paragraph(text),
        f'<figure class="plot wide">{draw_histogram(edges, counts, width)}</figure>',
        f"<details><summary>The distribution as a table</summary>{details}</details>",
        *_show_ranges(material),
    )


def count_errors(errors: Array) -> tuple[Array, Array]:
    """Return round edges of about `BARS` bars, one of them 0, and how many errors lie between each two.

    Examples
    --------
    >>> edges, counts = count_errors(np.array([-12.0, 2.0, 12.0]))
    >>> float(edges[0]), float(edges[-1]), int(counts.sum()), 0.0 in edges
    (-12.0, 12.0, 3, True)
    """
    low, high = min(0.0, float(errors.min())), max(0.0, float(errors.max()))
    rough = (high - low) / BARS or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    edges = np.arange(first, max(last, first + 1) + 1) * step
    # Rounding must leave none outside.
    counts, _ = np.histogram(np.clip(errors, edges[0], edges[-1]), edges)
    return edges, counts


def draw_histogram(edges: Array, counts: Array, width: float | None) -> str:
    """Return the histogram as SVG."""
    ends = [float(edges[0]), float(edges[-1]), *([] if width is None else [-width, width])]
    chart = Chart.fit_linear(ends, [0.0, float(counts.max())])
    bars, floor = [], chart.floor
    for left, right, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True):
        x, y = chart.x(left), chart.y(count)
        said = f"{significant(left)} to {significant(right)}: {count:,} images"
        bars.append(
            f'<rect class="bar-of" x="{x:.1f}" y="{y:.1f}" width="{chart.x(right) - x:.1f}"'
            f' height="{floor - y:.1f}"><title>{said}</title></rect>'
        )
    marks = [("ideal", 0.0), *([] if width is None else [("edge", -width), ("edge", width)])]
    lines = [
        f'<path class="{kind}" d="M{chart.x(value):.1f} {chart.y(chart.top):.1f}V{floor}"/>'
        for kind, value in marks
    ]
    return chart.draw(
        "errors-chart",
        "Errors and how many images have them",
        _describe(edges, counts),
        ("error: prediction less true number", "images"),
        chart.list_ticks(),
        [*bars, *lines],
    )


def _describe(edges: Array, counts: Array) -> str:
    most = int(counts.argmax())
    return (
        "The table below holds the same. Errors reach from"
        f" {significant(float(edges[0]))} to {significant(float(edges[-1]))}; most images, {counts[most]:,},"
        f" are between {significant(float(edges[most]))} and {significant(float(edges[most + 1]))}."
    )


def _show_ranges(material: NumberMaterial) -> list[str]:
    ranges = material.ranges
    rows = []
    for one in ranges:
        rows.append((
            make_cell(say_ends(one.low, one.high), one.low, "th"),
            make_cell(f"{one.mae.n:,}", one.mae.n),
            *([] if one.n_groups is None else [make_cell(f"{one.n_groups:,}", one.n_groups)]),
            *_cells(one.mae), *_cells(one.bias),
            *([] if one.covered is None else [make_cell(number(one.covered.value), one.covered.value)]),
        ))  # fmt: skip
    n_groups = material.evaluation.n_groups
    drawn = [] if n_groups is None else [head_groups(n_groups, material.drawn.n_different)]
    ends = "95 % interval"
    head = ["True number", "Images", *drawn, "Mean absolute error", ends, "Mean error", ends]
    if material.evaluation.width is not None:
        head.append(f"In {percent(material.evaluation.coverage or 0.0)} intervals")
    parts = [
        "<h3>By range of the true number</h3>",
        paragraph(
            "Ranges hold about equally many images. A mean error above 0 says that predictions are too high"
            " there. Predictions with the least squared error lean to the middle, the more the less they"
            " know: too high where the truth is small, too low where it is large."
        ),
    ]
    if len(ranges) > 1:
        parts.append(paragraph("The line across the chart is the mean absolute error of all images."))
        parts.append(f'<figure class="plot wide">{draw_ranges(material)}</figure>')
    return [*parts, table("Errors by range of the true number", head, rows, ident="ranges", sortable=True)]


def _cells(estimate: Estimate) -> tuple[str, str]:
    return (
        make_cell(significant(estimate.value), estimate.value),
        make_cell(significant_interval(estimate.low, estimate.high), estimate.low),
    )


def draw_ranges(material: NumberMaterial) -> str:
    """Return mean absolute error against the true number as SVG, with intervals."""
    ranges, overall = material.ranges, material.evaluation.mae.value
    ends = [value for one in ranges for value in (one.mae.low, one.mae.high) if math.isfinite(value)]
    across = [float(material.truth.min()), float(material.truth.max())]
    chart = Chart.fit_linear(across, [0.0, overall, *(one.mae.value for one in ranges), *ends])
    y = chart.y(overall)
    parts = [f'<path class="ideal" d="M{chart.left} {y:.1f}H{chart.right}"/>']
    for one in ranges:
        x, mae = chart.x(one.middle), one.mae
        if math.isfinite(mae.low) and math.isfinite(mae.high):
            parts.append(f'<path class="bar" d="M{x:.1f} {chart.y(mae.low):.1f}V{chart.y(mae.high):.1f}"/>')
        y, said = chart.y(mae.value), f"{one.mae.n:,} images, mean absolute error {significant(mae.value)}"
        parts.append(f'<path class="bar" d="M{chart.x(one.low):.1f} {y:.1f}H{chart.x(one.high):.1f}"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"><title>{said}</title></circle>')
    described = "; ".join(f"around {significant(one.middle)}: {significant(one.mae.value)}" for one in ranges)
    return chart.draw(
        "ranges-chart",
        "Mean absolute error against the true number",
        f"The table below holds the same. {described}. Of all images: {significant(overall)}.",
        ("true number", "mean absolute error"),
        chart.list_ticks(),
        parts,
    )
