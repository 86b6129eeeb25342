"""Image estimators: scikit-learn's contract on pictures instead of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.estimators.classifier import ImageClassifier
    from cnncodes.estimators.extractor import CodeExtractor
    from cnncodes.estimators.predictor import Predictor

__all__ = ["CodeExtractor", "ImageClassifier", "Predictor"]

# Lazily, since the two estimators need scikit-learn and the predictor does not.
__getattr__, __dir__ = attach(
    __name__, {"CodeExtractor": "extractor", "ImageClassifier": "classifier", "Predictor": "predictor"}
)
