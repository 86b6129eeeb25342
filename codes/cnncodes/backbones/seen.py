"""Which images a network was fine-tuned on, or chosen by: what its card remembers of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: So many images are remembered at most; of more, those whose hashes are least, which are a sample.
MOST = 1000
#: Hexadecimal digits that are remembered of each hash.
_DIGITS = 16
#: What a card may hold.
SEEN = re.compile(rf"([0-9a-f]{{{_DIGITS}}})+")


def pack_seen(hashes: Iterable[str], before: str = "") -> str:
    """Return what a card remembers of images.

    Parameters
    ----------
    hashes : iterable of str
        Hash of each one's content, of 16 hexadecimal digits at least.
    before : str
        What the card has remembered so far.

    Examples
    --------
    >>> pack_seen(["00000000000000ff55", "000000000000000a55"], "00000000000000ff")
    '000000000000000a00000000000000ff'
    """
    return "".join(sorted({text[:_DIGITS] for text in hashes} | set(list_seen(before)))[:MOST])


def count_seen(seen: str, hashes: Sequence[str]) -> int:
    """Return how many of some images are among those that a card remembers: all that are, up to `MOST`.

    Examples
    --------
    >>> count_seen("000000000000000a00000000000000ff", ["00000000000000ff55", "00000000000000fe55"])
    1
    """
    known = set(list_seen(seen))
    return sum(text[:_DIGITS] in known for text in hashes)


def is_whole(seen: str) -> bool:
    """Tell whether a card remembers every image, and not a sample of them.

    Examples
    --------
    >>> is_whole("000000000000000a")
    True
    """
    return len(seen) < MOST * _DIGITS


def say_seen(seen: str, hashes: Sequence[str]) -> str:
    """Return in words how many of some images a card remembers; empty where it remembers none of them.

    Examples
    --------
    >>> say_seen("000000000000000a", ["000000000000000a55", "00000000000000fe55"])
    '1'
    """
    n = count_seen(seen, hashes)
    return "" if not n else f"{n:,}" if is_whole(seen) else f"at least {n:,}"


def list_seen(seen: str) -> list[str]:
    """Return the first 64 bits of the hash of each image that a card remembers, as hexadecimal digits.

    Examples
    --------
    >>> list_seen("000000000000000a00000000000000ff")
    ['000000000000000a', '00000000000000ff']
    """
    return [seen[start : start + _DIGITS] for start in range(0, len(seen), _DIGITS)]
