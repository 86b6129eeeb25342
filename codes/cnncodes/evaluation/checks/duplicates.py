"""Pictures that are there several times: equal files, and near copies of one picture."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cnncodes.embedding.lanes import run_lanes
from cnncodes.errors import agree, count, name_some
from cnncodes.evaluation.checks.finding import Certainty, Finding, Severity
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.neighbours import Neighbours
from cnncodes.evaluation.checks.pixels import compare_pictures
from cnncodes.evaluation.checks.truth import Task

#: Pictures are worth comparing with so many of their nearest neighbours, from such a cosine on. Five and 0.75
#: lost a fifth of strongly compressed tiles: they are nearer to one another than to what they were.
NEAREST, CANDIDATE = 10, 0.65
#: Groups that a sentence names.
_NAMED = 3
#: Pictures with a shorter side below that have little detail to differ in.
SMALL = 48


#: From which likeness on two pictures are one; measured in benchmarks/copies.py.
_STRUCTURE, _TONE = 0.9, 0.2


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that show one picture.

    Attributes
    ----------
    rows : tuple of int
        Two or more.
    exact : bool
        Whether all are equal to the byte (files) or the pixel (arrays).
    same : tuple of tuple of int
        Those of them that are equal to one another, two or more each.
    small : bool
        Whether one has a shorter side below `SMALL`: different pictures are taken for copies then, too.
    """

    rows: tuple[int, ...]
    exact: bool
    small: bool = False
    same: tuple[tuple[int, ...], ...] = field(default=(), compare=False)

    @property
    def certainty(self) -> Certainty:
        """How sure it is that they show one picture."""
        if self.exact:
            return "certain"
        return "possible" if self.small else "likely"


def find_duplicates(
    looks: Sequence[Look], neighbours: Neighbours, n_jobs: int | None = None
) -> list[DuplicateGroup]:
    """Return the groups of images that show one picture, each image in one group at most.

    Equal contents are duplicates. Of other pairs those are candidates of which one is among the other's ten
    nearest neighbours with a cosine of at least 0.65. They are duplicates where their thumbnails, laid over
    each other, are alike in structure and tone wherever they overlap. What is joined by a chain is one group.

    Parameters
    ----------
    looks : sequence of Look, length n
    neighbours : Neighbours
        Of the same images.
    n_jobs : int, optional
        Pairs compared at once; None is one for each usable core.
    """
    n = len(looks)
    _, content = np.unique([look.content for look in looks], return_inverse=True)
    pairs = _list_candidates(content, neighbours)
    same = pairs[_are_same(looks, pairs, n_jobs)]
    first = np.unique(content, return_index=True)[1]
    joined = np.concatenate([same, np.column_stack([np.arange(n), first[content]])])
    graph = coo_array((np.ones(len(joined), bool), (joined[:, 0], joined[:, 1])), shape=(n, n))
    _, member = connected_components(graph, directed=False)
    order = np.argsort(member, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(member[order])) + 1)
    return [
        DuplicateGroup(
            tuple(rows.tolist()),
            exact=len(set(content[rows].tolist())) == 1,
            small=min(min(looks[i].width, looks[i].height) for i in rows.tolist()) < SMALL,
            same=_list_same(rows, content),
        )
        for rows in groups
        if len(rows) > 1
    ]


