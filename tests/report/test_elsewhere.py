"""What was trained elsewhere stands on the page of a ladder: in its table, its chart, and in words."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from made_reports import HOSTILE, estimate, make_compared, make_errors, make_ladder

from cnncodes.errors import UsageError
from cnncodes.evaluation.intervals import Estimate
from cnncodes.report import read_comparison
from cnncodes.report.html import escape
from cnncodes.report.ladder import draw_cost, list_cautions, show_cost, sum_up


def test_it_is_the_last_row_of_the_table() -> None:
    found = show_cost(read_comparison(make_ladder(**make_compared()), "b.json"))
    assert found.count("<tr>") == 9
    row = found[found.rindex("<tr>") : found.rindex("</tr>")]
    assert "a.<wbr>cnncodes</bdi> (trained elsewhere)</td><td>0.930</td><td>0.910 to 0.950</td>" in row
    assert row.endswith("<td>+0.070</td><td>+0.050 to +0.090</td><td>–</td><td>20.0 s</td>")
    unknown = show_cost(read_comparison(make_ladder(**make_compared(None)), "b.json"))
    assert unknown[: unknown.rindex("</tr>")].endswith("<td>–</td><td>–</td>")


def test_figures_that_stand_beside_stand_in_its_row_too() -> None:
    error = {"value": 4.5, "low": 4.0, "high": 5.25, "n": 400}
    ladder = make_errors() | make_compared(mae=error, r2=estimate(0.75))
    found = show_cost(read_comparison(ladder, "b.json"))
    row = found[found.rindex("<tr>") : found.rindex("</tr>")]
    assert "<td>4.5</td><td>4 to 5.25</td><td>0.750</td><td>0.720 to 0.780</td>" in row


def test_where_its_seconds_are_known_it_is_a_cross_with_its_interval() -> None:
    comparison = read_comparison(make_ladder(**make_compared(900.0)), "b.json")
    svg = ElementTree.fromstring(draw_cost(comparison))
    [cross] = svg.findall("g/path[@class='elsewhere cross']")
    x = float(cross.get("d", "M").split()[0][1:]) + 5.5
    assert all(float(disc.get("cx", "")) < x < 464 for disc in svg.iter("circle"))
    assert len(svg.findall("g/path[@class='elsewhere']")) == 1
    assert svg.find("path[@class='elsewhere dashed']") is None
    assert "tuned/a.cnncodes: 0.930 in 900.0 s" in ElementTree.tostring(svg, "unicode")
    assert "The cross is <bdi>tuned/" in show_cost(comparison)


@pytest.mark.parametrize("seconds", [None, 0.0])
def test_where_they_are_not_it_is_a_dashed_line(seconds: float | None) -> None:
    comparison = read_comparison(make_ladder(**make_compared(seconds, name="x" * 80 + "/end")), "b.json")
    svg = ElementTree.fromstring(draw_cost(comparison))
    assert (
        svg.find("path[@class='elsewhere dashed']") is not None and svg.find("g/path[@class='cross']") is None
    )
    [label] = [str(text.text) for text in svg.findall("text") if str(text.text).endswith("x/end")]
    assert label.startswith("…") and len(label) == 40
    assert "The dashed line is <bdi>" in show_cost(comparison)


def test_how_it_stands_to_the_others_is_summed_up() -> None:
    said = sum_up(read_comparison(make_ladder(**make_compared()), "b.json"))
    assert said[1] == (
        "tuned/a.cnncodes is clearly better. Its difference to raw pixels, on the same images, is +0.120"
        " [0.100, 0.140]."
    )
    assert "The highest accuracy of these ways, 0.875" in said[2]
    assert "The highest accuracy, 0.875" in sum_up(read_comparison(make_ladder(), "b.json"))[1]


def test_what_flatters_it_is_a_caution() -> None:
    doubts = ["tuned <b> was trained on, or chosen by, 38 of these 40 test images: its figures flatter"]
    ladder = make_ladder(**make_compared(doubts=doubts))
    assert list_cautions(read_comparison(ladder, "b.json")) == [f"{escape(doubts[0])}."]


def test_beside_a_pages_own_classifier_it_is_left_out() -> None:
    comparison = read_comparison(make_ladder(**make_compared()), "b.json")
    found = show_cost(comparison, Estimate(0.95, 0.9, 0.97, 400))
    assert "elsewhere" not in found and 'class="own"' in found
    assert "elsewhere" not in show_cost(comparison, None, "Other images.")


@pytest.mark.parametrize("seconds", [None, 3.0])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_is_text(hostile: str, seconds: float | None) -> None:
    compared = make_compared(seconds, name=hostile, verdict=hostile, doubts=[hostile])
    comparison = read_comparison(make_ladder(**compared), "b.json")
    found = " ".join([show_cost(comparison), *sum_up(comparison), *list_cautions(comparison)])
    assert "<script" not in found and "<img" not in found
    ElementTree.fromstring(draw_cost(comparison))


@pytest.mark.parametrize("seconds", [-1.0, "soon", float("inf")])
def test_seconds_that_are_none_are_refused(seconds: object) -> None:
    with pytest.raises(UsageError, match="make it again"):
        read_comparison(make_ladder(**make_compared(cpu_seconds=seconds)), "b.json")
