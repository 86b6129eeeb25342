"""Labels that are numbers to predict rather than classes, as sources have them: text."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PER_CENT = re.compile(r"-?\d+([.,]\d+)*\s*[%\u2030]")
#: Commas, where there are several or a point follows; spaces, underscores and apostrophes wherever they are.
_THOUSANDS = re.compile(
    r"-?\d{1,3}(,\d{3})+\.\d+|-?\d{1,3}(,\d{3}){2,}|-?\d+(_\d+)+(\.\d+)?|-?\d{1,3}([\s'\u2019]\d{3})+([.,]\d+)?"
)
_COMMA = re.compile(r"-?\d+,\d+")
_DATE = re.compile(r"(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2}))([T\s].*)?")


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


def explain_writing(texts: Iterable[str]) -> str:
    """Say how numbers are written that some texts write in another way; nothing where none does.

    Examples
    --------
    >>> explain_writing(["1 000"]), explain_writing(["cat", "7"])
    ('Regression takes numbers without separators of thousands: write 3,291.38 as 3291.38.', '')
    """
    listed = list(texts)
    for form, said in (
        (_PER_CENT, "Regression takes bare numbers: write 65.8% as 65.8 or as 0.658."),
        (
            _THOUSANDS,
            "Regression takes numbers without separators of thousands: write 3,291.38 as 3291.38.",
        ),
        (_COMMA, "Regression takes numbers with a point, such as '3.5', and none with a comma."),
    ):
        if any(form.fullmatch(text.strip()) for text in listed):
            return said
    return ""


def is_date(text: str) -> bool:
    """Say whether a text looks like a date, alone or with a time.

    Examples
    --------
    >>> is_date("2024-05-01"), is_date("1/5/2024"), is_date("2024-05-01 12:30"), is_date("3.5")
    (True, True, True, False)
    """
    return _DATE.fullmatch(text.strip()) is not None


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
