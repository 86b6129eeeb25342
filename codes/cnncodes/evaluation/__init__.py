"""Honest figures: how good a classifier is, how sure that is, and what it must beat."""

from __future__ import annotations

from cnncodes.evaluation.calibration import Calibration, measure_calibration
from cnncodes.evaluation.intervals import Estimate, measure_share
from cnncodes.evaluation.metrics import ClassFigures, Evaluation, compare_paired, evaluate_predictions

__all__ = [
    "Calibration",
    "ClassFigures",
    "Estimate",
    "Evaluation",
    "compare_paired",
    "evaluate_predictions",
    "measure_calibration",
    "measure_share",
]
