"""Pictures that are there several times: equal files, and near copies of one picture."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cnncodes.embedding.lanes import run_lanes
from cnncodes.evaluation.checks.finding import Certainty
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.neighbours import Neighbours
from cnncodes.evaluation.checks.pixels import compare_pictures
from cnncodes.evaluation.checks.turning import Fits, find_fits, turn

#: Pictures are worth comparing with so many of their nearest neighbours, from such a cosine on. Five and 0.75
#: lost a fifth of strongly compressed tiles: they are nearer to one another than to what they were.
NEAREST, CANDIDATE = 10, 0.65
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
    doubtful : bool
        Whether different pictures are taken for copies, too: one has a shorter side below `SMALL`.
    turned : bool
        Whether one is a copy only when it is turned by quarters, or put upside down.
    """

    rows: tuple[int, ...]
    exact: bool
    doubtful: bool = False
    turned: bool = False
    same: tuple[tuple[int, ...], ...] = field(default=(), compare=False)

    @property
    def certainty(self) -> Certainty:
        """How sure it is that they show one picture."""
        if self.exact:
            return "certain"
        return "possible" if self.doubtful else "likely"


def find_duplicates(
    looks: Sequence[Look], neighbours: Neighbours, n_jobs: int | None = None
) -> list[DuplicateGroup]:
    """Return the groups of images that show one picture, each image in one group at most.

    Equal contents are duplicates. Of other pairs those are candidates of which one is among the other's ten
    nearest neighbours with a cosine of at least 0.65, or among the five whose thumbnails are most like its
    own, turned and mirrored as may be. They are duplicates where their thumbnails, laid over each other, are
    alike in structure and tone wherever they overlap. What is joined by a chain is one group.

    Parameters
    ----------
    looks : sequence of Look, length n
    neighbours : Neighbours
        Of the same images.
    n_jobs : int, optional
        Pairs compared at once; None is one for each usable core.
    """
    n = len(looks)
    _, first, content = np.unique([look.content for look in looks], return_index=True, return_inverse=True)
    same = _find_same(np.stack([look.thumbnail for look in looks]), content, first, neighbours, n_jobs)
    turned = np.unique(same.pairs[same.turned])
    joined = np.concatenate([same.pairs, np.column_stack([np.arange(n), first[content]])])
    graph = coo_array((np.ones(len(joined), bool), (joined[:, 0], joined[:, 1])), shape=(n, n))
    _, member = connected_components(graph, directed=False)
    order = np.argsort(member, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(member[order])) + 1)
    return [
        DuplicateGroup(
            tuple(rows.tolist()),
            exact=len(set(content[rows].tolist())) == 1,
            doubtful=min(min(looks[i].width, looks[i].height) for i in rows.tolist()) < SMALL,
            turned=bool(np.isin(rows, turned).any()),
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


def _find_same(
    thumbnails: npt.NDArray[np.uint8],
    content: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    neighbours: Neighbours,
    n_jobs: int | None,
) -> Fits:
    """Return the pairs that show one picture; of equal contents the first stands for all."""
    near = _list_candidates(content, neighbours)
    same = _keep_same(thumbnails, Fits(near, np.zeros(len(near), np.int64)), n_jobs)
    fits = find_fits(thumbnails[first])
    fits = Fits(first[fits.pairs], fits.ways)
    known, found = (np.isin(_number(fits.pairs, content), _number(x, content)) for x in (near, same.pairs))
    # What was compared as it is may be the same when it is turned.
    more = _keep_same(thumbnails, fits.take(~found & (fits.turned | ~known)), n_jobs)
    return Fits(np.concatenate([same.pairs, more.pairs]), np.concatenate([same.ways, more.ways]))


def _number(pairs: npt.NDArray[np.int64], content: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return a number for each pair of contents, the same whichever comes first."""
    low, high = np.sort(content[pairs], axis=1).T
    return np.asarray(low * len(content) + high)


def _keep_same(thumbnails: npt.NDArray[np.uint8], fits: Fits, n_jobs: int | None) -> Fits:
    return fits.take(judge_fits(thumbnails, fits, n_jobs))


def judge_fits(
    thumbnails: npt.NDArray[np.uint8], fits: Fits, n_jobs: int | None = None
) -> npt.NDArray[np.bool_]:
    """Say of each pair whether its thumbnails, laid over each other, show one picture; shape (m,).

    Parameters
    ----------
    thumbnails : ndarray of uint8, shape (n, 64, 64)
    fits : Fits
        Pairs of places in these.
    n_jobs : int, optional
        Pairs compared at once; None is one for each usable core.
    """
    judge = functools.partial(_judge, thumbnails)
    rows = np.column_stack([fits.pairs, fits.ways]).tolist()
    return np.array(list(run_lanes(judge, rows, n_jobs)), dtype=bool)


def _judge(thumbnails: npt.NDArray[np.uint8], fits: Sequence[Sequence[int]]) -> list[bool]:
    first, second, ways = np.array(fits).T
    alike = compare_pictures(thumbnails[first], turn(thumbnails[second], ways))
    return [bool(value) for value in (alike.structure >= _STRUCTURE) & (alike.tone <= _TONE)]


def _list_candidates(content: npt.NDArray[np.int64], neighbours: Neighbours) -> npt.NDArray[np.int64]:
    """Return the pairs that are worth comparing, each once, shape (m, 2)."""
    row, column = np.nonzero(neighbours.cosine[:, :NEAREST] >= CANDIDATE)
    other = neighbours.index[row, column]
    differs = content[row] != content[other]
    pairs = np.sort(np.column_stack([row[differs], other[differs]]), axis=1)
    # Of equal files one stands for all.
    _, kept = np.unique(_number(pairs, content), return_index=True)
    return np.asarray(pairs[kept], dtype=np.int64)
