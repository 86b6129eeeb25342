"""``cnncodes evaluate`` with a classifier: how often it is right, class by class; and that as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.abstaining import describe_abstention, measure_abstention
from cnncodes.commands.command import Result
from cnncodes.commands.evaluate_common import Evaluated, predict_labelled
from cnncodes.commands.figures import (
    name_figures,
    say_few_groups,
    say_groups,
    say_missing,
    tabulate_figures,
)
from cnncodes.commands.pages import finish
from cnncodes.commands.stored_source import open_to_predict
from cnncodes.commands.tables import format_interval, format_share, format_table
from cnncodes.errors import SourceError, agree, count, name_some
from cnncodes.plain import cut_names, to_plain

if TYPE_CHECKING:
    from cnncodes.commands.evaluate_options import EvaluateOptions
    from cnncodes.commands.reporter import Reporter
    from cnncodes.estimators.predictor import Predictions, Predictor
    from cnncodes.evaluation import Evaluation
    from cnncodes.evaluation.abstaining import AbstentionFigures
    from cnncodes.images import ImageRecord


def evaluate_classes(
    options: EvaluateOptions, predictor: Predictor, reporter: Reporter
) -> tuple[Result, Callable[[], list[Result]]]:
    """Predict images whose classes are known and compare: figures, and what lists a row for each image."""
    # Before any image is read: a classifier may have nothing to tell it by.
    rule = None if options.abstain is None else predictor.make_rule(options.abstain)
    source = open_to_predict(options, predictor, reporter)
    records, split = inputs.take_part(source, options.src, options, options.split, "test", reporter)
    _check_known(records, predictor.classes)
    found = predict_labelled(
        options, predictor, records, split, reporter, source=source, promises=rule is not None
    )
    found.warn_of_contradictory([str(record.label) for record in records], "class")
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
    return result, partial(_list_rows, found.records, found.predictions)


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
    rows, names = [], [str(name) for name in predictions.classes]
    for i, record in enumerate(records):
        failure = predictions.failures.get(i)
        proba = None if failure or predictions.proba is None else predictions.proba[i].tolist()
        rows.append(
            {
                "image": record.key,
                "label": record.label,
                "prediction": None if failure else str(predictions.labels[i]),
                "probability": None if proba is None else max(proba),
                "probabilities": None if proba is None else dict(zip(names, proba, strict=True)),
                "group": record.group,
                "reason": failure.reason if failure else None,
            }
        )
    return rows


def render_class_figures(figures: Result) -> str:
    """Return the figures with their 95 % intervals and why some are missing, then each class."""
    from cnncodes.evaluation.measures import CLASS_MEASURES

    names = name_figures(CLASS_MEASURES, k=figures.get("top_k") or "k")
    why = say_missing(figures, names)
    grouped = say_groups(figures)
    grouped += say_few_groups(figures["per_class"], figures.get("n_groups"), "classes")
    few = _say_few_images(figures["per_class"], figures.get("n_groups"))
    without = _say_without_images(figures["per_class"])
    notes = f"{why}{grouped}{few}{without}"
    return f"{tabulate_figures(figures, names)}{notes}\n\n{_render_classes(figures['per_class'])}\n"


def _say_few_images(classes: list[Result], n_groups: int | None) -> str:
    """Say in one line that some classes have too few images for a figure of their own.

    What so few would tell is said where they are not of groups, of which each tells less than its images.
    """
    import numpy as np

    from cnncodes.evaluation import measure_share
    from cnncodes.evaluation.thresholds import FEW_IMAGES

    counts = [figures["recall"]["n"] for figures in classes if figures["recall"]["n"]]
    few = [n for n in counts if n < FEW_IMAGES]
    if not few:
        return ""
    said = (
        f"\n{len(few)} of {count(len(counts), 'class', 'classes')} with images here {agree(len(few), 'has')}"
        f" fewer than {FEW_IMAGES} of them, too few for figures of {agree(len(few), 'its')} own."
    )
    if n_groups is not None:
        return said
    least = min(few)
    low = measure_share(np.ones(least, dtype=np.bool_)).low
    images = "the one image of a class is" if least == 1 else f"all {least} images of a class are"
    return f"{said} An example: where {images} answered rightly, its true recall may still be {low:.2f}."


def _say_without_images(classes: list[Result]) -> str:
    """Say which classes no image is of, so that they are in no mean over classes."""
    names = [figures["name"] for figures in classes if not figures["recall"]["n"]]
    if not names:
        return ""
    of = f"{len(names)} of {len(classes)} classes ({name_some(cut_names(names), show=str)})"
    return f"\nNo image is of {of}: balanced accuracy and macro F1 are means of the others."


def _render_classes(classes: list[Result]) -> str:
    rows = [("class", "recall", "95% interval", "images", "precision", "95% interval", "predicted")]
    names = cut_names([str(figures["name"]) for figures in classes])
    for name, figures in zip(names, classes, strict=True):
        recall, precision = figures["recall"], figures["precision"]
        rows.append(
            (
                name + ("" if figures["known"] else " (unknown to the classifier)"),
                format_share(recall["value"]),
                format_interval(recall),
                str(recall["n"]),
                format_share(precision["value"]),
                format_interval(precision),
                str(precision["n"]),
            )
        )
    return format_table(rows)
