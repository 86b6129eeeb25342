"""Accuracy against cost: ways to classify the same images, as a chart and as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnncodes.evaluation.intervals import Estimate
from cnncodes.report.chart import Chart, list_decades
from cnncodes.report.comparison import Comparison, Tried
from cnncodes.report.html import escape, interval, number, paragraph, section, table

#: Where the number of a point may stand, in pixels from it; the first that is free is taken.
_OFFSETS = tuple(
    (x * far, y * far)
    for far in (1, 1.8, 2.6, 3.6)
    for x, y in ((11, -9), (-11, -9), (11, 11), (-11, 11), (14, 2))
)
#: Half the width and height that a number takes, and a point.
_NUMBER, _POINT = (9.0, 8.0), (5.0, 5.0)
#: Width of a letter, on average.
_LETTER = 7.0

#: The middle of what takes room, and half its width and height.
Box = tuple[float, float, float, float]

_FINDINGS = "Cheap methods stand on the left, good ones at the top; bars are 95 % intervals."


def show_cost(comparison: Comparison, own: Estimate | None = None, note: str = "") -> str:
    """Return the section with the chart, which method to take, and the table.

    Parameters
    ----------
    comparison : Comparison
    own : Estimate, optional
        The accuracy of another classifier on the same images, drawn as a line.
    note : str
        What else is to be said first.
    """
    said = (
        f"{_FINDINGS} Each way was trained on {comparison.n_train:,} images and tested on {comparison.n:,}."
    )
    if own is not None:
        said += " The dashed line is this report’s classifier, on the same images; its cost is not known."
    costs = [one.cost for one in comparison.tried if one.cost > 0]
    chart = f'<figure class="plot wide">{draw_cost(comparison, own)}</figure>' if costs else ""
    return section(
        "cost",
        "Accuracy against cost",
        paragraph(f"<strong>{escape(comparison.verdict)}</strong>") if comparison.verdict else "",
        paragraph(f"{escape(note)} {said}".strip()),
        chart,
        _tabulate(comparison),
        _list_left_out(comparison),
    )


def _list_left_out(comparison: Comparison) -> str:
    """Return what was left out, that of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for title, reason in comparison.left_out:
        by_reason.setdefault(reason, []).append(title)
    items = "".join(
        f"<li>{escape('; '.join(titles))}: {escape(reason)}</li>" for reason, titles in by_reason.items()
    )
    return f"<p>Left out:</p><ul>{items}</ul>" if items else ""


def sum_up(comparison: Comparison) -> list[str]:
    """Return in a few sentences what came out, as HTML."""
    found = [f"<strong>{escape(comparison.verdict)}</strong>"] if comparison.verdict else []
    best = max(comparison.tried, key=lambda one: (one.accuracy.value, -one.cost))
    found.append(
        f"{len(comparison.tried)} ways to classify were tried, each trained on {comparison.n_train:,}"
        f" images and"
        f" tested on the same {comparison.n:,}. The highest accuracy, {number(best.accuracy.value)} (95 %"
        f" interval: {interval(best.accuracy.low, best.accuracy.high)}), is that of {escape(best.title)}."
    )
    if comparison.curve is not None:
        verdict = comparison.curve.verdict
        found.append(f"More labels: {escape(verdict)}.")
    return found


def _tabulate(comparison: Comparison) -> str:
    rows = []
    for i, one in enumerate(comparison.tried, start=1):
        gap = one.difference
        if gap is None:
            difference = ("reference" if one.title == comparison.compared_with else "–", "")
        else:
            known = math.isfinite(gap.low)
            difference = (
                f"{gap.value:+z.3f}",
                f"{gap.low:+z.3f} to {gap.high:+z.3f}" if known else "not known",
            )
        mark = " <strong>(to take)</strong>" if one.title == comparison.recommended else ""
        rows.append(
            (
                str(i),
                f"<td>{escape(one.title)}{mark}</td>",
                number(one.accuracy.value),
                interval(one.accuracy.low, one.accuracy.high),
                *difference,
                f"{one.describe_seconds:,.1f} s",
                f"{one.fit_seconds:,.1f} s",
            )
        )
    head = (
        "No.", "Method", "Accuracy", "95 % interval", "Difference", "95 % interval", "CPU: images",
        "CPU: fit",
    )  # fmt: skip
    caption = (
        f"Methods in the order in which they were tried; differences to"
        f" {escape(comparison.compared_with)}, on"
        " the same images"
    )
    return table(caption, head, rows, ident="methods")


