"""Predicted numbers against true ones."""

from __future__ import annotations

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
    with pytest.raises(UsageError, match="width must be a number of at least 0"):
        plot_predicted([1, 2], [1, 2], width=-1)
