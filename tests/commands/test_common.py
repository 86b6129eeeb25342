"""Values of options that commands have in common: what is refused says what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cnncodes.commands import common
from cnncodes.errors import UsageError

CASES: list[tuple[Callable[[Any], None], list[Any], list[Any]]] = [
    (common.check_positive, [1, 10**9], [0, -3]),
    (common.check_jobs, [1, -1], [0, -2]),
    (common.check_automatic_jobs, ["auto", 2, -1], ["all", 0]),
    (common.check_batch_size, ["auto", 1], ["8", 0]),
    (common.check_seconds, [0.1, 2.0**30], [0.0, -1.0, float("nan"), float("inf")]),
    (common.check_random_state, [0, 2**32 - 1], [-1, 2**32]),
    (common.check_risk, [0.05], [0.0, 1.0, float("nan")]),
    (common.check_folds, [2], [1]),
    (common.check_memory, ["2G", 2**20], ["much", 0]),
    (common.check_precision, ["int8", "auto"], ["int9"]),
    (common.check_provider, ["auto", "cpu", "cuda:0,cuda:1"], ["gpus"]),
    (common.check_views, ["tencrop"], ["tencorp"]),
]


@pytest.mark.parametrize(("check", "good", "bad"), CASES)
def test_a_value_is_taken_or_refused_in_words(check: Callable[[Any], None], good: Any, bad: Any) -> None:
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(UsageError, match=r"must be|expected|nknown|view"):
            check(value)
