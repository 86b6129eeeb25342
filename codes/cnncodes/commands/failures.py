"""How many inputs may fail before a job that is done counts as not good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cnncodes.commands.reporter import Reporter
from cnncodes.errors import SourceError, UsageError, sentence


def allowed_failures(limit: str | int | float, total: int) -> int:
    """Return how many of `total` inputs may fail.

    Parameters
    ----------
    limit : str, int or float
        A whole number of inputs, or a share: ``"1%"``, or a fraction below 1 as in ``0.01``.
    total : int
        Inputs in all.

    Raises
    ------
    UsageError
        If it is neither, or 1.0, which may be meant as one image or as all.

    Examples
    --------
    >>> allowed_failures("1%", 1000), allowed_failures(0.05, 1000), allowed_failures(3, 1000)
    (10, 50, 3)
    """
    text = str(limit).strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = -1.0
    share = text.endswith("%")
    whole = number == int(number) if number == number and abs(number) != float("inf") else False
    if number < 0 or (share and not number <= 100) or (not share and not whole and not number < 1):
        raise UsageError(
            "the failures allowed must be a number of images, a share below 1, or per cent as in 1%."
            f" Got {limit!r}."
        )
    if number == 1 and "." in text and not share:
        raise UsageError(f"the failures allowed are {limit!r}: write 1 for one image, or 100% for all.")
    if share:
        return int(total * number / 100)
    return int(number) if whole else int(total * number)


def check_limit(limit: str | int | float) -> None:
    """Raise `UsageError` if `limit` is no limit."""
    allowed_failures(limit, 0)


def judge_failures(
    failures: Iterable[tuple[str, str]], total: int, limit: str | int | float, reporter: Reporter
) -> bool:
    """Warn of inputs that failed; return whether they are more than allowed.

    Parameters
    ----------
    failures : iterable of (str, str)
        Key and reason of each.
    total, limit, reporter
        Inputs in all, what is allowed, and where to warn.
    """
    failed = list(failures)
    warn_of_failures(failed, total, reporter)
    return bool(failed) and exceeds_limit(len(failed), total, limit, reporter)


def warn_of_failures(failed: Sequence[tuple[str, str]], total: int, reporter: Reporter) -> None:
    """Warn of inputs that failed, each by its key and reason, of so many in all."""
    if failed:
        shown = "; ".join(f"{key!r} ({reason})" for key, reason in failed[:5])
        more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
        reporter.warn(f"{len(failed)} of {total} images could not be used: {shown}{more}")


def exceeds_limit(failed: int, total: int, limit: str | int | float, reporter: Reporter) -> bool:
    """Return whether more inputs failed than allowed, and warn if so."""
    too_many = failed > allowed_failures(limit, total)
    if too_many:
        reporter.warn(f"that is more than --max-failures {limit} allows: exit status 3. What worked is kept.")
    return too_many


def list_read(src: str, records: Sequence[Any], predictions: Any) -> list[int]:
    """Return the numbers of the images that could be read.

    Raises
    ------
    SourceError
        If there are none.
    """
    read = [i for i in range(len(records)) if i not in predictions.failures]
    if not read:
        first = next(iter(predictions.failures.values()))
        raise SourceError(
            f"none of the {len(records)} labelled images of {src!r} can be read; the first is"
            f" {first.key!r}: {sentence(first.reason)}"
        )
    return read
