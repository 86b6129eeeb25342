"""Figures of quality as a table."""

from __future__ import annotations

from cnncodes.commands.command import Result
from cnncodes.commands.tables import format_interval, format_table


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
