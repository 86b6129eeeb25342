"""Honest figures: how good a classifier is, how sure that is, what it must beat; and checks of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.metrics import ClassFigures, Evaluation, compare_paired, evaluate_predictions
from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.evaluation.checks import DataChecks, check_data

__all__ = [
    "ClassFigures",
    "DataChecks",
    "Estimate",
    "Evaluation",
    "check_data",
    "compare_paired",
    "evaluate_predictions",
]

# Lazily: the checks embed images and train heads, which figures do not need.
__getattr__, __dir__ = attach(__name__, {"DataChecks": "checks", "check_data": "checks"})
