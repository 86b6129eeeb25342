"""The page on a regressor in a real browser, by mouse and by keyboard alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from browsing import check_apart, check_whole, find_faint, read_colors, settle
from made_reports import HOSTILE, MakeNumbers, Open, draw_records, make_errors, make_ladder

from cnncodes.report import NumberMaterial, find_training, read_comparison

pytestmark = pytest.mark.slow

TRUTH = np.linspace(0, 200, 120)
CHARTS = (
    "Predicted against true numbers",
    "Errors and how many images have them",
    "Mean absolute error against the true number",
)
LADDER_CHARTS = (
    "Mean absolute error against seconds of processors",
    "Mean absolute error against training images",
)


def complete(material: NumberMaterial) -> NumberMaterial:
    """Return what makes a report with all its sections."""
    labels = [f"{value:.3g}" for value in np.linspace(0, 200, 40)]
    records = draw_records(labels, [f"train/{i:05}.png" for i in range(40)], seed=1)
    codes = material.predictor.predict_records(records, codes=True).codes
    keys = [record.key for record in material.records]
    return dataclasses.replace(
        material, training=find_training(keys, material.codes, records, codes, "40 images")
    )


def test_the_map_says_numbers_and_what_is_nearest(make_numbers: MakeNumbers, open_report: Open) -> None:
    material = complete(make_numbers(TRUTH))
    page = open_report(material)
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    assert not isinstance(material.training, str)
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
        index = int(page.locator("#map-said .file").inner_text().removesuffix(".png"))
        said = page.locator("#map-said").inner_text().replace("\u2212", "-")
        assert said.startswith("Outside its interval" if material.far[index] else "Inside its interval")
        shown = said.split("predicted ")[1].split(" (")[0].split(", is ")
        numbers = [float(text.replace(",", "")) for text in shown]
        wanted = [material.predicted[index], material.truth[index]]
        np.testing.assert_allclose(numbers, wanted, rtol=1e-3)
        near = [material.training.records[row].label for row in material.training.index[index].tolist()]
        assert f"Nearest in training: {', '.join(map(str, near))}." in said
        assert page.locator("#map-near li").first.inner_text().startswith(f"{near[0]}; similarity ")


def test_colours_of_the_map_are_chosen_and_told(make_numbers: MakeNumbers, open_report: Open) -> None:
    material = make_numbers(TRUTH)
    page = open_report(material)
    legend = page.locator("#map-legend li")
    first = legend.all_inner_texts()
    assert len(first) == 8 and first[0].startswith("below") and first[-1].endswith("and more")
    count = page.locator("#map-count")
    assert count.inner_text() == "120 of 120 images shown."
    everything = read_colors(page)
    page.get_by_label("Colour", exact=True).select_option(label="size of the error")
    assert legend.all_inner_texts() != first
    page.get_by_label("Outside their interval only").check()
    settle(page)
    assert count.inner_text() == f"{material.far.sum()} of 120 images shown."
    assert 0 < read_colors(page) < everything
    page = open_report(make_numbers([1.0, 2.0, 5.0] * 4))
    assert page.locator("#map-legend li").all_inner_texts() == ["1", "2", "5"]


def test_a_colour_says_more_by_standing_out_more(make_numbers: MakeNumbers, open_report: Open) -> None:
    for scheme in ("light", "dark"):
        page = open_report(make_numbers(TRUTH), scheme=scheme)
        contrasts = page.evaluate(
            """() => {
              const curve = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
              const linear = (v) => curve(v / 255);
              const light = (text) => {
                const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(linear);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const under = light(getComputedStyle(document.getElementById("map")).backgroundColor);
              return [...document.querySelectorAll("#map-legend span")].map((swatch) => {
                const own = light(getComputedStyle(swatch).backgroundColor);
                return (Math.max(own, under) + 0.05) / (Math.min(own, under) + 0.05);
              });
            }"""
        )
        assert len(contrasts) == 8 and contrasts == sorted(contrasts) and contrasts[0] > 2.5


def test_charts_are_named_for_screen_readers_and_unfold_as_tables_by_keyboard(
    make_numbers: MakeNumbers, open_report: Open
) -> None:
    ladder = read_comparison(make_errors() | {"curve": make_ladder()["curve"]}, "b.json")
    material = dataclasses.replace(complete(make_numbers(TRUTH)), comparison=ladder)
    page = open_report(material, size=(360, 740))
    for name in (*CHARTS, *LADDER_CHARTS):
        chart = page.get_by_role("img", name=name)
        box = chart.bounding_box()
        assert chart.count() == 1 and box["x"] >= 0 and box["x"] + box["width"] <= 360
        check_apart(chart)
        check_whole(chart)
    page.get_by_text("The plot as a table").press("Enter")
    table = page.get_by_role("region", name="Predicted numbers by range of the true number")
    assert table.locator("tbody tr").count() == 6 and table.is_visible()
    page.get_by_role("button", name="Mean absolute error").press("Enter")
    assert page.locator("#ranges th[aria-sort=ascending]").count() == 1
    for link in page.locator("nav a").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))"):
        page.locator(f"nav a[href='{link}']").click()
        assert page.locator(link).evaluate("(s) => s.getBoundingClientRect().top") < 740


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 740), (1280, 900)])
def test_it_fits_and_can_be_read(
    make_numbers: MakeNumbers, open_report: Open, size: tuple[int, int], scheme: str
) -> None:
    page: Any = open_report(complete(make_numbers(1e4 * TRUTH)), size=size, scheme=scheme)
    page.get_by_label("Show nearest training images").check()
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    for folded in page.locator("#plot details, #errors details").all():
        folded.locator("summary").click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
    assert find_faint(page) == []


def test_hostile_names_are_only_read(make_numbers: MakeNumbers, open_report: Open) -> None:
    page = open_report(make_numbers(TRUTH[: len(HOSTILE)], HOSTILE, target=HOSTILE[1]))
    page.locator("#map").focus()
    for key in ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"] * 2:
        page.keyboard.press(key)
    assert page.evaluate("() => window.broken") is None
