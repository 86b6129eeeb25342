"""Plots of figures: what was measured in, axes of Matplotlib out (extra: report)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.plots.classes import plot_classes, plot_confusion, plot_reliability
    from cnncodes.plots.codes import plot_codes
    from cnncodes.plots.cost import plot_cost
    from cnncodes.plots.labels import plot_precision_recall
    from cnncodes.plots.learning_curve import plot_learning_curve
    from cnncodes.plots.numbers import plot_predicted

__all__ = [
    "plot_classes",
    "plot_codes",
    "plot_confusion",
    "plot_cost",
    "plot_learning_curve",
    "plot_precision_recall",
    "plot_predicted",
    "plot_reliability",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "plot_classes": "classes",
        "plot_codes": "codes",
        "plot_confusion": "classes",
        "plot_cost": "cost",
        "plot_learning_curve": "learning_curve",
        "plot_precision_recall": "labels",
        "plot_predicted": "numbers",
        "plot_reliability": "classes",
    },
)
