"""Why a plan's view is none of another's: it has another name, or other settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cnncodes.views.settings import RandomViews


def explain_missing(
    name: str, stored: Sequence[str], ours: RandomViews | None, theirs: RandomViews | None
) -> str:
    """Return the end of a sentence that says why no stored view looks as the one of this name.

    Parameters
    ----------
    name : str
    stored : sequence of str
        Names of the stored views.
    ours, theirs : RandomViews or None
        Random views of the plan that has the view, and of the stored one.
    """
    if name not in stored or ours is None or theirs is None:
        return f". They hold: {_shorten(stored)}."
    here, there = ours.to_dict(), theirs.to_dict()
    differing = [
        f"{key} is {_shown(there.get(key))} there and {_shown(here.get(key))} here"
        for key in dict.fromkeys([*there, *here])
        if key != "count" and there.get(key) != here.get(key)
    ]
    return f" with these settings: {'; '.join(differing)}."


def _shown(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _shorten(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])} … {names[-1]}"
