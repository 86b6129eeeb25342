"""What holding out came to, where it is not what was asked for: nothing, or another share."""

from __future__ import annotations

import dataclasses

from cnncodes.commands import common, inputs
from cnncodes.commands.reporter import Reporter


def tell_holdout(src: str, reading: common.SourceOptions, trained: int | None, reporter: Reporter) -> bool:
    """Return whether --holdout held images out, and say where not, or another share.

    It is a warning where that leaves no part test.

    Parameters
    ----------
    src : str
    reading : SourceOptions
    trained : int, optional
        Labelled images in the part train; None where they are not known, since another part is fitted.
    reporter : Reporter
    """
    if reading.holdout is None:
        return False
    # Listed again without it: far quicker than reading every image once more to hash it.
    source = inputs.open_images(src, dataclasses.replace(reading, holdout=None))
    parts = sorted({record.split for record in source.records if record.split is not None})
    labelled = sum(record.label is not None for record in source.records)
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
        tell_share(labelled - trained, labelled, reading.holdout, reporter)
    return not parts and trained != labelled


def tell_share(held: int, total: int, share: float, reporter: Reporter) -> None:
    """Say where far more, or far fewer, images were held out than was asked for."""
    from cnncodes.images.shares import is_far

    if is_far(held, total, share):
        reporter.note(
            f"{held:,} of {total:,} images, {held / total:.0%}, are held out, and not {share:.0%}: images of"
            " a group, and equal files, are on one side, and each class keeps one in training. More images,"
            " or groups, allow other shares"
        )
