"""A report on a classifier: one HTML file that needs no network."""

from __future__ import annotations

from cnncodes.report.material import Material, Origin
from cnncodes.report.page import render_report

__all__ = ["Material", "Origin", "render_report"]
