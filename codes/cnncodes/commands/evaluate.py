"""``cnncodes evaluate``: how good a saved classifier or regressor is, on images that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.commands.abstaining import render_abstention
from cnncodes.commands.class_figures import evaluate_classes
from cnncodes.commands.command import Command, Result, showing
from cnncodes.commands.evaluate_options import EvaluateOptions
from cnncodes.commands.label_figures import evaluate_labels
from cnncodes.commands.number_figures import evaluate_regressor
from cnncodes.commands.outputs import check_output, is_page, write_report
from cnncodes.commands.pages import check_page_options
from cnncodes.commands.rendering import choose_renderer
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.reproducing import describe_model, describe_run, describe_source, find_training_seconds
from cnncodes.commands.stored_source import check_stored
from cnncodes.commands.tasks import check_given

if TYPE_CHECKING:
    from cnncodes.evaluation.task_names import TaskName


def run_evaluate(options: EvaluateOptions, reporter: Reporter) -> Result:
    """Predict labelled images and compare."""
    from cnncodes.estimators.label_predictor import LabelPredictor
    from cnncodes.estimators.number_predictor import NumberPredictor
    from cnncodes.estimators.saving import load_predictor

    check_page_options(options)
    check_stored(options)
    check_output(options.report, (options.model, options.src, options.train, options.baseline))
    predictor = load_predictor(options.model).with_max_pixels(options.max_pixels)
    if isinstance(predictor, NumberPredictor):
        _check_options(options, "numbers")
        return _report(*evaluate_regressor(options, predictor, reporter), options)
    if isinstance(predictor, LabelPredictor):
        _check_options(options, "labels")
        return _report(*evaluate_labels(options, predictor, reporter), options)
    _check_options(options, "classes")
    return _report(*evaluate_classes(options, predictor, reporter), options)


def _check_options(options: EvaluateOptions, name: TaskName) -> None:
    """Raise `UsageError` where an option is for something else than what is predicted."""
    given: dict[str, tuple[bool, TaskName]] = {
        "--abstain": (options.abstain is not None, "classes"),
        "--top-k": (options.top_k != type(options).top_k, "classes"),
        "--target": (options.target is not None, "numbers"),
        "--label-delimiter": (options.label_delimiter is not None, "labels"),
    }
    check_given(options.model, name, given)


def _report(result: Result, list_rows: Callable[[], list[Result]], options: EvaluateOptions) -> Result:
    """Write all of it as JSON, where that was asked for."""
    if options.report is not None and not is_page(options.report):
        with showing(result):
            again = {
                **describe_run("evaluate", options),
                **describe_model(options.model),
                "training_cpu_seconds": find_training_seconds(options.model),
                **describe_source(options, result["split"]),
            }
            report = {**result, "reproduce": again, "predictions": list_rows()}
            write_report(Path(options.report), report)
    return result


def render_evaluate(result: Result) -> str:
    """Return the table of figures."""
    part = f", part {result['split']}" if result["split"] else ""
    failed = (
        f"Not in these figures: {result['failed']:,} that could not be used.\n" if result["failed"] else ""
    )
    if stray := result["failed_of_unknown_part"]:
        failed += f"Not in these figures, and of an unknown part: {stray:,} that could not be used.\n"
    abstention = render_abstention(result["abstention"]) if result.get("abstention") else ""
    report = f"Report: {result['report']}\n" if result["report"] else ""
    figures = choose_renderer(result)(result)
    unfinished = ", an unfinished dataset" if result["incomplete"] else ""
    return f"{result['model']} on {result['src']}{unfinished}{part}\n{figures}{abstention}{failed}{report}"


EVALUATE = Command(
    name="evaluate",
    options=EvaluateOptions,
    run=run_evaluate,
    render=render_evaluate,
    summary="Say how good a classifier or regressor is, with 95% intervals, on labelled images.",
    example="cnncodes evaluate photos.cnncodes test-photos/ -o report.html",
    results=("report", "model", "accuracy", "n", "split"),
)
