"""``cnncodes evaluate``: how good a saved classifier or regressor is, on images that it has not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.abstaining import describe_abstention, measure_abstention, render_abstention
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result, showing
from cnncodes.commands.companions import prepare_companions
from cnncodes.commands.evaluate_options import EvaluateOptions
from cnncodes.commands.failures import judge_failures, list_read
from cnncodes.commands.label_figures import evaluate_labels
from cnncodes.commands.number_figures import evaluate_regressor
from cnncodes.commands.outputs import check_output
from cnncodes.commands.pages import Evaluated, check_page_options, is_page, render_classes, write_page
from cnncodes.commands.rendering import choose_renderer
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.seen_groups import warn_of_seen_groups
from cnncodes.commands.tasks import check_given
from cnncodes.errors import SourceError
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.estimators.predictor import Predictions
    from cnncodes.evaluation import Evaluation
    from cnncodes.images import ImageRecord


def run_evaluate(options: EvaluateOptions, reporter: Reporter) -> Result:
    """Predict labelled images and compare."""
    from cnncodes.estimators.label_predictor import LabelPredictor
    from cnncodes.estimators.number_predictor import NumberPredictor
    from cnncodes.estimators.saving import load_predictor
    from cnncodes.images import draw_together

    check_page_options(options)
    check_output(options.report, (options.model, options.src, options.train, options.baseline))
    predictor = load_predictor(options.model).with_max_pixels(options.max_pixels)
    if isinstance(predictor, NumberPredictor):
        _check_options(options, "numbers")
        return _report(*evaluate_regressor(options, predictor, reporter), options)
    if isinstance(predictor, LabelPredictor):
        _check_options(options, "several labels an image")
        return _report(*evaluate_labels(options, predictor, reporter), options)
    _check_options(options, "classes")
    # Before any image is read: a classifier may have nothing to tell it by.
    rule = None if options.abstain is None else predictor.make_rule(options.abstain)
    records, split = inputs.labelled_part(options.src, options, options.split, "test", reporter)
    _check_known(records, predictor.classes)
    companions = prepare_companions(options, reporter) if is_page(options.report) else None
    records = records if companions is None else companions.watch(records)
    predictions = predictor.predict_records(
        records,
        n_jobs=options.n_jobs,
        memory=options.memory,
        on_progress=reporter.progress("predicting"),
        codes=companions is not None,
    )
    read = list_read(options.src, records, predictions)
    drawn = draw_together([records[i] for i in read], predictions.contents[read])
    evaluation = _measure(options, records, predictions, read, drawn.groups)
    abstention = None if rule is None else measure_abstention(rule, records, predictions, read, drawn.groups)
    figures: Result = to_plain(evaluation)
    _warn_unknown(figures["per_class"], reporter)
    failures = [(failure.key, failure.reason) for failure in predictions.failures.values()]
    result = {
        "model": options.model,
        "src": options.src,
        "split": split,
        **figures,
        "n_different": drawn.n_different,
        "abstention": None if abstention is None else describe_abstention(abstention),
        "trained_on": inputs.count_trained(predictions.trained_on, len(records) - len(failures), reporter),
        "groups_trained_on": warn_of_seen_groups(options, [records[i] for i in read], predictor, reporter),
        "failed": len(failures),
        "report": options.report,
    }
    if companions is not None:
        found = Evaluated(options, split, predictor, records, predictions, drawn, result["groups_trained_on"])
        render = render_classes(predictions, found.read, evaluation, abstention)
        write_page(found, companions, reporter, render, result)
    elif options.report is not None:
        _report(result, _list_predictions(records, predictions), options)
    result[TOO_MANY_FAILURES] = judge_failures(failures, len(records), options.max_failures, reporter)
    return result


def _check_known(records: list[ImageRecord], classes: Any) -> None:
    """Raise `SourceError` where a classifier knows none of the classes: its figures would mean nothing."""
    known, found = {str(name) for name in classes}, {str(record.label) for record in records}
    if not known & found:
        raise SourceError(
            f"the classifier knows none of the classes here, such as {min(found)!r}; its own are such as"
            f" {min(known)!r}: give the column of the labels (--label-column), or images of its classes."
        )


def _check_options(options: EvaluateOptions, name: str) -> None:
    """Raise `UsageError` where an option is for something else than what is predicted."""
    given = {
        "--abstain": (options.abstain is not None, "classes"),
        "--top-k": (options.top_k != type(options).top_k, "classes"),
        "--target": (options.target is not None, "numbers"),
        "--label-delimiter": (options.label_delimiter is not None, "several labels an image"),
    }
    check_given(options.model, name, given)


def _report(result: Result, rows: list[Result], options: EvaluateOptions) -> Result:
    if options.report is not None and not is_page(options.report):
        with showing(result):
            write_report(Path(options.report), {**result, "predictions": rows})
    return result


def _measure(
    options: EvaluateOptions,
    records: list[ImageRecord],
    predictions: Predictions,
    read: list[int],
    groups: Any,
) -> Evaluation:
    import numpy as np

    from cnncodes.evaluation import evaluate_predictions

    # Labels on this level are text; a classifier fitted in Python may have numbers for classes.
    classes = np.array([str(name) for name in predictions.classes])
    truth = np.array([records[i].label for i in read])
    if predictions.proba is not None:
        given: Any = predictions.proba[read]
    else:
        given = np.array([str(predictions.labels[i]) for i in read])
    return evaluate_predictions(truth, given, classes, groups=groups, top_k=options.top_k)


def _warn_unknown(per_class: list[Result], reporter: Reporter) -> None:
    from cnncodes.estimators.labels import say_unknown_classes

    unknown = [figures for figures in per_class if not figures["known"]]
    if unknown:
        names = [figures["name"] for figures in unknown]
        reporter.warn(say_unknown_classes(names, sum(figures["recall"]["n"] for figures in unknown)))


def _list_predictions(records: list[ImageRecord], predictions: Predictions) -> list[Result]:
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


def write_report(path: Path, report: Result) -> None:
    """Write a report as JSON, whole or not at all."""
    from cnncodes.store.files import write_file

    write_file(path, (json.dumps(report, indent=1, ensure_ascii=True) + "\n").encode())


def render_evaluate(result: Result) -> str:
    """Return the table of figures."""
    part = f", part {result['split']}" if result["split"] else ""
    failed = (
        f"Not in these figures: {result['failed']:,} that could not be read.\n" if result["failed"] else ""
    )
    abstention = render_abstention(result["abstention"]) if result.get("abstention") else ""
    report = f"Report: {result['report']}\n" if result["report"] else ""
    figures = choose_renderer(result)(result)
    return f"{result['model']} on {result['src']}{part}\n{figures}{abstention}{failed}{report}"


EVALUATE = Command(
    name="evaluate",
    options=EvaluateOptions,
    run=run_evaluate,
    render=render_evaluate,
    summary="Say how good a classifier or regressor is, with 95% intervals, on labelled images.",
    example="cnncodes evaluate photos.cnncodes test-photos/ -o report.html",
    results=("report", "model", "accuracy", "n", "split"),
)
