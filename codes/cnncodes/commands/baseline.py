"""``cnncodes baseline``: what a classifier must beat, on the same images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result
from cnncodes.commands.evaluate import write_report
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.outputs import check_json_name, check_output
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.tables import format_interval, format_table
from cnncodes.errors import SourceError, UsageError, sentence
from cnncodes.schema import option, to_plain

if TYPE_CHECKING:
    from cnncodes.images import ImageRecord
    from cnncodes.store import Failure


@dataclass(frozen=True, kw_only=True)
class BaselineOptions(inputs.FailureOptions):
    """Options of ``cnncodes baseline``."""

    src: str = option("Labelled images with the parts train and test.")
    train: str = option("Part to train on.", default="train", metavar="PART")
    test: str = option("Part to test on.", default="test", metavar="PART")
    compare: str | None = option(
        "Report of 'cnncodes evaluate' on the same test images: gives the paired difference.",
        default=None,
        metavar="FILE",
    )
    report: str | None = option(
        "File (.json) for the figures.", default=None, short="-o", metavar="FILE", check=check_json_name
    )
    random_state: int = option(
        "Decides folds and intervals.", default=0, metavar="N", check=inputs.check_random_state
    )


def run_baseline(options: BaselineOptions, reporter: Reporter) -> Result:
    """Measure the majority class and a logistic regression on raw pixels."""
    import numpy as np

    from cnncodes.evaluation import baselines, evaluate_predictions

    check_output(options.report, (options.src, options.compare))
    train, _ = inputs.labelled_part(options.src, options, options.train, options.train, reporter)
    test, _ = inputs.labelled_part(options.src, options, options.test, options.test, reporter)
    report = None if options.compare is None else _read_report(options.compare, test)
    reporter.note(f"raw pixels: training on {len(train):,} images, testing on {len(test):,}")
    seen, unseen = (_read(records, options) for records in (train, test))
    _check_read(options, seen, unseen)
    labels = [str(train[i].label) for i in seen.read]
    if len(set(labels)) < 2:
        raise SourceError(
            f"only images of the class {labels[0]!r} are left to train on; {len(seen.failures)} of"
            f" {len(train)} cannot be read."
        )
    majority = baselines.predict_majority(labels, len(unseen.read))
    raw_pixels = baselines.predict_raw_pixels(
        [*seen.read.values()],
        labels,
        [*unseen.read.values()],
        random_state=options.random_state,
        n_jobs=options.n_jobs,
    )
    # What cannot be read is in no figure: 'evaluate' leaves it out too, and so the figures compare.
    truth = np.array([test[i].label for i in unseen.read])
    classes = np.unique(labels)
    if report is not None:
        report = [report[i] for i in unseen.read]
    result: Result = {
        "src": options.src,
        "n": len(truth),
        "failed": len(seen.failures) + len(unseen.failures),
        "majority": to_plain(evaluate_predictions(truth, majority, classes)),
        "raw_pixels": to_plain(evaluate_predictions(truth, raw_pixels, classes)),
        "compare": options.compare,
        "difference": None if report is None else _compare(truth, report, raw_pixels, options.random_state),
        "report": options.report,
    }
    if options.report is not None:
        write_report(Path(options.report), result)
    failures = [(failure.key, failure.reason) for failure in (*seen.failures, *unseen.failures)]
    total = len(train) + len(test)
    result[TOO_MANY_FAILURES] = judge_failures(failures, total, options.max_failures, reporter)
    return result


@dataclass(frozen=True)
class _Thumbnails:
    """Pixels by the position of each image that can be read, and the failures of the others."""

    read: dict[int, Any]
    failures: list[Failure]


def _read(records: list[ImageRecord], options: BaselineOptions) -> _Thumbnails:
    from cnncodes.evaluation.baselines import read_thumbnails
    from cnncodes.store import Failure

    found = read_thumbnails(records, options.n_jobs)
    read = {i: pixels for i, pixels in enumerate(found) if not isinstance(pixels, Failure)}
    return _Thumbnails(read, [failure for failure in found if isinstance(failure, Failure)])


def _check_read(options: BaselineOptions, train: _Thumbnails, test: _Thumbnails) -> None:
    for part, found in ((options.train, train), (options.test, test)):
        if not found.read:
            first = found.failures[0]
            raise SourceError(
                f"none of the {len(found.failures)} images of the part {part!r} of {options.src!r} can be"
                f" read; the first is {first.key!r}: {sentence(first.reason)}"
            )


def _read_report(path: str, test: list[ImageRecord]) -> list[str | None]:
    """Return the predictions of a report for the test images, in their order; None where unreadable."""
    try:
        predictions = json.loads(Path(path).read_text(encoding="utf-8"))["predictions"]
        by_key = {row["image"]: (row["label"], row["prediction"]) for row in predictions}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path!r} is no report of 'cnncodes evaluate'.") from error
    if {key: label for key, (label, _) in by_key.items()} != {record.key: record.label for record in test}:
        raise UsageError(f"the report {path!r} is about other images or labels: evaluate on the same part.")
    return [by_key[record.key][1] for record in test]


def _compare(truth: Any, report: list[str | None], raw_pixels: Any, random_state: int) -> Result:
    """Return the paired difference in accuracy: the report's classifier less raw pixels."""
    import numpy as np

    from cnncodes.evaluation import compare_paired

    # An image that cannot be read counts as wrong for the classifier that had to answer it.
    answers = np.array(["" if answer is None else answer for answer in report])
    found: Result = to_plain(compare_paired(truth, answers, raw_pixels, random_state=random_state))
    return found


def render_baseline(result: Result) -> str:
    """Return the table of accuracies, and the difference where a report was given."""
    rows = [("method", "accuracy", "95% interval", "test images")]
    for key, name in (("majority", "majority class"), ("raw_pixels", "logistic regression on raw pixels")):
        accuracy = result[key]["accuracy"]
        rows.append((name, f"{accuracy['value']:.3f}", format_interval(accuracy), str(result["n"])))
    text = format_table(rows) + "\n"
    if result["difference"] is not None:
        difference = result["difference"]
        text += (
            f"{result['compare']} against raw pixels, on the same images: {difference['value']:+.3f}"
            f" {format_interval(difference)}\n"
        )
    return text


BASELINE = Command(
    name="baseline",
    options=BaselineOptions,
    run=run_baseline,
    render=render_baseline,
    summary="Say what a classifier must beat: the majority class, and raw pixels without a network.",
    example="cnncodes baseline photos/ --compare report.json",
    results=("report", "majority", "raw_pixels", "difference", "n"),
)
