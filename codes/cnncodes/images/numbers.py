"""Labels that are numbers to predict rather than classes, as sources have them: text."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PER_CENT = re.compile(r"-?\d+([.,]\d+)*\s*[%\u2030]")
#: Commas, where there are several or a point follows; spaces, underscores and apostrophes wherever they are.
_THOUSANDS = re.compile(
    r"-?\d{1,3}(,\d{3})+\.\d+|-?\d{1,3}(,\d{3}){2,}|-?\d+(_\d+)+(\.\d+)?|-?\d{1,3}([\s'\u2019]\d{3})+([.,]\d+)?"
)
#: Where commas part thousands.
_COMMAS = re.compile(r",\d{3}[,.]")
#: What word processors make of a hyphen before a number.
_MINUS = re.compile(r"[\u2212\u2013]\s*\d+([.,\s]\d+)*")
_NAME = r"[^\W\d_]{1,8}[23\u00b2\u00b3]?"
_UNIT = re.compile(
    rf"(?P<number>-?\d+(\.\d+)?)\s*(?P<unit>{_NAME}(/{_NAME})?|\u00b0\s?[CFK]?|[\u20ac$\u00a3\u00a5])"
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
    """Say how numbers are written that some texts write in other ways, each; nothing where none does.

    Examples
    --------
    >>> explain_writing(["1 000"]), explain_writing(["cat", "7"])
    ('Regression takes numbers without separators of thousands: write 1 000 as 1000.', '')
    >>> explain_writing(["12 kg", "7"])
    'Regression takes bare numbers, all in one unit: write 12 kg as 12.'
    """
    listed, said = [text.strip() for text in texts], []
    for form, say in (
        (_MINUS, _say_minus),
        (_PER_CENT, lambda _: "Regression takes bare numbers: write 65.8% as 65.8 or as 0.658."),
        (_THOUSANDS, _say_thousands),
        (_COMMA, lambda _: "Regression takes numbers with a point, such as '3.5', and none with a comma."),
    ):
        if text := next(filter(form.fullmatch, listed), None):
            said.append(say(text))
    return " ".join(said) or _say_unit(listed)


def _say_minus(text: str) -> str:
    return (
        f"Regression takes numbers with the minus '-' of the keyboard: write {text} as -{text[1:].lstrip()}."
    )


def _say_thousands(text: str) -> str:
    number = text.replace(",", "") if _COMMAS.search(text) else re.sub(r"[\s_'\u2019]", "", text)
    return (
        "Regression takes numbers without separators of thousands:"
        f" write {text} as {number.replace(',', '.')}."
    )


def _say_unit(texts: list[str]) -> str:
    """Say that units are left out, where most of what is no number is one with the same unit."""
    others = [text for text in texts if text and read_number(text) is None]
    found = [one for text in others if (one := _UNIT.fullmatch(text))]
    # Of several they are more likely names of classes: 1a, 1b, 2a.
    if len({one["unit"] for one in found}) != 1 or 2 * len(found) <= len(others):
        return ""
    return f"Regression takes bare numbers, all in one unit: write {found[0][0]} as {found[0]['number']}."


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
