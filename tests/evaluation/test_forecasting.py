"""Whether there is time for what comes next."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from cnncodes.evaluation.baselines.budget import Clock, OutOfTimeError
from cnncodes.evaluation.baselines.describing import CnnCodes, RawPixels
from cnncodes.evaluation.baselines.forecasting import check_fit, check_views

STRATA = np.array(["rare"] * 4 + ["common"] * 2996)


class Fit:
    """A fit that takes so long, and keeps what it was given."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.places = seconds, np.empty(0, np.int64)

    def __call__(self, places: Any) -> None:
        self.places = places
        time.sleep(self.seconds)


def test_a_fit_is_tried_on_a_part_of_each_stratum() -> None:
    check_fit("ridge", STRATA, len(STRATA), fit := Fit(), Clock(1000.0), 0)
    assert len(set(fit.places)) == 303 and (fit.places < 4).sum() == 3


def test_where_the_part_takes_too_long_for_all_there_is_no_time() -> None:
    with pytest.raises(OutOfTimeError) as caught:
        check_fit("ridge", STRATA, len(STRATA), Fit(0.05), Clock(0.3), 0)
    assert 0.05 * 3000 / 303 < caught.value.seconds < 5
    with pytest.raises(OutOfTimeError) as slower:  # its time grows with the square
        check_fit("rbf-svm", STRATA, len(STRATA), Fit(0.05), Clock(0.3), 0)
    assert slower.value.seconds > 0.05 * (3000 / 303) ** 2


@pytest.mark.parametrize(("count", "budget"), [(999, 1e-9), (3000, None)])
def test_few_rows_and_any_time_need_no_trial(count: int, budget: float | None) -> None:
    check_fit("ridge", STRATA[-count:], count, fit := Fit(), Clock(budget), 0)
    assert not fit.places.size


def test_more_views_of_a_network_have_no_chance_where_fewer_had_none() -> None:
    center, flip, crops = (CnnCodes("net", views) for views in ("center", "flip", "tencrop"))
    check_views(flip, {center: 10.0}, {}, left=11.0)  # twice as many may take half of that
    with pytest.raises(OutOfTimeError) as caught:
        check_views(crops, {center: 10.0}, {}, left=49.0)
    assert caught.value.seconds == 100.0
    with pytest.raises(OutOfTimeError):
        check_views(flip, {}, {center: 10.0}, left=1000.0)
    with pytest.raises(OutOfTimeError):
        check_views(center, {}, {center: 10.0}, left=1000.0)


def test_another_network_and_what_is_none_are_tried() -> None:
    slow = CnnCodes("net", "tencrop")
    check_views(CnnCodes("other", "tencrop"), {}, {slow: 15.0}, left=1.0)
    check_views(CnnCodes("net", "center"), {}, {slow: 15.0}, left=1.0)
    check_views(RawPixels(), {}, {slow: 15.0}, left=1.0)
