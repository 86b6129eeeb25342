"""``cnncodes check``: what to know of images and labels before a score on them is believed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.choices import BACKBONE, DECODE_MODES
from cnncodes.commands import common, inputs
from cnncodes.commands.command import PROBLEMS, TOO_MANY_FAILURES, Command, Result, showing
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.holding import tell_holdout
from cnncodes.commands.multilabel import tell_empty
from cnncodes.commands.outputs import check_json_name, check_output, write_report
from cnncodes.commands.regression import name_target
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.reproducing import describe_check
from cnncodes.commands.suspicious_labels import warn_of_labels, warn_of_several
from cnncodes.commands.tasks import Meaning, TaskOptions, check_task, find_meaning, read_target
from cnncodes.schema import option

if TYPE_CHECKING:
    from cnncodes.images import ImageSource


@dataclass(frozen=True, kw_only=True)
class CheckOptions(common.EmbeddingOptions, common.LayerOptions, TaskOptions):
    """Options of ``cnncodes check``."""

    src: str = option(common.HELP_SRC)
    views: str = option(
        f"Views of each image, whose codes are averaged: {common.HELP_VIEWS}.",
        default="flip",
        metavar="PLAN",
        check=common.check_views,
    )
    split: str | None = option(
        "Only this part of the source. [all of it, since copies in two parts are what matters most]",
        default=None,
        metavar="PART",
    )
    backbone: str = option(common.HELP_BACKBONE, default=BACKBONE, metavar="NAME")
    precision: str | None = option(
        f"{common.HELP_PRECISION} [fp32]", default=None, metavar="PRECISION", check=common.check_precision
    )
    decode: str = option(common.HELP_DECODE, default=DECODE_MODES[0], choices=DECODE_MODES)
    report: str | None = option(
        "File (.json) for all findings with all their images.",
        default=None,
        short="-o",
        metavar="FILE",
        check=check_json_name,
    )
    memory: str | None = option(common.HELP_MEMORY, default=None, metavar="FOLDER")
    strict: bool = option("End with exit status 1 where there is a warning.", default=False)
    random_state: int = option(
        "Decides folds and intervals, and random views that are given by name.",
        default=0,
        metavar="N",
        check=common.check_random_state,
    )


def run_check(options: CheckOptions, reporter: Reporter) -> Result:
    """Embed the images and run all checks."""
    from cnncodes.evaluation import check_data

    check_task(options)
    check_output(options.report, (options.src,))
    meaning = find_meaning(options)
    source = _open(read_target(options), meaning, reporter)
    split = inputs.choose_split(options.split or "all", (r.split for r in source.records), "all")
    if split is not None:
        source = dataclasses.replace(source, records=source.filter(split=split).records)
    backbone = inputs.open_backbone(
        options.backbone, options.precision, reporter, layer=options.layer, pool=options.pool
    )
    reporter.note(f"checking {len(source.records):,} images of {options.src}")
    checks = check_data(
        source,
        regression=meaning.regression,
        label_delimiter=meaning.label_delimiter,
        backbone=backbone,
        views=options.views,
        decode=options.decode,
        max_pixels=options.max_pixels,
        random_state=options.random_state,
        n_jobs=options.n_jobs,
        memory=options.memory,
        on_progress=reporter.progress("embedding"),
    )
    result: Result = {
        "src": options.src,
        "split": split,
        "target": name_target(options.target, options.src, options) if meaning.regression else None,
        **checks.to_dict(),
        "warnings": len(checks.warnings),
        "report": options.report,
    }
    if options.report is not None:
        with showing(result):
            again = describe_check(options, split, backbone)
            write_report(Path(options.report), {**result, "reproduce": again})
    result[PROBLEMS] = [finding.sentence for finding in checks.warnings] if options.strict else []
    total = checks.n + len(checks.failures)
    result[TOO_MANY_FAILURES] = judge_failures(checks.failures, total, options.max_failures, reporter)
    return result


def _open(options: CheckOptions, meaning: Meaning, reporter: Reporter) -> ImageSource:
    """Open the source; warn of what looks like no classes or labels."""
    source = inputs.open_images(options.src, options, by_class=meaning.by_class)
    labelled = [record for record in source.records if record.label is not None]
    tell_holdout(options.src, options, source.records, reporter, by_class=meaning.by_class)
    why = None if labelled else inputs.say_unlabelled(options.src, options, source.records)
    if why is not None or not (labelled or meaning.by_class):
        reporter.warn(f"no image has a label, so that nothing is checked by labels: {why or 'give some'}")
    if meaning.regression:
        from cnncodes.estimators.targets import read_targets

        read_targets(labelled, name_target(None, options.src, options))  # by the name of its column
    if meaning.by_class:
        warn_of_labels(labelled, reporter, "check")
    elif meaning.several:
        warn_of_several([record.label for record in labelled], meaning.label_delimiter, reporter)
        tell_empty(len(labelled) < len(source.records), meaning.label_delimiter, reporter)
    return source


def render_check(result: Result) -> str:
    """Return what was found, the worst first."""
    from cnncodes.evaluation.checks.report import summarize

    report = f"Report: {result['report']}\n" if result["report"] else ""
    return f"{result['src']}: {summarize(result)}{report}"


CHECK = Command(
    name="check",
    options=CheckOptions,
    run=run_check,
    render=render_check,
    summary="Say what to know before a score is believed: copies in train and test, wrong labels, leaks.",
    example="cnncodes check photos/ -o checks.json",
    results=("report", "n", "warnings"),
)
