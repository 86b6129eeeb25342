"""``cnncodes baseline``: is it worth it? Ways to predict the same of images, the cheapest first."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.commands import common
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result, showing
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.ladder_result import describe_baseline
from cnncodes.commands.ladder_source import LadderSource, open_ladder
from cnncodes.commands.ladders import read_estimate, render_baseline
from cnncodes.commands.outputs import check_output, check_report_name, is_page, write_report
from cnncodes.commands.pages import write_ladder_page
from cnncodes.commands.report_answers import EvaluatedReport, compare_evaluated, read_evaluated
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.reproducing import describe_ladder
from cnncodes.commands.series import doubt_parts, look_in_parts, say_small
from cnncodes.commands.tasks import TaskOptions, check_task
from cnncodes.errors import UsageError, agree, count
from cnncodes.schema import option

if TYPE_CHECKING:
    from cnncodes.evaluation.baselines import Ladder, Method, Task
    from cnncodes.evaluation.checks.series import NearCopies

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_budget(text: str) -> float | None:
    """Return seconds, None for 'none'.

    Raises
    ------
    UsageError
        If it is no time.

    Examples
    --------
    >>> parse_budget("5m"), parse_budget("90"), parse_budget("none")
    (300.0, 90.0, None)
    """
    if text == "none":
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    seconds = float(found[1]) * _UNITS[found[2] or "s"] if found else 0.0
    if seconds <= 0:
        raise UsageError(f"must be a time such as 90s, 5m or 1h, or none. Got {text!r}.")
    return seconds


def _check_budget(text: str) -> None:
    parse_budget(text)


def _check_plot(path: str) -> None:
    if Path(path).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise UsageError(f"must end in .png, .svg or .pdf. Got {path!r}.")


def _split_names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _check_only(text: str) -> None:
    from cnncodes.evaluation.baselines.methods import check_method_groups

    check_method_groups(_split_names(text) or [text])


@dataclass(frozen=True, kw_only=True)
class BaselineOptions(common.FailureOptions, TaskOptions):
    """Options of ``cnncodes baseline``."""

    src: str = option(
        "Labelled images with the parts train and test; where there are none, a quarter is held out. Labels"
        " are classes, unless --target, --regression or --label-delimiter says otherwise."
    )
    train: str = option("Part to train on.", default="train", metavar="PART")
    test: str = option("Part to test on.", default="test", metavar="PART")
    budget: str = option(
        "Time by the clock, such as 90s, 5m or 1h (a number alone: seconds), or none; what does not fit is"
        " left out, and said.",
        default="5m",
        metavar="TIME",
        check=_check_budget,
    )
    only: str | None = option(
        "Kinds of methods, A,B: majority (numbers: median; several labels: shares), pixels, shapes, codes,"
        " int8, views, heads, backbones. [all]",
        default=None,
        metavar="KINDS",
        check=_check_only,
    )
    backbones: str | None = option(
        "Networks, A,B: of the first, views and heads are compared. [all at hand, the smallest first]",
        default=None,
        metavar="NAMES",
    )
    curve: bool = option(
        "Also say whether more labels would help: what the method that all are compared with comes to with"
        " fewer training images.",
        default=False,
    )
    compare: str | None = option(
        "Report of 'cnncodes evaluate' on the same test images: its model stands beside the methods, and its"
        " paired difference to raw pixels is given.",
        default=None,
        metavar="FILE",
    )
    plot: str | None = option(
        "File (.png, .svg, .pdf) for a plot of how good methods are against cost. Extra: report.",
        default=None,
        metavar="FILE",
        check=_check_plot,
    )
    report: str | None = option(
        "File for all of it: .json, with all answers, or .html, a page with plots of cost and of the"
        " learning curve.",
        default=None,
        short="-o",
        metavar="FILE",
        check=check_report_name,
    )
    random_state: int = option(
        "Decides folds and intervals.", default=0, metavar="N", check=common.check_random_state
    )


def run_baseline(options: BaselineOptions, reporter: Reporter) -> Result:
    """Try each method within the budget."""
    from cnncodes.evaluation.baselines import climb
    from cnncodes.plots.axes import check_matplotlib

    check_task(options)
    for path in (options.report, options.plot):
        check_output(path, (options.src, options.compare))
    if options.plot is not None:
        check_matplotlib()
    source = open_ladder(options, reporter)
    methods = _list_methods(options, source.task)
    report = None if options.compare is None else read_evaluated(options.compare, source.test, source.task)
    reporter.note(
        f"training on {count(len(source.train), 'image')}, testing on {len(source.test):,}{source.note}"
    )
    tried: list[Ladder] = []
    try:
        ladder = climb(
            source.train,
            source.test,
            methods,
            task=source.task,
            budget=parse_budget(options.budget),
            random_state=options.random_state,
            n_jobs=options.n_jobs,
            on_method=reporter.progress,
            on_interrupt=tried.append,
            curve=options.curve,
            began=reporter.began,
        )
    except KeyboardInterrupt:
        if tried:
            if all(rung.group != "pixels" for rung in tried[0].rungs):
                report = None  # what they are compared with is not there yet
            with showing(_finish(options, tried[0], source, report, reporter), written=True):
                raise
        raise
    try:
        near = look_in_parts(ladder, source, options.n_jobs)
    except KeyboardInterrupt:
        with showing(_finish(options, ladder, source, report, reporter), written=True):
            raise
    return _finish(options, ladder, source, report, reporter, near)


def _finish(
    options: BaselineOptions,
    ladder: Ladder,
    source: LadderSource,
    report: EvaluatedReport | None,
    reporter: Reporter,
    near: NearCopies | None = None,
) -> Result:
    """Return what was found, and write it to where that was asked for."""
    test = [source.test[i] for i in ladder.test]
    truth = source.task.read([record.label for record in test])
    _warn_seen(ladder, len(test), reporter)
    result = describe_baseline(options, ladder, source)
    result["near_copies"] = None if near is None else near.to_dict()
    if near is not None and (doubt := doubt_parts(near, options.src, held_out=bool(source.note))):
        reporter.warn(doubt)
        result["doubts"] = [*result["doubts"], doubt]
    if small := say_small(result["near_copies"], "test image"):
        result["doubts"] = [*result["doubts"], small]
    # What cannot be read is in no figure: 'evaluate' leaves it out too, and so the figures compare.
    if report is not None:
        result |= compare_evaluated(ladder, truth, report, options.random_state)
        for doubt in result["compared"]["doubts"]:
            reporter.warn(doubt)
    with showing(result):
        if options.report is not None:
            plain = source.task.list_plain
            answers = {rung.title: plain(rung.answers) for rung in ladder.rungs}
            listed = {"images": [record.key for record in test], "labels": plain(truth), "answers": answers}
            _write_report(options, {**result, **listed}, source.note)
        if options.plot is not None:
            _write_plot(ladder, result["compared"], options.plot)
    total = len(source.train) + len(source.test)
    result[TOO_MANY_FAILURES] = judge_failures(ladder.failures, total, options.max_failures, reporter)
    return result


def _write_report(options: BaselineOptions, report: Result, note: str) -> None:
    assert options.report is not None
    if is_page(options.report):
        write_ladder_page(options, report, note)
    else:
        write_report(Path(options.report), {**report, "reproduce": describe_ladder(options)})


def _list_methods(options: BaselineOptions, task: Task) -> list[Method]:
    from cnncodes.evaluation.baselines import list_methods
    from cnncodes.evaluation.baselines.methods import order_backbones

    names = _split_names(options.backbones) or order_backbones()
    return list_methods(names, _split_names(options.only), task=task, random_state=options.random_state)


def _warn_seen(ladder: Ladder, n_test: int, reporter: Reporter) -> None:
    """Warn of test images that were trained on, and of groups on both sides."""
    if ladder.seen_images:
        reporter.warn(
            f"{ladder.seen_images} of these {n_test} test images"
            f" {agree(ladder.seen_images, 'was')} trained on, too (equal files): the"
            " figures flatter"
        )
    elif ladder.seen_groups:
        reporter.warn(
            f"{ladder.seen_groups} of these {n_test} test images"
            f" {agree(ladder.seen_groups, 'is')} of groups that were trained on:"
            " the figures flatter"
        )


def _write_plot(ladder: Ladder, compared: Result | None, path: str) -> None:
    from cnncodes.evaluation.baselines.rungs import Compared
    from cnncodes.plots import plot_cost
    from cnncodes.store.files import write_file

    file, kind = io.BytesIO(), Path(path).suffix.lstrip(".") or None
    other = None
    if compared is not None:
        estimate = read_estimate(compared[ladder.task.figure.key])
        other = Compared(compared["name"], estimate, compared["cpu_seconds"])
    plot_cost(ladder, compared=other).figure.savefig(file, dpi=120, format=kind)
    write_file(path, file.getvalue())


BASELINE = Command(
    name="baseline",
    options=BaselineOptions,
    run=run_baseline,
    render=render_baseline,
    summary="Say whether codes are worth it: a guess, pixels, gradients, codes, views, heads, networks.",
    example="cnncodes baseline photos/ --budget 5m --plot cost.png",
    results=("report", "trivial", "majority", "raw_pixels", "methods", "recommended", "difference", "n"),
)
