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


NONE = "no epoch with the backbone was good enough on the 50 validation images: the best, epoch 2, has"


@pytest.mark.parametrize(
    ("accuracy", "gain", "loss", "said"),
    [
        (0.7, -0.2, 0.5, "an accuracy of 0.700 (-20.0 points), which is below that of the head alone, 0.900"),
        (0.89996, -4e-5, 0.5, "0.89996 (-0.0 points), which is below that of the head alone, 0.90000"),
        (0.92, 0.02, 0.5, "(+2.0 points), more than a standard error below the 0.980 of the first stage"),
        (1.0, 0.1, 1.2, "1.000 (+10.0 points), but its log-loss, 1.2, is above that of chance, 1.099"),
        (1.0, 0.1, 1.098612289, "but its log-loss, 1.098612289, is above that of chance, 1.098612288"),
    ],
)
def test_why_there_is_none_names_the_best_epoch_and_the_rule_that_failed(
    accuracy: float, gain: float, loss: float, said: str
) -> None:
    start = dataclasses.replace(FIGURES, stage="start", epoch=0, accuracy=0.88, validation_loss=0.3)
    head = dataclasses.replace(FIGURES, stage="head", epoch=1, accuracy=0.98, validation_loss=0.3)
    best = dataclasses.replace(
        FIGURES, epoch=2, accuracy=accuracy, gain=gain, validation_loss=loss, kept=False
    )
    history = [start, head, dataclasses.replace(best, epoch=1, accuracy=0.5), best]
    found = explain_none(history, 3)
    assert found.startswith(NONE) and said in found
    unsure = dataclasses.replace(start, accuracy=0.0, validation_loss=1.18501)
    found = explain_none([unsure, dataclasses.replace(best, gain=0.0, validation_loss=1.18502)], 3)
    assert found.endswith("but its log-loss, 1.18502, is above that of the start, 1.18501")


def test_why_there_is_none_names_the_epoch_that_diverged() -> None:
    start = dataclasses.replace(FIGURES, stage="start", epoch=0)
    broken = dataclasses.replace(FIGURES, epoch=3, verdict="diverged")
    assert explain_none([start, broken], 3) == "training diverged in epoch 3"
