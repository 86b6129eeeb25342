"""Image estimators: scikit-learn's contract on pictures instead of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnncodes.estimators.classifier import ImageClassifier
    from cnncodes.estimators.extractor import CodeExtractor
    from cnncodes.estimators.predictor import Predictor

__all__ = ["CodeExtractor", "ImageClassifier", "Predictor"]

_HOMES = {"CodeExtractor": "extractor", "ImageClassifier": "classifier", "Predictor": "predictor"}


def __getattr__(name: str) -> Any:
    # Lazily, since the two estimators need scikit-learn and the predictor does not.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
