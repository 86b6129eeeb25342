"""What reports say of how to make figures again."""

from __future__ import annotations

from cnncodes import ViewPlan
from cnncodes.commands.reproducing import _say_plan


def test_views_are_said_by_their_name_where_they_have_one() -> None:
    for name in ("center", "flip", "multicrop"):
        assert _say_plan(ViewPlan.parse(name).to_dict()) == name
    assert '"mirror": true' in _say_plan(ViewPlan.parse("flip, rotation:3").to_dict())
