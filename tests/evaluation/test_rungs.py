"""What is made of methods side by side."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.evaluation import evaluate_predictions
from cnncodes.evaluation.baselines import Ladder, Rung
from cnncodes.evaluation.intervals import draw_weights

TRUTH = np.array(["a", "b"] * 100)


def make_rung(title: str, wrong: int, cost: float, start: int = 0) -> Rung:
    """Return a rung that is wrong about so many images in a row."""
    labels = TRUTH.copy()
    labels[start : start + wrong] = np.where(TRUTH[start : start + wrong] == "a", "b", "a")
    figures = evaluate_predictions(TRUTH, labels, ["a", "b"])
    right = (labels == TRUTH).astype(float)
    drawn = np.array([np.average(right, weights=w) for w in [np.ones(len(TRUTH)), *draw_weights(len(TRUTH))]])
    return Rung(
        title, "codes", "ridge", figures, figures.accuracy, None, cost, 0.0, cost, False, labels, drawn
    )


def make_ladder(*rungs: Rung) -> Ladder:
    return Ladder([*rungs], [], "with codes", np.arange(200), np.arange(200), [], 1.0)


@pytest.mark.parametrize(
    ("middle", "expected"),
    [
        (make_rung("middle", 22, 5.0, start=150), "middle"),  # not clearly below the best
        (make_rung("middle", 60, 5.0), "best"),
    ],
)
def test_the_cheapest_that_is_not_clearly_below_the_best(middle: Rung, expected: str) -> None:
    ladder = make_ladder(make_rung("cheap", 100, 1.0), middle, make_rung("best", 20, 50.0))
    chosen, gap = ladder.cheapest_as_good()
    assert ladder.best().title == "best" and chosen.title == expected
    assert gap.value == pytest.approx(0.01 if expected == "middle" else 0.0) and gap.n == 200


def test_of_equals_the_cheaper_is_the_best() -> None:
    ladder = make_ladder(make_rung("dear", 20, 9.0), make_rung("cheap", 20, 1.0))
    assert ladder.best().title == "cheap"
