"""Honest figures: how good predictions are, how sure that is, what it must beat; and checks of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.evaluation.calibration import Calibration, measure_calibration
    from cnncodes.evaluation.checks import DataChecks, check_data
    from cnncodes.evaluation.crossvalidation import CrossValidation, cross_validate
    from cnncodes.evaluation.intervals import Estimate, measure_share
    from cnncodes.evaluation.metrics import ClassFigures, Evaluation, compare_paired, evaluate_predictions
    from cnncodes.evaluation.numbers import NumberEvaluation, evaluate_numbers

__all__ = [
    "Calibration",
    "ClassFigures",
    "CrossValidation",
    "DataChecks",
    "Estimate",
    "Evaluation",
    "NumberEvaluation",
    "check_data",
    "compare_paired",
    "cross_validate",
    "evaluate_numbers",
    "evaluate_predictions",
    "measure_calibration",
    "measure_share",
]

# Lazily, since cross-validation needs scikit-learn and the figures do not.
__getattr__, __dir__ = attach(
    __name__,
    {
        "Calibration": "calibration",
        "ClassFigures": "metrics",
        "CrossValidation": "crossvalidation",
        "DataChecks": "checks",
        "Estimate": "intervals",
        "Evaluation": "metrics",
        "NumberEvaluation": "numbers",
        "check_data": "checks",
        "compare_paired": "metrics",
        "cross_validate": "crossvalidation",
        "evaluate_numbers": "numbers",
        "evaluate_predictions": "metrics",
        "measure_calibration": "calibration",
        "measure_share": "intervals",
    },
)
