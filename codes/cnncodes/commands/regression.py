"""What regression changes in ``cnncodes fit``: checks, the estimator, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncodes.commands.command import Result
from cnncodes.commands.common import SourceOptions
from cnncodes.commands.inputs import is_codes
from cnncodes.commands.reporter import format_seconds
from cnncodes.commands.tasks import find_meaning, is_table
from cnncodes.errors import UsageError, sentence

if TYPE_CHECKING:
    from cnncodes.commands.fit_options import FitOptions
    from cnncodes.estimators.number_predictor import NumberPredictor
    from cnncodes.estimators.residuals import HeldOutResiduals


def check_regression(options: FitOptions) -> None:
    """Raise `UsageError` where an option does not go with what is to be predicted."""
    if not find_meaning(options).regression:
        for name, value in (("head", options.head), ("aggregate", options.aggregate)):
            if value in ("kernel-ridge", "prediction"):
                raise UsageError(f"--{name} {value} is for numbers: give --regression or --target COLUMN.")
        return
    if options.target is not None and is_codes(options.src):
        raise UsageError(
            "stored codes have their labels: --target COLUMN is for tables. Where the labels are numbers give"
            " --regression; another column is stored by 'cnncodes embed --label-column COLUMN'."
        )
    if options.class_weight is not None:
        raise UsageError("--class-weight is for classes: numbers have none.")


def name_target(target: str | None, src: str, reading: SourceOptions) -> str | None:
    """Return the name of what is predicted: the column of a table."""
    return target or (reading.label_column if is_table(src) else None)


def choose_column(src: str, reading: SourceOptions, predictor: NumberPredictor) -> str:
    """Return the column of a table that holds the numbers: as given, else the one that was fitted to."""
    given = reading.label_column
    if is_table(src) and given == SourceOptions.label_column:
        return predictor.targets[0] or given
    return given


def describe_regressor(regressor: Any) -> Result:
    """Return what a fitted regressor has where a classifier has classes."""
    kept = regressor.predictor_.residuals
    return {
        "classes": None,
        "targets": list(regressor.targets_),
        "held_out_r2": _find_r2(regressor.head_),
        "interval": None if kept is None else _find_width(kept),
        "held_out": 0 if kept is None else len(kept.errors),
        "held_out_groups": 0 if kept is None else kept.n_groups,
        "why_no_interval": say_no_interval(regressor.predictor_),
    }


def _find_r2(head: Any) -> Result | None:
    """Return the R2 of what the folds of a head's search held out; None where nothing was, or is equal."""
    from sklearn.metrics import r2_score

    found = head.held_out_
    if found is None or (found.y == found.y[0]).all():
        return None
    value = r2_score(found.y, found.prediction, sample_weight=found.weight)
    return {"value": float(value), "n": len(found.y)}


def _find_width(residuals: HeldOutResiduals) -> float | None:
    from cnncodes.evaluation.thresholds import COVERAGE

    try:
        return float(residuals.find_width(COVERAGE)[0])
    except UsageError:  # too few images for so much
        return None


def say_no_interval(predictor: NumberPredictor) -> str:
    """Return in a sentence why a regressor has no intervals; empty where it has."""
    from cnncodes.evaluation.thresholds import COVERAGE

    try:
        (predictor if predictor.residuals is None else predictor.residuals).find_width(COVERAGE)
    except UsageError as error:
        return sentence(str(error))
    return ""


def render_regression(result: Result) -> str:
    """Say what was trained, and how wide its intervals are."""
    from cnncodes.estimators.settings import say_settings
    from cnncodes.evaluation.thresholds import COVERAGE

    chosen = say_settings(result["chosen"], result)
    named = f" to predict {result['targets'][0]}" if result["targets"][0] else ""
    alone = result["held_out_groups"] == result["held_out"]
    grouped = "" if alone else f" of {result['held_out_groups']:,} groups"
    interval = (
        f"{COVERAGE:.0%} intervals: the prediction ± {result['interval']:.4g}, by {result['held_out']:,}"
        f" held-out training images{grouped}.\n"
        if result["interval"] is not None
        else f"No intervals: {result['why_no_interval']}\n"
    )
    return (
        f"{result['chosen']}{chosen} trained on {result['images']:,} images{named} in"
        f" {format_seconds(result['seconds'])}.\n{_say_r2(result['held_out_r2'])}{interval}"
        f"Regressor: {result['out']}\n"
    )


def _say_r2(found: Result | None) -> str:
    if found is None:
        return ""
    return (
        f"R2 {found['value']:z.3f} on {found['n']:,} held-out training images, by which settings"
        " were chosen, too: it flatters a little.\n"
    )
