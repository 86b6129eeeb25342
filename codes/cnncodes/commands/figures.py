"""Figures of quality as plain values, and as a table."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from cnncodes.commands.command import Result
from cnncodes.commands.tables import format_interval, format_table


def plain_figures(evaluation: Any) -> Result:
    """Return figures as values that JSON holds; what is not a number becomes None."""
    return {field.name: _plain(getattr(evaluation, field.name)) for field in dataclasses.fields(evaluation)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain_figures(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def render_figures(figures: Result) -> str:
    """Return the figures with their 95 % intervals, then each class."""
    rows = [("figure", "value", "95% interval", "images")]
    for key, name in (
        ("accuracy", "accuracy"),
        ("balanced_accuracy", "balanced accuracy"),
        ("macro_f1", "macro F1"),
        ("log_loss", "log loss"),
    ):
        estimate = figures.get(key)
        if estimate is not None:
            rows.append((name, _three(estimate["value"]), format_interval(estimate), str(estimate["n"])))
    return f"{format_table(rows)}\n\n{_render_classes(figures['per_class'])}\n"


def _render_classes(classes: list[Result]) -> str:
    rows = [("class", "recall", "95% interval", "images", "precision", "95% interval", "predicted")]
    for figures in classes:
        recall, precision = figures["recall"], figures["precision"]
        rows.append(
            (
                str(figures["name"]) + ("" if figures["known"] else " (unknown to the classifier)"),
                _three(recall["value"]),
                format_interval(recall),
                str(recall["n"]),
                _three(precision["value"]),
                format_interval(precision),
                str(precision["n"]),
            )
        )
    return format_table(rows)


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
