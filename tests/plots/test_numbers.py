"""Predicted numbers against true ones."""

from __future__ import annotations

from typing import Any

import pytest

from cnncodes.errors import UsageError
from cnncodes.plots import plot_predicted


def test_each_image_has_its_place_and_intervals_their_edges() -> None:
    pytest.importorskip("matplotlib")
    axes = plot_predicted([1, 2, 3], [1.5, 2, 2], width=0.5)
    dots, line, *edges = axes.lines
    assert dots.get_xdata().tolist() == [1, 2, 3] and dots.get_ydata().tolist() == [1.5, 2, 2]
    assert list(line.get_xdata()) == list(line.get_ydata()) == [1, 3]
    assert [list(edge.get_ydata()) for edge in edges] == [[0.5, 2.5], [1.5, 3.5]]
    assert len(plot_predicted([1, 2], [1, 2]).lines) == 2
    assert plot_predicted([2, 2], [1, 2]).get_title() == "mean absolute error 0.5, 2 images"
    with pytest.raises(UsageError, match="must be finite"):
        plot_predicted([1, float("nan")], [1, 2])


def test_of_several_widths_the_mean_is_shown_as_evaluate_numbers_takes_them() -> None:
    pytest.importorskip("matplotlib")
    one, several = (plot_predicted([1, 2, 3], [1, 2, 2], width=width) for width in (0.5, [0.25, 0.5, 0.75]))
    assert [list(line.get_ydata()) for line in one.lines] == [
        list(line.get_ydata()) for line in several.lines
    ]


@pytest.mark.parametrize(
    ("width", "message"),
    [
        (-1, "least 0 and finite"),
        (float("nan"), "least 0 and finite"),
        ("a", "numbers"),
        ([1, 1, 1], "number, or one for each image"),
    ],
)
def test_a_width_that_no_interval_has_is_refused(width: Any, message: str) -> None:
    with pytest.raises(UsageError, match=f"width must .*{message}"):
        plot_predicted([1, 2], [1, 2], width=width)
