"""Holding images out for testing, where a source does not say itself which those are."""

from __future__ import annotations

from dataclasses import replace

from cnncodes.errors import UnreadableImage, UsageError
from cnncodes.images.content import content_hash
from cnncodes.images.numbers import are_fractions
from cnncodes.images.records import ImageRecord
from cnncodes.images.sources import ImageSource


def hold_out(source: ImageSource, share: float, *, by_class: bool = True) -> ImageSource:
    """Divide a source that has no parts into ``train`` and ``test``; one that has some stays as it is.

    Of each class the share is taken whose content has the lowest hashes: chance plays no part, names and
    order neither, and equal files lie on one side, as do the images of a group. A class of at least two
    different images, or groups, gets one of them into the test part at least. Images without a label stay
    outside both parts. Labels that are fractions are no classes: the share is of all images.

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
    above: dict[str, str] = {}

    def find(name: str) -> str:
        root = name
        while root in above:
            root = above[root]
        while name != root:
            above[name], name = root, above[name]
        return root

    for record in labelled:
        if record.group is not None:
            # Groups come after all contents, which are hexadecimal, so that a content is the lowest.
            one, other = sorted((find(contents[id(record)]), find(f"group:{record.group}")))
            if one != other:
                above[other] = one
    return {place: find(content) for place, content in contents.items()}


def _choose_test(
    labelled: list[ImageRecord], contents: dict[int, str], share: float, *, by_class: bool
) -> set[str]:
    """Return the contents that are for testing, class by class."""
    copies: dict[str, dict[str, int]] = {}
    for record in labelled:
        of_class = copies.setdefault(str(record.label) if by_class else "", {})
        content = contents[id(record)]
        of_class[content] = of_class.get(content, 0) + 1
    test: set[str] = set()
    for _, of_class in sorted(copies.items()):
        wanted = max(1, round(share * sum(of_class.values()))) if len(of_class) > 1 else 0
        # A picture filed under two classes may have been chosen for the first already.
        taken = sum(count for content, count in of_class.items() if content in test)
        for content in sorted(of_class.keys() - test)[: len(of_class) - 1]:
            if taken >= wanted:
                break
            test.add(content)
            taken += of_class[content]
    return test
