"""Honest figures: how good a classifier is, how sure that is, and what it must beat."""

from __future__ import annotations

from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.metrics import ClassFigures, Evaluation, compare_paired, evaluate_predictions

__all__ = ["ClassFigures", "Estimate", "Evaluation", "compare_paired", "evaluate_predictions"]
