"""The learning curve."""

from __future__ import annotations

import pytest

from cnncodes.evaluation.baselines.learning_curve import CurvePoint, LearningCurve, Prospect
from cnncodes.evaluation.intervals import Estimate
from cnncodes.plots import plot_learning_curve


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
