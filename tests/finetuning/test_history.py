"""Figures of an epoch, and which one is the best."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnncodes.finetuning.history import EpochFigures, Judge

Y = np.array([0, 1, 1, 0])
RIGHT = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0], [2.0, 0.0]])


#: Of a head that is right half of the time.
JUDGE = Judge(Y, np.array([0, 1, 0, 1]))


def measure(
    logits: np.ndarray, former: list[EpochFigures], loss: float = 1.0, judge: Judge = JUDGE
) -> EpochFigures:
    return judge.measure(
        "network", len(former) + 1, logits, loss=loss, rates=(0.1, 0.01), seconds=1.0, former=former
    )


def test_figures_are_those_of_the_logits() -> None:
    figures = measure(RIGHT, [])
    assert (figures.accuracy, figures.images, figures.gained, figures.verdict) == (1.0, 4, True, "")
    assert figures.validation_loss == pytest.approx(math.log(1 + math.exp(-2)))
    assert figures.low < 1.0 == figures.high


def test_the_gain_is_over_the_head_on_the_same_images() -> None:
    figures = measure(RIGHT, [])
    assert figures.gain == 0.5
    assert 0 <= figures.gain_low < 0.5 < figures.gain_high <= 1
    same = measure(RIGHT, [], judge=Judge(Y, Y))
    assert same.gain == 0
    assert math.isnan(same.gain_low)


def test_images_of_a_group_are_drawn_together() -> None:
    paired = measure(RIGHT, [], judge=Judge(JUDGE.y, JUDGE.head, np.array([0, 0, 1, 1])))
    assert (paired.gain_low, paired.gain_high) == (0.0, 1.0)


def test_of_equal_accuracy_the_lower_loss_is_better() -> None:
    first = measure(RIGHT, [])
    assert not measure(RIGHT, [first]).gained
    assert measure(2 * RIGHT, [first]).gained
    assert not measure(RIGHT / 2, [first]).gained
    assert not measure(-RIGHT * 9, [first]).gained


@pytest.mark.parametrize(
    ("logits", "loss"), [(RIGHT + math.nan, 1.0), (RIGHT, math.nan), (RIGHT + math.inf, 1.0)]
)
def test_what_is_no_number_has_diverged_and_gains_nothing(logits: np.ndarray, loss: float) -> None:
    figures = measure(logits, [], loss)
    assert (figures.verdict, figures.gained, figures.accuracy) == ("diverged", False, 0.0)


def test_a_loss_far_above_the_start_has_diverged() -> None:
    start = measure(RIGHT, [])
    assert measure(-RIGHT, [start]).verdict == ""  # wrong everywhere, and no more than that
    assert measure(-100 * RIGHT, [start]).verdict == "diverged"


@pytest.mark.parametrize("loss", [0.5, math.nan])
def test_plain_values_and_back(loss: float) -> None:
    figures = measure(RIGHT, [], loss)
    again = EpochFigures.from_dict(figures.to_dict())
    assert again.to_dict() == figures.to_dict()
    assert again.validation_loss == figures.validation_loss
