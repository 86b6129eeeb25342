"""What plots are given: the right result, and axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnncodes import plots
from cnncodes.errors import UsageError
from cnncodes.evaluation import evaluate_numbers, evaluate_predictions

FIGURES = evaluate_predictions(["a", "b"] * 10, [[0.8, 0.2]] * 20, ["a", "b"])


@pytest.mark.parametrize("plot", [plots.plot_confusion, plots.plot_classes, plots.plot_reliability])
def test_a_result_of_another_kind_is_named_and_what_was_expected(plot: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match=r"of `evaluate_predictions`\. Got NumberEvaluation instead"):
        plot(evaluate_numbers([1, 2], [1, 2]))


def test_a_ladder_and_its_curve_are_not_mistaken_for_each_other() -> None:
    given: Any = FIGURES
    with pytest.raises(UsageError, match=r"the ladder of `climb`\. Got Evaluation instead"):
        plots.plot_cost(given)
    for other in (given, None):
        with pytest.raises(UsageError, match=r"the `curve` of a ladder .* Got (Evaluation|None) instead"):
            plots.plot_learning_curve(other)


@pytest.mark.parametrize("axes", [3, "plot", [None]])
def test_what_are_no_axes_is_said(axes: Any) -> None:
    pytest.importorskip("matplotlib")
    for draw in (
        lambda: plots.plot_confusion(FIGURES, ax=axes),
        lambda: plots.plot_predicted([1, 2], [1, 2], ax=axes),
        lambda: plots.plot_precision_recall([{"a"}, set()], [[0.9], [0.2]], ["a"], ax=axes),
    ):
        with pytest.raises(UsageError, match=r"ax must be axes of Matplotlib.* Got (int|str|list)"):
            draw()


def test_a_legend_of_given_axes_lies_within_them_and_is_none_of_many_names() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    X = np.random.default_rng(0).normal(size=(60, 5))
    first, second = Figure(figsize=(10, 4)).subplots(1, 2)
    for n, axes in ((5, first), (30, second)):
        plots.plot_codes(X, np.arange(60) % n, ax=axes)
    first.figure.draw_without_rendering()
    box, inside = first.get_legend().get_window_extent(), first.get_window_extent()
    assert inside.x0 <= box.x0 and box.x1 <= inside.x1 and box.y1 <= inside.y1
    assert second.get_legend() is None and plots.plot_codes(X, np.arange(60) % 30).get_legend() is not None
    y = np.random.default_rng(0).random((60, 12)) < 0.5
    few, many = Figure().subplots(1, 2)
    plots.plot_precision_recall(y[:, :2], y[:, :2].astype(float), ["a", "b"], ax=few)
    plots.plot_precision_recall(y, y.astype(float), list("abcdefghijkl"), ax=many)
    few.figure.draw_without_rendering()
    assert few.get_legend().get_window_extent().x1 <= few.get_window_extent().x1
    assert many.get_legend() is None


def test_colours_are_those_that_can_be_seen_on_the_axes() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib import style
    from matplotlib.figure import Figure

    figures = evaluate_predictions(["a", "b"] * 20, ["a", "b"] * 19 + ["b", "b"], ["a", "b"])
    assert plots.plot_classes(figures).lines[0].get_color() == "#0072b2"
    clear = Figure(facecolor="black").add_subplot(facecolor="none")
    assert plots.plot_classes(figures, ax=clear).lines[0].get_color() == "#56b4e9"
    with style.context("dark_background"):
        axes = plots.plot_codes(np.eye(20), np.arange(20) % 10, predicted=np.arange(20) % 9)
        assert plots.plot_classes(figures).lines[0].get_color() == "#56b4e9"
        looks = {(line.get_color(), line.get_marker()) for line in axes.lines if line.get_marker() != "x"}
        assert len(looks) == 10  # of eight colours
        assert axes.lines[-1].get_color() == "#ffffff"


def test_a_legend_of_many_names_ends_with_the_figure() -> None:
    pytest.importorskip("matplotlib")
    y = np.random.default_rng(0).random((60, 40)) < 0.5
    axes = plots.plot_precision_recall(y, y.astype(float), np.arange(40))
    axes.figure.draw_without_rendering()
    box = axes.get_legend().get_window_extent()
    assert box.y0 >= 0 and box.x1 <= axes.figure.bbox.x1


def test_the_title_of_a_new_figure_keeps_away_from_its_edge() -> None:
    pytest.importorskip("matplotlib")
    axes = plots.plot_codes(np.random.default_rng(0).normal(size=(30, 5)), np.arange(30) % 3)
    axes.figure.set_dpi(50)
    axes.figure.draw_without_rendering()
    assert axes.title.get_window_extent().y1 <= axes.figure.bbox.y1 - 4


@pytest.mark.parametrize("projection", ["3d", "polar"])
def test_axes_are_flat_and_rectangular(projection: str) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    axes = Figure().add_subplot(projection=projection)
    for draw in (
        lambda: plots.plot_confusion(FIGURES, ax=axes),
        lambda: plots.plot_predicted([1, 2], [1, 2], ax=axes),
    ):
        with pytest.raises(UsageError, match=f"ax must be .* without a projection.* Got .*'{projection}'"):
            draw()
