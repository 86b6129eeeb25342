"""Words, tables and the diagram: what they say of figures that are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np
import pytest
from made_reports import HOSTILE, MakeMaterial

from cnncodes.evaluation import Evaluation, evaluate_predictions
from cnncodes.report.html import escape
from cnncodes.report.reliability import draw_diagram, show_reliability
from cnncodes.report.tables import show_classes, show_confusion, show_figures
from cnncodes.report.words import (
    describe_accuracy,
    describe_classes,
    describe_trust,
    list_few_groups,
    list_mistakes,
    list_warnings,
)


def judge(truth: Sequence[str], given: Sequence[str], classes: Sequence[str] = ("a", "b")) -> Evaluation:
    return evaluate_predictions(np.array(truth), np.array(given), np.array(classes))


def judge_probabilities(shares: Sequence[float], n: int = 400) -> Evaluation:
    """Return the figures of answers "a", right for the second share and given with the first."""
    probability, right = shares
    truth = np.where(np.arange(n) < right * n, "a", "b")
    return evaluate_predictions(truth, np.tile([probability, 1 - probability], (n, 1)), np.array(["a", "b"]))


def text_of(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


def test_the_accuracy_is_said_with_its_interval_and_what_always_one_answer_gives() -> None:
    said = text_of(describe_accuracy(judge(["a"] * 150 + ["b"] * 50, ["a"] * 200)))
    assert said.startswith("75 % of 200 images are classified rightly (95 % interval: 69 % to 80 %).")
    assert said.endswith("Always to answer a would be right for 75 %.")
    worse = text_of(describe_accuracy(judge(["a"] * 150 + ["b"] * 50, ["b"] * 200)))
    assert worse.endswith("Always to answer a would be right for 75 %, which is more.")


def test_one_image_is_no_share_of_images() -> None:
    said = text_of(describe_accuracy(judge(["a"], ["a"])))
    assert said.startswith("The one image is classified rightly (95 % interval: 21 % to 100 %).")
    assert text_of(describe_accuracy(judge(["a"], ["b"]))).startswith("The one image is classified wrongly")


def test_names_of_people_keep_their_capital_where_a_figure_is_missing() -> None:
    said = text_of(show_figures(judge(["a", "b"], ["a", "b"])))
    assert "No Brier score: the classifier gives no probabilities." in said and "No log loss: " in said


def test_a_class_is_weak_where_its_interval_lies_below_the_accuracy() -> None:
    truth = ["a"] * 100 + ["b"] * 100
    said = text_of(describe_classes(judge(truth, ["a"] * 150 + ["b"] * 50)))
    assert said.startswith("Clearly weaker than the rest: b, of which 50 % are found (50 of 100).")
    assert "The most frequent mistake: b taken for a, 50 of 100." in said
    said = text_of(describe_classes(judge(truth, ["a"] * 98 + ["b"] * 99 + ["a"] * 3)))
    assert said.startswith("No class is clearly weaker than the rest.")
    assert "not one mistake" in describe_classes(judge(["a", "b"], ["a", "b"]))


def test_where_groups_are_too_few_no_class_is_called_weaker() -> None:
    truth, given = np.array(["a"] * 100 + ["b"] * 100), np.array(["a"] * 150 + ["b"] * 50)
    two = np.array(["a", "b"])
    few = evaluate_predictions(truth, given, two, groups=np.arange(200) % 9)
    said = text_of(describe_classes(few))
    assert said.startswith("Whether a class is weaker than the rest is not known: there are too few groups")
    assert "The least often found is b, of which 50 % are found (50 of 100)." in said
    groups = np.where(truth == "b", np.arange(200) % 9, np.arange(200))  # those of the class alone are few
    some = evaluate_predictions(truth, given, two, groups=groups)
    assert some.per_class[1].recall.high < some.accuracy.value
    assert describe_classes(some).startswith("<strong>Whether a class is weaker")
    enough = evaluate_predictions(truth, given, two, groups=np.arange(200) // 2)
    assert "Clearly weaker" in describe_classes(enough)


def test_classes_tell_of_how_many_groups_their_images_are() -> None:
    truth = np.array(["a"] * 4 + ["b"] * 4)
    grouped = evaluate_predictions(truth, truth, np.array(["a", "b"]), groups=[1, 1, 2, 2, 3, 4, 5, 5])
    found = show_classes(grouped)
    assert ">Groups<" in found and [one.n_groups for one in grouped.per_class] == [2, 3]
    assert 'data-value="2">2<' in found and 'data-value="3">3<' in found
    assert ">Different images<" in show_classes(grouped, 5)
    assert "Groups" not in show_classes(judge(["a", "b"], ["a", "b"]))


def test_of_what_is_equally_frequent_no_one_is_picked() -> None:
    truth, given = ["a", "b"] * 20 + ["c"] * 9, ["b", "a"] * 5 + ["a", "b"] * 15 + ["c"] * 8 + ["a"]
    found = judge(truth, given, ("a", "b", "c"))
    assert "Always to answer one of the 2 most frequent classes would be right for 41 %." in text_of(
        describe_accuracy(found)
    )
    said = text_of(describe_classes(found))
    assert "The most frequent mistakes, 5 images each: a taken for b; b taken for a." in said
    said = text_of(describe_accuracy(judge(["a", "b"] * 9, ["a", "b"] * 9)))
    assert said.endswith("Always to answer one and the same class would be right for 50 %.")
    many = [f"{i:02}" for i in range(30)]
    said = text_of(describe_classes(judge(many, many[1:] + many[:1], many)))
    assert "The most frequent mistakes, 1 image each: 00 taken for 01;" in said and "; and 25 more." in said


def test_the_error_of_probabilities_and_what_is_left_without_chance_are_told_apart() -> None:
    found = judge_probabilities((0.9, 0.9))
    assert found.calibration is not None and found.calibration_error is not None
    said = text_of(describe_trust(found))
    assert "The true distance is unlikely to be above" in said
    assert said.endswith(f"{found.calibration_error.high:.3f}.")


def test_where_all_are_found_no_class_is_called_the_least_often_found() -> None:
    said = text_of(describe_classes(judge(["a"] * 30 + ["b"] * 30, ["a"] * 30 + ["b"] * 30)))
    assert said == "Of every class all images are found. There is not one mistake."


@pytest.mark.slow
def test_probabilities_a_hair_off_are_not_called_too_low() -> None:
    figures = judge_probabilities((0.9985, 1.0), 4_000)
    assert figures.calibration is not None and figures.calibration.error.low > 0
    said = text_of(describe_trust(figures))
    assert "can be trusted" in said and "too little to matter" in said and "too low" not in said


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.8, 0.8), "can be trusted as far as"),
        ((0.95, 0.6), "are too high"),
        ((0.6, 0.95), "are too low"),
    ],
)
def test_probabilities_are_judged_by_the_interval_of_their_error(
    shares: tuple[float, float], said: str
) -> None:
    assert said in describe_trust(judge_probabilities(shares))


def test_without_probabilities_it_is_said_that_nothing_is_known() -> None:
    figures = judge(["a", "b"], ["a", "b"])
    assert "not known:" in describe_trust(figures) and "gives no probabilities" in describe_trust(figures)
    assert "no diagram" in show_reliability(figures) and "No log loss" in show_figures(figures)


@pytest.mark.parametrize(("n", "share"), [(1, 1.0), (20, 0.95)])
def test_few_images_do_not_tell_whether_probabilities_can_be_trusted(n: int, share: float) -> None:
    figures = judge_probabilities((0.95, share), n)
    said = describe_trust(figures)
    assert "not known: there are too few images.</strong> The distance" in said
    assert figures.calibration_error is not None
    assert said.endswith(f"may be as much as {figures.calibration_error.high:.3f}.")


def test_of_few_images_no_distance_is_called_unlikely_that_their_accuracy_allows() -> None:
    said = describe_trust(judge_probabilities((37 / 39, 37 / 39), 39))
    assert "can be trusted" in said and said.endswith("unlikely to be above 0.118.")


def test_what_makes_figures_mean_less_is_warned_of(make_material: MakeMaterial) -> None:
    material = make_material(["a", "b", "new"], classes=["a", "b", "c"], trained_on=2, failed=4)
    said = " ".join(map(text_of, list_warnings(material)))
    for part in (
        "2 of 3 images were trained on",
        "does not know new",
        "4 images could not be used",
        "only 3 images",
        "fewer than 10 images",
    ):
        assert part in said
    grouped = make_material(["a", "b", "a"], groups_trained_on=1)
    assert "1 of 3 images is of groups that were trained on" in list_warnings(grouped)[0]
    many = make_material([name for name in "ab" for _ in range(50)])
    assert list_warnings(many) == []


def test_mistakes_are_counted_from_the_most_frequent_on() -> None:
    figures = judge(["a", "a", "a", "b", "b"], ["b", "b", "x", "a", "b"])
    assert list_mistakes(figures) == [(0, 1, 2), (0, 2, 1), (1, 0, 1)]
    assert "no class" in show_confusion(figures)
    assert "no class" not in show_confusion(judge(["a"], ["a"]))


def test_the_matrix_holds_every_image_and_is_named_on_all_sides() -> None:
    truth = ["a"] * 30 + ["b"] * 10
    found = show_confusion(judge(truth, ["a"] * 20 + ["b"] * 15 + ["a"] * 5))
    cells = [int(text) for text in re.findall(r'<td class="[^"]*">(\d+)</td>', found)]
    assert cells == [20, 10, 5, 5]
    assert found.count('scope="col"') == 4 and found.count('scope="row"') == 2 and "<caption>" in found
    assert 'class="right s5"' in found and 'class="wrong s4"' in found


@pytest.mark.parametrize(("count", "what"), [(20, "table"), (21, "details"), (61, "canvas")])
def test_the_larger_a_matrix_the_less_is_shown_at_once(count: int, what: str) -> None:
    names = [f"c{i:03}" for i in range(count)]
    found = show_confusion(judge([*names, *names], [*names, *names[1:], names[0]], names))
    assert ("<details>" in found) == (count > 20) and ("<canvas" in found) == (count > 60)
    assert ("The 20 most frequent mistakes" in found) == (count > 20)
    assert f"<{what}" in found


def test_long_classes_that_begin_alike_differ_beside_the_matrix_which_shows_the_whole_of_each() -> None:
    names = [f"{'x' * 150}{i}{'y' * 100}{i}" for i in (1, 2)]
    found = show_confusion(judge(names, names, names))
    for i, whole in enumerate(names, start=1):
        short = f"{'x' * 23}…{'y' * 23}{i}"
        assert found.count(f'<bdi title="{whole}">{short}</bdi>') == 2


def test_classes_are_sorted_by_numbers_that_the_page_finds() -> None:
    found = show_classes(judge(["a", "a", "b"], ["a", "b", "b"], ["a", "b", "c"]))
    assert found.count("<button") == 7 and 'data-value="0.5"' in found
    assert 'data-value=""' in found  # of a class that never occurs


def test_the_diagram_has_a_disc_a_bin_at_its_place_and_is_sound() -> None:
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.5, 1, 300)
    truth = np.where(rng.random(300) < probability, "a", "b")
    figures = evaluate_predictions(
        truth, np.column_stack([probability, 1 - probability]), np.array(["a", "b"])
    )
    calibration = figures.calibration
    assert calibration is not None and len(calibration.bins) == 15
    svg = ElementTree.fromstring(draw_diagram(calibration))
    discs = svg.findall("circle")
    assert len(discs) == 15 and svg.get("role") == "img" and svg.find("title") is not None
    for disc, part in zip(discs, calibration.bins, strict=True):
        assert (float(disc.get("cx", "0")) - 56) / 300 == pytest.approx(part.probability, abs=1e-3)
        assert (312 - float(disc.get("cy", "0"))) / 300 == pytest.approx(part.accuracy, abs=1e-3)
    assert sum(part.n for part in calibration.bins) == 300


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_of_classes_are_text_everywhere(hostile: str) -> None:
    figures = judge([hostile, "b"], ["b", "b"], [hostile, "b"])
    for found in (show_classes(figures), show_confusion(figures), describe_classes(figures)):
        unbroken = found.replace("<wbr>", "")  # which names may have between their words
        assert escape(hostile) in unbroken
        assert hostile not in unbroken or hostile == escape(hostile)


def test_classes_without_images_are_named_below_the_figures() -> None:
    said = text_of(show_figures(judge(["a", "b"], ["a", "c"], ("a", "b", "c"))))
    assert "No image is of 1 of 3 classes, c: the means over classes are of the others." in said
    assert "No image is of" not in show_figures(judge(["a", "b"], ["a", "b"]))


def test_classes_of_few_groups_are_named_where_all_together_have_enough() -> None:
    y, classes = ["a", "b"] * 20, np.array(["a", "b"])
    found = evaluate_predictions(y, y, classes, groups=[i if i % 2 else i % 3 for i in range(40)])
    [said] = list_few_groups(found.per_class, found.n_groups)
    assert text_of(said).startswith(
        "The images of a are of fewer than 10 groups: the intervals of it are too"
    )
    for groups in (None, np.arange(40) // 2, np.arange(40) % 3):  # of all few groups the total says it
        found = evaluate_predictions(y, y, classes, groups=groups)
        assert list_few_groups(found.per_class, found.n_groups) == []
