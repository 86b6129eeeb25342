"""Methods by what they achieve and cost: each is named and has its place."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.errors import BackendMissing
from cnncodes.evaluation import evaluate_predictions
from cnncodes.evaluation.baselines import Ladder, Rung
from cnncodes.evaluation.baselines.rungs import Compared
from cnncodes.plots.cost import count_overlaps, place_numbers, plot_cost


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
    assert sorted(named) == ["1  with majority, 0.500: below", "2  with pixels", "3  with codes"]
    # Scalars of the points, and the line of what costs nothing.
    places = {
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in axes.lines
        if line.get_marker() not in ("", "None", "|", "_")
    }
    assert {(2.0, 0.75), (30.0, 1.0)} <= places
    assert axes.get_xscale() == "log" and "20 test images" in axes.get_ylabel()


def test_what_is_compared_is_a_point_where_its_seconds_are_known_else_a_line() -> None:
    pytest.importorskip("matplotlib")
    estimate = dataclasses.replace(make_ladder().rungs[1].estimate, value=0.3, low=0.2, high=0.4)
    axes = plot_cost(make_ladder(), compared=Compared("tuned.cnncodes", estimate, 500.0))
    assert (500.0, 0.3) in {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines}
    assert axes.get_ylim()[0] < 0.2 and axes.get_xlim()[1] > 500
    assert "tuned.cnncodes" in [text.get_text() for text in axes.get_legend().get_texts()]
    axes = plot_cost(make_ladder(), compared=Compared("tuned.cnncodes", estimate, None))
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"] == [0.3]
    assert "tuned.cnncodes" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_an_axis_of_seconds_has_plain_numbers_and_room_for_what_costs_any() -> None:
    pytest.importorskip("matplotlib")
    ladder = make_ladder()
    axes = plot_cost(ladder)
    low, high = axes.get_xlim()
    shown = [text.get_text() for text in axes.get_xticklabels() if low <= text.get_position()[0] <= high]
    assert shown == ["2", "5", "10", "20"]
    assert 0.5 < axes.get_ylim()[0] < ladder.rungs[1].estimate.low and axes.get_ylim()[1] > 1
    near = dataclasses.replace(ladder.rungs[0], estimate=ladder.rungs[1].estimate)
    axes = plot_cost(dataclasses.replace(ladder, rungs=[near, *ladder.rungs[1:]]))
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [0.75]


def test_axes_that_are_given_are_used() -> None:
    figure = pytest.importorskip("matplotlib.figure")
    given = figure.Figure().add_subplot()
    assert plot_cost(make_ladder(), given) is given


def test_methods_are_named_beside_new_axes_and_within_given_ones() -> None:
    figure = pytest.importorskip("matplotlib.figure")
    ladder = make_ladder()
    for axes, is_within in (
        (plot_cost(ladder), False),
        (plot_cost(ladder, figure.Figure(layout="constrained").add_subplot()), True),
    ):
        axes.figure.draw_without_rendering()
        extent = axes.get_legend().get_window_extent()
        assert (extent.x1 <= axes.get_window_extent().x1) == is_within
        assert len(axes.get_legend().get_texts()) == 3
    many = dataclasses.replace(ladder, rungs=[ladder.rungs[-1]] * 11)
    assert plot_cost(many, figure.Figure().add_subplot()).get_legend() is None


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendMissing, match="Matplotlib is not installed"):
        plot_cost(make_ladder())


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
