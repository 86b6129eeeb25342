"""Is it worth it? Ways to classify the same images, from the cheapest on, within a budget of time."""

from cnncodes.evaluation.baselines.climbing import climb
from cnncodes.evaluation.baselines.learning_curve import (
    CurvePoint,
    LearningCurve,
    Prospect,
    measure_learning_curve,
)
from cnncodes.evaluation.baselines.methods import GROUPS, Method, list_methods
from cnncodes.evaluation.baselines.rungs import Ladder, LeftOut, Rung

__all__ = [
    "GROUPS",
    "CurvePoint",
    "Ladder",
    "LearningCurve",
    "LeftOut",
    "Method",
    "Prospect",
    "Rung",
    "climb",
    "list_methods",
    "measure_learning_curve",
]
