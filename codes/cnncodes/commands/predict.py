"""``cnncodes predict``: the classes of images, their labels or numbers, as CSV or Parquet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.class_rows import list_class_columns, make_class_rows, tell_rule
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.holding import tell_unused_holdout
from cnncodes.commands.label_rows import (
    list_label_columns,
    make_label_rows,
    write_labels,
)
from cnncodes.commands.multilabel import choose_delimiter
from cnncodes.commands.number_rows import (
    find_widths,
    list_number_columns,
    make_number_rows,
)
from cnncodes.commands.outputs import check_output
from cnncodes.commands.predict_options import PredictOptions, parse_priors
from cnncodes.commands.regression import choose_column
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.row_files import to_csv, write_rows
from cnncodes.commands.stored_source import (
    check_stored,
    is_unfinished,
    list_unread,
    open_to_predict,
    say_unread,
)
from cnncodes.commands.tasks import check_given
from cnncodes.errors import UsageError, agree, count
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.estimators.predictor import Predictions
    from cnncodes.evaluation.task_names import TaskName
    from cnncodes.images import ImageSource

#: Python's own: the shortest text that reads back as the same float64.
_WHOLE = ""


def run_predict(options: PredictOptions, reporter: Reporter) -> Result:
    """Predict every image of a source; one that is not read gets an empty row with its reason."""
    from cnncodes.estimators.label_predictor import LabelPredictor
    from cnncodes.estimators.number_predictor import NumberPredictor
    from cnncodes.estimators.saving import load_predictor

    check_output(options.out, (options.model, options.src))
    check_stored(options)
    if options.abstain is not None and options.priors:
        raise UsageError(
            "--abstain keeps its promise for the shares of classes that were trained on, and not for others:"
            " leave out --abstain or --priors."
        )
    predictor = load_predictor(options.model).with_max_pixels(options.max_pixels)
    name: TaskName = "classes"
    predict = _predict_classes
    if isinstance(predictor, NumberPredictor):
        name, predict = "numbers", _predict_numbers
    elif isinstance(predictor, LabelPredictor):
        name, predict = "labels", _predict_labels
    _check_options(options, name)
    rows, columns, failures, facts = predict(options, predictor, reporter)
    result: Result = {
        "out": options.out,
        "images": len(rows),
        "failed": len(failures),
        "columns": list(columns),
        **facts,
    }
    if options.out is None:
        result["predictions"] = rows
    else:
        written = write_labels(rows, facts.get("label_delimiter"))
        write_rows(Path(options.out), written, columns, facts["number_format"])
    result[TOO_MANY_FAILURES] = judge_failures(failures, len(rows), options.max_failures, reporter)
    return result


def _check_options(options: PredictOptions, name: TaskName) -> None:
    """Raise `UsageError` where an option is for something else than what is predicted."""
    given: dict[str, tuple[bool, TaskName]] = {
        "--abstain": (options.abstain is not None, "classes"),
        "--priors": (bool(options.priors), "classes"),
        "--top-k": (options.top_k > 1, "classes"),
        "--coverage": (options.coverage is not None, "numbers"),
        "--label-delimiter": (options.label_delimiter is not None, "labels"),
    }
    check_given(options.model, name, given)


_Rows = tuple[list[dict[str, Any]], dict[str, str], list[tuple[str, str]], Result]


def _predict_classes(options: PredictOptions, predictor: Any, reporter: Reporter) -> _Rows:
    # Before any image is read: a classifier may have nothing to tell it by.
    rule = None if options.abstain is None else predictor.make_rule(options.abstain)
    priors = parse_priors(options.priors, {str(name): name for name in predictor.classes.tolist()})
    predictor.check_priors(priors)
    predictions, source = _predict(
        options, predictor, reporter, by_class=True, priors=priors, promises=rule is not None
    )
    shares = _name_shares(predictions)
    if shares is not None:
        reporter.note(
            f"probabilities for {', '.join(f'{name} {share:.3g}' for name, share in shares.items())}"
        )
    if rule is not None:
        tell_rule(rule, reporter)
    top_k = min(options.top_k, len(predictions.classes))
    rows = list(make_class_rows(predictions, top_k, rule))
    facts = {
        "top_k": top_k,
        "answered": None if rule is None else sum(row["answered"] is True for row in rows),
        "rule": to_plain(rule),
        "priors": shares,
        # Six digits are more than the probabilities are worth, and keep the table readable.
        "number_format": ".6f",
        "incomplete": is_unfinished(source),
    }
    columns = list_class_columns(top_k, rule is not None, options.novelty)
    return rows, columns, _list_failures(predictions), facts


def _predict_numbers(options: PredictOptions, predictor: Any, reporter: Reporter) -> _Rows:
    if options.holdout is not None:  # it divides those that have a number
        options = replace(options, label_column=choose_column(options.src, options, predictor))
    widths = find_widths(predictor, options.coverage, reporter)
    predictions, source = _predict(options, predictor, reporter, by_class=False)
    rows = list(make_number_rows(predictions, predictor.targets, widths))
    columns = list_number_columns(predictor.targets, widths=widths is not None, novelty=options.novelty)
    facts = {"answered": None, "number_format": _WHOLE, "incomplete": is_unfinished(source)}
    return rows, columns, _list_failures(predictions), facts


def _predict_labels(options: PredictOptions, predictor: Any, reporter: Reporter) -> _Rows:
    names = [str(name) for name in predictor.classes]
    delimiter = choose_delimiter(names, options.label_delimiter or predictor.delimiter)
    predictions, source = _predict(options, predictor, reporter, by_class=False)
    rows = list(make_label_rows(predictions, names))
    columns = list_label_columns(names, novelty=options.novelty)
    facts = {
        "answered": None,
        "label_delimiter": delimiter,
        "number_format": ".6f",
        "incomplete": is_unfinished(source),
    }
    return rows, columns, _list_failures(predictions), facts


def _predict(
    options: PredictOptions, predictor: Any, reporter: Reporter, *, by_class: bool, **more: Any
) -> tuple[Any, ImageSource]:
    """Return predictions, and of which images they are."""
    whole = options.split in (None, "all")  # the part of an image that could not be embedded is not known
    source = open_to_predict(
        options,
        predictor,
        reporter,
        by_class=by_class,
        unlisted="record",
        tells_foreign=not whole,  # else each has a row, with the reason
        failures=whole,
    ).with_passed_over()  # who reads the rows has to see each picture that was given
    if unread := list_unread(source):
        reporter.warn(f"{say_unread(source)}: no row for {agree(len(unread), 'it')}")
    tell_unused_holdout(options.src, options, reporter)
    if options.split is not None:
        split = inputs.choose_split(options.split, (record.split for record in source.records), "test")
        source = source if split is None else source.filter(split=split)
    predictions = predictor.predict_records(
        source.records,
        n_jobs=options.n_jobs,
        memory=options.memory,
        on_progress=reporter.progress("predicting"),
        novelty=options.novelty,
        **more,
    )
    return predictions, source


def _list_failures(predictions: Any) -> list[tuple[str, str]]:
    return [(failure.key, failure.reason) for failure in predictions.failures.values()]


def _name_shares(predictions: Predictions) -> dict[str, float] | None:
    if predictions.shares is None:
        return None
    names = [str(name) for name in predictions.classes]
    return dict(zip(names, predictions.shares.tolist(), strict=True))


def render_predict(result: Result) -> str:
    """Return the CSV, or where it was written."""
    if result["out"] is None:
        rows = write_labels(result["predictions"], result.get("label_delimiter"))
        return to_csv(rows, result["columns"], result["number_format"])
    failed = f" ({result['failed']:,} could not be read)" if result["failed"] else ""
    answered = ""
    if result["answered"] is not None:
        left = result["images"] - result["failed"] - result["answered"]
        answered = f", {result['answered']:,} answered and {left:,} left open"
    unfinished = " of an unfinished dataset" if result.get("incomplete") else ""
    images = f"{count(result['images'], 'image')}{unfinished}"
    return f"Predictions of {images}{failed}{answered}: {result['out']}\n"


PREDICT = Command(
    name="predict",
    options=PredictOptions,
    run=run_predict,
    render=render_predict,
    summary="Say which class each image belongs to, with probabilities; or its labels, or number.",
    example="cnncodes predict photos.cnncodes new/ -o predictions.csv --top-k 3",
    results=("out", "images", "failed"),
)