def draw_cost(comparison: Comparison, own: Estimate | None = None) -> str:
    """Return the chart as SVG: a point a method, numbered as in the table. At least one costs something."""
    points = [(i, one) for i, one in enumerate(comparison.tried, start=1) if one.cost > 0]
    # What costs nothing guesses: an axis down to it would press all others together.
    estimates = [one.accuracy for _, one in points] + ([own] if own is not None else [])
    ends = [value for one in estimates for value in (one.low, one.high, one.value)]
    chart = Chart.fit([one.cost for _, one in points], ends)
    places = [(chart.x(one.cost), chart.y(one.accuracy.value)) for _, one in points]
    taken = [(*place, *_POINT) for place in places]
    for _, one in points:
        if math.isfinite(one.accuracy.low):
            low, high = chart.y(one.accuracy.low), chart.y(one.accuracy.high)
            taken.append((chart.x(one.cost), (low + high) / 2, 1.0, (low - high) / 2))
    parts = [] if own is None else [_draw_line(chart, own.value, "own", "this classifier", taken)]
    parts += [
        _draw_line(chart, one.accuracy.value, "free", f"{i}  {one.title}", taken)
        for i, one in enumerate(comparison.tried, start=1)
        if one.cost == 0  # it has no place on a logarithmic axis
    ]
    parts += [_draw_point(chart, i, one, one.title == comparison.recommended) for i, one in points]
    for (i, _), (x, y) in zip(points, _place_numbers(places, taken), strict=True):
        parts.append(f'<text class="mark" x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle">{i}</text>')
    described = "; ".join(
        f"{i} {one.title}: {number(one.accuracy.value)} in {one.cost:,.1f} seconds"
        for i, one in enumerate(comparison.tried, start=1)
    )
    return chart.draw(
        "cost-chart",
        "Accuracy against seconds of processors",
        f"The table below holds the same. {described}.",
        ("seconds of processors, images and fit", f"accuracy on {comparison.n:,} images"),
        [(value, _say_seconds(value)) for value in list_decades(chart.low, chart.high)],
        parts,
    )


def _say_seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _draw_line(chart: Chart, value: float, kind: str, text: str, taken: list[Box]) -> str:
    """Return a line at an accuracy with its name at the end where it is free; below the axis the name"
    " alone."""
    if value < chart.bottom:
        text, value = f"{text}, {number(value)}: below", chart.bottom
        line = ""
    else:
        line = f'<path class="{kind}" d="M{chart.left} {chart.y(value):.1f}H{chart.right}"/>'
    half = _LETTER * len(text) / 2
    boxes = [(x, chart.y(value) - 10, half, 8.0) for x in (chart.right - 4 - half, chart.left + 6 + half)]
    best = min(boxes, key=lambda box: (_count_overlaps(box, taken), boxes.index(box)))
    taken.append(best)
    place = f'x="{best[0]:.1f}" y="{chart.y(value) - 5:.1f}" text-anchor="middle"'
    return f"{line}<text {place}>{escape(text)}</text>"


def _draw_point(chart: Chart, number_: int, one: Tried, is_chosen: bool) -> str:
    x, y = chart.x(one.cost), chart.y(one.accuracy.value)
    ends = ""
    if math.isfinite(one.accuracy.low):
        high, low = chart.y(one.accuracy.high), chart.y(one.accuracy.low)
        ends = f'<path class="bar" d="M{x:.1f} {high:.1f}V{low:.1f}"/>'
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="8.5"/>' if is_chosen else ""
    said = escape(f"{number_}  {one.title}: {number(one.accuracy.value)} in {one.cost:,.1f} s")
    return f'<g><title>{said}</title>{ends}<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>{ring}</g>'


def _place_numbers(points: Sequence[tuple[float, float]], taken: list[Box]) -> list[tuple[float, float]]:
    """Return where the number of each point stands: beside it, and over nothing else where that can be."""
    found = []
    for x, y in points:
        boxes = [(x + dx, y + dy, *_NUMBER) for dx, dy in _OFFSETS]
        best = min(boxes, key=lambda box: (_count_overlaps(box, taken), boxes.index(box)))
        taken.append(best)
        found.append(best[:2])
    return found


def _count_overlaps(box: Box, taken: Sequence[Box]) -> int:
    x, y, width, height = box
    return sum(
        abs(x - other_x) < width + other_width and abs(y - other_y) < height + other_height
        for other_x, other_y, other_width, other_height in taken
    )


def list_cautions(comparison: Comparison) -> list[str]:
    """Return what makes the figures mean less than they seem to, as HTML."""
    found = []
    if comparison.trained_on:
        found.append(
            f"{comparison.trained_on:,} of {comparison.n:,} test images were trained on, too (equal files):"
            " the figures flatter."
        )
    elif comparison.groups_trained_on:
        found.append(
            f"{comparison.groups_trained_on:,} of {comparison.n:,} test images are of groups that were"
            f" trained"
            " on: the figures flatter."
        )
    if comparison.failed:
        found.append(f"{comparison.failed:,} images could not be read: not in the figures.")
    if len(comparison.tried) < 2:
        found.append("One way alone was tried: there is nothing to compare it with.")
    return found
