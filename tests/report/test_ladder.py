"""Accuracy against cost: points at their places, numbers that can be read, and the same in a table."""

from __future__ import annotations

import dataclasses
import math
import re
from xml.etree import ElementTree

import pytest
from made_reports import HOSTILE, MakeLabels, MakeNumbers, estimate, make_errors, make_ladder

from cnncodes.evaluation.intervals import Estimate
from cnncodes.report import read_comparison
from cnncodes.report.html import escape
from cnncodes.report.ladder import draw_cost, list_cautions, show_cost, sum_up
from cnncodes.report.page import show_comparison


def test_each_method_has_a_point_with_its_interval_at_its_place() -> None:
    comparison = read_comparison(make_ladder(), "b.json")
    svg = ElementTree.fromstring(draw_cost(comparison))
    discs = [mark.find("circle") for mark in svg.findall("g")]
    tried = [one for one in comparison.tried if one.cost > 0]
    assert len(discs) == len(tried) == 6
    places = [(float(disc.get("cx", "")), float(disc.get("cy", ""))) for disc in discs if disc is not None]
    by_cost = sorted(range(6), key=lambda i: tried[i].cost)
    assert by_cost == sorted(range(6), key=lambda i: places[i][0])
    by_accuracy = sorted(range(6), key=lambda i: -tried[i].estimate.value)
    assert by_accuracy == sorted(range(6), key=lambda i: places[i][1])
    numbers = [text for text in svg.findall("text") if text.get("class") == "mark"]
    assert [text.text for text in numbers] == ["2", "3", "4", "5", "6", "7"]
    boxes = [(float(text.get("x", "")), float(text.get("y", "")) - 5) for text in numbers]
    for i, (x, y) in enumerate(boxes):
        assert all(abs(x - u) >= 18 or abs(y - v) >= 16 for u, v in boxes[i + 1 :])
    assert len(svg.findall("g/circle[@class='ring']")) == 1
    free = svg.find("path[@class='free']")
    assert free is None and svg.get("role") == "img" and svg.find("desc") is not None
    assert [t.text for t in svg.findall("text") if "below" in str(t.text)] == [
        "1  majority class, 0.110: below"
    ]


def test_the_table_says_the_same_in_words() -> None:
    found = show_cost(
        read_comparison(make_ladder(left_out=[{"title": "a <b>", "reason": "no time"}]), "b.json")
    )
    assert found.count("<tr>") == 8 and "net, flip: ridge <strong>(to take)</strong>" in found
    assert "<td>0.875</td><td>0.845 to 0.905</td><td>+0.015</td>" in found and "<td>reference</td>" in found
    assert "a &lt;b&gt;: no time" in found and "Take net, flip: ridge." in found


def test_what_was_left_out_for_one_reason_stands_together() -> None:
    left = [
        {"title": title, "reason": reason} for title, reason in (("a", "late"), ("b", "none"), ("c", "late"))
    ]
    found = show_cost(read_comparison(make_ladder(left_out=left), "b.json"))
    assert "<li>a; c: late</li><li>b: none</li>" in found


def test_what_has_no_interval_is_said_below_the_table() -> None:
    said = "No interval of the accuracy of 2 & 3: nearly all resamples agree."
    found = show_cost(read_comparison(make_ladder(without_interval=said), "b.json"))
    assert found.index(f"<p>{escape(said)}</p>") > found.index("</table>")
    assert "No interval" not in show_cost(read_comparison(make_ladder(), "b.json"))


def test_what_costs_nothing_is_a_line_where_it_is_as_good() -> None:
    ladder = make_ladder()
    ladder["methods"][0]["evaluation"]["accuracy"] = estimate(0.84)
    svg = ElementTree.fromstring(draw_cost(read_comparison(ladder, "b.json")))
    assert svg.find("path[@class='free']") is not None


