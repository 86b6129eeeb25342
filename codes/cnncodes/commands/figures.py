"""What figures of classes, numbers and labels share as text: their table, and why they tell little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cnncodes.commands.command import Result
from cnncodes.commands.tables import format_interval, format_share, format_table
from cnncodes.errors import name_some, sentence
from cnncodes.plain import cut_names

if TYPE_CHECKING:
    from cnncodes.evaluation.measures import Measure


def name_figures(measures: Iterable[Measure], **values: object) -> dict[str, str]:
    """Return what each figure is called, by its key; the values stand in braces in their names."""
    return {one.key: one.text.format(**values) for one in measures}


def tabulate_figures(figures: Result, names: Mapping[str, str], form: str | None = None) -> str:
    """Return a table of the named figures that there are, each with its interval and number of images.

    They are in that form, or as shares.
    """
    rows = [("figure", "value", "95% interval", "images")]
    for key, name in names.items():
        estimate = figures.get(key)
        if estimate is not None:
            value = estimate["value"]
            shown = format_share(value) if form is None or value is None else form.format(value)
            rows.append((name, shown, format_interval(estimate, form), str(estimate["n"])))
    return format_table(rows)


def say_missing(figures: Result, names: Mapping[str, str]) -> str:
    """Say which of the named figures, or of their intervals, are missing, and why: by reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for key, reason in figures.get("missing", {}).items():
        estimate = figures.get(key)
        known = estimate is not None and estimate["value"] is not None
        what = "No interval of" if known else "No"
        reasons.setdefault((what, reason.removeprefix("no interval, since ")), []).append(names[key])
    return "".join(f"\n{what} {', '.join(keys)}: {sentence(why)}" for (what, why), keys in reasons.items())


def say_groups(figures: Result) -> str:
    """Say which images are equal, how many groups the intervals rest on, and where these are too few."""
    from cnncodes.evaluation.thresholds import FEW_GROUPS
    from cnncodes.images import are_copies_alone

    equal, count = say_copies(figures), figures.get("n_groups")
    if count is None:
        return equal
    few = count < FEW_GROUPS
    if are_copies_alone(count, figures.get("n_different")):
        said = "The different images are too few, so that intervals are too narrow or mean nothing."
        return f"{equal}\n{said}" if few else equal
    end = ": too few, so that they are too narrow or mean nothing" if few else ""
    return f"{equal}\nIntervals draw whole groups, of which there are {count:,}{end}."


def say_few_groups(of_each: list[Result], count: int | None, noun: str) -> str:
    """Say whose images are of too few groups, where all together are of enough; `noun` is what they are."""
    from cnncodes.evaluation.thresholds import FEW_GROUPS

    if count is None or count < FEW_GROUPS:
        return ""
    few = [figures["name"] for figures in of_each if 0 < figures["n_groups"] < FEW_GROUPS]
    if not few:
        return ""
    which = f"{len(few)} of {len(of_each)} {noun} ({name_some(cut_names(few), show=str)})"
    few_groups = f"fewer than {FEW_GROUPS} groups"
    return f"\nThe images of {which} are of {few_groups}: their own intervals are too narrow or mean nothing."


def say_copies(figures: Result) -> str:
    """Say how many of the images differ, where some are equal."""
    from cnncodes.images import say_equal

    if figures.get("n_different") is None:  # nor is it known of folds of named groups
        return ""
    return f"\n{say_equal(figures['n'], figures['n_different'])}."
