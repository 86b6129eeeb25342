"""A budget of seconds."""

from __future__ import annotations

import time

import pytest

from cnncodes.evaluation.baselines.budget import Clock, OutOfTimeError


def test_without_a_budget_nothing_is_stopped() -> None:
    clock = Clock(None)
    assert clock.left == float("inf")
    clock.watch(None)(1, 10**9, 0)


def test_what_would_take_too_long_is_stopped_once_that_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    clock = Clock(20.0)
    heard: list[tuple[int, int, int]] = []
    listen = clock.watch(lambda *numbers: heard.append(numbers))
    now = 1.5
    listen(1, 1000, 0)  # too soon to tell
    now = 3.0
    with pytest.raises(OutOfTimeError) as late:
        listen(100, 1000, 2)
    assert late.value.seconds == pytest.approx(30.0) and heard == [(1, 1000, 0), (100, 1000, 2)]
    assert clock.left == pytest.approx(17.0) and clock.spent == pytest.approx(3.0)


def test_what_just_fits_goes_on_and_the_last_image_is_never_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    listen = Clock(20.0).watch(None)
    now = 3.0
    listen(200, 1000, 0)
    now = 25.0
    listen(1000, 1000, 0)
