"""Image estimators: scikit-learn's contract on pictures instead of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.estimators.classifier import ImageClassifier
    from cnncodes.estimators.extractor import CodeExtractor
    from cnncodes.estimators.label_predictor import LabelPredictor
    from cnncodes.estimators.multilabel import ImageMultiLabelClassifier
    from cnncodes.estimators.number_predictor import NumberPredictor
    from cnncodes.estimators.predictor import Predictor
    from cnncodes.estimators.regressor import ImageRegressor

__all__ = [
    "CodeExtractor",
    "ImageClassifier",
    "ImageMultiLabelClassifier",
    "ImageRegressor",
    "LabelPredictor",
    "NumberPredictor",
    "Predictor",
]

# Lazily, since the estimators need scikit-learn and the predictors do not.
__getattr__, __dir__ = attach(
    __name__,
    {
        "CodeExtractor": "extractor",
        "ImageClassifier": "classifier",
        "ImageMultiLabelClassifier": "multilabel",
        "ImageRegressor": "regressor",
        "LabelPredictor": "label_predictor",
        "NumberPredictor": "number_predictor",
        "Predictor": "predictor",
    },
)
