"""Holding images out for testing, where a source does not say itself which those are."""

from __future__ import annotations

from dataclasses import replace

from cnncodes.errors import UnreadableImage, UsageError
from cnncodes.images.content import content_hash
from cnncodes.images.grouping import name_joined
from cnncodes.images.numbers import are_fractions
from cnncodes.images.records import ImageRecord
from cnncodes.images.shares import choose_share
from cnncodes.images.sources import ImageSource


def hold_out(source: ImageSource, share: float, *, by_class: bool = True) -> ImageSource:
    """Divide a source that has no parts into ``train`` and ``test``; one that has some stays as it is.

    Of each class the share is taken whose content has the lowest hashes: chance plays no part, names and
    order neither, and equal files lie on one side, as do the images of a group. Groups are put together so
    that the share of each class is met as nearly as they allow. A class of at least two different images, or
    groups, keeps one for training, and gets one into the test part where that does not take a far larger
    share of several others. Images without a label stay outside both parts. Labels that are fractions are no
    classes: the share is of all images.

    Parameters
    ----------
    source : ImageSource
    share : float
        Of each class's images, above 0 and below 1.
    by_class : bool
        False where labels are numbers to predict: the share is of all images.

    Raises
    ------
    UsageError
        If the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise UsageError(f"the share to hold out must be above 0 and below 1. Got {share!r} instead.")
    if any(record.split is not None for record in source.records):
        return source
    labelled = [record for record in source.records if record.label is not None]
    contents = _join(labelled, {id(record): _content(record) for record in labelled})
    by_class = by_class and not are_fractions(record.label for record in labelled)
    test = _choose_test(labelled, contents, share, by_class=by_class)
    records = tuple(
        record
        if record.label is None
        else replace(record, split="test" if contents[id(record)] in test else "train")
        for record in source.records
    )
    return replace(source, records=records)


def _content(record: ImageRecord) -> str:
    try:
        return content_hash(record.read())
    except UnreadableImage:  # it will be a failure wherever it is; its name decides
        return content_hash(record.key.encode())


def _join(labelled: list[ImageRecord], contents: dict[int, str]) -> dict[int, str]:
    """Give all images of a group, with the files that equal one of them, the lowest of their contents."""
    if all(record.group is None for record in labelled):
        return contents
    joined = name_joined([record.group for record in labelled], list(contents.values()))
    return dict(zip(contents, joined, strict=True))


def _choose_test(
    labelled: list[ImageRecord], contents: dict[int, str], share: float, *, by_class: bool
) -> set[str]:
    """Return the contents that are for testing."""
    units: dict[str, dict[str, int]] = {}
    for record in labelled:
        of_class = units.setdefault(contents[id(record)], {})
        label = str(record.label) if by_class else ""
        of_class[label] = of_class.get(label, 0) + 1
    return choose_share(units, share)
