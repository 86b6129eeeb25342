"""What labels of a source mean."""

from __future__ import annotations

import pytest

from cnncodes.errors import UsageError
from cnncodes.evaluation.checks.truth import read_truth
from cnncodes.images import ImageRecord


def label(*labels: str | None) -> list[ImageRecord]:
    return [ImageRecord(f"{i}.png", b"", label) for i, label in enumerate(labels)]


def test_classes_are_texts() -> None:
    truth = read_truth(label("b", None, "a"))
    assert (truth.task, truth.names, truth.given) == ("classes", ("a", "b"), ["b", None, "a"])
    assert truth.rows.tolist() == [0, 2] and truth.tolerance == 0


def test_numbers_are_compared_as_numbers_and_with_a_tolerance() -> None:
    truth = read_truth(label("1.0", "1", None, "3", "1e9"), regression=True)
    assert truth.given[0] == truth.given[1] and truth.given[2] is None and truth.names == ()
    assert 0 < truth.tolerance < 1  # however large the last is


def test_label_sets_are_compared_as_sets() -> None:
    truth = read_truth(label("sea|sky", "sky | sea", "|"), label_delimiter="|")
    assert truth.given[0] == truth.given[1] == {"sea", "sky"} and truth.given[2] == frozenset()
    assert (truth.task, truth.names, truth.values.tolist()) == (
        "labels",
        ("sea", "sky"),
        [[1, 1]] * 2 + [[0, 0]],
    )


def test_a_delimiter_that_no_label_needs_is_taken_at_its_word() -> None:
    truth = read_truth(label("sea", "sky"), label_delimiter="|")
    assert (truth.task, truth.names) == ("labels", ("sea", "sky"))


@pytest.mark.parametrize("options", [{}, {"regression": True}, {"label_delimiter": "|"}])
def test_without_labels_there_is_none(options: dict[str, object]) -> None:
    truth = read_truth(label(None, None), **options)  # type: ignore[arg-type]
    assert truth.given == [None, None] and len(truth.rows) == len(truth.values) == 0
    assert truth.tolerance == 0


@pytest.mark.parametrize(
    ("labels", "options", "text"),
    [
        (["1", "ten"], {"regression": True}, r"1 of 2 labels .* '1.png \(ten\)'"),
        (["1", "nan"], {"regression": True}, r"1.png \(nan\)"),
        (["a"], {"label_delimiter": ""}, "label_delimiter must be a text"),
        (["1"], {"regression": True, "label_delimiter": "|"}, "not both"),
    ],
)
def test_what_is_not_as_it_was_said_is_refused(
    labels: list[str], options: dict[str, object], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        read_truth(label(*labels), **options)  # type: ignore[arg-type]
