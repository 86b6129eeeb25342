"""What a check has found, in a form that people and machines read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["tell", "warn"]
Certainty = Literal["certain", "likely", "possible"]

#: All checks, those first whose warnings weigh most.
CHECKS = ("groups", "duplicates", "metadata", "classes", "labels", "damage", "outliers")


@dataclass(frozen=True)
class Finding:
    """One thing to know before a score is believed.

    Attributes
    ----------
    check : str
        The check that found it: one of `cnncodes.evaluation.checks.CHECKS`.
    severity : {"warn", "tell"}
        ``"warn"`` where scores would be wrong, or a class cannot be learned; else ``"tell"``.
    certainty : {"certain", "likely", "possible"}
        A fact; or right in at least nine of ten cases where it was measured (docs/checks.md); or in fewer:
        to be looked at.
    sentence : str
        What was found, in plain words.
    advice : str
        What to do about it.
    images : tuple of str
        Keys of the images that it is about, the worst first where there is such an order.
    n : int
        Images that were looked at.
    details : mapping
        Figures and groups behind it, plain values only.
    """

    check: str
    severity: Severity
    certainty: Certainty
    sentence: str
    advice: str
    images: tuple[str, ...]
    n: int
    details: Mapping[str, Any] = field(default_factory=dict)