def test_another_classifier_is_a_line_where_it_is_of_the_same_images() -> None:
    comparison = read_comparison(make_ladder(), "b.json")
    own = Estimate(0.95, 0.9, 0.97, 400)
    assert "this classifier" in show_cost(comparison, own) and 'class="own"' in show_cost(comparison, own)
    assert "this classifier" not in show_cost(comparison, None, "Other images.")
    assert "<p>Other images. Cheap" in show_cost(comparison, None, "Other images.")


def test_the_verdict_takes_the_pages_own_classifier_into_account() -> None:
    comparison = read_comparison(make_ladder(), "b.json")  # the best has 0.875 [0.845, 0.905]
    above, beside, worse = (
        show_cost(comparison, Estimate(value, value - 0.02, value + 0.02, 400)) for value in (0.95, 0.88, 0.8)
    )
    assert "This report’s classifier is clearly better than the best of the ways below, net, flip" in above
    assert "0.950 (0.930 to 0.970) against 0.8" in above and "(to take)" not in above
    assert "Of the ways below alone: Take net, flip: ridge." in above and 'class="ring"' not in above
    assert "this report’s classifier 0.880 (0.860 to 0.900): their intervals overlap, so that" in beside
    assert "0.800 (0.780 to 0.820), which is clearly worse.</strong>" in worse and "(to take)" in worse
    unknown = show_cost(comparison, Estimate(0.95, math.nan, math.nan, 1))
    assert "this report’s classifier 0.950.</strong>" in unknown and "(to take)" in unknown


def test_where_none_is_to_be_taken_none_is_marked() -> None:
    comparison = read_comparison(make_ladder(recommended=None, verdict="400 images are too few."), "b.json")
    found = show_cost(comparison)
    assert "(to take)" not in found and 'class="ring"' not in found and "too few" in found


def test_what_costs_nothing_alone_is_a_table_without_a_chart() -> None:
    ladder = make_ladder(curve=None, verdict="")
    ladder["methods"] = ladder["methods"][:1]
    comparison = read_comparison(ladder, "b.json")
    assert "<svg" not in show_cost(comparison) and "majority class" in show_cost(comparison)
    assert list_cautions(comparison) == ["One way alone was tried: there is nothing to compare it with."]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_figures_at_the_ends_are_drawn_within_the_chart(value: float) -> None:
    ladder = make_ladder()
    for method in ladder["methods"]:
        method["evaluation"]["accuracy"] = {**estimate(value, 0.0), "low": value, "high": value}
    svg = ElementTree.fromstring(draw_cost(read_comparison(ladder, "b.json")))
    for disc in svg.iter("circle"):
        assert 0 <= float(disc.get("cy", "")) <= 340


def test_what_flatters_is_said() -> None:
    said = list_cautions(read_comparison(make_ladder(trained_on=3, failed=2), "b.json"))
    assert "3 of 400 test images were trained on" in said[0] and "2 images could not be used" in said[1]
    assert (
        "5 of 400 test images are of groups"
        in list_cautions(read_comparison(make_ladder(groups_trained_on=5), "b.json"))[0]
    )
    one = list_cautions(read_comparison(make_ladder(unlabelled=1, failed=1), "b.json"))
    assert one == [
        "1 image has no label: left out.",
        "1 image could not be used: not in the figures.",
    ]
    [few] = list_cautions(read_comparison(make_ladder(n_groups=5), "b.json"))
    assert few.endswith("of which there are 5: too few, so that they are too narrow or mean nothing.")
    copies = list_cautions(read_comparison(make_ladder(n_groups=5, n_different=5), "b.json"))
    assert "5 differ" in copies[0] and "Intervals draw 5 different images: too few" in copies[1]
    assert len(list_cautions(read_comparison(make_ladder(n_groups=50, n_different=50), "b.json"))) == 1
    doubts = make_ladder(doubts=["1 of 4 labels <b> are rare"], unlabelled=7)
    assert list_cautions(read_comparison(doubts, "b.json")) == [
        "1 of 4 labels &lt;b&gt; are rare.",
        "7 images have no label: left out.",
    ]
    summed = sum_up(read_comparison(make_ladder(), "b.json"))
    assert "7 ways" in summed[1] and "0.875 (95 % interval: 0.845 to 0.905)" in summed[1]
    assert "More labels: 3,200" in summed[2]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_titles_are_text(hostile: str) -> None:
    ladder = make_ladder(verdict=hostile, recommended=hostile, compared_with=hostile)
    ladder["methods"][1]["title"] = ladder["methods"][0]["title"] = hostile
    found = show_cost(read_comparison(ladder, "b.json"), Estimate(0.9, 0.8, 1, 9), hostile)
    assert escape(hostile) in found and "<script" not in found and "<img" not in found
    [svg] = re.findall("<svg.*</svg>", found, re.DOTALL)
    ElementTree.fromstring(svg)


