"""Classes that are told without looking at the picture."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_looks import draw_looks

from cnncodes.evaluation.checks.betraying import OF_FILE, OF_PICTURE
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.metadata import find_betraying_metadata, measure_betrayal


def draw(n: int, n_classes: int = 3, seed: int = 0) -> tuple[list[Look], list[str]]:
    """Looks that say nothing of their labels."""
    rng = np.random.default_rng(seed)
    looks = draw_looks(n, rng)
    return looks, [f"class {i % n_classes}" for i in range(n)]


def plant(
    looks: list[Look], labels: list[str], label: str, share: float = 1.0, **values: object
) -> list[Look]:
    """Give so many images of a class other values."""
    rng = np.random.default_rng(1)
    return [
        dataclasses.replace(look, **values) if own == label and rng.random() < share else look
        for look, own in zip(looks, labels, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_is_betrayed_nothing_is_said(seed: int) -> None:
    assert find_betraying_metadata(*draw(300, seed=seed)) == []


@pytest.mark.parametrize(
    ("values", "feature"),
    [
        ({"format": "WEBP"}, "file type"),
        ({"mode": "L"}, "colour mode"),
        ({"n_bytes": 500_000}, "file size"),
        ({"width": 640}, "width"),
        ({"border": (255.0, 255.0, 255.0)}, "border colour"),
        ({"brightness": 300.0}, "brightness"),
    ],
)
def test_a_planted_leak_is_a_warning_that_names_feature_and_class(
    values: dict[str, object], feature: str
) -> None:
    looks, labels = draw(300)
    [found] = find_betraying_metadata(plant(looks, labels, "class 1", 0.95, **values), labels) or []
    assert (found.severity, found.details["feature"], found.details["class"]) == ("warn", feature, "class 1")
    assert found.details["balanced_accuracy"]["low"] > found.details["chance"] and found.n == 300


def test_what_may_belong_to_the_class_is_told_and_no_warning() -> None:
    looks, labels = draw(300)
    [found] = find_betraying_metadata(plant(looks, labels, "class 1", 0.6, brightness=300.0), labels) or []
    assert (found.severity, found.details["class"]) == ("tell", "class 1")


def test_one_class_of_many_is_found_too() -> None:
    looks, labels = draw(600, n_classes=20)
    [found] = find_betraying_metadata(plant(looks, labels, "class 7", format="GIF"), labels) or []
    assert (found.severity, found.details["class"]) == ("warn", "class 7")


@pytest.mark.parametrize("per_class", [17, 20])
def test_of_a_leak_that_classes_share_none_gets_the_blame_alone(per_class: int) -> None:
    looks = [dataclasses.replace(look, format="PNG", width=400, height=400) for look in draw(1)[0]]
    labels = [f"class {i % 20:02}" for i in range(20 * per_class)]
    modes = [dataclasses.replace(looks[0], mode="L" if i % 20 < 10 else "RGB") for i in range(len(labels))]
    [found] = find_betraying_metadata(modes, labels) or []
    assert "betrays" not in found.sentence
    assert "it divides the classes into groups: of 20 it tells 10 from the others" in found.sentence
    assert len(found.details["classes"]) == 10 and found.details["class"] in found.details["classes"]
    assert len({int(name[-2:]) < 10 for name in found.details["classes"]}) == 1


@pytest.mark.parametrize("n_classes", [2, 20])
def test_a_class_that_is_betrayed_alone_is_named(n_classes: int) -> None:
    looks, labels = draw(600, n_classes=n_classes)
    [found] = find_betraying_metadata(plant(looks, labels, "class 1", format="GIF"), labels) or []
    [named] = found.details["classes"]  # of two classes either is as good
    skill = found.details["class_skill"]
    assert f"it betrays {named!r} most (skill {skill['value']:.2f}, " in found.sentence and (
        named == "class 1" or n_classes == 2
    )


def test_a_leak_within_groups_alone_is_none() -> None:
    looks, labels = draw(300)
    groups = np.repeat(np.arange(30), 10)
    rng = np.random.default_rng(0)
    by_group = [f"class {k}" for k in rng.integers(0, 3, 30)]
    sizes = rng.permutation(30) * 1000
    looks = [dataclasses.replace(look, n_bytes=int(sizes[g])) for look, g in zip(looks, groups, strict=True)]
    labels = [by_group[g] for g in groups]
    assert (find_betraying_metadata(looks, labels) or [])[0].severity == "warn"
    assert find_betraying_metadata(looks, labels, groups) == []


def test_all_right_has_an_interval_too() -> None:
    looks, labels = draw(60, n_classes=2)
    found = measure_betrayal(plant(looks, labels, "class 1", mode="P"), labels, features=OF_FILE)
    assert found is not None and found.balanced_accuracy.value == 1 and found.balanced_accuracy.low > 0.9


def test_one_class_and_equal_images_have_no_answer() -> None:
    looks, labels = draw(30)
    assert measure_betrayal(looks, ["a"] * 30) is None and find_betraying_metadata(looks, ["a"] * 30) is None
    assert (
        find_betraying_metadata(looks, labels, labels) is None
    )  # each group is a class: none can be held out
    assert find_betraying_metadata([looks[0]] * 30, labels) == []
    assert measure_betrayal([looks[0]] * 30, labels, features=OF_PICTURE) is None


def test_the_best_of_many_questions_is_rated_lower() -> None:
    looks, labels = draw(300)
    found = measure_betrayal(plant(looks, labels, "class 1", share=0.5, format="WEBP"), labels)
    assert found is not None and found.rate(1) == pytest.approx(found.skill)
    assert found.rate(100) < found.rate(10) < found.skill
