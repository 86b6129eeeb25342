"""``cnncodes evaluate`` with several labels an image: how right they are; and that as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cnncodes.commands.command import Result
from cnncodes.commands.evaluate_common import Evaluated, predict_labelled
from cnncodes.commands.figures import (
    name_figures,
    say_few_groups,
    say_groups,
    say_missing,
    tabulate_figures,
)
from cnncodes.commands.multilabel import take_labelled
from cnncodes.commands.pages import finish
from cnncodes.commands.stored_source import open_to_predict
from cnncodes.commands.tables import format_interval, format_share, format_table
from cnncodes.commands.tasks import Meaning
from cnncodes.errors import SourceError, UsageError, name_some
from cnncodes.plain import cut_names, to_plain

if TYPE_CHECKING:
    from cnncodes.commands.evaluate_options import EvaluateOptions
    from cnncodes.commands.reporter import Reporter
    from cnncodes.estimators.label_predictor import LabelPredictions, LabelPredictor
    from cnncodes.evaluation import MultiLabelEvaluation
    from cnncodes.images import ImageRecord


def evaluate_labels(
    options: EvaluateOptions, predictor: LabelPredictor, reporter: Reporter
) -> tuple[Result, Callable[[], list[Result]]]:
    """Predict images whose labels are known and compare: the figures, and what lists a row for each image."""
    delimiter = options.label_delimiter or predictor.delimiter
    if delimiter is None:
        raise UsageError(
            f"{options.model!r} was fitted to label sets, and a source has texts: say by --label-delimiter"
            " what divides labels in these."
        )
    source = open_to_predict(options, predictor, reporter, by_class=False)
    records, split = take_labelled(source, options, options.split, "test", delimiter, reporter)
    truth = _read_truth(records, predictor, delimiter)
    meaning = Meaning(label_delimiter=delimiter)
    found = predict_labelled(options, predictor, records, split, reporter, source=source, meaning=meaning)
    found.warn_of_contradictory([delimiter.join(labels) for labels in truth], "label set")
    evaluation = _measure(found, truth)
    figures: Result = to_plain(evaluation)
    _add_thresholds(figures["per_label"], predictor)
    _warn_unknown(figures["per_label"], delimiter, predictor.delimiter, reporter)
    result = {
        **found.name(),
        "label_delimiter": delimiter,
        **figures,
        **found.tell(reporter),
    }
    finish(found, result, _render_page(found, truth, evaluation, delimiter), reporter)
    return result, partial(_list_rows, found.records, truth, found.predictions)


def _render_page(
    found: Evaluated, truth: list[list[str]], evaluation: MultiLabelEvaluation, delimiter: str
) -> Callable[[dict[str, Any]], bytes]:
    """Return what makes the page, for `finish`."""

    def render(shared: dict[str, Any]) -> bytes:
        import numpy as np

        from cnncodes.report import LabelMaterial, render_label_report

        read, names = found.read, [figures.name for figures in evaluation.per_label]
        unknown = ((0, 0), (0, sum(not figures.known for figures in evaluation.per_label)))
        return render_label_report(
            LabelMaterial(
                **shared,
                evaluation=evaluation,
                truth=np.array([[name in truth[i] for name in names] for i in read]),
                named=np.pad(found.predictions.named[read], unknown),
                proba=np.pad(found.predictions.proba[read], unknown),
                delimiter=delimiter,
            )
        )

    return render


def _read_truth(records: list[ImageRecord], predictor: LabelPredictor, delimiter: str) -> list[list[str]]:
    """Return the labels of each image, of which the classifier knows one at least."""
    from cnncodes.estimators.label_sets import split_labels

    truth = [sorted(set(split_labels(str(record.label), delimiter))) for record in records]
    classes = {str(name) for name in predictor.classes}
    found = {name for labels in truth for name in labels}
    if found and not found & classes:
        raise SourceError(
            f"the classifier knows none of the labels here, such as {min(found)!r}; its own are such as"
            f" {min(classes)!r}: give the column of the labels (--label-column), and what divides them"
            f" (--label-delimiter; taken was {delimiter!r})."
        )
    return truth


def _measure(found: Evaluated, truth: list[list[str]]) -> MultiLabelEvaluation:
    from cnncodes.evaluation import evaluate_multilabel

    read, predictions = found.read, found.predictions
    return evaluate_multilabel(
        [set(truth[i]) for i in read],
        predictions.named[read],
        predictions.proba[read],
        # Labels on this level are text; a classifier fitted in Python may have numbers.
        [str(name) for name in predictions.classes],
        groups=found.drawn.groups,
    )


def _add_thresholds(per_label: list[Result], predictor: LabelPredictor) -> None:
    """Say from which probability on each label is named; None of one that the classifier does not know."""
    names = [str(name) for name in predictor.classes]
    found = dict(zip(names, predictor.head.threshold.tolist(), strict=True))
    for figures in per_label:
        figures["threshold"] = found.get(figures["name"])


def _warn_unknown(per_label: list[Result], given: str, fitted: str | None, reporter: Reporter) -> None:
    from cnncodes.estimators.labels import say_unknown_labels

    unknown = [figures for figures in per_label if not figures["known"]]
    if unknown:
        why = f". It was fitted to labels that {fitted!r} divides, not {given!r} (--label-delimiter)"
        text = say_unknown_labels([figures["name"] for figures in unknown])
        reporter.warn(text + (why if fitted not in (None, given) else ""))


def _list_rows(
    records: Sequence[ImageRecord], truth: list[list[str]], predictions: LabelPredictions
) -> list[Result]:
    names = [str(name) for name in predictions.classes]
    rows = []
    for i, (record, labels) in enumerate(zip(records, truth, strict=True)):
        failure = predictions.failures.get(i)
        named = [name for name, is_named in zip(names, predictions.named[i], strict=True) if is_named]
        proba = dict(zip(names, predictions.proba[i].tolist(), strict=True))
        rows.append(
            {
                "image": record.key,
                "labels": labels,
                "prediction": None if failure else named,
                "probabilities": None if failure else proba,
                "group": record.group,
                "reason": failure.reason if failure else None,
            }
        )
    return rows


def render_label_figures(result: Result) -> str:
    """Return the figures with their 95 % intervals, what is missing, and each label's."""
    from cnncodes.evaluation.measures import LABEL_MEASURES

    names = name_figures(LABEL_MEASURES)
    notes = (
        say_missing(result, names),
        _say_without(result),
        _say_few(result),
        _say_few_without(result),
        _say_everywhere(result),
        say_groups(result),
        say_few_groups(result["per_label"], result["n_groups"], "labels"),
    )
    labels = _render_labels(result["per_label"], result["n"])
    return f"{tabulate_figures(result, names)}{''.join(notes)}\n\n{labels}\n"


