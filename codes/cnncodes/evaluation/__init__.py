"""Honest figures: how good predictions are, how sure that is, what it must beat; and checks of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.evaluation.abstaining import AbstentionFigures, evaluate_abstention
    from cnncodes.evaluation.calibration import Calibration, measure_calibration
    from cnncodes.evaluation.checks import DataChecks, check_data
    from cnncodes.evaluation.comparison import ClassifierComparison, compare_classifiers
    from cnncodes.evaluation.crossvalidation import (
        CrossValidation,
        MultiLabelCrossValidation,
        NumberCrossValidation,
        cross_validate,
    )
    from cnncodes.evaluation.intervals import Estimate
    from cnncodes.evaluation.label_pairs import LabelPair, find_label_pairs
    from cnncodes.evaluation.metrics import ClassFigures, Evaluation, evaluate_predictions
    from cnncodes.evaluation.multilabel import LabelFigures, MultiLabelEvaluation, evaluate_multilabel
    from cnncodes.evaluation.number_ranges import RangeFigures, measure_ranges
    from cnncodes.evaluation.numbers import NumberEvaluation, evaluate_numbers
    from cnncodes.evaluation.paired import McNemar, compare_paired, run_mcnemar
    from cnncodes.evaluation.shares import measure_share

__all__ = [
    "AbstentionFigures",
    "Calibration",
    "ClassFigures",
    "ClassifierComparison",
    "CrossValidation",
    "DataChecks",
    "Estimate",
    "Evaluation",
    "LabelFigures",
    "LabelPair",
    "McNemar",
    "MultiLabelCrossValidation",
    "MultiLabelEvaluation",
    "NumberCrossValidation",
    "NumberEvaluation",
    "RangeFigures",
    "check_data",
    "compare_classifiers",
    "compare_paired",
    "cross_validate",
    "evaluate_abstention",
    "evaluate_multilabel",
    "evaluate_numbers",
    "evaluate_predictions",
    "find_label_pairs",
    "measure_calibration",
    "measure_ranges",
    "measure_share",
    "run_mcnemar",
]

# Lazily, since cross-validation needs scikit-learn and the figures do not.
__getattr__, __dir__ = attach(
    __name__,
    {
        "AbstentionFigures": "abstaining",
        "Calibration": "calibration",
        "ClassFigures": "metrics",
        "ClassifierComparison": "comparison",
        "CrossValidation": "crossvalidation",
        "DataChecks": "checks",
        "Estimate": "intervals",
        "Evaluation": "metrics",
        "LabelFigures": "multilabel",
        "LabelPair": "label_pairs",
        "MultiLabelCrossValidation": "crossvalidation",
        "MultiLabelEvaluation": "multilabel",
        "NumberCrossValidation": "crossvalidation",
        "NumberEvaluation": "numbers",
        "RangeFigures": "number_ranges",
        "check_data": "checks",
        "McNemar": "paired",
        "compare_classifiers": "comparison",
        "compare_paired": "paired",
        "cross_validate": "crossvalidation",
        "evaluate_abstention": "abstaining",
        "evaluate_multilabel": "multilabel",
        "evaluate_numbers": "numbers",
        "evaluate_predictions": "metrics",
        "find_label_pairs": "label_pairs",
        "measure_calibration": "calibration",
        "measure_ranges": "number_ranges",
        "measure_share": "shares",
        "run_mcnemar": "paired",
    },
)
