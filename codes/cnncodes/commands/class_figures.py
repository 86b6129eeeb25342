"""``cnncodes evaluate`` with a classifier: how often it is right, class by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.abstaining import describe_abstention, measure_abstention
from cnncodes.commands.command import Result
from cnncodes.commands.evaluating import Evaluated, predict_labelled
from cnncodes.commands.pages import finish
from cnncodes.errors import SourceError
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.commands.evaluate_options import EvaluateOptions
    from cnncodes.commands.reporter import Reporter
    from cnncodes.estimators.predictor import Predictions, Predictor
    from cnncodes.evaluation import Evaluation
    from cnncodes.evaluation.abstaining import AbstentionFigures
    from cnncodes.images import ImageRecord


def evaluate_classes(
    options: EvaluateOptions, predictor: Predictor, reporter: Reporter
) -> tuple[Result, list[Result]]:
    """Predict images whose classes are known and compare: the figures, and a row for each image."""
    # Before any image is read: a classifier may have nothing to tell it by.
    rule = None if options.abstain is None else predictor.make_rule(options.abstain)
    records, split = inputs.labelled_part(options.src, options, options.split, "test", reporter)
    _check_known(records, predictor.classes)
    found = predict_labelled(options, predictor, records, split, reporter)
    read, groups = found.read, found.drawn.groups
    evaluation = _measure(found)
    abstention = (
        None if rule is None else measure_abstention(rule, found.records, found.predictions, read, groups)
    )
    figures: Result = to_plain(evaluation)
    _warn_unknown(figures["per_class"], reporter)
    result = {
        **found.name(),
        **figures,
        "abstention": None if abstention is None else describe_abstention(abstention),
        **found.tell(reporter),
    }
    finish(found, result, _render_page(found, evaluation, abstention), reporter)
    return result, _list_rows(found.records, found.predictions)


def _render_page(
    found: Evaluated, evaluation: Evaluation, abstention: AbstentionFigures | None
) -> Callable[[dict[str, Any]], bytes]:
    """Return what makes the page, for `finish`."""

    def render(shared: dict[str, Any]) -> bytes:
        import numpy as np

        from cnncodes.report import Material, render_report

        labels, proba = found.predictions.labels, found.predictions.proba
        return render_report(
            Material(
                **shared,
                evaluation=evaluation,
                predicted=np.array([str(labels[i]) for i in found.read]),
                proba=None if proba is None else proba[found.read],
                abstention=abstention,
            )
        )

    return render


def _check_known(records: list[ImageRecord], classes: Any) -> None:
    """Raise `SourceError` where a classifier knows none of the classes: its figures would mean nothing."""
    known, found = {str(name) for name in classes}, {str(record.label) for record in records}
    if not known & found:
        raise SourceError(
            f"the classifier knows none of the classes here, such as {min(found)!r}; its own are such as"
            f" {min(known)!r}: give the column of the labels (--label-column), or images of its classes."
        )


def _measure(found: Evaluated) -> Evaluation:
    import numpy as np

    from cnncodes.evaluation import evaluate_predictions

    # Labels on this level are text; a classifier fitted in Python may have numbers for classes.
    classes = np.array([str(name) for name in found.predictions.classes])
    truth = np.array([record.label for record in found.shown])
    if found.predictions.proba is not None:
        given: Any = found.predictions.proba[found.read]
    else:
        given = np.array([str(found.predictions.labels[i]) for i in found.read])
    return evaluate_predictions(truth, given, classes, groups=found.drawn.groups, top_k=found.options.top_k)


def _warn_unknown(per_class: list[Result], reporter: Reporter) -> None:
    from cnncodes.estimators.labels import say_unknown_classes

    unknown = [figures for figures in per_class if not figures["known"]]
    if unknown:
        names = [figures["name"] for figures in unknown]
        reporter.warn(say_unknown_classes(names, sum(figures["recall"]["n"] for figures in unknown)))


def _list_rows(records: Sequence[ImageRecord], predictions: Predictions) -> list[Result]:
    rows = []
    for i, record in enumerate(records):
        failure = predictions.failures.get(i)
        proba = None if failure or predictions.proba is None else float(predictions.proba[i].max())
        rows.append(
            {
                "image": record.key,
                "label": record.label,
                "prediction": None if failure else str(predictions.labels[i]),
                "probability": proba,
                "reason": failure.reason if failure else None,
            }
        )
    return rows
