"""Classes that look like numbers or like several labels are pointed out, with what to give instead."""

from __future__ import annotations

import io

import pytest

from cnncodes.commands.reporter import Reporter
from cnncodes.commands.suspicious_labels import warn_of_missing, warn_of_others, warn_of_several


def warn(labels: list[str | None], command: str = "fit") -> str:
    stream = io.StringIO()
    warn_of_others(labels, Reporter(stream), command)
    return stream.getvalue()


@pytest.mark.parametrize("command", ["fit", "check"])
def test_several_labels_in_one_text_name_the_delimiter_and_the_command(command: str) -> None:
    said = warn(["cat;dog", "dog;bird", "cat", "bird", None], command)
    assert "such as 'cat;dog'" in said and f"give 'cnncodes {command}' --label-delimiter ';'" in said
    assert ("ImageMultiLabelClassifier" in said) == (command == "fit")


def test_numbers_name_the_options_for_numbers() -> None:
    said = warn(["1.5", "2", None], "check")
    assert "numbers such as 1.5" in said and "'cnncodes check' --regression" in said and "Image" not in said


def test_classes_are_left_alone() -> None:
    assert warn(["cat", "dog, large", "1", None]) == warn([]) == ""


def test_classes_that_hardly_differ_are_shown_quoted() -> None:
    said = warn(
        ["bag", "bag ", "BAG", "caf\u00e9", "cafe\u0301", "two  words", "two words", "cat", "dog", None]
    )
    assert "7 of 9 classes differ from others by spaces, capitals, or" in said
    assert r"('BAG' and 'bag' and 'bag ', 'cafe\u0301' and 'café', 'two\x20\x20words' and" in said
    assert warn(["cat", "cats", "Straße"]) == ""


def test_a_class_that_looks_missing_is_told_with_its_images() -> None:
    stream = io.StringIO()
    warn_of_missing(["None", "cat", "nan", "nan", None], Reporter(stream))
    first, second = stream.getvalue().splitlines()
    assert "the label 'None' of 1 image is taken as a class" in first
    assert "the label 'nan' of 2 images is taken as a class" in second and "leave the cell empty" in second


def test_a_class_of_spaces_alone_is_told_as_one_that_looks_missing() -> None:
    stream = io.StringIO()
    warn_of_missing(["  ", "cat", " ", "  "], Reporter(stream))
    first, second = stream.getvalue().splitlines()
    assert "the label ' ' of 1 image is taken as a class" in first
    assert (
        r"the label '\x20\x20' of 2 images is taken as a class" in second and "leave the cell empty" in second
    )


def test_numbers_that_are_written_in_two_ways_are_told() -> None:
    said = io.StringIO()
    warn_of_others(["1", "1.0", "01", "2", "-0", "+0.", "1e1", "10", "x1", "x01"], Reporter(said))
    assert "5 of 10 classes differ from others" in said.getvalue()
    assert "'+0.' and '-0', '01' and '1' and '1.0'" in said.getvalue()


def test_names_of_several_labels_are_looked_at_one_by_one() -> None:
    stream = io.StringIO()
    labels = ["sky;Sea", "sea;nan", "nan", "caf\u00e9;cafe\u0301;cafe\u0301", ";", None]
    warn_of_several(labels, ";", Reporter(stream))
    missing, alike = stream.getvalue().splitlines()
    assert "the label 'nan' of 2 images is taken as one of the labels" in missing
    assert "leave it out" in missing and "';' alone of one to which none of the labels applies" in missing
    assert "4 of 6 labels differ from others by spaces, capitals, or" in alike
    assert r"('Sea' and 'sea', 'cafe\u0301' and 'café')" in alike
    stream = io.StringIO()
    warn_of_several(["sky|sea", "|", None], "|", Reporter(stream))
    assert not stream.getvalue()
