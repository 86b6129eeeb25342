"""The data checks in a report: what is said, and which images stand beside it."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from made_reports import HOSTILE, MakeLabels, MakeMaterial, MakeNumbers, check_records, draw_records

from cnncodes.images import ImageRecord
from cnncodes.report import CheckedData, Material
from cnncodes.report.datachecks import COPIES, GROUPS, show_data
from cnncodes.report.html import escape
from cnncodes.report.material import Subject
from cnncodes.report.pictures import Studio
from cnncodes.report.suspects import SUSPECTS
from cnncodes.report.words import list_warnings


def show(material: Subject, data: CheckedData | str) -> str:
    material = dataclasses.replace(material, data=data)
    return show_data(material, Studio(material))


@pytest.fixture
def material(make_material: MakeMaterial) -> Material:
    return make_material(["cat", "dog", "fish"] * 4)


def draw_parts(n: int = 12, part: str | None = None) -> list[ImageRecord]:
    labels = ["cat", "dog", "fish"] * n
    parts = ["train" if i < len(labels) // 2 else "test" for i in range(len(labels))]
    records = draw_records(labels)
    return [dataclasses.replace(r, split=part or own) for r, own in zip(records, parts, strict=True)]


def test_copies_in_both_parts_stand_side_by_side_and_are_warned_of(material: Material) -> None:
    records = draw_parts()
    records[-1] = dataclasses.replace(records[0], key="copy.png", split="test")
    data = check_records(material, records)
    found = show(material, data)
    assert '<div class="finding warn"><h3>Copies</h3>' in found and "in more than one part" in found
    [copies] = [
        part for part in re.findall('<div class="copies">(.*?)</div></li>', found) if "copy.png" in part
    ]
    assert copies.count("<img") == 2 and "train</bdi>: <bdi>00000.png" in copies
    warned = " ".join(list_warnings(dataclasses.replace(material, data=data)))
    assert "in more than one part" in warned and 'href="#data"' in warned


def test_suspected_labels_have_the_map_of_the_class_that_they_look_like(material: Material) -> None:
    records = draw_parts(20)
    records[0] = dataclasses.replace(records[0], label="dog")
    data = check_records(material, records)
    found = show(material, data)
    [suspected] = [part for part in found.split('<div class="finding') if "Suspected labels" in part]
    assert suspected.count("<figure>") == suspected.count('<svg class="map"') >= 1
    first = suspected.index("Thumbnail of 00000.png")
    assert "looks like <bdi>cat</bdi>" in suspected[first : first + 10**5]
    [rows] = [finding.details["labels"] for finding in data.checks.findings if finding.check == "labels"]
    assert suspected.count("<figure>") == min(len(rows), SUSPECTS)


def test_a_class_that_the_classifier_does_not_know_has_no_map(material: Material) -> None:
    records = [dataclasses.replace(r, label=f"new {r.label}") for r in draw_parts(20)]
    records[0] = dataclasses.replace(records[0], label="new dog")
    found = show(material, check_records(material, records))
    assert "looks like <bdi>new cat</bdi>" in found and '<svg class="map"' not in found


def test_few_of_many_copies_are_shown_and_counted(material: Material) -> None:
    records = draw_parts()
    twins = [dataclasses.replace(r, key=f"twin {r.key}", split="test") for r in records[:10]]
    found = show(material, check_records(material, [*records, *twins]))
    assert f"{GROUPS} of 10 are shown" in found and found.count('<div class="copies">') == GROUPS


def test_how_many_more_copies_a_group_has_stands_in_its_own_frame(material: Material) -> None:
    records = draw_parts()
    twins = [dataclasses.replace(records[0], key=f"twin {i}") for i in range(COPIES + 2)]
    found = show(material, check_records(material, [*records, *twins]))
    assert re.search(r'<div class="copies">(?:(?!</div></li>).)*<p>and 3 more</p></div></li>', found)


def test_why_nothing_was_checked_or_found_is_said(material: Material) -> None:
    assert "not checked. They &lt;b&gt; were left out." in show(material, "They <b> were left out.")
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    found = show(material, check_records(material, [ImageRecord(f"{i}", one) for i, one in enumerate(noise)]))
    assert "Nothing was found." in found and "Not checked" in found and "no image has a label" in found


def test_hostile_names_are_text_and_pictures_that_are_gone_are_said(material: Material) -> None:
    records = [dataclasses.replace(r, key=f"{HOSTILE[i % 9]} {i}") for i, r in enumerate(draw_parts())]
    records[-1] = dataclasses.replace(records[0], key=HOSTILE[0], label=HOSTILE[1], split="test")
    data = check_records(material, records)
    gone = {key: dataclasses.replace(r, data=b"gone") for key, r in data.records.items()}
    found = show(material, dataclasses.replace(data, records=gone))
    assert "can no longer be read" in found and "<script" not in found and "<img" not in found
    assert escape(HOSTILE[0]) in found and escape(HOSTILE[1]) in found


def test_a_suspected_number_stands_beside_what_is_expected(make_numbers: MakeNumbers) -> None:
    material = make_numbers(np.linspace(0, 200, 40))
    records = [dataclasses.replace(r, label=f"{10 * int(r.label)}") for r in draw_records(list("1234") * 20)]
    records[5] = dataclasses.replace(records[5], label="5000")
    data = check_records(material, records, regression=True)
    found = show(material, data)
    assert "by the codes of this regressor" in found and "A warning makes figures wrong." in found
    [suspected] = [part for part in found.split('<div class="finding') if "Suspected numbers" in part]
    [rows] = [finding.details["numbers"] for finding in data.checks.findings if finding.check == "labels"]
    assert rows[0]["image"] == "00005.png" and suspected.count("<figure>") == len(rows[:SUSPECTS])
    first = suspected[suspected.index("Thumbnail of 00005.png") :]
    assert first.index("is 5,000<br>expected ") < first.index("deviations off")
    assert "<svg" not in found and "Classes not told apart: the labels are numbers." in found


def test_suspected_labels_are_missing_or_superfluous_with_their_maps(make_labels: MakeLabels) -> None:
    sets = [("sea",), ("sky",), ("sea", "sky"), ("new",)] * 20
    material = make_labels(sets, classes=["sea", "sky"])
    records = [dataclasses.replace(r, label=r.label) for r in draw_records(["|".join(one) for one in sets])]
    for i, label in ((0, "sea|sky"), (2, "sea"), (3, "sea")):
        records[i] = dataclasses.replace(records[i], label=label)
    data = check_records(material, records, label_delimiter="|")
    found = show(material, data)
    [suspected] = [part for part in found.split('<div class="finding') if "Suspected labels" in part]
    [rows] = [finding.details["labels"] for finding in data.checks.findings if finding.check == "labels"]
    assert {(row["image"], row["label"], row["has"]) for row in rows} >= {
        ("00000.png", "sky", True),
        ("00002.png", "sky", False),
        ("00003.png", "new", False),
    }
    assert suspected.count("Superfluous?") == sum(row["has"] for row in rows)
    assert suspected.count("Missing?") == sum(not row["has"] for row in rows)
    assert suspected.count('<svg class="map"') == sum(row["label"] != "new" for row in rows)
    assert "has: <bdi>sea</bdi>, <bdi>sky</bdi>" in suspected and "map of that label" in suspected


def test_of_copies_that_disagree_those_that_differ_most_are_shown(make_numbers: MakeNumbers) -> None:
    material, [one] = make_numbers([1.0, 2.0]), draw_records(["a"])
    records = [dataclasses.replace(one, key=f"{i}.png", label=label) for i, label in enumerate("31239")]
    found = show(material, check_records(material, records, regression=True))
    shown = re.findall(r"<figcaption><bdi>(\d+)</bdi>", found)
    assert len(shown) == 4 and shown[:2] == ["1", "9"] and "there with more than one number" in found


def test_of_copies_with_other_labels_each_set_is_shown(make_labels: MakeLabels) -> None:
    material, [one] = make_labels([("sea",), ("sky",)]), draw_records(["a"])
    labels = ["sea", "sea", "sea", "sea", "sky|sea", "|"]
    records = [dataclasses.replace(one, key=f"{i}.png", label=label) for i, label in enumerate(labels)]
    found = show(material, check_records(material, records, label_delimiter="|"))
    captions = re.findall(r"<figcaption><bdi>([^<]+)</bdi>", found)
    assert captions == ["sea", "sea + sky", "no label", "sea"]
