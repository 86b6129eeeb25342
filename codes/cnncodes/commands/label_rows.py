"""``cnncodes predict`` with several labels an image: those that are named, and each one's probability."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cnncodes.commands.multilabel import join_labels

if TYPE_CHECKING:
    from cnncodes.estimators.label_predictor import LabelPredictions


def list_label_columns(names: Iterable[str], *, novelty: bool) -> dict[str, str]:
    """Return the type of each column, by its name, in order.

    Examples
    --------
    >>> list(list_label_columns(["sea"], novelty=False))
    ['image', 'labels', 'probability_sea', 'reason']
    """
    columns = {"image": "string", "labels": "string"}
    columns |= {f"probability_{name}": "float64" for name in names}
    columns |= {"novelty": "float64"} if novelty else {}
    return {**columns, "reason": "string"}


def make_label_rows(predictions: LabelPredictions, names: list[str]) -> Iterable[dict[str, Any]]:
    """Yield one row an image: its key, the labels that are named, the likeliest first, each probability."""
    for position, key in enumerate(predictions.keys):
        failure = predictions.failures.get(position)
        proba, named = predictions.proba[position], predictions.named[position]
        order = [i for i in (-proba).argsort(kind="stable") if named[i]]
        row: dict[str, Any] = {"image": key, "labels": None if failure else [names[i] for i in order]}
        row |= {f"probability_{n}": None if failure else float(p) for n, p in zip(names, proba, strict=True)}
        if predictions.novelty is not None:
            row["novelty"] = None if failure else float(predictions.novelty[position])
        row["reason"] = None if failure is None else failure.reason
        yield row


def write_labels(rows: list[dict[str, Any]], delimiter: str | None) -> list[dict[str, Any]]:
    """Return rows whose labels are one text, as in a table of images; without a delimiter as they are."""
    if delimiter is None:
        return rows
    texts = [None if row["labels"] is None else join_labels(row["labels"], delimiter) for row in rows]
    return [{**row, "labels": text} for row, text in zip(rows, texts, strict=True)]
