"""Figures of an epoch as plain values, and how many epochs led to the best weights."""

from __future__ import annotations

import dataclasses
import math

import pytest

from cnncodes.finetuning.history import EpochFigures, count_epochs, explain_none

FIGURES = EpochFigures(
    "network", 1, 0.5, 0.4, 0.8, 0.7, 0.9, 0.1, math.nan, math.nan, 50, True, 0.001, 0.0001, 1.5
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"loss": math.nan},
        {"validation_loss": math.inf, "verdict": "diverged"},
        {"images": 0, "validation_loss": math.nan, "accuracy": math.nan, "gain": math.nan},
    ],
)
def test_plain_values_and_back(changes: dict[str, float]) -> None:
    figures = dataclasses.replace(FIGURES, **changes)
    again = EpochFigures.from_dict(figures.to_dict())
    assert again.to_dict() == figures.to_dict()
    assert repr(again) == repr(figures)  # NaN is not equal to itself


def test_epochs_to_the_best_are_counted_a_stage() -> None:
    gained = [("start", 0), ("head", 1), ("head", 2), ("network", 1), ("network", 2), ("network", 3)]
    history = [
        dataclasses.replace(FIGURES, stage=stage, epoch=epoch, kept=number in (0, 1, 4))
        for number, (stage, epoch) in enumerate(gained)
    ]
    assert count_epochs(history) == {"head": 1, "network": 2}
    assert count_epochs(history[:1]) == {"head": 0, "network": 0}


def test_why_there_is_none_names_the_best_epoch_or_the_one_that_diverged() -> None:
    start = dataclasses.replace(FIGURES, stage="start", epoch=0, accuracy=0.9, validation_loss=0.3)
    worse = dataclasses.replace(FIGURES, epoch=2, accuracy=0.7, gain=-0.2, validation_loss=0.5, kept=False)
    history = [start, dataclasses.replace(worse, epoch=1, accuracy=0.5), worse]
    assert explain_none(history) == (
        "no epoch was as good as the start on the 50 validation images: the best, epoch 2, has an accuracy of"
        " 0.700 (-20.0 points) and a log-loss of 0.5, after 0.900 and 0.3"
    )
    broken = dataclasses.replace(worse, epoch=3, verdict="diverged")
    assert explain_none([*history, broken]) == "training diverged in epoch 3"
