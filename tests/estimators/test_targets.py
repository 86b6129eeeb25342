"""Numbers as users give them, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.errors import SourceError, UsageError
from cnncodes.estimators.targets import check_targets, check_varied, name_targets, parse_targets, read_targets
from cnncodes.images import ImageRecord

NUMBERS = [1.5, 2.0, -3.25]


@pytest.mark.parametrize(
    "wrap",
    [
        list,
        tuple,
        iter,
        np.array,
        pd.Series,
        lambda y: np.array(y, dtype=np.float32),
        lambda y: np.array(y, dtype=object),
        lambda y: np.array(y)[:, None],
        lambda y: pd.DataFrame({"y": y}),
        lambda y: pd.Series(y, dtype="Float64"),
        lambda y: [Decimal(str(value)) for value in y],
        lambda y: [[value] for value in y],
    ],
)
def test_numbers_in_any_container(wrap):
    found = check_targets(wrap(NUMBERS), 3)
    assert found.dtype == np.float64 and found.tolist() == NUMBERS


def test_several_numbers_an_image():
    table = pd.DataFrame({"x": [1.0, 2.0], "y": [3, 4]})
    for y in (table, table.to_numpy(), table.to_numpy().tolist()):
        assert check_targets(y, 2).tolist() == [[1, 3], [2, 4]]
    assert name_targets(table) == ("x", "y")
    assert name_targets(table["x"]) == ("x",)
    assert name_targets(table.to_numpy()) == name_targets([[1, 2], [3, 4]]) == (None, None)
    assert name_targets(iter(NUMBERS)) == name_targets(None) == (None,)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (["1.5", "2"], "Got text, '1.5': classes are for ImageClassifier"),
        (list(np.array(["1.5", "2"])), "Got text, '1.5': classes"),
        ([True, False], "Got booleans, which are two classes"),
        (np.array([True, False]), "Got booleans"),
        ([1.0, None], "1 of 2 targets is missing .* at position 1: leave"),
        ([float("nan"), 1], "at position 0"),
        ([1.0, np.inf], "infinite"),
        ([1e200, 1], "beyond 1e\\+100"),
        ([10**400, 1], "beyond"),
        (pd.Series([1.0, pd.NA], dtype="Float64"), "at position 1"),
        ([1j, 2], "Got complex"),
        ([np.datetime64("2020-01-01"), np.datetime64("2020-01-02")], "Got date"),
        ([{1}, {2}], "Got sets"),
        ([[1, 2], [3]], "as many numbers for each image"),
        (np.zeros((2, 2, 2)), "Got shape"),
        (np.zeros((2, 0)), "Got shape"),
        (3.0, "Got float"),
        ("12", "Got str"),
        (np.array(3.0), "one target an image|one number an image"),
        ([1.0, 2.0, 3.0], "one target an image: 2. Got 3"),
    ],
)
def test_what_is_no_list_of_numbers(y, text):
    with pytest.raises(UsageError, match=text):
        check_targets(y, 2)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([], "no image with a target"),
        ([2.0], "at least 2 images; got 1"),
        ([2.0, 2.0], "all 2 targets are 2: there is nothing to learn"),
        ([[1, 5], [2, 5]], "all 2 targets in column 1 are 5"),
        ([1e-200, 2e-200], "targets differ by less than 1e-100"),
        ([[1, 0], [2, 1e-101]], "targets in column 1 differ by less than 1e-100"),
    ],
)
def test_nothing_to_learn(y, text):
    with pytest.raises(SourceError, match=text):
        check_varied(check_targets(y))


@given(st.lists(st.floats(-1e99, 1e99), min_size=1))
def test_numbers_come_back_from_their_text(numbers):
    texts = [repr(number) for number in numbers]
    assert parse_targets(texts, texts).tolist() == numbers


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (["1", "cat", "dog"], "2 of 3 labels are no finite numbers: 'cat', 'dog'.* leave the cell empty"),
        (["cat", "dog"], "look like classes: to predict those leave --target and --regression out"),
        (["1_000"], "without separators of thousands"),
        (["1 000", "2\u202f500,5"], "without separators of thousands: write 1 000 as 1000"),
        (["1'000", "900"], "without separators of thousands"),
        (["2024-05-01", "2024-05-02"], "look like dates: give days since some date.* leave --target and"),
        (["5.1.2024", "3"], "look like dates"),
        (["1,5", "cat"], "numbers with a point, such as '3.5', and none with a comma"),
        (
            ["1,5", "1_000"],
            "write 1_000 as 1000. Regression takes numbers with a point, such as '3.5', and none",
        ),
        (["65.8%", "3 %"], "write 65.8% as 65.8 or as 0.658"),
        (["3,291.38", "12"], "write 3,291.38 as 3291.38"),
        (["\u2212235.11", "3"], "write \u2212235.11 as -235.11"),
        (["235.11 \u20ac", "7 \u20ac"], "bare numbers, all in one unit: write 235.11 \u20ac as 235.11"),
        (["12 kg", "7", "n/a", "3 kg"], "bare numbers, all in one unit: write 12 kg as 12"),
        (["1a", "1b", "2a", "2b"], "look like classes"),
        (["1,234,567"], "without separators of thousands"),
        (["1", "nan"], "1 of 2 labels is no finite number: 'nan'"),
        (["1", "-inf"], "'-inf'"),
        (["1", "1e101"], "up to 1e\\+100"),
    ],
)
def test_labels_that_are_no_numbers(labels, text):
    with pytest.raises(UsageError, match=text):
        parse_targets(labels)


def test_images_of_a_source_are_named_and_the_first_ones_alone():
    labels = ["1", "cat", "nan", *"abcdef"]
    records = [ImageRecord(f"{i}.png", b"", label) for i, label in enumerate(labels)]
    with pytest.raises(
        UsageError, match=r"8 of 9 labels .*: '1.png \(cat\)', '2.png \(nan\)', .* and 3 more\. Reg"
    ):
        read_targets(records)
