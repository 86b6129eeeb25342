"""What holding out came to, where it is not what was asked for: nothing, or another share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncodes.commands import common, inputs
from cnncodes.commands.reporter import Reporter

if TYPE_CHECKING:
    from cnncodes.images import ImageRecord


def tell_holdout(
    src: str,
    reading: common.SourceOptions,
    records: Sequence[ImageRecord] | None,
    reporter: Reporter,
    *,
    by_class: bool = True,
) -> bool:
    """Return whether --holdout held images out, and say where not, or another share.

    It is a warning where that leaves no part test.

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
    # Listed again without it: far quicker than reading every image once more to hash it.
    source = inputs.open_images(src, dataclasses.replace(reading, holdout=None))
    parts = sorted({record.split for record in source.records if record.split is not None})
    labelled = {record.key for record in source.records if record.label is not None}
    trained = (
        None if records is None else {r.key for r in records if r.split == "train" and r.key in labelled}
    )
    given, has = f"--holdout {reading.holdout:g}", f"the source has parts already ({', '.join(parts)})"
    if "test" in parts:
        reporter.note(f"{given} changes nothing: {has}")
    elif parts:
        reporter.warn(
            f"{given} held nothing out: {has} and no 'test' among them. Nothing is left to evaluate on"
        )
    elif trained == labelled:
        reporter.warn(
            f"{given} held nothing out: each class needs at least two different images, of two groups where"
            " there are any. Nothing is left to evaluate on"
        )
    elif trained is not None:
        divided = [
            dataclasses.replace(record, split="train" if record.key in trained else "test")
            for record in source.records
        ]
        tell_share(divided, reading.holdout, reporter, by_class=by_class)
    return not parts and trained != labelled


def tell_share(
    records: Sequence[ImageRecord], share: float, reporter: Reporter, *, by_class: bool = True
) -> None:
    """Say where of all images, or of some classes, far more or fewer were held out than was asked for."""
    from cnncodes.images.numbers import are_fractions
    from cnncodes.images.shares import describe_share

    by_class = by_class and not are_fractions(record.label for record in records)
    train, held = (
        [record.label if by_class else None for record in records if record.label and record.split == part]
        for part in ("train", "test")
    )
    if text := describe_share(train, held, share):
        reporter.note(
            f"{text}: images of a group, and equal files, are on one side, and each class keeps one in"
            " training. More images, or groups, allow other shares"
        )
