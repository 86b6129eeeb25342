"""The rate that is found is a tenth of the one at which the loss rises, and none where it does not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.finetuning.history import EpochFigures, Trained
from cnncodes.finetuning.rates import (
    HIGHEST,
    LOWEST,
    STEPS,
    advise_rate,
    choose_rate,
    has_risen,
    limit_rate,
)
from cnncodes.finetuning.settings import FineTuning

RATES = np.geomspace(LOWEST, HIGHEST, STEPS)


def draw_losses(rises_at: float, seed: int, *, falls: float = 0.0) -> list[float]:
    """Return noisy losses that are flat or fall by a share, and rise from a rate on."""
    rng = np.random.default_rng(seed)
    found = 0.5 * (1 - falls * np.arange(STEPS) / STEPS) * (1 + rng.normal(0, 0.15, STEPS))
    return (found + 0.5 * np.log(np.maximum(1, RATES / rises_at))).tolist()


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1e-2, 1e-1]), st.sampled_from([0.0, 0.4]))
def test_it_is_about_a_tenth_of_that_where_the_loss_rises(seed: int, rises_at: float, falls: float) -> None:
    """Also where all below is flat and noisy, as of a head that has converged."""
    found = choose_rate(RATES.tolist(), draw_losses(rises_at, seed, falls=falls))
    assert found is not None
    assert rises_at / 10 / 2 < found < rises_at / 10 * 4


@given(st.integers(0, 2**32 - 1))
def test_where_the_loss_falls_to_the_end_there_is_none(seed: int) -> None:
    assert choose_rate(RATES.tolist(), draw_losses(np.inf, seed, falls=0.9)) is None


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40))
def test_it_is_a_tenth_of_one_that_was_tried(losses: list[float]) -> None:
    rates = [10.0 ** (number / 8 - 6) for number in range(len(losses))]
    found = choose_rate(rates, losses)
    assert found is None or min(abs(10 * found / rate - 1) for rate in rates) < 0.06


@given(st.floats(1e-7, 0.1))
def test_none_is_taken_that_is_far_above_the_default(found: float) -> None:
    """Of 17 images 70 times the default was."""
    assert limit_rate(found, "adamw") == min(found, 0.01)
    assert limit_rate(found, "sgd") == found


def test_one_loss_that_is_low_by_chance_decides_nothing() -> None:
    losses = draw_losses(1e-2, 0)
    losses[3] = 0.01
    found = choose_rate(RATES.tolist(), losses)
    assert found == pytest.approx(1e-3, rel=2)


def test_a_loss_that_is_no_number_is_a_rise() -> None:
    flat = [0.5] * 40
    assert choose_rate(RATES[:40].tolist(), flat) is None
    assert choose_rate(RATES[:41].tolist(), [*flat, np.nan]) == pytest.approx(RATES[40] / 10, rel=0.05)


def test_single_losses_do_not_end_the_trying() -> None:
    """Batches of a few images differ by more than three times their least."""
    noisy = [0.56, 0.239, 0.112, 0.405] * 10
    assert not any(has_risen(noisy[:count]) for count in range(1, 41))
    assert has_risen([*noisy, *[5.0] * 10])


def make_history(*accuracies: float, verdict: str = "", half: float = 0.1) -> list[EpochFigures]:
    """Return figures of a start and of epochs with the backbone, whose gains have so wide an interval."""
    own = {"validation_loss": 1, "low": 0, "high": 1, "images": 36}
    stages = ["start", *["network"] * (len(accuracies) - 1)]
    return [
        Trained(stage, epoch, 1, 1, 1, 1).measured(
            accuracy=accuracy,
            gain=accuracy - accuracies[0],
            gain_low=accuracy - accuracies[0] - half,
            gain_high=accuracy - accuracies[0] + half,
            kept=not epoch,
            verdict=verdict * bool(epoch),
            **own,
        )
        for epoch, (stage, accuracy) in enumerate(zip(stages, accuracies, strict=True))
    ]


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"backbone_lr_mult": 1e6}, "backbone_lr_mult (--backbone-lr-mult) 0.1"),
        ({"backbone_lr_mult": 0.4}, "backbone_lr_mult (--backbone-lr-mult) 0.04"),
        ({"base_lr": 0.5, "backbone_lr_mult": 1.0}, "base_lr (--base-lr) 0.001"),
        ({"base_lr": 0.5, "optimizer": "sgd"}, "base_lr (--base-lr) 0.03"),
        ({}, "base_lr (--base-lr) 0.0001"),
    ],
)
def test_a_rate_at_which_all_is_lost_is_told_with_a_lower_one(settings: dict[str, Any], advice: str) -> None:
    """To fall to chance is no number that is not finite, and as bad."""
    chosen = FineTuning(**settings)
    found = advise_rate(make_history(0.722, 0.333, 0.36), float(chosen.base_lr), chosen)
    assert "no nearer to the head alone than 36.2 points below it" in found and found.endswith(advice)
    found = advise_rate(make_history(0.722, 0.3, verdict="diverged"), float(chosen.base_lr), chosen)
    assert "backbone and head diverged in epoch 1" in found and found.endswith(advice)


@pytest.mark.parametrize("accuracies", [(0.722,), (0.722, 0.333, 0.64), (0.722, 0.8), (1.0, 1.0)])
def test_what_chance_may_have_lost_is_no_matter_of_the_rate(accuracies: tuple[float, ...]) -> None:
    assert advise_rate(make_history(*accuracies), 0.001, FineTuning()) == ""


@pytest.mark.parametrize("half", [0.34, math.nan])
def test_a_few_images_are_no_evidence_for_a_rate(half: float) -> None:
    """One of three that is wrong, which a standard error of 0 at the start had made clear; or one at all."""
    assert advise_rate(make_history(1.0, 0.667, half=half), 0.001, FineTuning()) == ""


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"l2_sp": 1e38}, "l2_sp (--l2-sp)"),
        ({"weight_decay": 1e9}, "weight_decay (--weight-decay)"),
        ({"l2_sp": 0.1, "weight_decay": 0.1}, "weight_decay (--weight-decay), l2_sp (--l2-sp)"),
    ],
)
def test_what_may_have_wrecked_it_beside_the_rate_is_named(changes: dict[str, Any], names: str) -> None:
    chosen = FineTuning(**changes)
    for history in (make_history(0.722, 0.3, verdict="diverged"), make_history(0.722, 0.333)):
        assert advise_rate(history, 0.001, chosen).endswith(f"base_lr (--base-lr) 0.0001; or a lower {names}")
