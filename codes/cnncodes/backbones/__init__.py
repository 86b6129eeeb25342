"""Backbones: pretrained networks as ONNX files with a card."""

from __future__ import annotations

from cnncodes.backbones.card import Card
from cnncodes.backbones.frame import Frame
from cnncodes.backbones.loading import load_backbone
from cnncodes.backbones.session import Backbone
from cnncodes.backbones.zoo import find_backbone, list_backbones, models_folder, user_models_folder

__all__ = [
    "Backbone",
    "Card",
    "Frame",
    "find_backbone",
    "list_backbones",
    "load_backbone",
    "models_folder",
    "user_models_folder",
]
