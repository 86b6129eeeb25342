"""What holding out came to, where it is not what was asked for: nothing, or another share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncodes.commands import common, inputs
from cnncodes.commands.reporter import Reporter

if TYPE_CHECKING:
    from cnncodes.images import ImageRecord, ImageSource


def tell_holdout(
    src: str,
    reading: common.SourceOptions,
    records: Sequence[ImageRecord] | None,
    reporter: Reporter,
    *,
    by_class: bool = True,
) -> bool:
    """Return whether --holdout held images out, and say where not, or another share.

    It is a warning where that leaves no part test. That it changes nothing is said where the user gave it,
    and not where a recipe did.

    Parameters
    ----------
    src : str
    reading : SourceOptions
    records : sequence of ImageRecord, optional
        Of the source as it was divided, the part train at least; None where another part is fitted.
    reporter : Reporter
    by_class : bool
        Whether labels are classes.
    """
    if reading.holdout is None:
        return False
    source = _list_undivided(src, reading)
    parts = _list_parts(source)
    labelled = {record.key for record in source.records if record.label is not None}
    trained = (
        None if records is None else {r.key for r in records if r.split == "train" and r.key in labelled}
    )
    given = f"--holdout {reading.holdout:g}"
    if "test" in parts:
        if reporter.was_typed("holdout"):
            _note_unused(reading, parts, reporter)
    elif parts:
        reporter.warn(
            f"{given} held nothing out: {_say_parts(parts)} and no 'test' among them. Nothing is left to"
            " evaluate on"
        )
    elif trained == labelled:
        reporter.warn(
            f"{given} held nothing out: each class needs at least two different images, of two groups where"
            " there are any. Nothing is left to evaluate on"
        )
    elif trained is not None:
        divided: dict[bool, list[str | None]] = {True: [], False: []}
        for record in source.records:
            if record.label is not None:
                divided[record.key in trained].append(record.label)
        tell_share(divided[True], divided[False], reading.holdout, reporter, by_class=by_class)
    return not parts and trained != labelled


def tell_unused_holdout(src: str, reading: common.SourceOptions, reporter: Reporter) -> None:
    """Say where --holdout, given by the user, changes nothing of what is predicted: there are parts."""
    if reading.holdout is None or not reporter.was_typed("holdout"):
        return  # nothing is listed once more for what nobody is told
    if parts := _list_parts(_list_undivided(src, reading)):
        _note_unused(reading, parts, reporter)


def _list_undivided(src: str, reading: common.SourceOptions) -> ImageSource:
    """List a source again without --holdout: far quicker than reading every image once more to hash it."""
    return inputs.open_images(src, dataclasses.replace(reading, holdout=None), unlisted="record")


def _list_parts(source: ImageSource) -> list[str]:
    return sorted({record.split for record in source.records if record.split is not None})


def _note_unused(reading: common.SourceOptions, parts: Sequence[str], reporter: Reporter) -> None:
    reporter.note(f"--holdout {reading.holdout:g} changes nothing: {_say_parts(parts)}")


def _say_parts(parts: Sequence[str]) -> str:
    return f"the source has parts already ({', '.join(parts)})"


def tell_share(
    train: Sequence[str | None],
    held: Sequence[str | None],
    share: float,
    reporter: Reporter,
    *,
    by_class: bool = True,
) -> None:
    """Say where of all images, or of some classes, far more or fewer were held out than was asked for.

    `train` and `held` are the labels of those that are trained on and held out.
    """
    from cnncodes.images.numbers import are_fractions
    from cnncodes.images.shares import describe_share

    if not by_class or are_fractions([*train, *held]):
        train, held = [None] * len(train), [None] * len(held)
    if text := describe_share(train, held, share):
        reporter.note(
            f"{text}: images of a group, and equal files, are on one side, and each class keeps one in"
            " training. More images, or groups, allow other shares"
        )
