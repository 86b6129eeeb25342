"""A report on an estimator, or on ways to classify: one HTML file that needs no network."""

from __future__ import annotations

from cnncodes.report.comparison import Comparison, read_comparison
from cnncodes.report.material import CheckedData, Material, NumberMaterial, Origin
from cnncodes.report.numbers.page import render_number_report
from cnncodes.report.page import render_comparison, render_report
from cnncodes.report.training import Training, find_training

__all__ = [
    "CheckedData",
    "Comparison",
    "Material",
    "NumberMaterial",
    "Origin",
    "Training",
    "find_training",
    "read_comparison",
    "render_comparison",
    "render_number_report",
    "render_report",
]
