"""Labels that are numbers to predict rather than classes, as sources have them: text."""

from __future__ import annotations

from collections.abc import Iterable


def read_number(text: str) -> float | None:
    """Return the number that a label is, NaN and infinity too; None where it is none.

    Examples
    --------
    >>> read_number("3.5"), read_number("cat"), read_number("1_000")
    (3.5, None, None)
    """
    if "_" in text:  # which Python takes for the spacing of digits
        return None
    try:
        return float(text)
    except ValueError:
        return None


def are_fractions(labels: Iterable[str | None]) -> bool:
    """Say whether labels, those that there are, are all numbers and not all whole: no names of classes.

    Examples
    --------
    >>> are_fractions(["3.5", None, "4"]), are_fractions(["3", "4"]), are_fractions(["1.5", "cat"])
    (True, False, False)
    """
    numbers = [read_number(label) for label in set(labels) if label is not None]
    if any(number is None for number in numbers):
        return False
    return any(number is not None and not number.is_integer() for number in numbers)
