"""``cnncodes baseline``: is it worth it? Ways to classify the same images, the cheapest first."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result
from cnncodes.commands.evaluate import write_report
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.ladders import render_baseline
from cnncodes.commands.outputs import check_output, check_report_name
from cnncodes.commands.pages import is_page, write_ladder_page
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.suspicious_labels import warn_of_labels
from cnncodes.errors import SourceError, UsageError
from cnncodes.schema import option, to_plain

if TYPE_CHECKING:
    from cnncodes.evaluation.baselines import Ladder, LearningCurve, Method, Rung
    from cnncodes.images import ImageRecord

#: Of each class, where a source has no parts.
_HOLDOUT = 0.25

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
    from cnncodes.evaluation.baselines.methods import check_groups

    check_groups(_split_names(text) or [text])


@dataclass(frozen=True, kw_only=True)
class BaselineOptions(inputs.FailureOptions):
    """Options of ``cnncodes baseline``."""

    src: str = option(
        "Labelled images with the parts train and test; where there are none, a quarter is held out."
    )
    train: str = option("Part to train on.", default="train", metavar="PART")
    test: str = option("Part to test on.", default="test", metavar="PART")
    budget: str = option(
        "Time by the clock, such as 90s, 5m or 1h, or none; what does not fit is left out, and said.",
        default="5m",
        metavar="TIME",
        check=_check_budget,
    )
    only: str | None = option(
        "Kinds of methods, A,B: majority, pixels, shapes, codes, int8, views, heads, backbones. [all]",
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
        "Also say whether more labels would help: accuracy with fewer training images, of the method that all"
        " are compared with.",
        default=False,
    )
    compare: str | None = option(
        "Report of 'cnncodes evaluate' on the same test images: gives the paired difference to raw pixels.",
        default=None,
        metavar="FILE",
    )
    plot: str | None = option(
        "File (.png, .svg, .pdf) for a plot of accuracy against cost. Extra: report.",
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
        "Decides folds and intervals.", default=0, metavar="N", check=inputs.check_random_state
    )


def run_baseline(options: BaselineOptions, reporter: Reporter) -> Result:
    """Try each method within the budget."""
    from cnncodes.evaluation.baselines import climb
    from cnncodes.images import list_groups
    from cnncodes.plots import check_matplotlib

    for path in (options.report, options.plot):
        check_output(path, (options.src, options.compare))
    if options.plot is not None:
        check_matplotlib()
    methods = _list_methods(options)
    train, test, note = _open_parts(options, reporter)
    report = None if options.compare is None else _read_report(options.compare, test)
    reporter.note(f"training on {len(train):,} images, testing on {len(test):,}{note}")
    with reporter.passing_warnings():
        ladder = climb(
            train,
            test,
            methods,
            budget=parse_budget(options.budget),
            random_state=options.random_state,
            n_jobs=options.n_jobs,
            on_method=reporter.progress,
            curve=options.curve,
        )
    truth = [str(test[i].label) for i in ladder.test]
    _warn_seen(ladder, len(truth), reporter)
    result = _describe(options, ladder, truth, list_groups([test[i] for i in ladder.test]))
    # What cannot be read is in no figure: 'evaluate' leaves it out too, and so the figures compare.
    if report is not None:
        result["difference"] = _compare(truth, [report[i] for i in ladder.test], ladder, options.random_state)
    if options.plot is not None:
        _write_plot(ladder, options.plot)
    if options.report is not None:
        _write_report(options, {**result, **_list_answers(ladder, test, truth)})
    total = len(train) + len(test)
    result[TOO_MANY_FAILURES] = judge_failures(ladder.failures, total, options.max_failures, reporter)
    return result


def _list_answers(ladder: Ladder, test: list[ImageRecord], truth: list[str]) -> Result:
    answers = {rung.title: [str(label) for label in rung.labels] for rung in ladder.rungs}
    return {"images": [test[i].key for i in ladder.test], "labels": truth, "answers": answers}


def _write_report(options: BaselineOptions, report: Result) -> None:
    assert options.report is not None
    if is_page(options.report):
        write_ladder_page(options, report)
    else:
        write_report(Path(options.report), report)


def _list_methods(options: BaselineOptions) -> list[Method]:
    from cnncodes.evaluation.baselines import list_methods
    from cnncodes.evaluation.baselines.methods import order_backbones

    names = _split_names(options.backbones) or order_backbones()
    return list_methods(names, _split_names(options.only), random_state=options.random_state)


def _open_parts(
    options: BaselineOptions, reporter: Reporter
) -> tuple[list[ImageRecord], list[ImageRecord], str]:
    """Return the images to train on and to test on, and what is to be said of how they were parted."""
    from cnncodes.images.holdout import hold_out

    source, note = inputs.open_images(options.src, options), ""
    warn_of_labels([record for record in source.records if record.label is not None], reporter)
    if not any(record.split for record in source.records):
        source = hold_out(source, _HOLDOUT)
        if not {options.train, options.test} <= {record.split for record in source.records}:
            raise SourceError(
                f"{options.src!r} has no parts, and no image can be held out to test on: each class needs"
                " at least two that differ and can be read, of two groups where there are any."
            )
        note = f", {_HOLDOUT:.0%} of each class, held out since the source has no parts"
    train, test = (
        inputs.take_part(source, options.src, options, part, part, reporter, by_class=False)[0]
        for part in (options.train, options.test)
    )
    if len({record.label for record in train}) < 2:
        raise SourceError(f"the part {options.train!r} has images of one class only: give at least two.")
    return train, test, note


def _warn_seen(ladder: Ladder, n_test: int, reporter: Reporter) -> None:
    """Warn of test images that were trained on, and of groups on both sides."""
    if ladder.seen_images:
        reporter.warn(
            f"{ladder.seen_images} of these {n_test} test images were trained on, too (equal files): the"
            " figures flatter"
        )
    elif ladder.seen_groups:
        reporter.warn(
            f"{ladder.seen_groups} of these {n_test} test images are of groups that were trained on: the"
            " figures flatter"
        )


def _describe(options: BaselineOptions, ladder: Ladder, truth: list[str], groups: Any) -> Result:
    import numpy as np

    by_group = {rung.group: to_plain(rung.evaluation) for rung in reversed(ladder.rungs)}
    chosen, gap = ladder.cheapest_as_good(np.array(truth), options.random_state, groups=groups)
    return {
        "src": options.src,
        "n": len(truth),
        "n_train": len(ladder.train),
        "failed": len(ladder.failures),
        "trained_on": ladder.seen_images,
        "groups_trained_on": ladder.seen_groups,
        "majority": by_group.get("majority"),
        "raw_pixels": by_group.get("pixels"),
        "methods": [_describe_rung(rung, len(ladder.train) + len(ladder.test)) for rung in ladder.rungs],
        "left_out": [to_plain(one) for one in ladder.left_out],
        "compared_with": ladder.compared_with,
        "best": ladder.best().title,
        "recommended": chosen.title,
        "gap": to_plain(gap),
        "verdict": ladder.describe_choice(chosen, gap),
        "curve": None if ladder.curve is None else _describe_curve(ladder.curve),
        "compare": options.compare,
        "difference": None,
        "seconds": round(ladder.seconds, 3),
        "plot": options.plot,
        "report": options.report,
    }


def _describe_curve(curve: LearningCurve) -> Result:
    found: Result = to_plain(curve)
    return {**found, "verdict": curve.describe()}


def _describe_rung(rung: Rung, n_images: int) -> Result:
    return {
        "title": rung.title,
        "group": rung.group,
        "head": rung.head,
        "evaluation": to_plain(rung.evaluation),
        "difference": None if rung.difference is None else to_plain(rung.difference),
        "describe_cpu_seconds": round(rung.describe_seconds, 3),
        "fit_cpu_seconds": round(rung.fit_seconds, 3),
        "cpu_milliseconds_per_image": round(1000 * rung.describe_seconds / n_images, 3),
        "seconds": round(rung.seconds, 3),
        "shared": rung.shared,
    }


def _write_plot(ladder: Ladder, path: str) -> None:
    from cnncodes.plots import plot_cost

    plot_cost(ladder).figure.savefig(path, dpi=120)


def _read_report(path: str, test: list[ImageRecord]) -> list[str | None]:
    """Return the predictions of a report for the test images, in their order; None where unreadable."""
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
        numbers, labels = "mae" in report, "hamming_loss" in report
        name = "target" if numbers else "label"
        by_key = {row["image"]: (row.get(name), row["prediction"]) for row in report["predictions"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path!r} is no report of 'cnncodes evaluate'.") from error
    if numbers or labels:
        what = "numbers and not classes" if numbers else "several labels an image"
        raise UsageError(f"the report {path!r} is about {what}: there is no baseline of it.")
    if {key: label for key, (label, _) in by_key.items()} != {record.key: record.label for record in test}:
        raise UsageError(f"the report {path!r} is about other images or labels: evaluate on the same part.")
    return [by_key[record.key][1] for record in test]


def _compare(truth: list[str], report: list[str | None], ladder: Ladder, random_state: int) -> Result:
    """Return the paired difference in accuracy: the report's classifier less raw pixels."""
    import numpy as np

    from cnncodes.evaluation import compare_paired

    pixels = next((rung.labels for rung in ladder.rungs if rung.group == "pixels"), None)
    if pixels is None:
        raise UsageError(
            "--compare is against raw pixels, which were left out: give --only pixels, or more time."
        )
    # An image that cannot be read counts as wrong for the classifier that had to answer it.
    answers = np.array(["" if answer is None else answer for answer in report])
    found: Result = to_plain(compare_paired(truth, answers, pixels, random_state=random_state))
    return found


BASELINE = Command(
    name="baseline",
    options=BaselineOptions,
    run=run_baseline,
    render=render_baseline,
    summary="Say whether codes are worth it: majority, pixels, gradients, codes, views, heads, networks.",
    example="cnncodes baseline photos/ --budget 5m --plot cost.png",
    results=("report", "majority", "raw_pixels", "methods", "recommended", "difference", "n"),
)
