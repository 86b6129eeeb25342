"""Shares in words."""

from __future__ import annotations

import math


def percent(value: float) -> str:
    """Return a share in words.

    Examples
    --------
    >>> percent(0.934), percent(0.004), percent(1.0), percent(0.9998)
    ('93 %', '0.4 %', '100 %', '99.98 %')
    """
    return f"{value * 100:.{_count_digits(value)}f} %"


def _count_digits(value: float) -> int:
    """Return with how many digits a share is not 0 or 1 unless it is so."""
    if value in (0.0, 1.0) or 0.01 <= value <= 0.99:
        return 0
    return next((d for d in range(5) if round(value * 100, d) not in (0.0, 100.0)), 0)


def percent_range(low: float, high: float) -> str:
    """Return a range of shares in words, with as many digits as show how wide it is.

    Examples
    --------
    >>> percent_range(0.721, 0.81), percent_range(0.855, 0.865), percent_range(0.8996, 0.9004)
    ('72 % to 81 %', '85.5 % to 86.5 %', '89.96 % to 90.04 %')
    >>> percent_range(0.985, 1.0), percent_range(1.0, 1.0)
    ('98 % to 100 %', '100 % to 100 %')
    """
    low_digits, high_digits = _count_range_digits(low, high)
    return f"{low * 100:.{low_digits}f} % to {high * 100:.{high_digits}f} %"


def _count_range_digits(low: float, high: float) -> tuple[int, int]:
    if not low < high or high - low >= 0.015:
        return _count_digits(low), _count_digits(high)
    digits = max(1 if high - low >= 0.0015 else 2, _count_digits(low), _count_digits(high))
    return digits, digits


def percent_within(value: float, low: float, high: float) -> str:
    """Return a share in words, with so many digits that it is not outside of its interval in words.

    Parameters
    ----------
    value : float
    low, high : float
        NaN where there is no interval.

    Examples
    --------
    >>> percent_within(0.988, 0.987, 0.989), percent_within(0.98, 0.9, 0.999)
    ('98.8 %', '98 %')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return percent(value)
    digits = _count_range_digits(low, high)
    ends = [round(end * 100, places) for end, places in zip((low, high), digits, strict=True)]
    least = max(_count_digits(value), min(digits))
    enough = (places for places in range(least, 6) if ends[0] <= round(value * 100, places) <= ends[1])
    return f"{value * 100:.{next(enough, 5)}f} %"
