"""Plots: figures in, axes out."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.errors import BackendMissing, UsageError
from cnncodes.evaluation import evaluate_predictions
from cnncodes.evaluation.baselines import Ladder, Rung
from cnncodes.evaluation.baselines.learning_curve import CurvePoint, LearningCurve, Prospect
from cnncodes.evaluation.intervals import Estimate
from cnncodes.plots import (
    count_overlaps,
    place_numbers,
    plot_cost,
    plot_learning_curve,
    plot_precision_recall,
    plot_predicted,
)


def make_ladder() -> Ladder:
    truth = np.array(["a", "b"] * 10)
    rungs = []
    for group, cost, right in (("majority", 0.0, 10), ("pixels", 2.0, 15), ("codes", 30.0, 20)):
        labels = np.where(np.arange(20) < right, truth, "c")
        figures = evaluate_predictions(truth, labels, ["a", "b"])
        costs = (cost, 0.0, cost, False)
        figure = figures.accuracy
        rungs.append(Rung(f"with {group}", group, None, figures, figure, None, *costs, labels, np.zeros(9)))
    return Ladder(rungs, [], "with codes", np.arange(9), np.arange(20), [], 1.0)


def test_every_method_is_named_and_has_its_place() -> None:
    pytest.importorskip("matplotlib")
    axes = plot_cost(make_ladder())
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(named) == ["1  with majority", "2  with pixels", "3  with codes"]
    # Scalars of the points, and the line of what costs nothing.
    places = {
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in axes.lines
        if line.get_marker() not in ("", "None", "|", "_")
    }
    assert {(2.0, 0.75), (30.0, 1.0)} <= places
    assert axes.get_xscale() == "log" and "20 test images" in axes.get_ylabel()


def test_axes_that_are_given_are_used() -> None:
    figure = pytest.importorskip("matplotlib.figure")
    given = figure.Figure().add_subplot()
    assert plot_cost(make_ladder(), given) is given


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendMissing, match="Matplotlib is not installed"):
        plot_cost(make_ladder())


def make_estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.05, value + 0.05, 200)


def test_a_learning_curve_is_drawn_to_its_end_and_beyond() -> None:
    pytest.importorskip("matplotlib")
    points = [CurvePoint(n, 5, make_estimate(v)) for n, v in ((50, 0.6), (100, 0.7), (200, 0.75))]
    further = [Prospect(400, make_estimate(0.78), make_estimate(0.03))]
    axes = plot_learning_curve(LearningCurve(points, further, True))
    measured, beyond = axes.lines
    assert measured.get_xdata().tolist() == [50, 100, 200] and beyond.get_xdata().tolist() == [200, 400]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["50", "100", "200", "400"]
    alone = plot_learning_curve(LearningCurve(points[:2], [], False))
    assert len(alone.lines) == 1


def test_each_image_has_its_place_and_intervals_their_edges() -> None:
    pytest.importorskip("matplotlib")
    axes = plot_predicted([1, 2, 3], [1.5, 2, 2], width=0.5)
    dots, line, *edges = axes.lines
    assert dots.get_xdata().tolist() == [1, 2, 3] and dots.get_ydata().tolist() == [1.5, 2, 2]
    assert list(line.get_xdata()) == list(line.get_ydata()) == [1, 3]
    assert [list(edge.get_ydata()) for edge in edges] == [[0.5, 2.5], [1.5, 3.5]]
    assert len(plot_predicted([1, 2], [1, 2]).lines) == 2
    with pytest.raises(UsageError, match="must be finite"):
        plot_predicted([1, float("nan")], [1, 2])


def test_each_label_that_occurs_has_its_line() -> None:
    pytest.importorskip("matplotlib")
    from sklearn.metrics import precision_recall_curve

    rng = np.random.default_rng(0)
    y = np.column_stack([rng.random(40) < 0.4, np.zeros(40), rng.random(40) < 0.2]).astype(int)
    proba = np.clip(0.3 * y + 0.7 * rng.random((40, 3)), 0, 1).round(1)
    axes = plot_precision_recall(y, proba, ["sea", "snow", "sky"])
    named = [text.get_text().split(":")[0] for text in axes.get_legend().get_texts()]
    assert named == ["sea", "sky"] and len(axes.lines) == 2
    for line, column in zip(axes.lines, (0, 2), strict=True):
        precision, recall, _ = precision_recall_curve(y[:, column], proba[:, column])
        assert line.get_xdata()[1:].tolist() == pytest.approx(recall[:-1][::-1].tolist())
        assert line.get_ydata()[1:].tolist() == pytest.approx(precision[:-1][::-1].tolist())


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 60)), min_size=1, max_size=12))
def test_numbers_of_a_dozen_points_lie_over_nothing(points: list[tuple[float, float]]) -> None:
    taken = [(x, y, 4.0, 4.0) for x, y in points]
    found = place_numbers(points, taken, (7.0, 5.5))
    boxes = [(x, y, 7.0, 5.5) for x, y in found]
    for i, box in enumerate(boxes):
        assert count_overlaps(box, [*boxes[:i], *boxes[i + 1 :]]) == 0


def test_numbers_stay_in_their_room() -> None:
    room = (50.0, 30.0, 50.0, 30.0)
    found = place_numbers([(50.0, 60.0), (0.0, 0.0), (100.0, 30.0)], [], (7.0, 5.5), room)
    assert all(7 <= x <= 93 and 5.5 <= y <= 54.5 for x, y in found)


def test_numbers_of_methods_that_cost_and_achieve_the_same_are_apart() -> None:
    pytest.importorskip("matplotlib")
    ladder = make_ladder()
    ladder = dataclasses.replace(ladder, rungs=[ladder.rungs[-1]] * 9)
    axes = plot_cost(ladder)
    places = [text.get_position() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == [str(i) for i in range(1, 10)]
    assert all(
        abs(x - u) >= 14 or abs(y - v) >= 11 for i, (x, y) in enumerate(places) for u, v in places[i + 1 :]
    )
