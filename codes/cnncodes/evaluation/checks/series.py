"""How many of some images have a near copy among others: photos in series, which folds divide."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.lanes import run_lanes
from cnncodes.errors import UnreadableImage
from cnncodes.estimators.training import number_groups
from cnncodes.evaluation.checks.duplicate_findings import LEAST_SERIES, SERIES
from cnncodes.evaluation.checks.duplicates import CANDIDATE, SMALL, judge_fits
from cnncodes.evaluation.checks.looking import Look, look_at
from cnncodes.evaluation.checks.neighbours import find_nearest
from cnncodes.evaluation.checks.turning import Fits
from cnncodes.images import Decoding, ImageRecord, list_groups

Numbers = npt.NDArray[np.int64]

#: So many images are drawn, and each is laid over so many of its nearest: 1,000 small pictures at most.
DRAWN, CANDIDATES = 200, 4
#: Where the nearest are of its own group, so many are passed over at most.
_PASSED_OVER = 60
_EXAMPLES = 3


@dataclass(frozen=True)
class NearCopies:
    """How many of the images that were drawn have a near copy that no group keeps beside them.

    Attributes
    ----------
    looked_at, found : int
        Images that were drawn, can be read and are not tiny; and those of them that have such a copy.
    examples : tuple of (str, str)
        Keys of an image and its copy, of up to three.
    too_small : int
        Images that were drawn and have a shorter side below `SMALL`, of which different ones look the same.
    """

    looked_at: int
    found: int
    examples: tuple[tuple[str, str], ...] = ()
    too_small: int = 0

    @property
    def many(self) -> bool:
        """Whether they are a habit, and not one or two by chance."""
        return self.found >= LEAST_SERIES and self.found >= SERIES * self.looked_at

    @property
    def mostly_small(self) -> bool:
        """Whether more are too small than are looked at."""
        return self.too_small > self.looked_at

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> NearCopies:
        """Return what `to_dict` gave, without the examples."""
        return cls(found["looked_at"], found["with"], too_small=found["too_small"])

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        examples = [list(pair) for pair in self.examples]
        return {
            "looked_at": self.looked_at,
            "too_small": self.too_small,
            "with": self.found,
            "examples": examples,
        }


def find_near_copies(
    records: Sequence[ImageRecord],
    codes: npt.NDArray[np.float32],
    contents: Sequence[str],
    *,
    asked: Numbers | None = None,
    among: Numbers | None = None,
    max_pixels: int | None = None,
    n_jobs: int | None = None,
    random_state: int = 0,
) -> NearCopies:
    """Draw up to 200 images and look whether one of the others is nearly the same.

    Each is laid over up to four others whose codes are nearest, from a cosine of 0.65 on, as by
    `find_duplicates`. Equal files and images of one named group are on one side of folds, and count as no
    copies. Turned copies are not looked for, so that it is a share at least.

    Parameters
    ----------
    records : sequence of ImageRecord, length n
    codes : ndarray of float32, shape (n, code_size)
        One an image: that of one view, or the mean of several.
    contents : sequence of str, length n
        Hashes of the images' contents.
    asked, among : ndarray of int64, optional
        Places of those that are drawn from, and of those in which a copy is sought. [all]
    max_pixels : int, optional
        Images with more pixels are not looked at.
    n_jobs : int, optional
        Images looked at at once; None is one for each usable core.
    random_state : int
        Decides which are drawn.
    """
    everything = np.arange(len(records))
    asked, among = (everything if rows is None else rows for rows in (asked, among))
    if len(asked) > DRAWN:
        asked = np.sort(np.random.default_rng(random_state).choice(asked, DRAWN, replace=False))
    names = list_groups(records)
    kept = number_groups(None if names is None else np.asarray(names), list(contents))
    look = functools.partial(_look_at, records, Decoding.make("fast", max_pixels), n_jobs)
    seen = look(asked)
    looks = _leave_small(seen)
    too_small = len(seen) - len(looks)
    asked = np.array(sorted(looks), dtype=np.int64)
    pairs = _list_candidates(codes, kept, asked, among)
    looks |= _leave_small(look(np.setdiff1d(pairs[:, 1], asked)))
    pairs = _keep_same(pairs[np.isin(pairs[:, 1], list(looks))], looks, n_jobs)
    examples = [(records[a].key, records[b].key) for a, b in _choose_examples(pairs)]
    return NearCopies(len(asked), len(set(pairs[:, 0].tolist())), tuple(examples), too_small)


def _choose_examples(pairs: Numbers) -> list[tuple[int, int]]:
    """Return some pairs that have no picture in common, in the order of the first."""
    chosen: list[tuple[int, int]] = []
    for a, b in sorted(pairs.tolist()):
        if len(chosen) < _EXAMPLES and not {a, b} & {row for pair in chosen for row in pair}:
            chosen.append((a, b))
    return chosen


def _look_at(
    records: Sequence[ImageRecord], decoding: Decoding, n_jobs: int | None, rows: Numbers
) -> dict[int, Look]:
    """Return the looks of some images, but of those that cannot be read."""

    def work(chunk: Sequence[int]) -> list[Look | None]:
        return [_try(records[row], decoding) for row in chunk]

    places = rows.tolist()
    found = zip(places, run_lanes(work, places, n_jobs), strict=True)
    return {row: look for row, look in found if look is not None}


def _leave_small(looks: dict[int, Look]) -> dict[int, Look]:
    return {row: look for row, look in looks.items() if min(look.width, look.height) >= SMALL}


def _try(record: ImageRecord, decoding: Decoding) -> Look | None:
    try:
        return look_at(record.read(), decoding)
    except UnreadableImage:
        return None


def _list_candidates(
    codes: npt.NDArray[np.float32], kept: Numbers, asked: Numbers, among: Numbers
) -> Numbers:
    """Return the pairs that are worth comparing, of each image the nearest first; shape (m, 2)."""
    beside = np.bincount(kept[among], minlength=int(kept.max(initial=0)) + 1)[kept[asked]]
    k = CANDIDATES + min(int(beside.max(initial=0)), _PASSED_OVER)
    neighbours = find_nearest(codes[asked], codes[among], k)
    others = among[neighbours.index]
    worth = (neighbours.cosine >= CANDIDATE) & (kept[others] != kept[asked][:, None])
    row, column = np.nonzero(worth & (worth.cumsum(axis=1) <= CANDIDATES))
    return np.column_stack([asked[row], others[row, column]])


def _keep_same(pairs: Numbers, looks: dict[int, Look], n_jobs: int | None) -> Numbers:
    """Return the pairs that show one picture; one that is there both ways is judged once."""
    rows = np.array(sorted(looks), dtype=np.int64)
    if not len(pairs):
        return pairs
    places = np.sort(np.searchsorted(rows, pairs), axis=1)
    distinct, back = np.unique(places, axis=0, return_inverse=True)
    thumbnails = np.stack([looks[row].thumbnail for row in rows.tolist()])
    same = judge_fits(thumbnails, Fits(distinct, np.zeros(len(distinct), np.int64)), n_jobs)
    return pairs[same[back.ravel()]]
