"""Data checks: what to know of images and labels before a score on them is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.evaluation.checks.checking import check_data, run_checks
    from cnncodes.evaluation.checks.finding import CHECKS, Finding
    from cnncodes.evaluation.checks.report import DataChecks, LeftOut

__all__ = ["CHECKS", "DataChecks", "Finding", "LeftOut", "check_data", "run_checks"]

# Lazily: what trains or embeds is loaded when it is needed.
__getattr__, __dir__ = attach(
    __name__,
    {
        "CHECKS": "finding",
        "DataChecks": "report",
        "Finding": "finding",
        "LeftOut": "report",
        "check_data": "checking",
        "run_checks": "checking",
    },
)
