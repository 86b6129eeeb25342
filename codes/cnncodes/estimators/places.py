"""Where values that a user gave, one an image, are wrong."""

from __future__ import annotations

from collections.abc import Sequence

from cnncodes.errors import agree, name_some


def name_places(places: Sequence[int]) -> str:
    """Return where values are in what was given, of many the first ten.

    Examples
    --------
    >>> name_places([4]), name_places(range(12))
    ('at position 4', 'at positions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more')
    """
    return f"at position{'s' * (len(places) != 1)} {name_some(places, 10, str)}"


def say_places(places: Sequence[int], count: int, what: str, wrong: str) -> str:
    """Return which of so many values, one an image, are wrong, and that their images are to be left out.

    Examples
    --------
    >>> say_places([4], 9, "labels", "missing")
    '1 of 9 labels is missing, at position 4: leave this image out'
    """
    few = len(places) == 1
    return (
        f"{len(places)} of {count} {what} {agree(len(places), 'is')} {wrong}, {name_places(places)}:"
        f" leave {'this image' if few else 'these images'} out"
    )
