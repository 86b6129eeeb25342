"""What is said of pictures that are there several times: in several parts, or labelled otherwise."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

from cnncodes.errors import agree, count, name_some
from cnncodes.evaluation.checks.duplicates import DuplicateGroup
from cnncodes.evaluation.checks.finding import Certainty, Finding, Severity
from cnncodes.evaluation.checks.groups import join_groups
from cnncodes.evaluation.task_names import TaskName

#: Groups that a sentence names.
_NAMED = 3
#: From which share of all images on, and how many groups, near copies that folds divide are a warning.
SERIES, LEAST_SERIES = 0.05, 3


def find_copies(
    keys: Sequence[str],
    groups: Sequence[DuplicateGroup],
    labels: Sequence[Hashable | None],
    parts: Sequence[str | None],
    *,
    task: TaskName = "classes",
    tolerance: float = 0.0,
    named: Sequence[str | None] | None = None,
) -> list[Finding]:
    """Report duplicates: those in several parts, those under several labels, and the others.

    Of the others, near copies that no named group keeps on one side of folds are a warning where they are
    many: held-out figures are too good then.

    Parameters
    ----------
    keys, labels, parts : sequence, length n
        Of each image its key, its label and its part, None where there is none. Labels are classes, or
        numbers as floats, or sets, as `Truth.given` has them.
    groups : sequence of DuplicateGroup
        As `find_duplicates` gave them.
    task : {"classes", "numbers", "labels"}
        What the labels are, for the text. Of numbers those that differ most come first.
    tolerance : float
        Numbers that differ by no more are taken for the same.
    named : sequence of str or None, length n, optional
        The group that somebody gave each image.
    """
    # Arrows and letters may mean another thing when they are turned.
    groups = [
        replace(group, doubtful=True) if group.turned and _differ(labels, group, tolerance) else group
        for group in groups
    ]
    across_parts = [group for group in groups if _differ(parts, group)]
    across_labels = [group for group in groups if _differ(labels, group, tolerance)]
    crossing = {group.rows for group in (*across_parts, *across_labels)}
    others = [group for group in groups if group.rows not in crossing]
    across_parts = _take_facts(across_parts, lambda group: _differ(parts, group))
    across_labels = _take_facts(across_labels, lambda group: _differ(labels, group, tolerance))
    if task == "numbers":
        across_labels.sort(key=lambda group: -_find_range(labels, group))
    names = [None] * len(keys) if named is None else named
    series, others = _take_series(others, names)
    kept = [group for group in others if _is_kept(group, names)]
    others = [group for group in others if not _is_kept(group, names)]
    findings = []
    for kind, chosen in (
        ("parts", across_parts),
        ("labels", across_labels),
        ("series", series),
        ("kept", kept),
        ("within", others),
    ):
        for certainty in _CERTAINTIES:
            some = [group for group in chosen if group.certainty == certainty]
            if some:
                findings.append(_report(kind, certainty, some, keys, labels, parts, task))
    return findings


def _take_series(
    groups: Sequence[DuplicateGroup], named: Sequence[str | None]
) -> tuple[list[DuplicateGroup], list[DuplicateGroup]]:
    """Return the near copies that folds divide, where these are many, and all others."""
    kept = join_groups(named, [rows for group in groups for rows in group.same])
    loose = [
        group for group in groups if group.certainty == "likely" and len(set(kept[list(group.rows)])) > 1
    ]
    if len(loose) < LEAST_SERIES or sum(len(group.rows) for group in loose) < SERIES * len(named):
        return [], list(groups)
    rows = {group.rows for group in loose}
    return loose, [group for group in groups if group.rows not in rows]


def _is_kept(group: DuplicateGroup, named: Sequence[str | None]) -> bool:
    """Tell whether all copies are of one named group, or equal to one of its images."""
    equal = {row: rows for rows in group.same for row in rows}
    names = [{named[i] for i in equal.get(row, (row,))} - {None} for row in group.rows]
    return all(len(one) == 1 and one == names[0] for one in names)


def _take_facts(
    groups: Sequence[DuplicateGroup], differ: Callable[[DuplicateGroup], bool]
) -> list[DuplicateGroup]:
    """Return the groups, but of one in which equal images differ these alone: that is a fact."""
    found = []
    for group in groups:
        facts = [
            one for one in (DuplicateGroup(rows, True, group.doubtful) for rows in group.same) if differ(one)
        ]
        found += facts or [group]
    return found


def _differ(values: Sequence[Hashable | None], group: DuplicateGroup, tolerance: float = 0.0) -> bool:
    if tolerance:
        return _find_range(values, group) > tolerance
    return len({values[i] for i in group.rows} - {None}) > 1


def _find_range(values: Sequence[Any], group: DuplicateGroup) -> float:
    known = [values[i] for i in group.rows if values[i] is not None]
    return max(known) - min(known) if known else 0.0


_CERTAINTIES: tuple[Certainty, ...] = ("certain", "likely", "possible")
_WHERE = {
    "parts": (
        "in more than one part",
        "Keep each in one part: until then figures on test images are too good.",
    ),
    "series": (
        "there more than once",
        "These are {}, in series perhaps: where they show one thing, held-out figures are too good, since"
        " folds and --holdout keep equal files together but not these. Give pictures of one thing one group:"
        " --group-column, in a table with the columns image, label and group.",
    ),
    "kept": ("there more than once", "Each is of one group, which keeps it on one side: nothing to do."),
    "within": ("there more than once", "Keep one copy of each, or give copies one group."),
}
#: Where copies disagree.
_DISAGREE: dict[TaskName, tuple[str, str]] = {
    "classes": ("under more than one label", "Decide which label is right, and keep one copy."),
    "numbers": ("there with more than one number", "Decide which number is right, and keep one copy."),
    "labels": ("there with more than one set of labels", "Decide which labels are right, and keep one copy."),
}
#: Said of near copies with other numbers: these may be of what such copies differ in.
_DIFFERENT = (
    "Decide which number is right, and keep one copy; unless the number is of what such copies differ in"
    " (blur, brightness, what is cut)."
)


def _choose_words(kind: str, certainty: Certainty, task: TaskName) -> tuple[Severity, str, str]:
    """Return how severe copies are, where they are, and what to do about it."""
    where, advice = _DISAGREE[task] if kind == "labels" else _WHERE[kind]
    if kind in ("kept", "within") or certainty == "possible":
        return "tell", where, advice
    if kind == "labels" and task == "numbers" and certainty != "certain":
        return "tell", where, _DIFFERENT
    return "warn", where, advice


def _report(
    kind: str,
    certainty: Certainty,
    groups: Sequence[DuplicateGroup],
    keys: Sequence[str],
    labels: Sequence[Hashable | None],
    parts: Sequence[str | None],
    task: TaskName,
) -> Finding:
    severity, where, advice = _choose_words(kind, certainty, task)
    images = tuple(keys[i] for group in groups for i in group.rows)
    noun = count(len(groups), "picture")
    verb = "may be" if certainty == "possible" else agree(len(groups), "is")
    shown = _name_groups(keys, groups)
    how = (
        "as equal files"
        if certainty == "certain"
        else "as copies that are nearly the same (resized, cut, mirrored, turned …)"
    )
    return Finding(
        check="duplicates",
        severity=severity,
        certainty=certainty,
        sentence=f"{noun} {verb} {where}, {how}: {shown}.",
        advice=advice.format(f"{len(images):,} of {count(len(keys), 'image')}"),
        images=images,
        n=len(keys),
        details={
            "kind": "within" if kind in ("series", "kept") else kind,
            "exact": certainty == "certain",
            "groups": [
                {
                    "images": [keys[i] for i in group.rows],
                    "labels": [_to_plain(labels[i]) for i in group.rows],
                    "parts": [parts[i] for i in group.rows],
                }
                for group in groups
            ],
        },
    )


def _name_groups(keys: Sequence[str], groups: Sequence[DuplicateGroup]) -> str:
    """Return two images of each group, divided by semicolons, and how many more groups there are."""
    named = [name_some([keys[i] for i in group.rows], 2) for group in groups[:_NAMED]]
    more = len(groups) - _NAMED
    return "; ".join([*named, f"and {count(more, 'more picture')}"] if more > 0 else named)


def _to_plain(label: Any) -> Any:
    return sorted(label) if isinstance(label, frozenset) else label
