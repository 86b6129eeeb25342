"""What the page says of answering only what is sure: the promise, and accuracy against coverage."""

from __future__ import annotations

from cnncodes.errors import sentence
from cnncodes.evaluation.abstaining import AbstentionFigures, CoveragePoint
from cnncodes.report.chart import Chart
from cnncodes.report.html import capitalize, escape, interval, number, paragraph, section, table
from cnncodes.report.percents import percent


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
    band = chart.draw_band([(one.coverage, one.accuracy) for one in points], "measured")
    discs = [chart.draw_disc(one.coverage, one.accuracy.value, "measured", _tell(one)) for one in points]
    return chart.draw(
        "coverage-chart",
        "Accuracy against share of images answered",
        f"The table below holds the same. {'; '.join(map(_tell, points))}.",
        ("share of images answered", "accuracy"),
        chart.list_ticks(),
        [band, *discs],
    )


def _tell(point: CoveragePoint) -> str:
    share = interval(point.accuracy.low, point.accuracy.high)
    return f"{percent(point.coverage)} answered: {number(point.accuracy.value)} right ({share})"
