"""Codes on a map: a mark an image, crosses for mistakes."""

from __future__ import annotations

import io

import numpy as np
import pytest
import scipy.sparse

from cnncodes.errors import UsageError
from cnncodes.plots import plot_codes

pytest.importorskip("matplotlib")
X = np.random.default_rng(0).normal(size=(9, 5))


def test_each_image_has_a_mark_and_each_mistake_a_cross() -> None:
    axes = plot_codes(X, list("aaabbbccc"), predicted=list("aabbbbcca"))
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [len(line.get_xdata()) for line in marks] == [2, 3, 2]
    assert [len(line.get_xdata()) for line in crosses] == [1, 0, 1, 0]  # the last is the legend's
    assert axes.get_title().startswith("9 images, ")


def test_classes_of_one_colour_have_marks_of_their_own() -> None:
    many = np.random.default_rng(0).normal(size=(25, 5))
    axes = plot_codes(many, [f"{number:02}" for number in range(25)])
    looks = {(line.get_color(), line.get_marker()) for line in axes.lines if len(line.get_xdata())}
    assert len(looks) == 25
    assert len(plot_codes(np.repeat(many, 2, axis=0), np.arange(50)).get_figure().axes[0].lines) == 100


@pytest.mark.parametrize(
    ("X", "y", "predicted", "match"),
    [
        (X[0], ["a"], None, "a row an image"),
        (X[:0], [], None, "a row an image"),
        (X, ["a"], None, "each of 9 images"),
        (X, ["a"] * 9, ["a"], "predicted must name a class of each of 9 images"),
        (X * np.inf, ["a"] * 9, None, "not finite"),
        (scipy.sparse.eye(9), ["a"] * 9, None, "an array of numbers. Got dia_"),
        (X, [1] * 9, ["1"] * 9, "the predictions are text and the classes numbers"),
        (X, [1] * 9, [1] * 8 + [None], "1 of 9 predictions is missing"),
    ],
)
def test_what_does_not_fit_is_refused(X: object, y: object, predicted: object, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        plot_codes(X, y, predicted=predicted)


def test_classes_are_named_in_the_legend_whatever_their_names_are_and_are_no_formulas() -> None:
    names = ["_hidden", "a $x_{ 9 bag $", "n" * 65]
    axes = plot_codes(X, np.repeat(names, 3))
    shown = ["_hidden", r"a \$x_{ 9 bag \$", "n" * 23 + "…"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == shown
    axes.figure.savefig(io.BytesIO())


def test_codes_of_one_column_lie_on_a_line() -> None:
    axes = plot_codes(np.arange(20.0)[:, None], ["a"] * 20)
    assert axes.get_title() == "20 images, codes of one number, on a line"
    assert plot_codes([[1.0]], ["a"]).get_title().startswith("1 image, ")


def test_masked_values_are_refused() -> None:
    X, y = np.eye(4, dtype=np.float32), np.array(["a", "b"] * 2)
    hidden, masked = np.ma.array(X, mask=X > 0), np.ma.array(y, mask=[True, False] * 2)
    for given, classes, predicted in ((hidden, y, y), (X, masked, y), (X, y, masked)):
        with pytest.raises(UsageError, match="must hold no masked values"):
            plot_codes(given, classes, predicted=predicted)
