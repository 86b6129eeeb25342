"""Which images of a source are left out where labelled images of a part, or of parts, are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from cnncodes.errors import name_some
from cnncodes.images.records import ImageRecord

#: So many keys are shown.
_SHOWN = 5


def tell_omitted(records: Sequence[ImageRecord], *, by_part: bool) -> list[str]:
    """Return what is to be said of images that are left out, a line for each reason.

    Parameters
    ----------
    records : sequence of ImageRecord
    by_part : bool
        Whether images that are in no part of the source are left out, too.

    Examples
    --------
    >>> records = [ImageRecord("a.png", "a.png", "cat"), ImageRecord("b.png", "b.png")]
    >>> tell_omitted(records, by_part=False)
    ["1 of 2 images have no label and are left out: 'b.png'"]
    """
    unlabelled = [record.key for record in records if record.label is None]
    stray = [record.key for record in records if record.label is not None and record.split is None]
    reasons = [(unlabelled, "have no label")]
    if by_part:
        reasons.append((stray, "are in no part (train, val or test)"))
    return [
        f"{len(keys):,} of {len(records):,} images {why} and are left out: {name_some(keys, _SHOWN)}"
        for keys, why in reasons
        if keys
    ]
