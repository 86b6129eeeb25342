"""What plots are given: the right result, and axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
