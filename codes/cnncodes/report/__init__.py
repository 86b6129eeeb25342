"""A report on an estimator, or on ways to classify: one HTML file that needs no network."""

from __future__ import annotations

from cnncodes.report.comparison import Comparison, read_comparison
from cnncodes.report.labels.page import render_label_report
from cnncodes.report.material import CheckedData, LabelMaterial, Material, NumberMaterial, Origin
from cnncodes.report.numbers.page import render_number_report
from cnncodes.report.page import render_comparison, render_report
from cnncodes.report.training import Training, find_training

__all__ = [
    "CheckedData",
    "Comparison",
    "LabelMaterial",
    "Material",
    "NumberMaterial",
    "Origin",
    "Training",
    "find_training",
    "read_comparison",
    "render_comparison",
    "render_label_report",
    "render_number_report",
    "render_report",
]
