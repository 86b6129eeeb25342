"""Is it worth it? Ways to predict the same of images, from the cheapest on, within a budget of time."""

from cnncodes.evaluation.baselines.climbing import climb
from cnncodes.evaluation.baselines.label_task import LabelTask
from cnncodes.evaluation.baselines.learning_curve import (
    CurvePoint,
    LearningCurve,
    measure_learning_curve,
)
from cnncodes.evaluation.baselines.methods import CLASSES, GROUPS, NUMBERS, Method, list_methods
from cnncodes.evaluation.baselines.prospects import Prospect
from cnncodes.evaluation.baselines.rungs import Ladder, LeftOut, Rung
from cnncodes.evaluation.baselines.tasks import Task
from cnncodes.evaluation.figures import Figure

__all__ = [
    "CLASSES",
    "GROUPS",
    "NUMBERS",
    "CurvePoint",
    "Figure",
    "LabelTask",
    "Ladder",
    "LearningCurve",
    "LeftOut",
    "Method",
    "Prospect",
    "Rung",
    "Task",
    "climb",
    "list_methods",
    "measure_learning_curve",
]
