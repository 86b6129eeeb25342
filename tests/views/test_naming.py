"""Plans and their names."""

from __future__ import annotations

import pytest

from cnncodes.views import ViewPlan
from cnncodes.views.names import FIXED_PLANS
from cnncodes.views.naming import find_name


@pytest.mark.parametrize("name", FIXED_PLANS)
def test_a_plan_by_name_has_that_name(name: str) -> None:
    assert find_name(ViewPlan.parse(name)) == name


@pytest.mark.parametrize("name", ["train:4", "flip, train:4"])
def test_no_other_has_one(name: str) -> None:
    assert find_name(ViewPlan.parse(name)) is None
