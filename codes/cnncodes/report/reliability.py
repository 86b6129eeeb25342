"""The reliability diagram: share of right answers against the probability they were given with."""

from __future__ import annotations

from cnncodes.evaluation import Evaluation
from cnncodes.evaluation.calibration import Calibration
from cnncodes.report.html import escape, number, paragraph, section, table

#: Side of the square, and room for the numbers and names of its axes.
_SIDE, _LEFT, _TOP, _BELOW, _RIGHT = 300, 56, 12, 48, 16


def show_reliability(evaluation: Evaluation) -> str:
    """Return the section with the diagram and its figures as a table."""
    found = evaluation.calibration
    title = "Can probabilities be trusted?"
    if found is None:
        why = evaluation.missing.get("calibration_error", "they cannot be measured")
        return section("reliability", title, paragraph(f"There is no diagram: {escape(why)}."))
    text = paragraph(
        "Each disc is a number of images whose answers were given with about the same probability: the more"
        " images, the larger. On the diagonal, of the answers given with 0.8, just 80 % are right. Below it"
        " probabilities are too high, above it too low."
    )
    rows = [(f"{number(part.probability)}", number(part.accuracy), f"{part.n:,}") for part in found.bins]
    details = table("The diagram as a table", ("Mean probability", "Share of right answers", "Images"), rows)
    error = paragraph(
        f"Plain calibration error {number(found.plain)}, of which chance alone would show"
        f" {number(found.by_chance)}; less chance {number(found.error.value)}, on {found.error.n:,} images."
    )
    figure = f'<figure class="plot">{draw_diagram(found)}</figure>'
    return section(
        "reliability",
        title,
        text,
        figure,
        error,
        f"<details><summary>The diagram as a table</summary>{details}</details>",
    )


def draw_diagram(found: Calibration) -> str:
    """Return the diagram as SVG, coloured by the page's style."""
    width, height = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BELOW
    parts = [
        f'<svg class="reliability" viewBox="0 0 {width} {height}" role="img"'
        ' aria-labelledby="diagram-title diagram-text">',
        '<title id="diagram-title">Reliability diagram</title>',
        f'<desc id="diagram-text">{_describe(found)}</desc>',
    ]
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        x, y = _place(tick, tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}h{_SIDE}M{x:.1f} {_TOP}v{_SIDE}"/>')
        parts.append(f'<text x="{x:.1f}" y="{_TOP + _SIDE + 16}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<path class="ideal" d="M{_LEFT} {_TOP + _SIDE}L{_LEFT + _SIDE} {_TOP}"/>')
    most = max(part.n for part in found.bins)
    places = [_place(part.probability, part.accuracy) for part in found.bins]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    parts.append(f'<path class="curve" d="M{path}"/>')
    for part, (x, y) in zip(found.bins, places, strict=True):
        radius = 3 + 4 * (part.n / most) ** 0.5
        said = f"{part.n:,} images: probability {number(part.probability)}, right {number(part.accuracy)}"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{said}</title></circle>')
    middle = _TOP + _SIDE / 2
    parts.append(
        f'<text x="{_LEFT + _SIDE / 2}" y="{height - 8}" text-anchor="middle">probability given</text>'
    )
    parts.append(
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">share of right'
        " answers</text>"
    )
    return "".join([*parts, "</svg>"])


def _place(probability: float, accuracy: float) -> tuple[float, float]:
    return _LEFT + _SIDE * probability, _TOP + _SIDE * (1 - accuracy)


def _describe(found: Calibration) -> str:
    said = "; ".join(
        f"given with {number(part.probability, 2)}, {number(part.accuracy, 2)} right" for part in found.bins
    )
    return f"Answers in {len(found.bins)} bins: {said}."
