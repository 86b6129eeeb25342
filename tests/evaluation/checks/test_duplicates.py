"""Groups of copies: equal ones, near ones, and what they cross."""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage import data

from cnncodes.evaluation.checks.duplicates import DuplicateGroup, check_duplicates, find_duplicates
from cnncodes.evaluation.checks.looking import Look, look_at
from cnncodes.evaluation.checks.neighbours import Neighbours, find_neighbours

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def gather() -> tuple[list[Look], Neighbours]:
    """Four photographs, an equal copy of the first, two near ones of the second; codes as near as can be."""
    photos = [Image.fromarray(getattr(data, name)()) for name in NAMES]
    cat = photos[1]
    small = cat.resize((cat.width // 2, cat.height // 2))
    cut = small.crop((8, 4, small.width, small.height))
    looks = [look_at(np.asarray(photo)) for photo in (*photos, photos[0], small, cut)]
    codes = np.abs(np.random.default_rng(0).normal(1, 0.2, (7, 64))).astype(np.float32)
    return looks, find_neighbours(codes, 5)


def test_copies_are_grouped_and_others_left_alone() -> None:
    looks, neighbours = gather()
    found = find_duplicates(looks, neighbours)
    assert found == [DuplicateGroup((0, 4), True), DuplicateGroup((1, 5, 6), False)]


def test_far_codes_are_not_compared_but_equal_contents_are_the_same() -> None:
    looks, neighbours = gather()
    far = Neighbours(neighbours.index, np.zeros_like(neighbours.cosine))
    assert find_duplicates(looks, far) == [DuplicateGroup((0, 4), True)]


def test_a_mirrored_small_picture_is_found_and_a_like_one_is_not() -> None:
    rng = np.random.default_rng(0)
    picture = np.asarray(Image.fromarray(rng.integers(0, 256, (7, 7), np.uint8)).resize((28, 28)))
    other = np.clip(picture + rng.normal(0, 25, picture.shape), 0, 255).astype(np.uint8)
    looks = [look_at(array) for array in (picture, picture[:, ::-1], other)]
    found = find_duplicates(looks, find_neighbours(np.ones((3, 4), np.float32), 2))
    assert found == [DuplicateGroup((0, 1), False, small=True)]
    [finding] = check_duplicates(list("abc"), found, ["x"] * 3, ["train", "test", "test"])
    assert (finding.severity, finding.certainty) == ("tell", "possible")


def test_one_image_has_no_copy() -> None:
    look = look_at(np.zeros((9, 9), np.uint8))
    assert find_duplicates([look], find_neighbours(np.ones((1, 4), np.float32), 5)) == []


def test_what_a_group_crosses_decides_how_bad_it_is() -> None:
    groups = [
        DuplicateGroup((0, 1), True),
        DuplicateGroup((2, 3), True),
        DuplicateGroup((4, 5), False),
        DuplicateGroup((6, 7), False),
    ]
    labels = ["x", "x", "x", "y", "x", "x", "x", "y"]
    parts = ["train", "test", "train", "train", "test", "test", "train", "test"]
    found = check_duplicates(list("abcdefgh"), groups, labels, parts)
    seen = [(f.details["kind"], f.details["exact"], f.severity, f.certainty, f.images) for f in found]
    assert seen == [
        ("parts", True, "warn", "certain", ("a", "b")),
        ("parts", False, "warn", "likely", ("g", "h")),
        ("labels", True, "warn", "certain", ("c", "d")),
        ("labels", False, "warn", "likely", ("g", "h")),
        ("within", False, "tell", "likely", ("e", "f")),
    ]
    assert found[0].details["groups"] == [
        {"images": ["a", "b"], "labels": ["x", "x"], "parts": ["train", "test"]}
    ]


def test_unknown_labels_and_parts_cross_nothing() -> None:
    [found] = check_duplicates(["a", "b"], [DuplicateGroup((0, 1), True)], [None, "x"], [None, "train"])
    assert (found.details["kind"], found.severity) == ("within", "tell")


def test_equal_images_that_disagree_are_a_fact_though_near_copies_are_with_them() -> None:
    group = DuplicateGroup((0, 1, 2), False, same=((0, 1),))
    found = check_duplicates(list("abc"), [group], ["x", "y", "x"], ["train"] * 3)
    assert [(f.details["kind"], f.certainty, f.images) for f in found] == [("labels", "certain", ("a", "b"))]
    found = check_duplicates(list("abc"), [group], ["x", "x", "y"], ["train"] * 3)
    assert [(f.certainty, f.images) for f in found] == [("likely", ("a", "b", "c"))]


def test_numbers_of_copies_may_differ_a_little_and_those_of_near_copies_may_be_right() -> None:
    groups = [DuplicateGroup((0, 1), True), DuplicateGroup((2, 3), True), DuplicateGroup((4, 5), False)]
    numbers = [1.0, 1.05, 1.0, 9.0, 1.0, 5.0]
    found = check_duplicates(list("abcdef"), groups, numbers, [None] * 6, task="numbers", tolerance=0.1)
    assert [(f.details["kind"], f.severity, f.images) for f in found] == [
        ("labels", "warn", ("c", "d")),
        ("labels", "tell", ("e", "f")),
        ("within", "tell", ("a", "b")),
    ]
    assert "more than one number, as equal files" in found[0].sentence and "blur" in found[1].advice


def test_label_sets_of_copies_are_listed() -> None:
    sets = [frozenset({"sky", "sea"}), frozenset({"sea"})]
    [found] = check_duplicates(["a", "b"], [DuplicateGroup((0, 1), True)], sets, [None] * 2, task="labels")
    assert found.severity == "warn" and found.details["groups"][0]["labels"] == [["sea", "sky"], ["sea"]]


def test_the_sentence_names_images_of_each_group_up_to_three_and_counts_the_others() -> None:
    pairs = [DuplicateGroup((i, i + 1), False) for i in (4, 6, 8, 10)]
    groups = [DuplicateGroup((0, 1, 2, 3), False), *pairs]
    keys, none = list("abcdefghijkl"), [None] * 12
    [two] = check_duplicates(keys, groups[:2], none, none)
    assert two.sentence.startswith("2 pictures are there more than once")
    assert two.sentence.endswith(": 'a', 'b' and 2 more; 'e', 'f'.")
    [many] = check_duplicates(keys, groups, none, none)
    assert many.sentence.endswith(": 'a', 'b' and 2 more; 'e', 'f'; 'g', 'h'; and 2 more pictures.")
    [four] = check_duplicates(keys, groups[:4], none, none)
    assert four.sentence.endswith("; and 1 more picture.")
