"""Finding a plan's views among those of another: which they are, or what makes them differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cnncodes.errors import UsageError

if TYPE_CHECKING:
    from cnncodes.backbones.card import Frame
    from cnncodes.views.plan import ViewPlan


def find_views(plan: ViewPlan, stored: ViewPlan, frame: Frame) -> list[int]:
    """Return the number that each of a plan's views has in another; see `ViewPlan.find_in`."""
    there = {name: number for number, name in enumerate(stored.pixel_names(frame))}
    names = plan.pixel_names(frame)
    for name, shown in zip(names, plan.names(frame), strict=True):
        if name not in there:
            raise UsageError(f"the codes hold no view {shown!r}{_explain(plan, stored, shown, frame)}")
    return [there[name] for name in names]


def _explain(plan: ViewPlan, stored: ViewPlan, name: str, frame: Frame) -> str:
    """Say why a stored plan has no view that looks as this one: another name, or other settings."""
    names = stored.names(frame)
    if name not in names or plan.random is None or stored.random is None:
        return f". They hold: {_shorten(names)}."
    ours, theirs = plan.random.to_dict(), stored.random.to_dict()
    differing = [
        f"{key} is {_shown(theirs.get(key))} there and {_shown(ours.get(key))} here"
        for key in dict.fromkeys([*theirs, *ours])
        if key != "count" and theirs.get(key) != ours.get(key)
    ]
    return f" with these settings: {'; '.join(differing)}."


def _shown(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _shorten(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])} … {names[-1]}"
