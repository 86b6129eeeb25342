"""The rate that is found is one at which the loss still falls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.finetuning.rates import choose_rate


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40))
def test_it_is_a_tenth_of_one_that_was_tried(losses: list[float]) -> None:
    rates = [10.0 ** (number / 8 - 6) for number in range(len(losses))]
    assert min(abs(10 * choose_rate(rates, losses) / rate - 1) for rate in rates) < 0.06


def test_the_least_loss_decides() -> None:
    rates = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    assert choose_rate(rates, [2.0, 1.8, 0.2, 8.0, 30.0]) == pytest.approx(1e-3)
