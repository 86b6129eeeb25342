"""What labels of a source mean."""

from __future__ import annotations

import pytest

from cnncodes.errors import UsageError
from cnncodes.evaluation.checks.truth import read_truth


def test_classes_are_texts() -> None:
    truth = read_truth(["b", None, "a"])
    assert (truth.task, truth.names, truth.given) == ("classes", ("a", "b"), ["b", None, "a"])
    assert truth.rows.tolist() == [0, 2] and truth.tolerance == 0


def test_numbers_are_compared_as_numbers_and_with_a_tolerance() -> None:
    truth = read_truth(["1.0", "1", None, "3", "1e9"], regression=True)
    assert truth.given[0] == truth.given[1] and truth.given[2] is None and truth.names == ()
    assert 0 < truth.tolerance < 1  # however large the last is


def test_label_sets_are_compared_as_sets() -> None:
    truth = read_truth(["sea|sky", "sky | sea", "|"], label_delimiter="|")
    assert truth.given[0] == truth.given[1] == {"sea", "sky"} and truth.given[2] == frozenset()
    assert (truth.task, truth.names, truth.values.tolist()) == (
        "labels",
        ("sea", "sky"),
        [[1, 1]] * 2 + [[0, 0]],
    )


@pytest.mark.parametrize("options", [{}, {"regression": True}, {"label_delimiter": "|"}])
def test_without_labels_there_is_none(options: dict[str, object]) -> None:
    truth = read_truth([None, None], **options)  # type: ignore[arg-type]
    assert truth.given == [None, None] and len(truth.rows) == len(truth.values) == 0
    assert truth.tolerance == 0


@pytest.mark.parametrize(
    ("labels", "options", "text"),
    [
        (["1", "ten"], {"regression": True}, "1 of 2 labels are no numbers, the first 'ten'"),
        (["1", "nan"], {"regression": True}, "missing"),
        (["a;b", "b"], {"label_delimiter": "|"}, "Did you mean ';'"),
        (["a"], {"label_delimiter": ""}, "label_delimiter must be a text"),
        (["1"], {"regression": True, "label_delimiter": "|"}, "not both"),
    ],
)
def test_what_is_not_as_it_was_said_is_refused(
    labels: list[str], options: dict[str, object], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        read_truth(labels, **options)  # type: ignore[arg-type]
