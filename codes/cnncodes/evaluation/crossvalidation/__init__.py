"""Cross-validation: how good a way of training is, by images that heads had not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.evaluation.crossvalidation.classes import CrossValidation
    from cnncodes.evaluation.crossvalidation.labels import MultiLabelCrossValidation
    from cnncodes.evaluation.crossvalidation.numbers import NumberCrossValidation
    from cnncodes.evaluation.crossvalidation.running import check_divisible, cross_validate

__all__ = [
    "CrossValidation",
    "MultiLabelCrossValidation",
    "NumberCrossValidation",
    "check_divisible",
    "cross_validate",
]

# Lazily, since heads need scikit-learn.
__getattr__, __dir__ = attach(
    __name__,
    {
        "CrossValidation": "classes",
        "MultiLabelCrossValidation": "labels",
        "NumberCrossValidation": "numbers",
        "check_divisible": "running",
        "cross_validate": "running",
    },
)
