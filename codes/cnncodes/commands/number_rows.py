"""``cnncodes predict`` with a regressor: a number of each image, and its interval."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cnncodes.errors import UsageError

if TYPE_CHECKING:
    from cnncodes.commands.reporter import Reporter
    from cnncodes.estimators.number_predictor import NumberPredictions, NumberPredictor


def find_widths(predictor: NumberPredictor, coverage: float | None, reporter: Reporter) -> Any:
    """Return half the widths of intervals; None where there are none and none were asked for.

    Raises
    ------
    UsageError
        If they were asked for and cannot be had.
    """
    from cnncodes.evaluation.thresholds import COVERAGE

    try:
        return predictor.find_width(COVERAGE if coverage is None else coverage)
    except UsageError as error:
        if coverage is not None:
            raise
        reporter.note(f"predictions come without intervals: {error}")
        return None


def list_number_columns(targets: tuple[str | None, ...], *, widths: bool, novelty: bool) -> dict[str, str]:
    """Return the type of each column, by its name, in order.

    Examples
    --------
    >>> list(list_number_columns(("x", None), widths=True, novelty=False))
    ['image', 'prediction_x', 'low_x', 'high_x', 'prediction_2', 'low_2', 'high_2', 'reason']
    """
    columns = {"image": "string"}
    for names in name_columns(targets):
        columns |= dict.fromkeys(names if widths else names[:1], "float64")
    columns |= {"novelty": "float64"} if novelty else {}
    return {**columns, "reason": "string"}


def name_columns(targets: tuple[str | None, ...]) -> list[tuple[str, str, str]]:
    """Return the names of prediction, low and high end of each target; of one alone they need no suffix."""
    one = len(targets) == 1
    suffixes = ["" if one else f"_{name or number + 1}" for number, name in enumerate(targets)]
    return [(f"prediction{suffix}", f"low{suffix}", f"high{suffix}") for suffix in suffixes]


def make_number_rows(
    predictions: NumberPredictions, targets: tuple[str | None, ...], widths: Any
) -> Iterable[dict[str, Any]]:
    """Yield one row an image: its key, its numbers with their intervals, and why it has none."""
    for position, key in enumerate(predictions.keys):
        failure = predictions.failures.get(position)
        row: dict[str, Any] = {"image": key}
        for target, (middle, low, high) in enumerate(name_columns(targets)):
            value = None if failure else float(predictions.values[position, target])
            row[middle] = value
            if widths is not None:
                row[low] = None if value is None else value - float(widths[target])
                row[high] = None if value is None else value + float(widths[target])
        if predictions.novelty is not None:
            row["novelty"] = None if failure else float(predictions.novelty[position])
        row["reason"] = None if failure is None else failure.reason
        yield row
