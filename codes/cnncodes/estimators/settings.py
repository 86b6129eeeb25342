"""The settings that a head was fitted with, chosen or given: kept on cards of saved estimators, and said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from cnncodes.heads.arrays import ArrayScorer
from cnncodes.heads.discriminants import shrinkage_of

Settings: TypeAlias = dict[str, float | int | str]

#: What a head may have, in the order in which it is said.
_NAMES = ("C", "gamma", "k", "scaling")


def list_settings(head: Any) -> Settings:
    """Return the settings of a fitted head by name; of another one none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from cnncodes.heads.estimator import LinearHead
    >>> list_settings(LinearHead("ridge", C=2.0, scaling="l2").fit(*load_iris(return_X_y=True)))
    {'C': 2.0, 'scaling': 'l2'}
    """
    fitted = getattr(head, "head_", head)  # of "auto" the one that was chosen
    if not isinstance(getattr(fitted, "scorer_", None), ArrayScorer):
        return {}
    values = {name: getattr(fitted, f"{name}_", None) for name in _NAMES}
    known = {name: value for name, value in values.items() if value is not None}
    return {name: getattr(value, "item", lambda kept=value: kept)() for name, value in known.items()}


def read_settings(card: Mapping[str, Any]) -> Settings:
    """Return what a card says of settings; older ones say nothing.

    Raises
    ------
    ValueError
        If they are something else.
    """
    settings = card.get("settings", {})
    if not isinstance(settings, dict):
        raise ValueError("settings in its card.json are no table")
    for name, value in settings.items():
        is_number = type(value) in (int, float) and math.isfinite(value)
        if name not in _NAMES or not (type(value) is str if name == "scaling" else is_number):
            raise ValueError(f"settings in its card.json hold {name!r}: {value!r}")
    return dict(settings)


def say_settings(kind: str, settings: Mapping[str, Any]) -> str:
    """Return settings as they follow the name of a head.

    Examples
    --------
    >>> say_settings("logistic", {"C": 31.6228, "k": None, "scaling": "l2"}), say_settings("lda", {"C": 3.0})
    (', C=31.6, scaling=l2', ', shrinkage=0.25')
    """
    known = {name: settings[name] for name in _NAMES if settings.get(name) is not None}
    if kind == "lda" and "C" in known:
        known = {"shrinkage": shrinkage_of(known.pop("C")), **known}
    return "".join(
        f", {name}={value if isinstance(value, str) else f'{value:.3g}'}" for name, value in known.items()
    )
