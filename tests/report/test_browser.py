"""The report in a real browser: it is clicked through, by mouse and by keyboard alone, without a network."""

from __future__ import annotations

import dataclasses
import io
import time
from collections import Counter

import numpy as np
import pytest
from browsing import check_apart, find_faint, read_colors, settle
from made_reports import HOSTILE, MakeMaterial, Open, add_training, check_records, draw_records, make_ladder
from PIL import Image

from cnncodes.plots.layout import Layout
from cnncodes.report import (
    Material,
    Origin,
    Training,
    codemap,
    read_comparison,
    render_comparison,
    render_report,
)

pytestmark = pytest.mark.slow

SPECIES = [
    "Adalia_bipunctata",
    "Coccinella_septempunctata",
    "Exochomus_quadripustulatus",
    "Harmonia_axyridis",
    "Hippodamia_variegata",
    "Propylea_quatuordecimpunctata",
]
LABELS = [name for name in ("cat", "dog", "fish") for _ in range(30)]


def complete(material: Material) -> Material:
    """Return what makes a report with all its sections."""
    records = [dataclasses.replace(r, split="test") for r in material.records]
    more = [dataclasses.replace(r, key=f"train/{r.key}", split="train") for r in draw_records(LABELS, seed=1)]
    more[0] = dataclasses.replace(more[0], data=records[0].data)
    more[1] = dataclasses.replace(more[1], label="fish")
    return dataclasses.replace(
        material,
        training=add_training(material, LABELS),
        data=check_records(material, [*records, *more]),
        comparison=read_comparison(
            make_ladder(images=[r.key for r in records], labels=[r.label for r in records]), "b.json"
        ),
    )


def test_the_table_of_classes_is_sorted_by_keyboard(make_material: MakeMaterial, open_report: Open) -> None:
    page = open_report(make_material(LABELS))
    button = page.get_by_role("button", name="Recall")
    recalls = (
        "() => [...document.querySelectorAll('#classes tbody tr')].map((row) => +row.cells[1].dataset.value)"
    )
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("#classes th[aria-sort=ascending]").inner_text().startswith("Recall")
    assert page.evaluate(recalls) == sorted(page.evaluate(recalls))
    page.keyboard.press("Space")
    assert page.locator("#classes th[aria-sort=descending]").count() == 1
    assert page.evaluate(recalls) == sorted(page.evaluate(recalls), reverse=True)
    page.get_by_role("button", name="Class").press("Enter")
    names = page.locator("#classes tbody th").all_inner_texts()
    assert names == ["cat", "dog", "fish"] and page.locator("#classes th[aria-sort]").count() == 1


def test_without_scripts_nothing_is_shown_that_only_they_answer_to(
    make_material: MakeMaterial, open_report: Open
) -> None:
    page = open_report(make_material(LABELS), scripts=False)
    for what in ("#map", "#map-class", "#map-help", "#map-legend"):
        assert not page.locator(what).is_visible()
    assert page.locator("#images svg.map").first.is_visible()


def test_activation_maps_are_switched_by_keyboard(make_material: MakeMaterial, open_report: Open) -> None:
    page = open_report(make_material(LABELS))
    overlay = page.locator("#images svg.map").first
    assert overlay.is_visible()
    shown = overlay.locator("image").evaluate("(image) => image.getBBox().width")
    assert shown > 0
    page.get_by_label("Show class activation maps").focus()
    page.keyboard.press("Space")
    assert not overlay.is_visible()
    page.keyboard.press("Space")
    assert overlay.is_visible()
    pictures = (
        "() => [...document.querySelectorAll('#images img')].every((i) => i.complete && i.naturalWidth > 0)"
    )
    assert page.evaluate(pictures)


def test_the_map_is_read_by_keyboard(make_material: MakeMaterial, open_report: Open) -> None:
    material = make_material(LABELS)
    page = open_report(material)
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    said = page.locator("#map-said")
    first = said.inner_text()
    index = int(first.split(". ")[-1].removesuffix(".png"))
    assert f"predicted {material.predicted[index]}" in first and f"is {material.truth[index]}." in first
    assert page.locator("#map-thumb").get_attribute("aria-label") == f"Thumbnail of {index:05}.png"
    color = page.evaluate(
        "() => [...document.getElementById('map-thumb').getContext('2d').getImageData(64, 64, 1, 1).data]"
    )
    mean = np.asarray(material.records[index].data).mean(axis=(0, 1))
    assert np.abs(np.array(color[:3]) - mean).max() < 40
    seen = {first}
    for key in ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"] * 5:
        page.keyboard.press(key)
        seen.add(said.inner_text())
    assert len(seen) > 3
    for key in ("+", "+", "Shift+ArrowLeft", "-", "0"):
        page.keyboard.press(key)
    settle(page)
    assert read_colors(page) > 100


