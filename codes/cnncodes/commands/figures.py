"""Figures of quality as a table."""

from __future__ import annotations

from cnncodes.commands.command import Result
from cnncodes.commands.tables import format_interval, format_table
from cnncodes.errors import sentence

_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "top_k_accuracy": "top-{k} accuracy",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}


#: Groups below which intervals that draw them hold the truth clearly less often than they say.
FEW_GROUPS = 10


def render_figures(figures: Result) -> str:
    """Return the figures with their 95 % intervals and why some are missing, then each class."""
    rows = [("figure", "value", "95% interval", "images")]
    names = {key: name.format(k=figures.get("top_k") or "k") for key, name in _NAMES.items()}
    for key, name in names.items():
        estimate = figures.get(key)
        if estimate is not None:
            rows.append((name, _three(estimate["value"]), format_interval(estimate), str(estimate["n"])))
    reasons: dict[str, list[str]] = {}
    for key, reason in figures.get("missing", {}).items():
        reasons.setdefault(reason, []).append(names[key])
    why = "".join(f"\nNo {', '.join(keys)}: {sentence(reason)}" for reason, keys in reasons.items())
    grouped = say_groups(figures.get("n_groups"))
    return f"{format_table(rows)}{why}{grouped}\n\n{_render_classes(figures['per_class'])}\n"


def say_groups(count: int | None) -> str:
    """Say how many groups the intervals rest on, and where these are too few."""
    if count is None:
        return ""
    few = ": too few, so that they are too narrow or mean nothing" if count < FEW_GROUPS else ""
    return f"\nIntervals draw whole groups, of which there are {count:,}{few}."


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
