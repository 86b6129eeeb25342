"""What ``cnncodes compare`` says: the figures of each classifier, and of each pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncodes.commands.command import Result
from cnncodes.commands.figures import say_copies
from cnncodes.commands.tables import format_interval, format_table
from cnncodes.errors import count, sentence


def render_compare(result: Result) -> str:
    """Return a table of the classifiers, one of their differences, and each pair in words."""
    from cnncodes.evaluation.measures import CLASS_MEASURES

    titles = {one.key: one.title for one in CLASS_MEASURES}
    part = f", part {result['split']}" if result["split"] else ""
    own: list[tuple[str, ...]] = [("classifier", "figure", "value", "95% interval", "images")]
    own += _list_figures(result["classifiers"], titles, lambda entry: entry["name"], "{:.3f}")
    paired: list[tuple[str, ...]] = [("first - second", "figure", "difference", "95% interval", "images")]
    paired += _list_figures(
        result["pairs"], titles, lambda pair: f"{pair['first']} - {pair['second']}", "{:+z.3f}"
    )
    why = {
        f"No {titles[name]}: {sentence(reason)}\n"
        if not reason.startswith("no interval")
        else f"{titles[name]} of {pair['first']} - {pair['second']}: {sentence(reason)}\n"
        for pair in result["pairs"]
        for name, reason in pair["missing"].items()
    }
    many = len(result["pairs"]) > 1
    note = "p-values are raised for the number of pairs (Holm); the intervals are not.\n" if many else ""
    lacking = [f"{one['name']} lacks {one['failed']:,}" for one in result["classifiers"] if one["failed"]]
    without = f"{count(result['failed'], 'image')} without an answer of all ({', '.join(lacking)})"
    failed = f"Not in these figures: {without}.\n" if lacking else ""
    report = f"Report: {result['report']}\n" if result["report"] else ""
    return (
        f"{len(result['classifiers'])} classifiers on the same {result['n']:,} images of"
        f" {result['src']}{part}\n{format_table(own)}\n\n{format_table(paired)}\n"
        f"{''.join(sorted(why))}{_say_groups(result)}\n"
        f"{''.join(sentence(_capitalize(pair['sentence'])) + chr(10) for pair in result['pairs'])}"
        f"{note}{failed}{report}"
    )


def _list_figures(
    entries: list[Result], titles: Mapping[str, str], name: Any, form: str
) -> list[tuple[str, ...]]:
    from cnncodes.evaluation.paired import FIGURES

    rows: list[tuple[str, ...]] = []
    for entry in entries:
        for key in FIGURES:
            estimate, title = entry[key], titles[key]
            if estimate is not None and estimate["value"] is not None:
                shown = form.format(estimate["value"])
                rows.append((name(entry), title, shown, format_interval(estimate, form), str(estimate["n"])))
    return rows


def _say_groups(result: Result) -> str:
    from cnncodes.evaluation.thresholds import FEW_GROUPS
    from cnncodes.images import are_copies_alone

    equal, count = say_copies(result).lstrip(), result["n_groups"]
    if count is None:
        return ""
    equal += "\n" if equal else ""
    few = ", too few for intervals to be believed" if count < FEW_GROUPS else ""
    if are_copies_alone(count, result.get("n_different")):
        return f"{equal}Intervals and tests go by the {count:,} different images{few}.\n"
    return f"{equal}Intervals and tests go by whole groups, of which there are {count:,}{few}.\n"


def _capitalize(text: str) -> str:
    return text if not text.startswith("no ") else f"N{text[1:]}"