def test_the_map_is_read_by_mouse(make_material: MakeMaterial, open_report: Open) -> None:
    page = open_report(make_material(LABELS))
    canvas = page.locator("#map")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for y in np.linspace(box["y"] + 5, box["y"] + box["height"] - 5, 30):
        for x in np.linspace(box["x"] + 5, box["x"] + box["width"] - 5, 12):
            page.mouse.move(x, y)
        if "predicted" in page.locator("#map-said").inner_text():
            break
    assert "predicted" in page.locator("#map-said").inner_text()
    before = read_colors(page)
    place = page.evaluate("() => scrollY")
    page.mouse.wheel(0, -300)  # not focused: the page scrolls
    page.wait_for_timeout(300)
    assert page.evaluate("() => scrollY") < place
    canvas.click(position={"x": 3, "y": 3})
    place = page.evaluate("() => scrollY")
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(300)
    assert page.evaluate("() => scrollY") == place
    zoomed = read_colors(page)
    assert zoomed != before
    page.get_by_role("button", name="Whole map").click()
    settle(page)
    assert abs(read_colors(page) - before) < 400  # but for the ring of the one that is chosen


def test_nearest_training_images_unfold_by_keyboard(make_material: MakeMaterial, open_report: Open) -> None:
    material = complete(make_material(LABELS))
    page = open_report(material)
    first = page.locator("#images details.nearest").first
    assert not first.locator("ol").is_visible()
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.locator("li").count() == 4 and first.locator("svg").first.is_visible()
    page.get_by_label("Show nearest training images").focus()
    page.keyboard.press("Space")
    folded = "() => [...document.querySelectorAll('details.nearest')].filter((d) => !d.open).length"
    assert page.evaluate(folded) == 0
    page.keyboard.press("Space")
    assert page.evaluate(folded) == page.locator("details.nearest").count()


def test_thumbnails_of_training_images_show_their_image(
    make_material: MakeMaterial, open_report: Open
) -> None:
    material = complete(make_material(LABELS))
    page = open_report(material)
    assert isinstance(material.training, Training)
    pixels = {r.key: np.asarray(r.data).mean(axis=(0, 1)) for r in material.training.records}
    page.get_by_label("Show nearest training images").check()
    for tile in page.locator("#images details.nearest svg.tile").all()[:6]:
        tile.scroll_into_view_if_needed()
        shown = np.asarray(Image.open(io.BytesIO(tile.screenshot())).convert("RGB"))
        middle = shown[shown.shape[0] // 2 - 4 :, :][:8, shown.shape[1] // 2 - 4 :][:, :8].mean(axis=(0, 1))
        key = tile.get_attribute("aria-label").removeprefix("Thumbnail of ")
        assert np.abs(middle - pixels[key]).max() < 30


def test_the_map_says_which_training_images_are_nearest(
    make_material: MakeMaterial, open_report: Open
) -> None:
    material = complete(make_material(LABELS))
    page = open_report(material)
    near = page.locator("#map-near")
    assert not near.is_visible()
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    assert isinstance(material.training, Training)
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
        index = int(page.locator("#map-said .file").inner_text().removesuffix(".png"))
        rows = material.training.index[index].tolist()
        wanted = [material.training.records[row] for row in rows]
        assert near.locator(".file").all_inner_texts() == [record.key for record in wanted]
        assert [tile.get_attribute("aria-label") for tile in near.locator("svg.tile").all()] == [
            f"Thumbnail of {record.key}" for record in wanted
        ]
        counts = Counter(record.label for record in wanted)
        said = page.locator("#map-said").inner_text()
        assert all(f"{count} {label}" in said for label, count in counts.items())
        first = near.locator("li").first.inner_text()
        assert f"{wanted[0].label} {material.training.cosine[index][0]:.2f}" in first
    page.get_by_label("Mistakes only").check()
    if material.predicted[index] == material.truth[index]:
        assert not near.is_visible()


def test_charts_are_named_for_screen_readers_and_fit(make_material: MakeMaterial, open_report: Open) -> None:
    page = open_report(complete(make_material(LABELS)), size=(360, 740))
    for name in ("Accuracy against seconds of processors", "Accuracy against training images"):
        chart = page.get_by_role("img", name=name)
        box = chart.bounding_box()
        assert chart.count() == 1 and box["x"] >= 0 and box["x"] + box["width"] <= 360
        sizes = chart.locator("text").evaluate_all(
            "(all) => all.map((t) => t.getBoundingClientRect().height)"
        )
        assert min(size for size in sizes if size) > 11
        check_apart(chart)
    links = page.locator("nav a").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))")
    for link in links:
        page.locator(f"nav a[href='{link}']").click()
        assert page.locator(link).evaluate("(s) => s.getBoundingClientRect().top") < 740


