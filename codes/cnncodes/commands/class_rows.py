"""``cnncodes predict`` with a classifier: the likeliest classes of each image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnncodes.commands.reporter import Reporter
    from cnncodes.estimators.abstention import AnswerRule
    from cnncodes.estimators.predictor import Predictions


def tell_rule(rule: AnswerRule, reporter: Reporter) -> None:
    """Say from which probability on is answered, and what that was seen to do; or that nothing is."""
    if rule.reason:
        reachable = (
            f" About {rule.reachable:g} could be reached."
            if rule.reachable is not None
            else " None can be reached."
        )
        reporter.warn(f"no image is answered: {rule.reason}.{reachable}")
        return
    reporter.note(
        f"answered from a probability of {rule.threshold:.3f} on: {rule.coverage:.0%} of {rule.n_images:,}"
        f" held-out training images{_say_errors(rule)}: at most {rule.error_bound:.1%} are, with"
        f" {rule.confidence:.0%} confidence"
    )


def _say_errors(rule: AnswerRule) -> str:
    if rule.n == rule.n_images:
        return f", {rule.errors:,.0f} of these wrongly"
    share = rule.errors / (rule.coverage * rule.n)
    return (
        f" in {rule.n:,} groups, {share:.1%} of these wrongly (each group counts as one image, its images as"
        " equal parts of it)"
    )


def make_class_rows(
    predictions: Predictions, top_k: int, rule: AnswerRule | None
) -> Iterable[dict[str, Any]]:
    """Yield one row an image: its key, its likeliest classes with probabilities, and why it has none."""
    for position, (key, label) in enumerate(zip(predictions.keys, predictions.labels, strict=True)):
        failure = predictions.failures.get(position)
        row: dict[str, Any] = {"image": key}
        best: list[tuple[str, Any]] = []
        if failure is None and predictions.proba is not None:
            proba = predictions.proba[position]
            order = (-proba).argsort(kind="stable")[:top_k]
            best = [(str(predictions.classes[i]), float(proba[i])) for i in order]
        elif failure is None:
            best = [(str(label), None)]
        for rank, (prediction, probability) in enumerate(_names(top_k)):
            row[prediction], row[probability] = best[rank] if rank < len(best) else (None, None)
        if rule is not None:
            row["answered"] = None if failure else bool(best[0][1] >= rule.threshold)
            if not row["answered"]:
                row |= {prediction: None for prediction, _ in _names(top_k)}
        if predictions.novelty is not None:
            row["novelty"] = None if failure else float(predictions.novelty[position])
        row["reason"] = None if failure is None else failure.reason
        yield row


def _names(top_k: int) -> list[tuple[str, str]]:
    suffixes = ["", *(f"_{rank}" for rank in range(2, top_k + 1))]
    return [(f"prediction{suffix}", f"probability{suffix}") for suffix in suffixes]


def list_class_columns(top_k: int, abstain: bool, novelty: bool) -> dict[str, str]:
    """Return the type of each column, by its name, in order."""
    columns = {"image": "string"}
    for prediction, probability in _names(top_k):
        columns |= {prediction: "string", probability: "float64"}
    columns |= {"answered": "bool"} if abstain else {}
    columns |= {"novelty": "float64"} if novelty else {}
    return {**columns, "reason": "string"}
