"""A budget of seconds."""

from __future__ import annotations

import math
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
    listen(1, 1000, 0)
    now = 3.0
    listen(100, 1000, 0)  # too soon to tell
    now = 4.5
    with pytest.raises(OutOfTimeError) as late:
        listen(101, 1000, 2)
    assert late.value.seconds == pytest.approx(4.5 + 899 * 0.03)
    assert heard == [(1, 1000, 0), (100, 1000, 0), (101, 1000, 2)]
    assert clock.left == pytest.approx(15.5) and clock.spent == pytest.approx(4.5)


def test_the_wait_for_the_first_batch_is_not_taken_for_the_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    listen = Clock(20.0).watch(None)
    for done in range(1, 1001):
        if done % 64 == 1:  # batches of 64: their images are all done at once
            now = 7.0 + 0.6 * (done // 64)
        listen(done, 1000, 0)


def test_few_slow_images_are_stopped_by_half_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    listen = Clock(60.0).watch(None)
    for done in range(1, 4):
        now = 10.0 * done
        listen(done, 10, 0)
    now = 40.0
    with pytest.raises(OutOfTimeError) as late:
        listen(4, 10, 0)
    assert late.value.seconds == pytest.approx(100.0)


def test_a_first_batch_after_all_time_is_stopped_without_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    listen = Clock(5.0).watch(None)
    now = 6.0
    with pytest.raises(OutOfTimeError) as late:
        listen(1, 10, 0)
    assert math.isnan(late.value.seconds)


def test_what_just_fits_goes_on_and_the_last_image_is_never_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    listen = Clock(20.0).watch(None)
    now = 3.0
    listen(200, 1000, 0)
    now = 25.0
    listen(1000, 1000, 0)


def test_a_budget_may_have_begun_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 102.0)
    clock = Clock(10.0, began=100.0)
    assert clock.spent == pytest.approx(2.0) and clock.left == pytest.approx(8.0)


def test_what_is_far_too_slow_is_stopped_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    listen = Clock(20.0).watch(None)
    now = 0.2
    listen(1, 1000, 0)
    now = 0.8
    with pytest.raises(OutOfTimeError) as late:
        listen(11, 1000, 0)  # ten in 0.6 s
    assert late.value.seconds == pytest.approx(0.8 + 989 * 0.06)
    listen = Clock(20.0).watch(None)
    now = 1.0
    listen(1, 1000, 0)
    now = 1.6
    listen(26, 1000, 0)  # about 24 s, by a guess too rough to believe


def test_what_is_nearer_to_its_end_is_not_given_up_for_a_few_per_cent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    clock = Clock(30.0)
    listen = clock.watch(None)
    listen(1, 1001, 0)
    now = 10.0
    listen(401, 1001, 0)  # 25 s in all
    now = 24.0
    listen(784, 1001, 0)  # 30.7 s, and 24 are spent
    now = 30.5
    listen(980, 1001, 0)
    assert clock.left < 0 < clock.left_to_end
    now = 31.5
    with pytest.raises(OutOfTimeError):
        listen(990, 1001, 0)
    listen = Clock(30.0).watch(None)
    now = 31.5
    listen(1, 1001, 0)
    now = 41.5
    with pytest.raises(OutOfTimeError):
        listen(330, 1001, 0)  # 30.4 s: most of it is to come


def test_images_that_are_done_at_once_are_no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    listen = Clock(46.0).watch(None)
    for done in range(1, 65):
        now = 45.5 + 0.001 * done  # a first batch, late: its images are all done at once
        listen(done, 10_000, 0)
    now = 60.0
    with pytest.raises(OutOfTimeError) as late:
        listen(65, 10_000, 0)
    assert late.value.seconds > 1_000
