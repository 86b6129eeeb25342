"""How good against cost: ways to predict the same of images, as a chart and as a table."""

from __future__ import annotations

import dataclasses
import math

from cnncodes.errors import agree, count
from cnncodes.evaluation.figures import Figure
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.thresholds import FEW_GROUPS
from cnncodes.images import are_copies_alone, say_equal
from cnncodes.plain import cut_front
from cnncodes.plots.cost import Box, count_overlaps, place_numbers
from cnncodes.report.chart import Chart, list_decades
from cnncodes.report.comparison import Comparison, Tried
from cnncodes.report.elsewhere import describe, draw_cross, list_cells, say_mark, say_standing
from cnncodes.report.html import escape, interval, number, paragraph, section, show_interval, table
from cnncodes.report.standing import find_best, judge_own

#: Half the width and height that a number takes, and a point.
_NUMBER, _POINT = (9.0, 8.0), (5.0, 5.0)
#: So far from its point a number is joined to it by a line.
_FAR = 24.0
#: Width of a letter, on average.
_LETTER = 7.5


def show_cost(
    comparison: Comparison,
    own: Estimate | None = None,
    note: str = "",
    *,
    gap: Estimate | None = None,
    summed_up: bool = False,
) -> str:
    """Return the section with the chart, which method to take, and the table.

    Parameters
    ----------
    comparison : Comparison
    own : Estimate, optional
        The figure of the report's own estimator on the same images, drawn as a line.
    note : str
        What else is to be said first.
    gap : Estimate, optional
        That figure less the best of these, in pairs.
    summed_up : bool
        Whether the page says elsewhere which to take.
    """
    if own is not None or note:  # the page's own estimator is what they are compared with
        comparison = dataclasses.replace(comparison, compared=None)
    said = (
        "Cheap methods stand on the left, good ones at the"
        f" {'top' if comparison.figure.higher else 'bottom'}; bars are 95 % intervals by the draw"
        f" of test images alone. Each way was trained on {count(comparison.n_train, 'image')} and"
        f" tested on {comparison.n:,}."
    )
    if own is not None:
        model = comparison.figure.model
        said += f" The dashed line is this report’s {model}, on the same images; its cost is not known."
    verdict = "" if summed_up else comparison.verdict
    if own is not None:
        clear, judged = judge_own(comparison, own, gap)
        alone = f"Of the ways below alone: {verdict}" if verdict else ""
        verdict = (f"{judged} {alone}" if clear else f"{verdict} {judged}").strip()
        if clear:  # none of them is the one to take
            comparison = dataclasses.replace(comparison, recommended=None)
    costs = [one.cost for one in comparison.tried if one.cost > 0]
    if comparison.compared is not None and costs:
        said += say_mark(comparison.compared)
    chart = f'<figure class="plot wide">{draw_cost(comparison, own)}</figure>' if costs else ""
    return section(
        "cost",
        f"{comparison.figure.title} against cost",
        paragraph(f"<strong>{escape(verdict)}</strong>") if verdict else "",
        paragraph(f"{escape(note)} {said}".strip()),
        chart,
        _tabulate(comparison),
        paragraph(escape(comparison.without_interval)) if comparison.without_interval else "",
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
    figure, compared = comparison.figure, comparison.compared
    if compared is not None:
        found.append(say_standing(compared, figure))
    best, tried = find_best(comparison), len(comparison.tried)
    ways = count(tried, figure.ways.replace("ways", "way", 1), figure.ways)
    found.append(
        f"{ways} {agree(tried, 'was')} tried, {'each ' if tried > 1 else ''}trained on {comparison.n_train:,}"
        f" images and tested on the same {comparison.n:,}. The {figure.most} {figure.name}"
        f"{'' if compared is None else ' of these ways'},"
        f" {figure.show(best.estimate.value)} (95 % interval: {show_interval(figure, best.estimate)}), is"
        f" that of {escape(best.title)}."
    )
    if comparison.curve is not None:
        verdict = comparison.curve.verdict
        found.append(f"More labels: {escape(verdict)}.")
    return found


def _tabulate(comparison: Comparison) -> str:
    figure, rows = comparison.figure, []
    for i, one in enumerate(comparison.tried, start=1):
        gap = one.difference
        if gap is None:
            difference = ("reference" if one.title == comparison.compared_with else "–", "")
        else:
            value, low, high = figure.show_gap(gap, signed=(True, True))
            difference = (value, f"{low} to {high}" if low else "not known")
        mark = " <strong>(to take)</strong>" if one.title == comparison.recommended else ""
        beside = [
            cell for share in one.beside for cell in (number(share.value), interval(share.low, share.high))
        ]
        rows.append(
            (
                str(i),
                f"{escape(one.title)}{mark}",
                figure.show(one.estimate.value),
                show_interval(figure, one.estimate),
                *beside,
                *difference,
                f"{one.describe_seconds:,.1f} s",
                f"{one.fit_seconds:,.1f} s",
            )
        )
    if comparison.compared is not None:
        rows.append(list_cells(comparison.compared, figure))
    names = (figure.title, *(name for _, name in figure.beside), "Difference")
    named = [cell for name in names for cell in (name, "95 % interval")]
    head = ("No.", "Method", *named, "CPU: images", "CPU: fit")
    caption = (
        f"Methods in the order in which they were tried; differences to"
        f" {escape(comparison.compared_with)}, on the same images"
        f"{'' if figure.higher else '; below 0 is better'}"
    )
    return table(caption, head, rows, ident="methods")


def draw_cost(comparison: Comparison, own: Estimate | None = None) -> str:
    """Return the chart as SVG: a point a method, numbered as in the table. At least one costs something."""
    figure, compared = comparison.figure, comparison.compared
    points = [(i, one) for i, one in enumerate(comparison.tried, start=1) if one.cost > 0]
    # What costs nothing guesses: an axis down to it would press all others together.
    estimates = [one.estimate for _, one in points] + ([own] if own is not None else [])
    estimates += [] if compared is None else [compared.estimate]
    ends = [value for one in estimates for value in (one.low, one.high, one.value)]
    costs = [one.cost for _, one in points] + ([compared.cost] if compared and compared.cost else [])
    chart = Chart.fit(costs, ends, shares=figure.higher)
    places = [(chart.x(one.cost), chart.y(one.estimate.value)) for _, one in points]
    taken = [(*place, *_POINT) for place in places]
    drawn = [(one.cost, one.estimate) for _, one in points]
    if compared is not None and compared.cost:
        drawn.append((compared.cost, compared.estimate))
        taken.append((chart.x(compared.cost), chart.y(compared.estimate.value), *_POINT))
    for cost, estimate in drawn:
        if math.isfinite(estimate.low):
            low, high = chart.y(estimate.low), chart.y(estimate.high)
            taken.append((chart.x(cost), (low + high) / 2, 1.0, (low - high) / 2))
    parts = (
        [] if own is None else [_draw_line(chart, figure, own.value, "own", f"this {figure.model}", taken)]
    )
    if compared is not None and not compared.cost:
        value = compared.estimate.value
        parts.append(_draw_line(chart, figure, value, "elsewhere dashed", cut_front(compared.name), taken))
    parts += [
        _draw_line(chart, figure, one.estimate.value, "free", f"{i}  {one.title}", taken)
        for i, one in enumerate(comparison.tried, start=1)
        if one.cost == 0  # it has no place on a logarithmic axis
    ]
    parts += [_draw_point(chart, figure, i, one, one.title == comparison.recommended) for i, one in points]
    if compared is not None and compared.cost:
        parts.append(draw_cross(chart, figure, compared, compared.cost))
    numbers = place_numbers(places, taken, _NUMBER, chart.room)
    for (i, _), place, (x, y) in zip(points, places, numbers, strict=True):
        if math.dist(place, (x, y)) > _FAR:
            parts.append(f'<path class="lead" d="M{place[0]:.1f} {place[1]:.1f}L{x:.1f} {y:.1f}"/>')
        parts.append(f'<text class="mark" x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle">{i}</text>')
    described = "; ".join(
        f"{i} {one.title}: {figure.show(one.estimate.value)} in {one.cost:,.1f} seconds"
        for i, one in enumerate(comparison.tried, start=1)
    )
    described += "" if compared is None else f"; {describe(compared, figure)}"
    return chart.draw(
        "cost-chart",
        f"{figure.title} against seconds of processors",
        f"The table below holds the same. {described}.",
        ("seconds of processors, images and fit", figure.name),
        [(value, _say_seconds(value)) for value in list_decades(chart.low, chart.high)],
        parts,
    )


def _say_seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _draw_line(chart: Chart, figure: Figure, value: float, kind: str, text: str, taken: list[Box]) -> str:
    """Return a line at a value with its name at the end where it is free; beyond the axis the name alone."""
    line = f'<path class="{kind}" d="M{chart.left} {chart.y(value):.1f}H{chart.right}"/>'
    below = 0.0
    if not chart.bottom <= value <= chart.top:
        line, where = "", "below" if value < chart.bottom else "above"
        text, below = f"{text}, {figure.show(value)}: {where}", 18.0 * (value > chart.top)
    half = _LETTER * len(text) / 2
    boxes = [
        (x, chart.y(value) - 10 + below, half, 8.0) for x in (chart.right - 4 - half, chart.left + 6 + half)
    ]
    best = min(boxes, key=lambda box: (count_overlaps(box, taken), boxes.index(box)))
    taken.append(best)
    # From the end that it stands at, since letters are wider on a telephone.
    end = f'x="{chart.right - 4}" text-anchor="end"' if best is boxes[0] else f'x="{chart.left + 6}"'
    place = f'{end} y="{best[1] + 5:.1f}"'
    return f"{line}<text {place}>{escape(text)}</text>"


def _draw_point(chart: Chart, figure: Figure, number_: int, one: Tried, is_chosen: bool) -> str:
    x, y = chart.x(one.cost), chart.y(one.estimate.value)
    ends = ""
    if math.isfinite(one.estimate.low):
        high, low = chart.y(one.estimate.high), chart.y(one.estimate.low)
        ends = f'<path class="bar" d="M{x:.1f} {high:.1f}V{low:.1f}"/>'
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="8.5"/>' if is_chosen else ""
    said = escape(f"{number_}  {one.title}: {figure.show(one.estimate.value)} in {one.cost:,.1f} s")
    return f'<g><title>{said}</title>{ends}<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>{ring}</g>'


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
    if comparison.n_different is not None:
        found.append(f"{say_equal(comparison.n, comparison.n_different)}.")
    if (groups := comparison.n_groups) is not None:
        alone = are_copies_alone(groups, comparison.n_different)
        few = ": too few, so that they are too narrow or mean nothing" if groups < FEW_GROUPS else ""
        if not alone:
            found.append(f"Intervals draw whole groups, of which there are {groups:,}{few}.")
        elif few:
            found.append(f"Intervals draw {count(groups, 'different image')}{few}.")
    found += [f"{escape(f'{doubt[:1].upper()}{doubt[1:]}')}." for doubt in comparison.doubts]
    if comparison.compared is not None:
        found += [f"{escape(doubt)}." for doubt in comparison.compared.doubts]
    if unlabelled := comparison.unlabelled:
        found.append(f"{count(unlabelled, 'image')} {agree(unlabelled, 'has')} no label: left out.")
    if comparison.failed:
        found.append(f"{count(comparison.failed, 'image')} could not be used: not in the figures.")
    if len(comparison.tried) < 2:
        found.append("One way alone was tried: there is nothing to compare it with.")
    return found