def _say_without(result: Result) -> str:
    """Say which labels no image has, so that they are in no mean of what would need one."""
    names = result["without_positives"]
    if not names:
        return ""
    return (
        f"\nNo image has {_name_among(names, result)}: they are not in mAP, and in macro F1, as 0, only where"
        " they were named."
    )


def _say_few(result: Result) -> str:
    """Say which labels have so few images that average precision is not what it would be of many."""
    from cnncodes.evaluation.thresholds import FEW_IMAGES

    names = [one["name"] for one in result["per_label"] if 0 < one["recall"]["n"] < FEW_IMAGES]
    if not names:
        return ""
    return (
        f"\nFewer than {FEW_IMAGES} images have {_name_among(names, result)}: average precision of so few is"
        " too high, and so is mAP, whose interval holds the truth less often than in 95 of 100 cases."
    )


def _say_few_without(result: Result) -> str:
    """Say which labels so few images lack that average precision, near 1, goes by these few alone."""
    from cnncodes.evaluation.thresholds import FEW_IMAGES

    names = [one["name"] for one in result["per_label"] if 0 < result["n"] - one["recall"]["n"] < FEW_IMAGES]
    if not names:
        return ""
    return (
        f"\nFewer than {FEW_IMAGES} images lack {_name_among(names, result)}: average precision goes by so"
        " few alone, and its interval holds the truth less often than in 95 of 100 cases."
    )


def _say_everywhere(result: Result) -> str:
    """Say which labels all images have, so that there is no order to be right about."""
    names = [one["name"] for one in result["per_label"] if one["recall"]["n"] == result["n"]]
    if not names:
        return ""
    said = "its average precision is 1, whatever is predicted, and counts in mAP"
    if len(names) > 1:
        said = "their average precisions are 1, whatever is predicted, and count in mAP"
    return f"\nAll images have {_name_among(names, result)}: {said}."


def _name_among(names: list[str], result: Result) -> str:
    """Return how many labels these are of how many, and their names."""
    return f"{len(names)} of {len(result['per_label'])} labels ({name_some(cut_names(names), show=str)})"


def _render_labels(labels: list[Result], n: int) -> str:
    head = ("label", "recall", "95% interval", "images", "precision", "95% interval", "named")
    rows: list[tuple[str, ...]] = [(*head, f"average precision of {n}", "95% interval")]
    names = cut_names([figures["name"] for figures in labels])
    for name, figures in zip(names, labels, strict=True):
        cells = [name + ("" if figures["known"] else " (unknown to the classifier)")]
        for key in ("recall", "precision", "average_precision"):
            cells += [format_share(figures[key]["value"]), format_interval(figures[key])]
            cells += [] if key == "average_precision" else [str(figures[key]["n"])]
        rows.append(tuple(cells))
    return format_table(rows)