def test_a_regressor_is_a_line_where_its_images_have_the_same_numbers(make_numbers: MakeNumbers) -> None:
    material = make_numbers([1.0, 2.5], keys=["a", "b"])
    ladder = make_errors() | {"images": ["b", "a"], "labels": [2.5, 1]}
    same = dataclasses.replace(material, comparison=read_comparison(ladder, "b.json"))
    [cost] = show_comparison(same).values()
    assert ">this regressor</text>" in cost and "this report’s regressor" in cost
    assert list(show_comparison(material)) == []
    other = read_comparison(ladder | {"labels": [2.5, 1.5]}, "b.json")
    [cost] = show_comparison(dataclasses.replace(material, comparison=other)).values()
    assert "this regressor" not in cost and "what is true of them differs" in cost
    assert "Take net, flip: ridge." in cost


def test_a_classifier_of_several_labels_is_a_line_where_its_images_have_the_same_labels(
    make_labels: MakeLabels,
) -> None:
    material = make_labels([("sky", "sea"), (), ("sea",)], keys=["a", "b", "c"])
    ladder = make_ladder(figure={"key": "mean_average_precision"}, images=["a", "b", "c"])
    for method in ladder["methods"]:
        method["evaluation"] = {"mean_average_precision": estimate(0.5)}
    ladder["labels"] = [["sea", "sky"], [], ["sea"]]
    same = dataclasses.replace(material, comparison=read_comparison(ladder, "b.json"))
    assert list(show_comparison(same)) == ["cost", "curve"]
    assert ">this classifier" in show_comparison(same)["cost"]
    ladder["labels"] = [["sea", "sky"], [], ["sky"]]
    other = dataclasses.replace(material, comparison=read_comparison(ladder, "b.json"))
    assert ">this classifier" not in show_comparison(other)["cost"]


@pytest.mark.parametrize("worst", [4e-6, 40.0, 4e7])
def test_errors_of_any_unit_have_their_places_and_the_least_is_the_best(worst: float) -> None:
    comparison = read_comparison(make_errors(worst), "b.json")
    svg = ElementTree.fromstring(draw_cost(comparison))
    discs = [mark.find("circle") for mark in svg.findall("g")]
    heights = [float(disc.get("cy", "")) for disc in discs if disc is not None]
    assert len(set(heights)) == 6 and heights == sorted(heights)  # lower on the page is less
    assert "median" not in show_cost(comparison) and "good ones at the bottom" in show_cost(comparison)
    [_, summed] = sum_up(comparison)
    assert "7 ways to predict numbers were tried" in summed and "The least mean absolute error" in summed
    assert f"is that of {comparison.tried[-1].title}." in summed
    above = [text.text for text in svg.findall("text") if str(text.text).endswith(": above")]
    assert len(above) == 1 and above[0].startswith("1  majority class")


def test_what_the_summary_says_is_not_said_again() -> None:
    comparison = read_comparison(make_ladder(), "b.json")
    assert comparison.verdict in show_cost(comparison)
    assert comparison.verdict not in show_cost(comparison, summed_up=True)
