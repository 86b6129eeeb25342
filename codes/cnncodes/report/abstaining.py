"""What the page says of answering only what is sure: the promise, and accuracy against coverage."""

from __future__ import annotations

from cnncodes.errors import sentence
from cnncodes.evaluation.abstaining import AbstentionFigures, CoveragePoint
from cnncodes.report.chart import Chart
from cnncodes.report.html import capitalize, escape, interval, number, paragraph, percent, section, table


def show_abstention(found: AbstentionFigures) -> str:
    """Return the section with what was promised, what came of it, and the table by share of answers."""
    rule = found.rule
    rows = [
        (
            "answered",
            number(found.coverage.value),
            interval(found.coverage.low, found.coverage.high),
            f"{found.coverage.n:,}",
            f"about {number(rule.coverage)} ({interval(rule.coverage_low, rule.coverage_high)})",
        ),
        (
            "wrong among the answers",
            number(found.risk.value),
            interval(found.risk.low, found.risk.high),
            f"{found.risk.n:,}",
            f"at most {number(rule.risk)}",
        ),
    ]
    points = [
        (
            percent(point.coverage),
            number(point.threshold),
            number(point.accuracy.value),
            interval(point.accuracy.low, point.accuracy.high),
            f"{point.accuracy.n:,}",
        )
        for point in found.points
    ]
    by_share = table(
        "Accuracy by share of images that are answered",
        ("Answered", "From a probability of", "Accuracy", "95 % interval", "Images"),
        points,
    )
    return section(
        "abstaining",
        "What if only what is sure is answered?",
        paragraph(f"<strong>{escape(capitalize(sentence(found.describe())))}</strong>"),
        table(
            f"At most {percent(rule.risk)} of the answers wrong: what was promised, and what came",
            ("Images", "Share", "95 % interval", "Of", "Promised"),
            rows,
        ),
        f'<figure class="plot wide">{draw_coverage(found.points)}</figure>' if len(found.points) > 1 else "",
        paragraph(
            "The surest answers alone, from all images down to a tenth, whatever was promised. A least"
            " probability that is chosen by these images has to be tried on others."
        ),
        f"<details><summary>The chart as a table</summary>{by_share}</details>",
    )


def draw_coverage(points: list[CoveragePoint]) -> str:
    """Return accuracy against the share of images that are answered as SVG, intervals as a band."""
    ends = [end for one in points for end in (one.accuracy.low, one.accuracy.high)]
    chart = Chart.fit_linear([0.0, 1.0], [*ends, *(one.accuracy.value for one in points)])
    places = [(chart.x(one.coverage), one.accuracy) for one in points]
    upper = [f"{x:.1f} {chart.y(one.high):.1f}" for x, one in places]
    lower = [f"{x:.1f} {chart.y(one.low):.1f}" for x, one in reversed(places)]
    line = "L".join(f"{x:.1f} {chart.y(one.value):.1f}" for x, one in places)
    discs = [
        f'<circle class="measured" cx="{chart.x(one.coverage):.1f}" cy="{chart.y(one.accuracy.value):.1f}"'
        f' r="4.5"><title>{_tell(one)}</title></circle>'
        for one in points
    ]
    return chart.draw(
        "coverage-chart",
        "Accuracy against share of images answered",
        f"The table below holds the same. {'; '.join(map(_tell, points))}.",
        ("share of images answered", "accuracy"),
        chart.list_ticks(),
        [
            f'<path class="band measured" d="M{"L".join([*upper, *lower])}Z"/>',
            f'<path class="line measured" d="M{line}"/>',
            *discs,
        ],
    )


def _tell(point: CoveragePoint) -> str:
    share = interval(point.accuracy.low, point.accuracy.high)
    return f"{percent(point.coverage)} answered: {number(point.accuracy.value)} right ({share})"
