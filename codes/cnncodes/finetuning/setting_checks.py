"""Checks of the values of settings, which complete the sentence that begins with a setting's name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from cnncodes.errors import UsageError
from cnncodes.plain import to_builtin

#: What `FineTuning.base_lr` may be beside a number.
FIND = "find"
#: Which of two classifiers is saved.
KEEP = ("better", "tuned", "head")
#: A text that is a number, and no whole one, which may be a layer's name.
_NUMBER = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=e))(e[-+]?\d+)?|nan|[-+]?inf", re.IGNORECASE)


def at_least(least: int) -> Callable[[int], None]:
    """Return a check of a whole number's least value."""

    def check(number: int) -> None:
        if number < least:
            raise UsageError(f"must be a whole number of at least {least}. Got {number}.")

    return check


def between(low: float, high: float, *, low_too: bool = True, high_too: bool = True) -> Callable[[Any], None]:
    """Return a check of a number's range; the ends belong to it or not."""
    first = f"{'at least' if low_too else 'above'} {low:,}"
    if math.isinf(high):
        first = f"a finite number {'of ' if low_too else ''}{first}"
    last = "" if math.isinf(high) else f" and {'at most' if high_too else 'below'} {high:,}"

    def check(number: Any) -> None:
        # Written so that NaN, which compares with nothing, is outside.
        above = number >= low if low_too else number > low
        below = number <= high if high_too else number < high
        if not (above and below) or math.isinf(number):
            raise UsageError(f"must be {first}{last}. Got {number}.")

    return check


def check_keep(keep: Any) -> str:
    """Return which of two classifiers is to be saved, if it is one of `KEEP`."""
    if not isinstance(keep, str) or keep not in KEEP:
        raise UsageError(f"keep must be one of {', '.join(KEEP)}. Got {keep!r}.")
    return keep


#: Check a rate, a factor of one, or minutes; far above, torch has no number for a rate.
check_rate = between(0, 10**6, low_too=False)


def check_base_lr(rate: Any) -> None:
    """Check a learning rate, or the word that has one found."""
    if isinstance(rate, str):
        if rate != FIND:
            raise UsageError(f"must be a number above 0, or {FIND!r}. Got {rate!r}.")
    else:
        check_rate(rate)


def check_unfreeze(unfreeze: str | float) -> None:
    """Check that something beside the head is trained."""
    if not str(unfreeze).strip() or unfreeze == "none":
        raise UsageError(
            "must say what is trained beside the head: all, last:N, a share such as 0.3, or a layer's name."
            f" Got {unfreeze!r}; a head alone is what 'cnncodes fit' trains."
        )
    share = read_share(unfreeze)
    if share is None:
        _check_form(str(unfreeze))
    elif not 0 < share <= 1:
        last = f" For the last {share:.0f} blocks give 'last:{share:.0f}'." if share in range(2, 100) else ""
        raise UsageError(f"a share of the layers must be above 0 and at most 1. Got {unfreeze}.{last}")


def read_share(unfreeze: str | float) -> float | None:
    """Return the share of the layers that is meant; None where a text is none, as whole numbers are not.

    Examples
    --------
    >>> read_share(0.3), read_share("1e-9"), read_share("layer3"), read_share("3")
    (0.3, 1e-09, None, None)
    """
    is_number = not isinstance(unfreeze, str) or _NUMBER.fullmatch(unfreeze)
    return float(unfreeze) if is_number else None


def _check_form(unfreeze: str) -> None:
    """Check that what would be 'all' or 'last:N' but for blanks and capitals is that."""
    plain = "".join(unfreeze.split()).lower()
    if (plain == "all" or re.fullmatch(r"last:\d+", plain)) and plain != unfreeze:
        raise UsageError(f"must be written {plain!r}, in small letters and without blanks. Got {unfreeze!r}.")
    if plain.startswith("last:") and not re.fullmatch(r"last:0*[1-9]\d*", plain):
        raise UsageError(f"last:N takes a whole number of blocks, from 1 on. Got {unfreeze!r}.")


def check_size(size: str | int) -> None:
    """Check an amount of disk."""
    from cnncodes.embedding.memory import parse_bytes

    if str(size) == "0":
        return
    try:
        parse_bytes(size)
    except UsageError as error:
        raise UsageError(f"must be an amount of disk, such as 10G or 500M, or 0. Got {size!r}.") from error


def check_device(device: str) -> None:
    """Check the name of a device."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise UsageError(f"must be auto, cpu, cuda or cuda:N. Got {device!r}.")


def check_class_weight(weight: str | dict[Any, Any]) -> None:
    """Check weights of classes, or the word that balances them."""
    if isinstance(weight, str):
        if weight != "balanced":
            raise UsageError(f"must be 'balanced' or a dictionary. Got {weight!r}.")
        return
    for name, value in weight.items():
        number = to_builtin(value)
        if type(number) not in (int, float) or not 0 < number < math.inf:
            raise UsageError(f"must hold finite weights above 0. Got {value!r} of {name!r}.")
