"""The names of plans that have one."""

from __future__ import annotations

from cnncodes.views.names import FIXED_PLANS
from cnncodes.views.plan import ViewPlan


def find_name(plan: ViewPlan) -> str | None:
    """Return the name of a plan of fixed views; None of any other.

    Examples
    --------
    >>> find_name(ViewPlan(mirror=True)), find_name(ViewPlan.parse("train:4"))
    ('flip', None)
    """
    return next((name for name in FIXED_PLANS if ViewPlan.parse(name) == plan), None)
