"""``cnncodes evaluate`` with a regressor: how far its numbers are off; and that as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.command import Result
from cnncodes.commands.evaluate_common import Evaluated, predict_labelled
from cnncodes.commands.figures import name_figures, say_groups, say_missing, tabulate_figures
from cnncodes.commands.pages import finish
from cnncodes.commands.regression import choose_column, name_target, say_no_interval
from cnncodes.commands.stored_source import open_to_predict
from cnncodes.commands.tasks import Meaning, check_target
from cnncodes.errors import UsageError, agree, count
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.commands.evaluate_options import EvaluateOptions
    from cnncodes.commands.reporter import Reporter
    from cnncodes.estimators.number_predictor import NumberPredictor
    from cnncodes.evaluation import NumberEvaluation
    from cnncodes.images import ImageRecord


def evaluate_regressor(
    options: EvaluateOptions, predictor: NumberPredictor, reporter: Reporter
) -> tuple[Result, Callable[[], list[Result]]]:
    """Predict images whose numbers are known and compare: figures, and what lists a row for each image."""
    if len(predictor.targets) > 1:
        raise UsageError(
            f"{options.model!r} predicts {len(predictor.targets)} numbers of each image, and a source has one"
            " label: evaluate each in Python, by cnncodes.evaluation.evaluate_numbers."
        )
    if options.target is not None:
        check_target(options.src)
    fitted = predictor.targets[0]
    column = options.target or choose_column(options.src, options, predictor)
    labelled = replace(options, label_column=column)
    source = open_to_predict(labelled, predictor, reporter, by_class=False)
    records, split = inputs.take_part(
        source, options.src, labelled, options.split, "test", reporter, by_class=False
    )
    truth = _read_truth(records, labelled, fitted)
    meaning = Meaning(regression=True)
    found = predict_labelled(
        labelled, predictor, records, split, reporter, source=source, meaning=meaning, given=options
    )
    found.warn_of_contradictory(truth, "target")
    evaluation = _measure(found, truth, predictor)
    target = name_target(options.target, options.src, labelled)
    if target is not None and fitted is not None and target != fitted:
        reporter.note(f"these are numbers of {target!r}, and {options.model} was fitted to {fitted!r}")
    result = {
        **found.name(),
        "target": target or fitted,
        **to_plain(evaluation),
        "why_no_interval": say_no_interval(predictor),
        **found.tell(reporter),
    }
    finish(found, result, _render_page(found, truth, evaluation, result), reporter)
    return result, partial(_list_rows, found, truth)


def _render_page(
    found: Evaluated, truth: list[float], evaluation: NumberEvaluation, result: Result
) -> Callable[[dict[str, Any]], bytes]:
    """Return what makes the page, for `finish`."""

    def render(shared: dict[str, Any]) -> bytes:
        import numpy as np

        from cnncodes.evaluation import measure_ranges
        from cnncodes.report import NumberMaterial, render_number_report

        true = np.array([truth[i] for i in found.read])
        values = found.predictions.values[found.read, 0]
        why = result["why_no_interval"]
        return render_number_report(
            NumberMaterial(
                **shared,
                evaluation=evaluation,
                ranges=measure_ranges(true, values, groups=found.drawn.groups, width=evaluation.width),
                truth=true,
                predicted=values,
                target=result["target"],
                why_no_interval=f"{why[:1].upper()}{why[1:]}",
            )
        )

    return render


def _read_truth(records: list[ImageRecord], options: EvaluateOptions, fitted: str | None) -> list[float]:
    from cnncodes.estimators.targets import read_targets

    wanted = f"{options.model!r} predicts numbers{'' if fitted is None else f' of {fitted!r}'}"
    advice = f"{wanted}. Give a table that has them, and its column by --target."
    column = name_target(None, options.src, options)
    truth: list[float] = read_targets(records, column, if_classes=advice).tolist()
    return truth


def _measure(found: Evaluated, truth: list[float], predictor: NumberPredictor) -> NumberEvaluation:
    from cnncodes.evaluation import evaluate_numbers
    from cnncodes.evaluation.thresholds import COVERAGE

    try:
        width: float | None = float(predictor.find_width(COVERAGE)[0])
    except UsageError:  # this regressor has none: then there is nothing to judge
        width = None
    return evaluate_numbers(
        [truth[i] for i in found.read],
        found.predictions.values[found.read, 0],
        groups=found.drawn.groups,
        coverage=None if width is None else COVERAGE,
        width=width,
    )


def _list_rows(found: Evaluated, truth: list[float]) -> list[Result]:
    rows = []
    for i, (record, number) in enumerate(zip(found.records, truth, strict=True)):
        failure = found.predictions.failures.get(i)
        value = None if failure else float(found.predictions.values[i, 0])
        reason = failure.reason if failure else None
        row = {"image": record.key, "target": number, "prediction": value, "group": record.group}
        rows.append({**row, "reason": reason})
    return rows


def render_numbers(result: Result) -> str:
    """Return the figures with their 95 % intervals."""
    from cnncodes.evaluation.measures import NUMBER_MEASURES, begin_with
    from cnncodes.evaluation.numbers import say_beyond

    width = None if result["width"] is None else f"{result['width']:.4g}"
    coverage = None if result["coverage"] is None else f"{result['coverage']:.0%}"
    names = name_figures(begin_with("r2", NUMBER_MEASURES), coverage=coverage, width=width)
    table = tabulate_figures(result, names, "{:.4g}")
    reason = result.get("why_no_interval")  # of what one predictor answers, and not those of several folds
    why = f"\nNo intervals: {reason}" if reason else ""
    beyond = say_beyond(f"{result['largest_error']:.4g}", f"{result['beyond']:.1%}", result["n_groups"])
    few = _say_few_images(result["n"])
    return f"{table}{say_missing(result, names)}{why}\n{beyond}{say_groups(result)}{few}\n"


def _say_few_images(n: int) -> str:
    """Say in one line that images are too few for any figure."""
    from cnncodes.evaluation.thresholds import FEW_IMAGES

    if n >= FEW_IMAGES:
        return ""
    few = f"\n{count(n, 'image')}, fewer than {FEW_IMAGES}, {agree(n, 'is')} too few for these figures"
    return f"{few}: one that is far off moves them all."