def test_names_of_any_kind_break_nothing_on_a_telephone(
    make_material: MakeMaterial, open_report: Open
) -> None:
    names = [
        "x" * 150,
        "😀 👩‍👩‍👧",
        "שלום עולם (12)",
        "مرحبا",
        "<b>R&D</b>",
        *(f"a long name {i}" for i in range(30)),
    ]
    material = make_material(names * 2)
    ladder = make_ladder(recommended=names[0])
    ladder["methods"][1]["title"] = names[0]
    material = dataclasses.replace(
        material,
        training=add_training(material, names),
        data=check_records(material, material.records),
        comparison=read_comparison(ladder, "b.json"),
    )
    page = open_report(material, size=(360, 740))
    page.get_by_label("Show nearest training images").check()
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    options = page.locator("#map-class option").all_inner_texts()
    assert "\u2068שלום עולם (12)\u2069 (2)" in options
    wide = "() => Math.max(...[...document.querySelectorAll('#methods td')].map((cell) => cell.offsetWidth))"
    assert page.evaluate(wide) < 420


def test_pictures_as_large_as_thumbnails_fit_a_narrow_screen(
    make_material: MakeMaterial, open_report: Open
) -> None:
    material = make_material(LABELS)
    data = np.random.default_rng(0).integers(0, 256, (300, 280, 3), dtype=np.uint8)
    records = [dataclasses.replace(record, data=data) for record in material.records]
    page = open_report(dataclasses.replace(material, records=records), size=(320, 740))
    assert page.locator("#images img").first.evaluate("(image) => image.naturalHeight") > 144
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320


def test_a_page_on_a_ladder_is_read_without_any_image(open_report: Open) -> None:
    origin = Origin("cnncodes baseline", None, "", "photos", None, {}, "2026-01-01")
    page = open_report(render_comparison(read_comparison(make_ladder(), "b.json"), origin))
    assert page.get_by_role("heading", level=1).inner_text() == "Is it worth it?"
    assert page.get_by_role("row").count() == 8 + 8 + 3
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1200


def test_the_map_is_filtered_by_class_and_mistakes(make_material: MakeMaterial, open_report: Open) -> None:
    material = make_material(LABELS)
    page = open_report(material)
    count = page.locator("#map-count")
    assert count.inner_text() == "90 of 90 images shown."
    everything = read_colors(page)
    page.get_by_label("Class", exact=True).select_option("1")
    settle(page)
    assert count.inner_text() == "30 of 90 images shown." and 0 < read_colors(page) < everything
    page.get_by_label("Mistakes only").check()
    dogs = material.wrong & ((material.truth == "dog") | (material.predicted == "dog"))
    assert count.inner_text().startswith(f"{dogs.sum()} of 90 images shown")
    page.get_by_label("Class", exact=True).select_option("-1")
    assert count.inner_text() == f"{material.wrong.sum()} of 90 images shown."


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 740), (1280, 900)])
def test_it_fits_and_can_be_read(
    make_material: MakeMaterial, open_report: Open, size: tuple[int, int], scheme: str
) -> None:
    page = open_report(complete(make_material(LABELS)), size=size, scheme=scheme)
    page.get_by_label("Show nearest training images").check()
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
    assert find_faint(page) == []


