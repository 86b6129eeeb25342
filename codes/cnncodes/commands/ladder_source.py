"""What ``cnncodes baseline`` predicts, and the images that it trains and tests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.holding import tell_holdout, tell_share
from cnncodes.commands.multilabel import tell_empty
from cnncodes.commands.regression import name_target
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.suspicious_labels import warn_of_missing, warn_of_others, warn_of_several
from cnncodes.commands.tasks import find_meaning, read_target
from cnncodes.errors import SourceError

if TYPE_CHECKING:
    from cnncodes.evaluation.baselines import Task
    from cnncodes.images import ImageRecord, ImageSource

#: Of each class, or of all images, where a source has no parts.
_HOLDOUT = 0.25


@dataclass(frozen=True)
class LadderSource:
    """The images of a ladder.

    Attributes
    ----------
    task : Task
    train, test : list of ImageRecord
        Labelled.
    unlabelled : int
        Images that may be meant, too, and have no label.
    note : str
        What is to be said of how the parts were made.
    doubts : list of str
        What makes the figure mean less than it seems to.
    """

    task: Task
    train: list[ImageRecord]
    test: list[ImageRecord]
    unlabelled: int
    note: str
    doubts: list[str]


def open_ladder(options: Any, reporter: Reporter) -> LadderSource:
    """Return the images to train on and to test on, and what is predicted of them.

    Parameters
    ----------
    options : BaselineOptions
    reporter : Reporter

    Raises
    ------
    SourceError
        If a part has no labelled images, or nothing can be learned or measured of them.
    UsageError
        If a label is not what is to be predicted.
    """
    from cnncodes.estimators.targets import read_targets

    options, meaning = read_target(options), find_meaning(options)
    by_class = meaning.by_class
    names = (options.train, options.test)
    source, note = _make_parts(options, by_class, reporter)
    parts = sorted({record.split for record in source.records if record.split is not None})
    for name in names:
        if name not in (*parts, "all"):
            raise SourceError(
                f"the source has no part {name!r}: its parts are {', '.join(parts)}. Say by --train and"
                " --test which to take; of a source without any parts a quarter is held out."
            )
    listed = [inputs.list_labelled(source, options.src, options, name, name) for name in names]
    # One that is in no part may be meant by both: it is told once.
    meant = list({id(record): record for found, _, _ in listed for record in found}.values())
    _tell(options, by_class, meant, any(part is not None for _, _, part in listed), reporter)
    train, test = (records for _, records, _ in listed)
    if meaning.regression:
        column = name_target(options.target, options.src, options)
        read_targets([*train, *test], column)  # of both parts at once, so that all that are wrong are told
    task = _choose_task(options, train, test)
    y, truth = (task.read([record.label for record in part]) for part in (train, test))
    if by_class and task.describe_same(y) is not None:
        raise SourceError(f"the part {options.train!r} has images of one class only: give at least two.")
    task.check(y)
    task.check_measurable(truth)
    doubts = task.list_doubts(y, truth)
    for doubt in doubts:
        reporter.warn(doubt)
    return LadderSource(task, train, test, sum(record.label is None for record in meant), note, doubts)


def _make_parts(options: Any, by_class: bool, reporter: Reporter) -> tuple[ImageSource, str]:
    """Return the source, with a part held out where it has none, and what is to be said of that."""
    from cnncodes.images.holdout import hold_out

    source = inputs.open_images(options.src, options, by_class=by_class)
    if by_class:  # before an error that a mistake here may lead to
        warn_of_others([record.label for record in source.records], reporter, "baseline")
    if any(record.split for record in source.records):
        if tell_holdout(options.src, options, source.records, reporter, by_class=by_class):
            return source, f", held out by --holdout {options.holdout:g}"
        return source, ""
    if all(record.label is None for record in source.records):
        why = (
            inputs.say_unlabelled(options.src, options, source.records)
            or "expected one folder a class, or a column of labels."
        )
        raise SourceError(f"{options.src!r} holds no labelled images: {why}")
    source = hold_out(source, _HOLDOUT, by_class=by_class)
    if not {options.train, options.test} - {"all"} <= {record.split for record in source.records}:
        needs = "each class needs" if by_class else "there must be"
        raise SourceError(
            f"{options.src!r} has no parts, and no image can be held out to test on: {needs} at least two"
            " labelled images that differ and can be read, of two groups where there are any."
        )
    train, held = ([r.label for r in source.records if r.split == part] for part in ("train", "test"))
    tell_share(train, held, _HOLDOUT, reporter, by_class=by_class)
    whole = "each class" if by_class else "all images"
    return source, f", {_HOLDOUT:.0%} of {whole}, held out since the source has no parts"


def _tell(options: Any, by_class: bool, meant: list[ImageRecord], by_part: bool, reporter: Reporter) -> None:
    from cnncodes.images import tell_omitted

    for text in tell_omitted(meant, by_part=by_part):
        reporter.warn(text)
    labelled = [record for record in meant if record.label is not None]
    labels = [record.label for record in labelled]
    if by_class:
        warn_of_missing(labels, reporter)
    if options.label_delimiter is not None:
        warn_of_several(labels, options.label_delimiter, reporter)
        tell_empty(len(labelled) < len(meant), options.label_delimiter, reporter)


def _choose_task(options: Any, train: list[ImageRecord], test: list[ImageRecord]) -> Task:
    from cnncodes.evaluation.baselines import CLASSES, NUMBERS, LabelTask

    if options.label_delimiter is not None:
        of_train, of_test = ([str(record.label) for record in part] for part in (train, test))
        return LabelTask.find(of_train, of_test, options.label_delimiter)
    return NUMBERS if find_meaning(options).regression else CLASSES
