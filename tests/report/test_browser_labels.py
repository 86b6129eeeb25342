"""The page on several labels an image in a real browser, by mouse and by keyboard alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from browsing import find_faint, read_colors, settle
from made_reports import HOSTILE, MakeLabels, Open, draw_records

from cnncodes.report import LabelMaterial, find_training

pytestmark = pytest.mark.slow

SETS = [("sea", "sky"), ("sky",), (), ("sea", "a long name of a label")] * 15


def complete(material: LabelMaterial) -> LabelMaterial:
    """Return what makes a report with all its sections."""
    labels = ["sea|sky", "sky", "|", "sea"] * 5
    records = draw_records(labels, [f"train/{i:05}.png" for i in range(20)], seed=1)
    codes = material.predictor.predict_records(records, codes=True).codes
    keys = [record.key for record in material.records]
    return dataclasses.replace(
        material, training=find_training(keys, material.codes, records, codes, "20 images")
    )


def join(material: LabelMaterial, row: np.ndarray) -> str:
    return ", ".join(material.names[i] for i in np.flatnonzero(row)) or "no label"


def test_the_map_says_labels_and_those_of_what_is_nearest(make_labels: MakeLabels, open_report: Open) -> None:
    material = complete(make_labels(SETS))
    page = open_report(material)
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    assert not isinstance(material.training, str)
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
        index = int(page.locator("#map-said .file").inner_text().removesuffix(".png"))
        said = page.locator("#map-said").inner_text()
        wrong = int((material.truth[index] != material.named[index]).sum())
        assert said.startswith(f"{wrong} wrong or missing" if wrong else "Right")
        given, true = join(material, material.named[index]), join(material, material.truth[index])
        assert f": named {given}; has {true}." in said
        near = [material.training.records[row] for row in material.training.index[index].tolist()]
        for label in ("sea", "sky"):
            count = sum(label in str(record.label).split("|") for record in near)
            assert (f"{count} {label}" in said) == (count > 0)


def test_the_map_is_filtered_by_label_and_mistakes(make_labels: MakeLabels, open_report: Open) -> None:
    material = make_labels(SETS)
    page = open_report(material)
    count, legend = page.locator("#map-count"), page.locator("#map-legend li")
    assert count.inner_text() == "60 of 60 images shown."
    assert legend.all_inner_texts()[0] == "all labels right" and legend.count() == 4
    everything = read_colors(page)
    label = material.names.index("sky")
    page.get_by_label("Label", exact=True).select_option(str(label))
    settle(page)
    either = material.truth[:, label] | material.named[:, label]
    said = "images shown that have the label or were said to."
    assert count.inner_text() == f"{either.sum()} of 60 {said}"
    assert legend.all_inner_texts()[1] == "has it, and it is missing" and legend.count() == 3
    assert 0 < read_colors(page) < everything
    page.get_by_label("Mistakes only").check()
    mistaken = material.truth[:, label] != material.named[:, label]
    assert count.inner_text() == f"{mistaken.sum()} of 60 {said}"
    page.get_by_label("Label", exact=True).select_option("-1")
    assert count.inner_text() == f"{material.wrong.sum()} of 60 images shown."


def test_tables_are_sorted_and_maps_switched_by_keyboard(make_labels: MakeLabels, open_report: Open) -> None:
    page = open_report(make_labels(SETS))
    page.get_by_role("button", name="Average precision").press("Enter")
    rows = "[...document.querySelectorAll('#per-label tbody tr')]"
    values = f"() => {rows}.map((row) => +row.cells[2].dataset.value)"
    assert page.evaluate(values) == sorted(page.evaluate(values))
    overlay = page.locator("#images svg.map").first
    assert overlay.is_visible()
    page.get_by_label("Show class activation maps").press("Space")
    assert not overlay.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 740), (1280, 900)])
def test_it_fits_and_can_be_read(
    make_labels: MakeLabels, open_report: Open, size: tuple[int, int], scheme: str
) -> None:
    page = open_report(complete(make_labels(SETS)), size=size, scheme=scheme)
    page.get_by_label("Show nearest training images").check()
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
    assert find_faint(page) == []
    for link in page.locator("nav a").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))"):
        page.locator(f"nav a[href='{link}']").click()
        assert page.locator(link).evaluate("(s) => s.getBoundingClientRect().top") < size[1]


def test_hostile_names_are_only_read(make_labels: MakeLabels, open_report: Open) -> None:
    labels = [name.replace("|", "") for name in HOSTILE]
    page = open_report(make_labels([(one,) for one in labels] * 2))
    page.locator("#map").focus()
    for key in ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"] * 2:
        page.keyboard.press(key)
    page.get_by_label("Label", exact=True).select_option("0")
    assert page.evaluate("() => window.broken") is None
