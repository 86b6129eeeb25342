"""Plots of a classifier: numbers of the confusion matrix, classes in order, reliability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnncodes.errors import UsageError
from cnncodes.evaluation import Evaluation, evaluate_predictions
from cnncodes.plots import plot_classes, plot_confusion, plot_reliability

pytest.importorskip("matplotlib")


def evaluate(n_classes: int = 3, *, unknown: bool = False) -> Evaluation:
    """Return figures of classes c0, c1, …, of which the first is always taken for the second."""
    names = [f"c{number:02}" for number in range(n_classes)]
    y = np.repeat(names, 4)
    predicted = y.copy()
    predicted[:4] = "c01"
    if unknown:
        predicted[-1] = "none of them"
    return evaluate_predictions(y, predicted, names)


def test_cells_have_their_numbers_and_colours_their_shares() -> None:
    axes = plot_confusion(evaluate())
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (1, 0): "4",
        (1, 1): "4",
        (2, 2): "4",
    }
    assert axes.images[0].get_array().tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c00", "c01", "c02"]
    assert "accuracy 0.667 [" in axes.get_title() and axes.get_title().endswith("12 images")


def test_answers_that_are_no_class_have_a_column_where_there_are_any() -> None:
    axes = plot_confusion(evaluate(unknown=True))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["c00", "c01", "c02", "no class"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c00", "c01", "c02"]


def test_many_classes_are_drawn_without_numbers_and_names() -> None:
    axes = plot_confusion(evaluate(61))
    assert axes.images[0].get_array().shape == (61, 61)
    assert not axes.texts and "c00" not in [label.get_text() for label in axes.get_yticklabels()]
    assert len(plot_confusion(evaluate(60)).get_yticklabels()) == 60


def test_two_plots_side_by_side_are_whole() -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_confusion(evaluate(), ax=left)
    plot_classes(evaluate(), ax=right)
    figure.draw_without_rendering()
    written = [text.get_window_extent() for axes in (left, right) for text in (axes.title, axes.xaxis.label)]
    for box in written:
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 and box.y1 <= figure.bbox.y1
    assert written[0].x1 < written[2].x0 and written[1].x1 < written[3].x0


def test_classes_stand_in_order_with_their_intervals() -> None:
    figures = evaluate()
    axes = plot_classes(figures)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c00 (4)", "c01 (4)", "c02 (4)"]
    interval, point = axes.lines[:2]
    recall = figures.per_class[0].recall
    assert list(interval.get_xdata()) == [recall.low, recall.high] and list(point.get_xdata()) == [0]
    few = plot_classes(figures, most=1)
    assert len(few.get_yticklabels()) == 1 and "2 classes are not shown" in few.get_title()
    with pytest.raises(UsageError, match="at least 1"):
        plot_classes(figures, most=0)


def test_reliability_has_a_disc_a_bin_and_needs_probabilities() -> None:
    proba = np.array([[0.9, 0.1]] * 40 + [[0.6, 0.4]] * 40)
    figures = evaluate_predictions(["a"] * 30 + ["b"] * 10 + ["a", "b"] * 20, proba, ["a", "b"])
    axes = plot_reliability(figures)
    np.testing.assert_allclose(axes.collections[0].get_offsets(), [[0.6, 0.5], [0.9, 0.75]])
    with pytest.raises(UsageError, match="no reliability diagram: the classifier gives no probabilities"):
        plot_reliability(evaluate())


def test_names_of_classes_are_no_formulas() -> None:
    figures = evaluate_predictions(["$a$", "b"], ["$a$", "b"], ["$a$", "b"])
    for plot in (plot_confusion, plot_classes):
        axes = plot(figures)
        assert axes.get_yticklabels()[0].get_text().startswith(r"\$a\$")


@pytest.mark.parametrize("most", [0, "a", 1.5, None, True])
def test_most_is_a_whole_number(most: Any) -> None:
    evaluation = evaluate_predictions(["a", "b"], ["a", "b"], ["a", "b"])
    with pytest.raises(UsageError, match="most must be a whole number of at least 1"):
        plot_classes(evaluation, most=most)
