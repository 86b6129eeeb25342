"""The page as a whole: nothing from elsewhere, nothing of a stranger's that runs, and in order."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from made_reports import HOSTILE, MakeMaterial, add_training, check_records, make_ladder

from cnncodes.report import Origin, read_comparison, render_comparison, render_report
from cnncodes.report.html import clean
from cnncodes.report.origin import show_origin
from cnncodes.report.page import CONTENTS

#: Elements without an end.
_VOID = {"meta", "img", "input", "br", "wbr", "image", "path"}


class Outline(HTMLParser):
    """Reads tags with their attributes, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.raw.append((tag, dict(attrs), ""))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            tag, attrs, text = self.raw[-1]
            self.raw[-1] = tag, attrs, text + data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def hostile_page(make_material: MakeMaterial) -> str:
    classes = [f"{name} class" for name in HOSTILE]
    material = make_material(classes * 3, [f"{name} {i}" for i in range(3) for name in HOSTILE])
    ladder = make_ladder(
        verdict=HOSTILE[0], compared_with=HOSTILE[1], images=["x"], labels=["y"], src=HOSTILE[2]
    )
    ladder["methods"][1]["title"] = ladder["recommended"] = HOSTILE[3]
    return render_report(
        dataclasses.replace(
            material,
            training=add_training(material, classes * 2),
            data=check_records(material, material.records),
            comparison=read_comparison(ladder, "b.json"),
        )
    ).decode()


def test_tags_are_balanced_and_names_open_none(hostile_page: str) -> None:
    outline = Outline(hostile_page)
    assert outline.open == []
    assert [attrs.get("id") for _, attrs, _ in outline.raw] == [None, "map-data", None]
    for tag, attrs in outline.tags:
        assert not [name for name in attrs if name.startswith("on")], tag
        assert "style" not in attrs, "the policy forbids it"


def test_nothing_comes_from_elsewhere(hostile_page: str) -> None:
    for tag, attrs in Outline(hostile_page).tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            value = attrs.get(name)
            assert value is None or value.startswith(("data:image/", "#")), (tag, value)
    assert "@import" not in hostile_page and "url(" not in hostile_page


def test_the_policy_allows_this_script_and_this_style_alone(hostile_page: str) -> None:
    outline = Outline(hostile_page)
    [policy] = [attrs["content"] for attrs in outline.named("meta") if "http-equiv" in attrs]
    assert policy is not None and policy.startswith("default-src 'none';") and "unsafe" not in policy
    for tag, attrs, text in outline.raw:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert (f"{tag}-src 'sha256-{digest}'" in policy) == (attrs.get("type") is None)


def test_data_holds_the_names_as_they_are_shown(hostile_page: str) -> None:
    [data] = [text for _, attrs, text in Outline(hostile_page).raw if attrs.get("id") == "map-data"]
    found = json.loads(data)
    assert found["n"] == 27 and found["files"][:9] == [clean(f"{name} 0") for name in HOSTILE]
    assert sorted(found["classes"]) == sorted(clean(f"{name} class") for name in HOSTILE)


def test_sections_come_in_order_under_headings_without_gaps(hostile_page: str) -> None:
    outline = Outline(hostile_page)
    shown = [attrs["id"] for attrs in outline.named("section")]
    assert shown == [ident for ident in CONTENTS if ident in shown] and len(shown) == 11
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    identities = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(identities) == len(set(identities))
    for _, attrs in outline.tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attrs.get(name) or "").split()) <= set(identities)
    assert all("alt" in attrs for attrs in outline.named("img"))
    assert outline.named("html")[0]["lang"] == "en"


@pytest.mark.filterwarnings("ignore:1 of the classes here is unknown")
@pytest.mark.parametrize("labels", [["a"], ["new"], ["a", "b"]])
def test_the_fewest_images_make_a_page(make_material: MakeMaterial, labels: list[str]) -> None:
    page = render_report(make_material(labels, classes=["a", "b"])).decode()
    assert Outline(page).open == [] and "Probabilities" in page
    assert "nan" not in re.sub(r"base64,[^\"]*|<script.*?</script>", "", page, flags=re.DOTALL)


def test_pictures_that_are_gone_leave_a_page_that_says_so(make_material: MakeMaterial) -> None:
    material = make_material(["a", "b"] * 6)
    gone = [dataclasses.replace(record, data=b"gone") for record in material.records]
    page = render_report(dataclasses.replace(material, records=gone)).decode()
    assert "There are no thumbnails: none of the pictures can be read any more." in page
    assert "0 of 12 images" not in page and Outline(page).open == []


@pytest.mark.slow
def test_the_same_material_makes_the_same_page(make_material: MakeMaterial) -> None:
    labels = ["a", "b", "c"] * 5
    assert render_report(make_material(labels)) == render_report(make_material(labels))


def test_a_page_says_where_time_decides_what_is_tried() -> None:
    origin = Origin("cnncodes baseline", None, "", "photos", None, {}, "2026-01-01")
    plain, timed = show_origin(origin), show_origin(dataclasses.replace(origin, timed=True))
    assert "gives the same figures:" in plain and "--budget" not in plain
    assert "gives the same figures of each method that it has time for" in timed
    assert "--budget none tries all" in timed


def test_a_page_on_a_ladder_is_as_closed_and_links_to_what_it_has() -> None:
    origin = Origin("cnncodes baseline", None, "", HOSTILE[0], None, {}, "2026-01-01")
    page = render_comparison(read_comparison(make_ladder(trained_on=1), "b.json"), origin).decode()
    outline = Outline(page)
    assert outline.open == [] and [attrs["id"] for attrs in outline.named("section")] == [
        "summary", "cost", "curve", "origin",
    ]  # fmt: skip
    identities = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(identities) == len(set(identities))
    for _, attrs in outline.tags:
        assert set((attrs.get("aria-labelledby") or "").split()) <= set(identities)
        assert "style" not in attrs and (attrs.get("href") or "#").startswith("#")
    for link in outline.named("a"):
        assert (link["href"] or "")[1:] in identities
    assert "The figures flatter" in page or "the figures flatter" in page
