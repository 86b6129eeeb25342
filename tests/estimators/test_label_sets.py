"""Label sets in every make that a user may give, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.errors import SourceError, UsageError
from cnncodes.estimators.label_sets import check_delimiter, check_divided, read_label_sets, split_labels

SETS = [{"sea", "sky"}, {"sky"}, set(), {"tree"}]
Y = [[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    "y",
    [
        SETS,
        [list(s) for s in SETS],
        [tuple(s) for s in SETS],
        [frozenset(s) for s in SETS],
        [np.array(sorted(s)) for s in SETS],
        pd.Series(SETS),
        np.array([*map(list, SETS), None], dtype=object)[:4],
        pd.DataFrame(Y, columns=["sea", "sky", "tree"]),
        pd.DataFrame(Y, columns=["sea", "sky", "tree"]).astype(bool),
    ],
)
def test_sets_and_named_columns_are_the_same(y):
    found = read_label_sets(y, 4)
    assert found.classes.tolist() == ["sea", "sky", "tree"] and found.Y.tolist() == Y and found.named


@pytest.mark.parametrize("make", [np.array, scipy.sparse.csr_matrix, scipy.sparse.coo_array])
def test_columns_without_names_are_numbered(make):
    found = read_label_sets(make(np.array(Y, dtype=float)))
    assert found.classes.tolist() == [0, 1, 2] and found.Y.tolist() == Y and not found.named


def test_texts_are_divided_and_the_delimiter_alone_is_no_label():
    found = read_label_sets(["sea|sky", " sky |", "|", "tree|tree"], delimiter="|")
    assert found.classes.tolist() == ["sea", "sky", "tree"] and found.Y.tolist() == Y
    assert split_labels("a, b,, c", ",") == ["a", "b", "c"]
    assert split_labels("a b", " ") == ["a", "b"]
    assert read_label_sets([{" sea"}, {"sea"}]).classes.tolist() == [" sea", "sea"]  # as classes are


def test_columns_keep_the_order_in_which_they_are_given():
    found = read_label_sets(pd.DataFrame({"z": [1, 0], "a": [0, 1]}))
    assert found.classes.tolist() == ["z", "a"]
    assert read_label_sets([{10, 2}, {2}]).classes.tolist() == [2, 10]


@given(st.lists(st.sets(st.text("abc", min_size=1, max_size=2)), min_size=1, max_size=12), st.randoms())
def test_the_order_of_images_does_not_matter(sets, random):
    found = read_label_sets(sets)
    order = list(range(len(sets)))
    random.shuffle(order)
    again = read_label_sets([sets[i] for i in order])
    assert again.classes.tolist() == found.classes.tolist()
    assert again.Y.tolist() == found.Y[order].tolist()
    assert [set(found.classes[row > 0].tolist()) for row in found.Y] == sets


@pytest.mark.parametrize(
    ("y", "delimiter", "text"),
    [
        ("sea|sky", "|", "y must be a list of label sets"),
        ({"a", "b"}, None, "y must be a list of label sets"),
        (5, None, "y must be a list of label sets, one an image. Got int"),
        ([{"a"}, None], None, "1 of 2 label sets is missing .* at position 1"),
        (["a|b", float("nan")], "|", "1 of 2 label sets is missing"),
        (["a|b", "b"], None, "say by label_delimiter what divides labels"),
        (["a|b", {"b"}], "|", "texts and sets"),
        ([1, 2], None, "y must hold a set of labels for each image. Got int, 1"),
        ([{"a", 1}], None, "labels must be of one type. Got numbers and text"),
        ([{"a"}, {1}], None, "labels must be of one type"),
        ([{0, 1}, {True}], None, "labels must be of one type. Got booleans and numbers"),
        (
            [{1}, {2**63}],
            None,
            "whole ones of 64 bits, below 2.*Got one of 64 bits: give such numbers as text",
        ),
        ([{1.5}, {2.0}], None, "Got fractions"),
        (
            [{"a"}, {"b", None}],
            None,
            "^1 of 2 label sets holds None, NaN or an empty text, at position 1: leave that out of the set,"
            " and give an empty set where no label applies.$",
        ),
        ([{""}, {"a"}], None, "^1 of 2 label sets holds .* at position 0: "),
        ([["a", "  "], [float("nan")], ["b"]], None, "^2 of 3 label sets hold .* at positions 0, 1: "),
        ([[["a"]], []], None, "a label must be text or a whole number"),
        ([{b"a"}], None, "labels must be text, whole numbers or booleans. Got bytes"),
        ([{"a|b"}, {"c"}], "|", r"'a\|b' contains the delimiter '\|'"),
        ([[0, 1], [1, 0]], None, "may be labels or an indicator"),
        (np.array([[0, 2], [1, 0]]), None, "must hold 0 and 1, a column a label. Got 2 in column 1"),
        (np.array([[0, 0.5]]), None, "Got 0.5"),
        (
            np.array([[0, np.nan], [1, 0]]),
            None,
            r"^1 of 2 rows of y is incomplete \(NaN\), at position 0: leave this image out, or",
        ),
        (pd.DataFrame({"a": [1, None]}), None, r"^1 of 2 rows of y is incomplete"),
        (np.full((2, 1), np.nan), None, "at positions 0, 1: leave these images out, or give 0"),
        (pd.DataFrame([[1, 0]], columns=["a", ""]), None, "y has 1 column without a name, at position 1: "),
        (pd.DataFrame([[1, 0]], columns=[None, "a"]), None, "y has 1 column without a name, at position 0: "),
        (np.array([["a", "b"]]), None, "Got other values"),
        (np.zeros((2, 2, 2)), None, "of two dimensions"),
        (np.zeros((2, 0)), None, "of two dimensions"),
        (pd.DataFrame([[1, 0]], columns=["a", "a"]), None, "two columns of one name"),
        (pd.DataFrame([[1, 0]], columns=["a", 1]), None, "labels must be of one type"),
    ],
)
def test_what_is_no_label_set_is_refused(y, delimiter, text):
    with pytest.raises(UsageError, match=text):
        read_label_sets(y, delimiter=delimiter)


def test_there_is_one_set_for_each_image():
    with pytest.raises(UsageError, match="one label set an image: 3. Got 2"):
        read_label_sets([{"a"}, {"b"}], 3)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([], "at least 2 images with labels; got 0"),
        ([{"a"}], "at least 2 images with labels; got 1"),
        ([set(), set()], "none of the 2 images has a label"),
        ([{"a", "b"}, {"a"}], "1 label is on all of the 2 images.*: 'a'. Leave out, or give images without"),
        (np.array([[1, 0, 0], [0, 0, 0]]), "2 labels are on none of the 2 images.*: 1, 2"),
    ],
)
def test_labels_that_cannot_be_learned(y, text):
    with pytest.raises(SourceError, match=text):
        read_label_sets(y).check_learnable()


def test_a_wrong_delimiter_is_told_with_the_likely_one():
    check_divided(["a", "b|c"], "|")
    with pytest.raises(UsageError, match=r"holds the delimiter ';'; the first is 'a\|b'. Did you mean '\|'"):
        check_divided(["a|b", "c"], ";")
    with pytest.raises(UsageError, match=r"the first is 'a'. Where each image has one label"):
        check_divided(["a", "b"], "|")
    for delimiter in ("", 3):
        with pytest.raises(UsageError, match="label_delimiter must be a text"):
            check_delimiter(delimiter)


def test_labels_are_put_in_the_order_of_a_classifier():
    found, others, names = read_label_sets([{"b", "x"}, {"a"}]).align(np.array(["a", "b", "c"]))
    assert found.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert others.tolist() == [[1], [0]] and names.tolist() == ["x"]
    indicator = read_label_sets(np.array([[1, 0]]))
    assert indicator.align(np.array(["a", "b"]))[0].tolist() == [[1, 0]]
    with pytest.raises(UsageError, match="y has 2 columns and the classifier 3 labels"):
        indicator.align(np.array(["a", "b", "c"]))
    with pytest.raises(UsageError, match="text meets numbers"):
        read_label_sets([{1}]).align(np.array(["a"]))
    assert read_label_sets([set()]).align(np.array([1, 2]))[0].tolist() == [[0, 0]]


def test_messages_show_texts_of_numpy_as_texts():
    with pytest.raises(UsageError, match="the first is 'sea'"):
        read_label_sets(np.array(["sea", "sky"]), delimiter="|")
    with pytest.raises(UsageError, match="texts such as 'sea'"):
        read_label_sets(np.array(["sea", "sky"]))
    with pytest.raises(UsageError, match="Got int, 3: one"):
        read_label_sets(np.array([3, 4]))
