"""All checks of labels, where images have several."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cnncodes.evaluation.checks.label_metadata import find_betraying_label_metadata
from cnncodes.evaluation.checks.labelled import Labelled, find_in_classes
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.several import find_in_label_sets

LOOK = Look("", 300, 400, 5000, "JPEG", "RGB", np.zeros((64, 64), np.uint8), (9.0, 9.0, 9.0), 50.0, 50.0)
NAMES = ["rare", "sea", "sky"]


def draw(n: int = 80) -> Labelled:
    """Images of which two labels follow from codes; the third is on one of them."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(n, 10)).astype(np.float32)
    Y = np.column_stack([np.arange(n) == 3, codes[:, 0] > 0, codes[:, 1] > 0]).astype(np.int8)
    looks = [dataclasses.replace(LOOK, n_bytes=int(size)) for size in rng.integers(5000, 9000, n)]
    return Labelled([f"{i:02}" for i in range(n)], looks, codes, Y, np.arange(n))


def test_a_label_of_one_image_is_left_out_and_named() -> None:
    findings, left_out = find_in_label_sets(draw(), NAMES, 0)
    why = {one.check: one.why for one in left_out}
    assert set(why) == {"classes", "labels", "metadata"} and "none excludes another" in why["classes"]
    assert why["labels"] == "1 of 3 labels is on, or lacking from, fewer than 2 different images: 'rare'."
    assert "fewer than 10 different images" in why["metadata"]
    assert [finding.check for finding in findings] in ([], ["labels"])


def test_a_label_that_the_file_type_betrays_is_named() -> None:
    images = draw()
    looks = [
        dataclasses.replace(look, format="PNG") if has else look
        for look, has in zip(images.looks, images.labels[:, 1], strict=True)
    ]
    findings, _ = find_in_label_sets(dataclasses.replace(images, looks=looks), NAMES, 0)
    [finding] = [one for one in findings if one.check == "metadata"]
    assert finding.severity == "warn" and "a tree tells 1 of 2 labels, most of all 'sea'" in finding.sentence
    assert [(one["label"], one["feature"]) for one in finding.details["labels"]] == [("sea", "file type")]


def test_what_is_on_all_or_on_nothing_or_tells_nothing_is_said() -> None:
    images = draw(20)
    same = dataclasses.replace(images, labels=np.ones((20, 3), np.int8))
    assert "3 of 3 labels are on" in find_in_label_sets(same, NAMES, 0)[1][1].why
    nothing = dataclasses.replace(images, labels=np.empty((20, 0), np.int8))
    assert find_in_label_sets(nothing, [], 0)[1][1].why == "no image has any of the labels."
    empty = Labelled([], [], images.codes[:0], images.labels[:0], images.groups[:0])
    assert find_in_label_sets(empty, [], 0)[1][1].why == "no image has a label."
    blind = dataclasses.replace(images, codes=np.ones_like(images.codes))
    said = "odes tell too little of 2 labels to call one wrong: 'sea', 'sky'."
    assert find_in_label_sets(blind, NAMES, 0)[1][1].why.endswith(f". C{said}")
    frequent = dataclasses.replace(blind, labels=blind.labels[:, 1:])
    assert find_in_label_sets(frequent, NAMES[1:], 0)[1][1].why == f"c{said}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
def test_of_many_labels_that_nothing_betrays_none_is_named(seed: int) -> None:
    rng = np.random.default_rng(seed)
    Y = (rng.random((80, 40)) < 0.3).astype(np.int8)
    looks = [
        dataclasses.replace(LOOK, n_bytes=int(size), brightness=float(light))
        for size, light in zip(rng.integers(5000, 9000, 80), rng.uniform(0, 255, 80), strict=True)
    ]
    assert (
        find_betraying_label_metadata(looks, Y, np.arange(80), [str(i) for i in range(40)], random_state=seed)
        == []
    )


def test_groups_are_not_called_images() -> None:
    images = dataclasses.replace(draw(), groups=np.arange(80) // 10)
    why = {one.check: one.why for one in find_in_label_sets(images, NAMES, 0)[1]}
    of = "groups (an image without one is one, and copies are one)"
    assert why["labels"] == f"1 of 3 labels is on, or lacking from, fewer than 2 {of}: 'rare'."
    assert f"fewer than 10 {of}" in why["metadata"]
    classes = dataclasses.replace(images, labels=np.where(np.arange(80) < 5, "few", "many"))
    assert f"that takes 10 {of} of each of two classes." in [
        one.why for one in find_in_classes(classes, 0)[1]
    ]
