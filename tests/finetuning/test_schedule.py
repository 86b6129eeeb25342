"""Rates over the epochs, and when a head starts to converge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.finetuning.schedule import CONVERGED, rate_at, starts_to_converge


@given(st.integers(1, 50), st.floats(0, 60), st.floats(0, 1))
def test_a_rate_is_a_share(epochs: int, warmup: float, moment: float) -> None:
    assert 0 <= rate_at(moment * epochs, epochs, warmup) <= 1 + 1e-12


@given(st.integers(1, 50), st.floats(0, 5), st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_it_rises_in_the_warm_up_and_falls_after(epochs: int, warmup: float, moments: list[float]) -> None:
    top = min(warmup, epochs / 2)
    early, late = sorted(moment * epochs for moment in moments)
    if late < top:
        assert rate_at(early, epochs, warmup) <= rate_at(late, epochs, warmup)
    elif early >= top:
        assert rate_at(early, epochs, warmup) >= rate_at(late, epochs, warmup) - 1e-12


def test_without_a_warm_up_it_starts_at_the_top() -> None:
    assert rate_at(0, 3, 0) == 1.0
    assert rate_at(3, 3, 0) == pytest.approx(0)


def test_the_criterion_is_a_share_of_the_loss_before() -> None:
    assert not starts_to_converge([1.0])
    assert not starts_to_converge([1.0, 1 - 2 * CONVERGED])
    assert starts_to_converge([1.0, 1 - CONVERGED / 2])
    assert starts_to_converge([1.0, 1.5])  # it gets worse: no reason to go on with the head alone
