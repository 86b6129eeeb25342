"""The page on several labels an image: what it says where figures are known."""

from __future__ import annotations

import base64
import dataclasses
import json
import re

import numpy as np
import pytest
from made_reports import HOSTILE, MakeLabels, draw_records

from cnncodes.evaluation import evaluate_multilabel
from cnncodes.report import LabelMaterial, find_training, render_label_report
from cnncodes.report.html import clean, escape
from cnncodes.report.labels.gallery import choose_missing, choose_wrong
from cnncodes.report.labels.tables import show_labels, show_together
from cnncodes.report.labels.words import describe_labels, describe_naming, describe_order, list_warnings

pytestmark = pytest.mark.slow

SETS = [("sea", "sky"), ("sky",), (), ("sea",)] * 10


def text_of(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


def answer(material: LabelMaterial, named: np.ndarray, proba: np.ndarray | None = None) -> LabelMaterial:
    """Return what a report is made of where the answers are others."""
    proba = named.astype(float) if proba is None else proba
    sets = [{material.names[i] for i in np.flatnonzero(row)} for row in material.truth]
    evaluation = evaluate_multilabel(sets, named, proba, material.names)
    return dataclasses.replace(material, named=named, proba=proba, evaluation=evaluation)


def test_figures_are_said_beside_chance_and_the_same_labels_for_all(make_labels: MakeLabels) -> None:
    material = make_labels(SETS)
    right = answer(material, material.truth)
    said = text_of(describe_order(right))
    assert said.startswith("Mean average precision is 1.000, of 40 images and 2 labels")
    assert said.endswith("Chance would have 0.500.")  # all resamples agree, so that there is no interval
    assert text_of(describe_labels(right)).startswith("Every label is ordered clearly better than by chance.")
    few = make_labels(SETS[:4])
    assert "Not clearly better than chance: " in describe_labels(answer(few, few.truth)).replace(
        "</strong>", ""
    )
    noisy = answer(material, material.truth ^ (np.random.default_rng(0).random((40, 2)) < 0.1))
    assert "no clear gain" not in describe_order(noisy) + describe_naming(noisy)
    said = text_of(describe_naming(noisy))
    assert "the same labels for every image would have 0.667 at most" in said
    assert re.search(r"Of \d\d % of the images all labels are right", said)
    everything = answer(material, np.ones((40, 2), bool))
    assert "no clear gain" in describe_naming(everything) and "no clear gain" in describe_order(everything)
    assert "Not clearly better than chance: sea, sky." in text_of(describe_labels(everything))
    assert text_of(describe_labels(noisy)).startswith("Every label is ordered clearly better than by chance.")


def test_where_groups_are_too_few_no_label_is_said_to_be_better_than_chance(make_labels: MakeLabels) -> None:
    material = make_labels(SETS)
    sets = [{material.names[i] for i in np.flatnonzero(row)} for row in material.truth]
    for groups, said in (
        (
            np.arange(40) % 9,
            "Whether labels are ordered better than by chance is not known: there are too few",
        ),
        (np.where(material.truth[:, 0], np.arange(40) % 4, np.arange(40)), "Every label of enough groups is"),
        (np.arange(40), "Every label is ordered clearly better"),
    ):
        figures = evaluate_multilabel(
            sets, material.truth, material.truth.astype(float), material.names, groups=groups
        )
        found = dataclasses.replace(material, evaluation=figures)
        assert text_of(describe_labels(found)).startswith(said)


def test_without_any_label_nothing_is_compared_with_naming_the_same_for_all(make_labels: MakeLabels) -> None:
    material = make_labels([()] * 40, classes=["sea", "sky"])
    said = text_of(describe_naming(answer(material, np.ones((40, 2), bool))))
    assert said.startswith("Micro F1 is 0.000, as no image has a label. Macro F1 is 0.000, as no image has")
    assert "–" not in said and "gain" not in said


def test_what_makes_figures_mean_less_is_warned_of(make_labels: MakeLabels) -> None:
    material = make_labels([*SETS, ("sand",)], classes=["sea", "sky", "snow"], trained_on=2)
    said = " ".join(map(text_of, list_warnings(material)))
    for part in (
        "2 of 41 images were trained on",
        "does not know sand: it never names it",
        "Fewer than 10 images have sand: too few to judge that label",
        "the mean average precision is too high for it",
        "No image has snow: not in the mean average precision",
        "only 41 images",
    ):
        assert part in said
    assert "images lack" not in said
    common = make_labels([("sea", "sky")] * 20 + [("sea",)] * 9 + [()] * 10)
    assert "Fewer than 10 images lack sky" not in text_of(" ".join(list_warnings(common)))
    common = make_labels([("sea", "sky")] * 20 + [("sea",)] * 11 + [()] * 9)
    assert "Fewer than 10 images lack sea: average precision goes by" in text_of(
        " ".join(list_warnings(common))
    )
    everywhere = make_labels([("sea",), ("sea", "sky")])
    assert "All images have sea: average precision is 1 there" in text_of(" ".join(list_warnings(everywhere)))
    table = text_of(show_labels(material))
    assert "sand (unknown to the classifier)" in table and "nan" not in table


def test_the_table_holds_each_labels_figures(make_labels: MakeLabels) -> None:
    material = make_labels(SETS)
    rows = re.findall('<tr><th scope="row"><bdi>(.*?)</bdi></th>(.*?)</tr>', show_labels(material))
    assert [name for name, _ in rows] == ["sea", "sky"]
    for i, (_, cells) in enumerate(rows):
        values = re.findall('<td data-value="[^"]*">(.*?)</td>', cells)
        one = material.evaluation.per_label[i]
        assert values[0] == "20" and values[1] == f"{one.average_precision.value:.3f}"
        assert values[9] == f"{one.f1.value:.3f}"
        assert values[11] == f"{material.predictor.head.threshold[i]:.3f}" and len(values) == 12


def test_what_comes_and_fails_together_is_counted(make_labels: MakeLabels) -> None:
    material = make_labels(SETS)
    named = material.truth[:, ::-1].copy()
    found = text_of(show_together(answer(material, named)))
    assert re.search(r"sea\s*20\s*10", found.replace("\n", " ")) or "sea2010" in found
    assert "seasky1010100" in found.replace(" ", "").replace("\u00a0", "")
    right = text_of(show_together(answer(material, material.truth)))
    assert "No two labels are mistaken together more often than expected." in right


def test_the_surest_mistakes_come_first_each_with_the_map_of_its_label(make_labels: MakeLabels) -> None:
    material = make_labels(SETS)
    wrong, missing = choose_wrong(material), choose_missing(material)
    assert wrong and missing
    assert all(material.named[place] and not material.truth[place] for place in wrong)
    assert all(material.truth[place] and not material.named[place] for place in missing)
    for places, sign in ((wrong, -1), (missing, 1)):
        given = [sign * material.proba[place] for place in places]
        assert given == sorted(given)
    page = render_label_report(material).decode()
    assert page.count('<svg class="map"') == len(wrong) + len(missing)
    assert "the mean of the map is above 0 where the label is named" in page
    none = render_label_report(answer(material, material.truth)).decode()
    assert "Not one label is wrong." in none and "Not one label is missing." in none


def test_data_of_the_map_are_bits_and_labels_of_neighbours_are_counted_alone(make_labels: MakeLabels) -> None:
    material = make_labels(SETS)
    records = draw_records(["sea|sky", "sky", "|", "sea"] * 2, [f"t{i}.png" for i in range(8)], seed=1)
    codes = material.predictor.predict_records(records, codes=True).codes
    training = find_training([r.key for r in material.records], material.codes, records, codes, "8 images")
    page = render_label_report(dataclasses.replace(material, training=training)).decode()
    [text] = re.findall('id="map-data">(.*?)</script>', page)
    data = json.loads(text)
    bits = np.frombuffer(base64.b64decode(data["truth"]), "u1").reshape(40, 1)
    assert (np.unpackbits(bits, axis=1)[:, :2].astype(bool) == material.truth).all()
    words = data["training"]["words"]
    parts = dict(zip(data["training"]["names"], data["training"]["parts"], strict=True))
    assert [words[i] for i in parts["sea + sky"]] == ["sea", "sky"]
    image = choose_wrong(material)[0][0]
    sets = [records[row].label.strip("|").split("|") for row in training.index[image].tolist()]
    [summary, *_] = re.findall("Nearest in training: (.*?)</summary>", page)
    for label in ("sea", "sky"):
        count = sum(label in one for one in sets)
        assert (f"{count} <bdi>{label}</bdi>" in summary) == (count > 0)


def test_hostile_names_are_text(make_labels: MakeLabels) -> None:
    labels = [name.replace("|", "") for name in HOSTILE]
    page = render_label_report(
        make_labels([(one,) for one in labels] * 2, [f"{i}{h}" for i in "01" for h in HOSTILE])
    )
    text = page.decode()
    assert all(escape(label) in text for label in labels) and "<script>window" not in text
    [data] = re.findall('id="map-data">(.*?)</script>', text)
    assert sorted(json.loads(data)["labels"]) == sorted(map(clean, labels))


@pytest.mark.parametrize("sets", [[("sea",)], [()], [("new",)], [("sea", "sky"), ()]])
def test_the_fewest_images_make_a_page(make_labels: MakeLabels, sets: list[tuple[str, ...]]) -> None:
    page = render_label_report(make_labels(sets, classes=["sea", "sky"])).decode()
    assert "nan" not in re.sub(r"base64,[^\"]*|<script.*?</script>", "", page, flags=re.DOTALL)
