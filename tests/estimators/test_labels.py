"""Labels: kept as they are, or refused with the reason."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes import embed, open_codes, read_codes
from cnncodes.errors import SourceError, UsageError
from cnncodes.estimators.label_sets import read_label_sets
from cnncodes.estimators.labels import (
    check_answers,
    check_groups,
    check_labels,
    check_one_each,
    check_same_kind,
    check_several,
    labelled_records,
    records_of,
)
from cnncodes.estimators.targets import check_targets

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)


@given(st.one_of(st.lists(TEXT), st.lists(st.integers(-(2**62), 2**62)), st.lists(st.booleans())))
def test_values_and_types_are_kept(values):
    checked = check_labels(values, len(values))
    assert checked.shape == (len(values),) and checked.tolist() == values
    if values:
        assert type(checked.tolist()[0]) is type(values[0])


@pytest.mark.parametrize("dtype", ["int8", "int64", "bool", "U1", "float32"])
def test_the_type_of_an_array_is_kept(dtype):
    values = np.array([0, 1, 1]).astype(dtype)
    assert check_labels(values).dtype == values.dtype
    assert check_labels(values.astype(object)).dtype.kind == values.dtype.kind


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ("abc", "Got one string"),
        (b"abc", "Got one string"),
        (5, "Got int"),
        (
            ["a", None, "b", float("nan")],
            r"2 of 4 labels are missing \(None, .*\), at positions 1, 3:",
        ),
        (["a", "", "b"], "1 of 3 labels is missing .* at position 1: leave"),
        (np.array(["", "b"]), "1 of 2 labels is missing"),
        ([1.0, np.nan], "1 of 2 labels is missing"),
        (pd.Series([1, None, 2], dtype="Int64"), "1 of 3 labels is missing"),
        (pd.Series(["a", None]), "1 of 2 labels is missing"),
        ([None] * 30, r"positions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more"),
        (["a", 1], "of one type. Got numbers and text"),
        ([10**400, 2, 3], "whole ones of 64 bits, below .* Got one of 1329 bits: give such numbers as text"),
        ([-(2**63) - 1, 2], "labels that are numbers must be whole ones of 64 bits"),
        ([True, 1], "of one type. Got booleans and numbers"),
        ([["a"], ["a", "b"]], "multi-label"),
        ([{"a"}, {"b"}], "multi-label"),
        (np.eye(3, dtype=int), "multi-label"),
        (pd.DataFrame({"a": [1, 0], "b": [0, 1]}), "multi-label"),
        ([date(2026, 1, 2)], "or booleans. Got date instead: give str\\(\\) of each"),
        (np.array(["2026-01-02"], "datetime64[D]"), "Got datetime64 instead: give str\\(\\) of each"),
        ([Decimal("1.50"), Decimal(2)], "or booleans. Got Decimal instead: give str\\(\\) of each"),
        ([0.5, 1.0], "Got fractions: that is regression, for ImageRegressor"),
        ([float("inf"), 1.0], "Got infinity"),
        ([b"a", b"b"], "Got bytes"),
        ([object()], "Got object"),
    ],
)
def test_wrong_labels(y, text):
    with pytest.raises(UsageError, match=text):
        check_labels(y)


def test_as_many_labels_as_images():
    with pytest.raises(UsageError, match="one label an image: 3. Got 2"):
        check_labels(["a", "b"], 3)


def test_one_value_an_image():
    assert check_one_each("groups", None, 3) is None
    with pytest.raises(UsageError, match=r"groups must have one value an image: 3. Got shape \(2,\)"):
        check_one_each("groups", [1, 2], 3)


def test_text_and_numbers_are_told_apart():
    check_same_kind(np.array([True]), np.array([0, 1]))
    check_same_kind(np.array(["a"]), np.array(["a"], dtype=object))
    with pytest.raises(UsageError, match="labels are numbers and the classes text"):
        check_same_kind(np.array([1]), np.array(["1"]))


def test_without_labels_only_a_folder_will_do(tmp_path):
    for X in (["a.png"], __file__, 5):
        with pytest.raises(UsageError, match="y is missing"):
            labelled_records(X, None, split="train")
    with pytest.raises(SourceError, match="there is nothing at .*gone"):
        labelled_records(str(tmp_path / "gone"), None, split="train")


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_an_image_without_a_group_has_one_of_its_own(missing):
    groups = check_groups(["anna", missing, "anna", missing, "bert"], 5)
    assert groups[0] == groups[2] and len(set(groups)) == 4
    assert check_groups([1, 2, 1], 3).tolist() == [1, 2, 1] and check_groups(None, 3) is None
    assert len(set(check_groups([missing] * 3, 3))) == 3
    with pytest.raises(UsageError, match="groups hold '1' as text and as something else"):
        check_groups([1, "1", missing], 3)


def test_a_folder_of_codes_says_what_takes_it(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(SourceError, match=r"holds stored codes and no images: .* read_codes\("):
        labelled_records(tmp_path, None, split="train")
    for one in (tmp_path, str(tmp_path)):
        with pytest.raises(
            SourceError, match="images are expected, and '.*' holds their stored codes: give the"
        ):
            records_of(one)
        with pytest.raises(SourceError, match="images are expected"):
            labelled_records(one, ["a"], split="train")


def test_codes_are_no_images_and_that_is_said(tmp_path):
    pictures = [np.full((8, 8, 3), i, np.uint8) for i in range(2)]
    embed(pictures, tmp_path / "some.codes")
    for codes in (read_codes(tmp_path / "some.codes"), open_codes(tmp_path / "some.codes")):
        with pytest.raises(UsageError, match="images are expected, and Code.* fit_codes learns from stored"):
            records_of(codes)
    with pytest.raises(UsageError, match="Got one int"):
        records_of(7)


@pytest.mark.parametrize("label", ["a\0", "\0a"])
def test_text_that_numpy_would_change_is_refused(label: str) -> None:
    for read in (check_labels, check_answers, lambda y: read_label_sets([{one} for one in y])):
        with pytest.raises(UsageError, match="must be text without NUL characters, which NumPy drops. Got"):
            read(["a", label, "größe 花"])


def test_names_that_no_file_can_hold_are_refused_before_anything_is_learned() -> None:
    said = r"the label 'a\\ud800' holds half of a surrogate pair, which no file can hold"
    with pytest.raises(UsageError, match=said):
        check_several(np.array(["a\ud800", "b"]))
    with pytest.raises(UsageError, match=said):
        read_label_sets([{"a\ud800"}, {"b"}, {"größe 花"}]).check_learnable()


def test_columns_of_arrow_are_the_values_that_they_hold() -> None:
    column = pa.chunked_array([["a", "b"], ["a"]])
    for y in (column, column.combine_chunks(), column.dictionary_encode()):
        assert check_labels(y).tolist() == check_answers(y).tolist() == ["a", "b", "a"]
    assert check_targets(pa.array([1.5, 2])).tolist() == [1.5, 2]
    sets = read_label_sets(pa.array([["a", "b"], [], ["b"]]))
    assert sets.Y.tolist() == [[1, 1], [0, 0], [0, 1]]