def test_hostile_names_are_only_read(make_material: MakeMaterial, open_report: Open) -> None:
    classes = [f"{name} class" for name in HOSTILE]
    page = open_report(make_material(classes * 3, [f"{name} {i}" for i in range(3) for name in HOSTILE]))
    page.locator("#map").focus()
    for key in ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"] * 3:
        page.keyboard.press(key)
    assert page.evaluate("() => window.broken") is None
    shown = page.locator("#classes tbody th").all_inner_texts()
    assert "</script><script>window.broken = 1</script> class" in shown
    assert open_report.troubles == []  # type: ignore[attr-defined]
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.broken = 9';"
        " document.body.append(s); }"
    )
    assert page.evaluate("() => window.broken") is None
    [trouble] = open_report.troubles  # type: ignore[attr-defined]
    assert "Content Security Policy" in trouble
    open_report.troubles.clear()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [1100, 360])
def test_long_names_break_between_their_words(
    make_material: MakeMaterial, open_report: Open, width: int
) -> None:
    page = open_report(make_material(SPECIES * 4), size=(width, 800))
    broken = page.evaluate(
        """() => [...document.querySelectorAll('#matrix bdi, #classes bdi')].flatMap((name) =>
          [...name.childNodes].filter((node) => node.nodeType === 3).filter((node) => {
            const range = document.createRange();
            range.selectNodeContents(node);
            return new Set([...range.getClientRects()].map((one) => one.top)).size > 1;
          }).map((node) => node.textContent))"""
    )
    assert broken == []
    assert page.locator("#matrix thead bdi").first.inner_text() == "Adalia_bipunctata"


def test_an_escape_beside_letters_from_right_to_left_begins_with_its_backslash(
    make_material: MakeMaterial, open_report: Open
) -> None:
    page = open_report(make_material(["\u202egpj.exe", "שלום\u202egnp", "\u202eשלום"] * 8))
    places = page.evaluate(
        r"""() => [...document.querySelectorAll('bdi')].filter((name) => name.offsetWidth).map((name) => {
          const text = name.firstChild;
          const left = (at) => {
            const range = document.createRange();
            range.setStart(text, at);
            range.setEnd(text, at + 1);
            return range.getBoundingClientRect().left;
          };
          const at = text.textContent.indexOf('\\u202e');
          return at < 0 ? null : [left(at), left(at + 1), left(at + 5)];
        }).filter(Boolean)"""
    )
    assert len(places) > 10
    for backslash, letter, last in places:
        assert backslash < letter < last


def test_a_matrix_of_many_classes_is_read_by_keyboard(make_material: MakeMaterial, open_report: Open) -> None:
    names = [f"class {i:03}" for i in range(64)]
    page = open_report(make_material(names * 2))
    page.get_by_text("The whole matrix of 64 classes").press("Enter")
    page.locator("#matrix-canvas").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    said = page.locator("#matrix-said").inner_text()
    assert said.startswith("True class 001, predicted class 001: ")


def test_fifty_thousand_images_stay_fast(
    make_material: MakeMaterial, open_report: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = make_material(LABELS)
    rows = np.random.default_rng(0).integers(0, len(LABELS), 50_000)
    assert small.proba is not None
    large = dataclasses.replace(
        small,
        records=[dataclasses.replace(small.records[row], key=f"{i:06}.png") for i, row in enumerate(rows)],
        predicted=small.predicted[rows],
        proba=small.proba[rows],
        codes=small.codes[rows],
    )
    places = np.random.default_rng(1).random((50_000, 2))
    monkeypatch.setattr(codemap, "lay_out", lambda _codes, _watch: Layout(places, "chance"))
    near = np.random.default_rng(2).integers(0, 50_000, (50_000, 4))
    training = add_training(small, LABELS)
    many = [dataclasses.replace(training.records[i % 90], key=f"train/{i:06}.png") for i in range(50_000)]
    cosine = np.random.default_rng(3).random((50_000, 4)).astype(np.float32)
    large = dataclasses.replace(large, training=Training(many, near, cosine, "50,000 images"))
    report = render_report(large)
    assert len(report) < 9_000_000
    page = open_report(report)
    assert page.locator("#map-count").inner_text() == "50,000 of 50,000 images shown."
    assert page.evaluate("() => document.querySelectorAll('*').length") < 4000
    page.locator("#map").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#map-near li").count() == 4
    started = time.perf_counter()
    for key in ["ArrowLeft", "+", "ArrowUp", "-", "ArrowRight"] * 4:
        page.keyboard.press(key)
        settle(page)
    assert (time.perf_counter() - started) / 20 < 0.5
