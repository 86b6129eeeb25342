"""What ``--holdout`` came to: it does nothing where the source has parts already, which is to be said."""

from __future__ import annotations

import dataclasses

from cnncodes.commands import common, inputs
from cnncodes.commands.reporter import Reporter


def tell_holdout(src: str, reading: common.SourceOptions, trained: int, reporter: Reporter) -> bool:
    """Return whether --holdout held images out; say where not, and warn where that leaves no part test.

    Parameters
    ----------
    src : str
    reading : SourceOptions
    trained : int
        Labelled images in the part train.
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
            f"{given} held nothing out: no class has two different images. Nothing is left to evaluate on"
        )
    return not parts and trained < labelled
