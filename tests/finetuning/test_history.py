"""Figures of an epoch as plain values, and how many epochs led to the best weights."""

from __future__ import annotations

import dataclasses
import math

import pytest

from cnncodes.finetuning.history import EpochFigures, count_epochs

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
