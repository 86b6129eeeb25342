"""A report on a classifier, or on ways to classify: one HTML file that needs no network."""

from __future__ import annotations

from cnncodes.report.comparison import Comparison, read_comparison
from cnncodes.report.material import CheckedData, Material, Origin
from cnncodes.report.page import render_comparison, render_report
from cnncodes.report.training import Training, find_training

__all__ = [
    "CheckedData",
    "Comparison",
    "Material",
    "Origin",
    "Training",
    "find_training",
    "read_comparison",
    "render_comparison",
    "render_report",
]
