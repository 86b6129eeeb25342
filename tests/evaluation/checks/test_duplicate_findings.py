"""What copies cross, and what is said of them."""

from __future__ import annotations

from cnncodes.evaluation.checks.duplicate_findings import find_copies
from cnncodes.evaluation.checks.duplicates import DuplicateGroup


def test_what_a_group_crosses_decides_how_bad_it_is() -> None:
    groups = [
        DuplicateGroup((0, 1), True),
        DuplicateGroup((2, 3), True),
        DuplicateGroup((4, 5), False),
        DuplicateGroup((6, 7), False),
    ]
    labels = ["x", "x", "x", "y", "x", "x", "x", "y"]
    parts = ["train", "test", "train", "train", "test", "test", "train", "test"]
    found = find_copies(list("abcdefgh"), groups, labels, parts)
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
    [found] = find_copies(["a", "b"], [DuplicateGroup((0, 1), True)], [None, "x"], [None, "train"])
    assert (found.details["kind"], found.severity) == ("within", "tell")


def test_equal_images_that_disagree_are_a_fact_though_near_copies_are_with_them() -> None:
    group = DuplicateGroup((0, 1, 2), False, same=((0, 1),))
    found = find_copies(list("abc"), [group], ["x", "y", "x"], ["train"] * 3)
    assert [(f.details["kind"], f.certainty, f.images) for f in found] == [("labels", "certain", ("a", "b"))]
    found = find_copies(list("abc"), [group], ["x", "x", "y"], ["train"] * 3)
    assert [(f.certainty, f.images) for f in found] == [("likely", ("a", "b", "c"))]


def test_numbers_of_copies_may_differ_a_little_and_those_of_near_copies_may_be_right() -> None:
    groups = [DuplicateGroup((0, 1), True), DuplicateGroup((2, 3), True), DuplicateGroup((4, 5), False)]
    numbers = [1.0, 1.05, 1.0, 9.0, 1.0, 5.0]
    found = find_copies(list("abcdef"), groups, numbers, [None] * 6, task="numbers", tolerance=0.1)
    assert [(f.details["kind"], f.severity, f.images) for f in found] == [
        ("labels", "warn", ("c", "d")),
        ("labels", "tell", ("e", "f")),
        ("within", "tell", ("a", "b")),
    ]
    assert "more than one number, as equal files" in found[0].sentence and "blur" in found[1].advice


def test_label_sets_of_copies_are_listed() -> None:
    sets = [frozenset({"sky", "sea"}), frozenset({"sea"})]
    [found] = find_copies(["a", "b"], [DuplicateGroup((0, 1), True)], sets, [None] * 2, task="labels")
    assert found.severity == "warn" and found.details["groups"][0]["labels"] == [["sea", "sky"], ["sea"]]


def test_the_sentence_names_images_of_each_group_up_to_three_and_counts_the_others() -> None:
    pairs = [DuplicateGroup((i, i + 1), False) for i in (4, 6, 8, 10)]
    groups = [DuplicateGroup((0, 1, 2, 3), False), *pairs]
    keys, none = list("abcdefghijkl"), [None] * 12
    [two] = find_copies(keys, groups[:2], none, none)
    assert two.sentence.startswith("2 pictures are there more than once")
    assert two.sentence.endswith(": 'a', 'b' and 2 more; 'e', 'f'.")
    [many] = find_copies(keys, groups, none, none)
    assert many.sentence.endswith(": 'a', 'b' and 2 more; 'e', 'f'; 'g', 'h'; and 2 more pictures.")
    [four] = find_copies(keys, groups[:4], none, none)
    assert four.sentence.endswith("; and 1 more picture.")


def test_turned_copies_of_other_labels_may_mean_another_thing() -> None:
    groups = [DuplicateGroup((0, 1), False, turned=True), DuplicateGroup((2, 3), False, turned=True)]
    found = find_copies(list("abcd"), groups, ["up", "left", "x", "x"], ["train", "test"] * 2)
    seen = [(f.details["kind"], f.severity, f.certainty, f.images) for f in found]
    assert seen == [
        ("parts", "warn", "likely", ("c", "d")),
        ("parts", "tell", "possible", ("a", "b")),
        ("labels", "tell", "possible", ("a", "b")),
    ]


def list_series(n_series: int, n_others: int) -> tuple[list[str], list[DuplicateGroup]]:
    """Return keys and groups of so many series of two frames, and of images that are there once."""
    keys = [f"{i}.png" for i in range(2 * n_series + n_others)]
    return keys, [DuplicateGroup((2 * i, 2 * i + 1), False) for i in range(n_series)]


def test_near_copies_that_folds_divide_are_a_warning_where_they_are_many() -> None:
    keys, groups = list_series(3, 114)
    nothing = [None] * len(keys)
    [found] = find_copies(keys, groups, nothing, nothing)
    assert (found.details["kind"], found.severity, found.certainty) == ("within", "warn", "likely")
    assert found.advice.startswith("These are 6 of 120 images, in series perhaps: where they show one")
    assert "held-out figures are too good" in found.advice and "--group-column" in found.advice
    keys, groups = list_series(3, 115)  # just below one of twenty
    [found] = find_copies(keys, groups, [None] * 121, [None] * 121)
    assert found.severity == "tell" and found.advice == "Keep one copy of each, or give copies one group."
    keys, groups = list_series(2, 0)  # too few to be a habit
    assert find_copies(keys, groups, [None] * 4, [None] * 4)[0].severity == "tell"


def test_equal_files_and_doubtful_copies_are_no_series() -> None:
    keys, _ = list_series(4, 0)
    pairs, nothing = [(0, 1), (2, 3), (4, 5), (6, 7)], [None] * 8
    for groups in (
        [DuplicateGroup(rows, True) for rows in pairs],
        [DuplicateGroup(rows, False, doubtful=True) for rows in pairs],
    ):
        assert [found.severity for found in find_copies(keys, groups, nothing, nothing)] == ["tell"]


def test_copies_of_one_named_group_are_kept_together_and_no_warning() -> None:
    keys, groups = list_series(4, 0)
    nothing, named = [None] * 8, ["a", "a", "b", "b", "c", "c", "d", "d"]
    [found] = find_copies(keys, groups, nothing, nothing, named=named)
    assert found.severity == "tell" and len(found.details["groups"]) == 4
    assert found.advice == "Each is of one group, which keeps it on one side: nothing to do."
    assert found.details["kind"] == "within"
    # Those that are not are a warning of their own.
    named = ["a", None, "b", "x", None, None, "d", "d"]
    loose, kept = find_copies(keys, groups, nothing, nothing, named=named)
    assert (loose.severity, loose.images) == ("warn", tuple(keys[:6]))
    assert (kept.severity, kept.images) == ("tell", tuple(keys[6:]))
    # Few that are not are told apart from those that are.
    named = ["a", "a", "b", "b", None, None, "d", "e"]
    kept, loose = find_copies(keys, groups, nothing, nothing, named=named)
    assert (kept.images, loose.images) == (tuple(keys[:4]), tuple(keys[4:]))
    assert "nothing to do" in kept.advice and "give copies one group" in loose.advice
    # An equal file of a group's image is with the group.
    groups = [DuplicateGroup((0, 1, 2), False, same=((1, 2),)), *groups[2:]]
    found = find_copies(keys, groups, nothing, nothing, named=["a", "a", None, None, "c", "c", "d", "d"])
    assert [one.severity for one in found] == ["tell"]
