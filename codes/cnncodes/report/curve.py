"""The learning curve: the figure against the number of training images, as a chart and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from cnncodes.errors import count
from cnncodes.evaluation.figures import Figure
from cnncodes.evaluation.intervals import Estimate
from cnncodes.report.chart import Chart
from cnncodes.report.comparison import Comparison, Curve
from cnncodes.report.html import capitalize, escape, paragraph, section, show_interval, table

Point = tuple[int, Estimate]


def show_curve(comparison: Comparison, curve: Curve, *, summed_up: bool = False) -> str:
    """Return the section with the curve, what more labels would bring, and the table.

    `summed_up` is true where the page says elsewhere what they would bring.
    """
    figure = comparison.figure
    verdict = escape(f"{curve.verdict[:1].upper()}{curve.verdict[1:]}")
    rows = [
        (f"{images:,}", str(draws), figure.show(one.value), show_interval(figure, one))
        for images, draws, one in curve.points
    ]
    rows += [
        (f"{images:,}", "extrapolated", figure.show(one.value), show_interval(figure, one))
        for images, one in curve.further
    ]
    return section(
        "curve",
        "Would more labels help?",
        "" if summed_up else paragraph(f"<strong>{verdict}.</strong>"),
        paragraph(
            f"{escape(capitalize(comparison.compared_with))}, trained on fewer and fewer of the images and"
            f" tested on the same {count(curve.points[-1][2].n, 'image')}; the dashed part says what more"
            " would bring if the error goes on falling as a power of their number. Images that are easier,"
            " harder or of other kinds than these are beyond any curve."
        ),
        f'<figure class="plot wide">{draw_curve(curve, figure)}</figure>',
        table(
            f"{figure.title} by number of training images",
            ("Training images", "Draws", figure.title, "95 % interval"),
            rows,
        ),
    )


def draw_curve(curve: Curve, figure: Figure) -> str:
    """Return the curve as SVG, intervals as bands, what is extrapolated dashed."""
    measured: list[Point] = [(images, one) for images, _, one in curve.points]
    beyond: list[Point] = [measured[-1], *curve.further]
    shown = [*measured, *curve.further]
    ends = [value for _, one in shown for value in (one.value, one.low, one.high)]
    chart = Chart.fit([float(images) for images, _ in shown], ends, shares=figure.higher)
    described = "; ".join(f"{images:,} images: {figure.show(one.value)}" for images, one in measured)
    if curve.further:
        further = "; ".join(f"{images:,} images: {figure.show(one.value)}" for images, one in curve.further)
        described += f". Extrapolated, {further}"
    parts = [chart.draw_band(measured, "measured")]
    if curve.further:
        parts.append(chart.draw_band(beyond, "beyond"))
        parts += [_draw_disc(chart, figure, point, "beyond") for point in curve.further]
    parts += [_draw_disc(chart, figure, point, "measured") for point in measured]
    return chart.draw(
        "curve-chart",
        f"{figure.title} against training images",
        f"The table below holds the same. {described}.",
        ("training images", figure.name),
        _choose_ticks(chart, [images for images, _ in shown]),
        parts,
    )


def _choose_ticks(chart: Chart, sizes: Sequence[int]) -> list[tuple[float, str]]:
    """Return the sizes that there is room for, the last one first."""
    ticks: list[tuple[float, str]] = []
    for size in sorted(set(sizes), reverse=True):
        if all(chart.x(other) - chart.x(size) > 50 for other, _ in ticks):
            ticks.append((float(size), f"{size:,}"))
    return ticks[::-1]


def _draw_disc(chart: Chart, figure: Figure, point: Point, kind: str) -> str:
    images, one = point
    said = f"{images:,} images: {figure.show(one.value)} ({show_interval(figure, one)})"
    return chart.draw_disc(images, one.value, kind, said)
