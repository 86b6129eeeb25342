"""What ``cnncodes evaluate --abstain`` adds: how a rule for answers does on the images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnncodes.commands.command import Result
from cnncodes.commands.tables import format_interval, format_table
from cnncodes.errors import UsageError, sentence
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.estimators.abstention import AnswerRule
    from cnncodes.estimators.predictor import Predictions
    from cnncodes.evaluation.abstaining import AbstentionFigures
    from cnncodes.images import ImageRecord


def measure_abstention(
    rule: AnswerRule, records: Sequence[ImageRecord], predictions: Predictions, read: list[int], groups: Any
) -> AbstentionFigures:
    """Return what a rule comes to on the images that could be read, which resamples draw by these groups."""
    import numpy as np

    from cnncodes.evaluation import evaluate_abstention

    if predictions.proba is None:
        raise UsageError("--abstain goes by probabilities, and this classifier gives none.")
    return evaluate_abstention(
        np.array([records[i].label for i in read]),
        predictions.proba[read],
        np.array([str(name) for name in predictions.classes]),
        rule,
        groups=groups,
    )


def describe_abstention(found: AbstentionFigures) -> Result:
    """Return the figures with a sentence on the promise."""
    result: Result = to_plain(found)
    return result | {"sentence": found.describe()}


def render_abstention(result: Result) -> str:
    """Return what was promised and found, and the table of accuracy against coverage."""
    rule, sides = result["rule"], ("coverage", "risk")
    promised = {
        "coverage": f"about {rule['coverage']:.3f} [{rule['coverage_low']:.3f}, {rule['coverage_high']:.3f}]",
        "risk": f"at most {rule['risk']:.3f}",
    }
    names = {"coverage": "answered", "risk": "wrong among the answers"}
    rows = [("when only what is sure is answered", "value", "95% interval", "images", "promised")]
    for side in sides:
        found = result[side]
        value = "-" if found["value"] is None else f"{found['value']:.3f}"
        rows.append((names[side], value, format_interval(found), str(found["n"]), promised[side]))
    table = [("answered", "from a probability of", "accuracy", "95% interval", "images")]
    for point in result["points"]:
        accuracy = point["accuracy"]
        table.append(
            (
                f"{point['coverage']:.0%}",
                f"{point['threshold']:.3f}",
                f"{accuracy['value']:.3f}",
                format_interval(accuracy),
                str(accuracy["n"]),
            )
        )
    said = sentence(result["sentence"])
    return f"\n{format_table(rows)}\n{said[0].upper()}{said[1:]}\n\n{format_table(table)}\n"
