"""Augmented CNN codes and classical classifiers: from a folder of images to a trained, saved classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.backbones import load_backbone
    from cnncodes.embedding import embed
    from cnncodes.estimators import CodeExtractor, ImageClassifier, ImageMultiLabelClassifier, ImageRegressor
    from cnncodes.estimators.loading import load
    from cnncodes.finetuning.running import finetune
    from cnncodes.finetuning.settings import FineTuning
    from cnncodes.store import open_codes, read_codes
    from cnncodes.views import ViewPlan

__version__ = "0.1.0"

__all__ = [
    "CodeExtractor",
    "FineTuning",
    "ImageClassifier",
    "ImageMultiLabelClassifier",
    "ImageRegressor",
    "ViewPlan",
    "embed",
    "finetune",
    "load",
    "load_backbone",
    "open_codes",
    "read_codes",
]

_HOMES = {
    "CodeExtractor": "estimators.extractor",
    "FineTuning": "finetuning.settings",
    "ImageClassifier": "estimators.classifier",
    "ImageMultiLabelClassifier": "estimators.multilabel",
    "ImageRegressor": "estimators.regressor",
    "ViewPlan": "views",
    "embed": "embedding.job",
    "finetune": "finetuning.running",
    "load": "estimators.loading",
    "load_backbone": "backbones",
    "open_codes": "store",
    "read_codes": "store",
}

# Lazily: importing cnncodes loads nothing heavy.
__getattr__, _list_names = attach(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted([*_list_names(), "__version__"])