def _list_same(rows: npt.NDArray[np.int64], content: npt.NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    found: dict[int, list[int]] = {}
    for row in rows.tolist():
        found.setdefault(int(content[row]), []).append(row)
    return tuple(tuple(some) for some in found.values() if len(some) > 1)


def _are_same(
    looks: Sequence[Look], pairs: npt.NDArray[np.int64], n_jobs: int | None
) -> npt.NDArray[np.bool_]:
    thumbnails = np.stack([look.thumbnail for look in looks])
    judge = functools.partial(_judge, thumbnails)
    return np.array(list(run_lanes(judge, pairs.tolist(), n_jobs)), dtype=bool)


def _judge(thumbnails: npt.NDArray[np.uint8], pairs: Sequence[Sequence[int]]) -> list[bool]:
    first, second = np.array(pairs).T
    alike = compare_pictures(thumbnails[first], thumbnails[second])
    return [bool(value) for value in (alike.structure >= _STRUCTURE) & (alike.tone <= _TONE)]


def _list_candidates(content: npt.NDArray[np.int64], neighbours: Neighbours) -> npt.NDArray[np.int64]:
    """Return the pairs that are worth comparing, each once, shape (m, 2)."""
    row, column = np.nonzero(neighbours.cosine[:, :NEAREST] >= CANDIDATE)
    other = neighbours.index[row, column]
    differs = content[row] != content[other]
    pairs = np.sort(np.column_stack([row[differs], other[differs]]), axis=1)
    # Of equal files one stands for all.
    _, kept = np.unique(np.sort(content[pairs], axis=1), axis=0, return_index=True)
    return np.asarray(pairs[kept], dtype=np.int64)


def check_duplicates(
    keys: Sequence[str],
    groups: Sequence[DuplicateGroup],
    labels: Sequence[Hashable | None],
    parts: Sequence[str | None],
    *,
    task: Task = "classes",
    tolerance: float = 0.0,
) -> list[Finding]:
    """Report duplicates: those in several parts, those under several labels, and the others.

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
    """
    across_parts = [group for group in groups if _differ(parts, group)]
    across_labels = [group for group in groups if _differ(labels, group, tolerance)]
    crossing = {group.rows for group in (*across_parts, *across_labels)}
    others = [group for group in groups if group.rows not in crossing]
    across_parts = _take_facts(across_parts, lambda group: _differ(parts, group))
    across_labels = _take_facts(across_labels, lambda group: _differ(labels, group, tolerance))
    if task == "numbers":
        across_labels.sort(key=lambda group: -_find_range(labels, group))
    findings = []
    for kind, chosen in (("parts", across_parts), ("labels", across_labels), ("within", others)):
        for certainty in _CERTAINTIES:
            some = [group for group in chosen if group.certainty == certainty]
            if some:
                findings.append(_report(kind, certainty, some, keys, labels, parts, task))
    return findings


def _take_facts(
    groups: Sequence[DuplicateGroup], differ: Callable[[DuplicateGroup], bool]
) -> list[DuplicateGroup]:
    """Return the groups, but of one in which equal images differ these alone: that is a fact."""
    found = []
    for group in groups:
        facts = [
            one for one in (DuplicateGroup(rows, True, group.small) for rows in group.same) if differ(one)
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
    "within": ("there more than once", "Keep one copy of each, or give copies one group."),
}
#: Where copies disagree.
_DISAGREE: dict[Task, tuple[str, str]] = {
    "classes": ("under more than one label", "Decide which label is right, and keep one copy."),
    "numbers": ("there with more than one number", "Decide which number is right, and keep one copy."),
    "labels": ("there with more than one set of labels", "Decide which labels are right, and keep one copy."),
}
#: Said of near copies with other numbers: these may be of what such copies differ in.
_DIFFERENT = (
    "Decide which number is right, and keep one copy; unless the number is of what such copies differ in"
    " (blur, brightness, what is cut)."
)


def _choose_words(kind: str, certainty: Certainty, task: Task) -> tuple[Severity, str, str]:
    """Return how severe copies are, where they are, and what to do about it."""
    where, advice = _DISAGREE[task] if kind == "labels" else _WHERE[kind]
    if kind == "within" or certainty == "possible":
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
    task: Task,
) -> Finding:
    severity, where, advice = _choose_words(kind, certainty, task)
    images = tuple(keys[i] for group in groups for i in group.rows)
    noun = count(len(groups), "picture")
    verb = "may be" if certainty == "possible" else agree(len(groups), "is")
    shown = _name_groups(keys, groups)
    how = (
        "as equal files"
        if certainty == "certain"
        else "as copies that are nearly the same (resized, cut, mirrored …)"
    )
    return Finding(
        check="duplicates",
        severity=severity,
        certainty=certainty,
        sentence=f"{noun} {verb} {where}, {how}: {shown}.",
        advice=advice,
        images=images,
        n=len(keys),
        details={
            "kind": kind,
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
