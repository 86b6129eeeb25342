"""The learning curve: measured and extrapolated points at their places, and the same in a table."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

from made_reports import make_ladder

from cnncodes.report import read_comparison
from cnncodes.report.curve import draw_curve, show_curve


def test_points_rise_from_left_to_right_and_what_is_extrapolated_is_told_apart() -> None:
    comparison = read_comparison(make_ladder(), "b.json")
    assert comparison.curve is not None
    svg = ElementTree.fromstring(draw_curve(comparison.curve, comparison.figure))
    discs = {kind: svg.findall(f"circle[@class='{kind}']") for kind in ("measured", "beyond")}
    assert [len(found) for found in discs.values()] == [5, 2]
    places = [
        (float(d.get("cx", "")), float(d.get("cy", ""))) for d in [*discs["measured"], *discs["beyond"]]
    ]
    steps = [(after[0] - before[0], after[1] - before[1]) for before, after in itertools.pairwise(places)]
    # Each is twice as many images as the one before.
    assert max(dx for dx, _ in steps) - min(dx for dx, _ in steps) < 0.3 and steps[0][0] > 20
    assert all(dy < 0 for _, dy in steps)
    assert (
        len(svg.findall("path[@class='band measured']"))
        == len(svg.findall("path[@class='band beyond']"))
        == 1
    )


def test_the_section_says_what_more_labels_would_bring() -> None:
    comparison = read_comparison(make_ladder(), "b.json")
    assert comparison.curve is not None
    found = show_curve(comparison, comparison.curve)
    assert "<strong>3,200 labelled images instead of 1,600 would bring about +2.0 points" in found
    assert found.count("extrapolated</td>") == 2 and "<td>0.860</td><td>0.820 to 0.900</td>" in found


def test_one_point_makes_a_curve_that_says_that_it_cannot_tell() -> None:
    ladder = make_ladder()
    ladder["curve"] = {
        "points": ladder["curve"]["points"][-1:],
        "further": [],
        "verdict": "1 size of the training part cannot say what more labels would bring",
    }
    comparison = read_comparison(ladder, "b.json")
    assert comparison.curve is not None
    found = show_curve(comparison, comparison.curve)
    assert "cannot say" in found and found.count("<circle") == 1
