"""Rows whose codes are read block by block, and what of them fits in the memory there is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from cnncodes.errors import UsageError
from cnncodes.heads.checks import check_scale, class_weights
from cnncodes.heads.folds import Rows, first_of
from cnncodes.store.blocks import BLOCK_BYTES

Array = npt.NDArray[Any]
#: Position of a block's first row, and its codes, float32 ``[n, D]``.
Block = tuple[int, Array]

#: Rows of a sample at most: held-out losses of so many tell candidates apart, and a search on them is quick.
SAMPLE_ROWS = 50_000
#: Images of each class in a sample, where there are so many.
_LEAST_IMAGES = 5
#: Threads at most. Memory is set aside for so many whatever their number, lest the sample depend on it.
THREADS = 4
#: What Python and its libraries take, with what they do not give back of freed memory; and blocks of codes
#: with copies of them at work; in bytes.
BASE, _BLOCKS = 448 << 20, 224 << 20
#: Numbers that the loss makes of each decision value of the blocks at work, times 4 bytes.
_OF_DECISIONS = THREADS * 8 * 4
#: Bytes that are held of each row beside its code: class, image, group, fold and weights, key and content.
ROW_BYTES = 200


@dataclass(frozen=True, eq=False)
class StreamedRows:
    """Rows to train on, whose codes stay where they are.

    Attributes
    ----------
    rows : Rows
        As in memory, but that `X` has no columns.
    classes : ``[K]``
    n_features : int
    read : callable
        Each call goes through the codes of all rows, in blocks and in their order.
    stored : (int, int), optional
        Codes in the folder, of which these may be some, and the bytes that a fit on all of them in memory
        takes, besides Python and its libraries.
    """

    rows: Rows
    classes: Array
    n_features: int
    read: Callable[[], Iterator[Block]]
    stored: tuple[int, int] | None = None

    @classmethod
    def make(
        cls,
        read: Callable[[], Iterator[Block]],
        n_features: int,
        y: Array,
        classes: Array,
        images: Array,
        groups: Array,
        class_weight: Any = None,
        sample_weight: Array | None = None,
    ) -> StreamedRows:
        """Return rows of which those of an image weigh 1 together, or what it counts.

        Parameters
        ----------
        read, n_features
            As the attributes.
        y : int ``[n]``
            Class numbers, all of 0 … K-1.
        classes : ``[K]``
        images, groups : int ``[n]``
            Number of each row's image and group, both from 0 without gaps.
        class_weight : dict or "balanced", optional
        sample_weight : float ``[n]``, optional
            As how many copies the row's image counts, above 0.
        """
        weight = 1.0 / np.bincount(images)[images]
        if sample_weight is not None:
            weight = weight * sample_weight
            check_scale(weight, images)
        per_class = class_weights(class_weight, classes, np.bincount(y, weight))
        preference = per_class if isinstance(class_weight, dict) else None
        empty, position = np.empty((len(y), 0), np.float32), np.arange(len(y))
        loss_weight = weight * per_class[y]
        rows = Rows(empty, y, weight, loss_weight, images, groups, len(classes), position, preference)
        return cls(rows, classes, n_features, read)


@dataclass(frozen=True, eq=False)
class Sample:
    """Which images are looked at in memory.

    Attributes
    ----------
    rows : bool ``[n rows]``
    fair : bool ``[n images]``
        Images of the sample in which each class has its share; of small classes there are more.
    whole : bool
        Whether it is all images.
    """

    rows: Array
    fair: Array
    whole: bool

    @classmethod
    def draw(cls, rows: Rows, n_rows: int, random_state: Any) -> Sample:
        """Draw images of about `n_rows` rows: the same share of every class, but 5 at least."""
        n_images = int(rows.images.max()) + 1
        if n_rows >= len(rows.y):
            return cls(np.ones(len(rows.y), np.bool_), np.ones(n_images, np.bool_), True)
        order = check_random_state(random_state).permutation(n_images)
        label = first_of(rows.y, rows.images)[order]
        by_class = np.argsort(label, kind="stable")
        sizes = np.bincount(label, minlength=rows.n_classes)
        rank = np.empty(n_images, np.int64)
        rank[by_class] = np.arange(n_images) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        share = np.round(n_rows / len(rows.y) * sizes)
        drawn, fair = np.empty(n_images, np.bool_), np.empty(n_images, np.bool_)
        fair[order] = rank < share[label]
        drawn[order] = rank < np.maximum(share, _LEAST_IMAGES)[label]
        return cls(drawn[rows.images], fair, False)


def fit_sample(
    stream: StreamedRows, memory: int, *, kept: int = 0, working: int = 0, searches: bool = False
) -> int:
    """Return how many rows' codes may be held beside what else a streamed fit holds.

    Parameters
    ----------
    stream : StreamedRows
    memory : int
        Bytes, those of the whole process.
    kept, working : int
        Square matrices with sums by class that are held from the pass on, and further ones after it, when no
        blocks are.
    searches : bool
        Whether the sample is searched as rows in memory are, which takes several copies of it.

    Raises
    ------
    UsageError
        If hardly any would be left; the text says how much memory it takes.
    """
    size, n_classes = stream.n_features, len(stream.classes)
    matrix = 8 * size * (size + n_classes)
    blocks = _BLOCKS + _OF_DECISIONS * n_classes * (BLOCK_BYTES // (4 * size))
    fixed = BASE + ROW_BYTES * len(stream.rows.y) + kept * matrix + max(blocks, working * matrix)
    # Scaled copies, and decision values with what the loss makes of them.
    each = (12 if searches else 3) * 4 * size + (12 if searches else 6) * 8 * n_classes
    least = min(len(stream.rows.y), max(1000, 2 * _LEAST_IMAGES * n_classes))
    if fixed + least * each > memory:
        # Whether codes are read in blocks is decided by all that are stored, whichever are asked for.
        count, taken = stream.stored or (0, 0)
        blockwise, whole = (math.ceil(one / 2**20) for one in (fixed + least * each, taken))
        needed = f"{blockwise:,}M"
        if memory / 2**20 < whole < blockwise:
            needed = (
                f"{whole:,}M, with which the {count:,} of the folder fit in memory, beside about"
                f" {BASE / 2**20:,.0f}M that Python and its libraries take"
            )
        raise UsageError(
            f"codes of {size} numbers in {n_classes} classes need a memory limit of at least {needed}. It is"
            f" {memory / 2**20:,.0f}M: raise it (--memory-limit, in Python memory_limit)."
        )
    return min(SAMPLE_ROWS, (memory - fixed) // each)


def map_blocks(work: Callable[[Block], Any], blocks: Iterable[Block], n_jobs: int) -> Iterator[Any]:
    """Yield what is made of each block, in their order, by some threads; the caller's reads on meanwhile.

    At most ``n_jobs + 1`` blocks are held. Sums over what is yielded do not depend on the number of threads.
    """
    with ThreadPoolExecutor(n_jobs) as pool:
        waiting: deque[Future[Any]] = deque()
        for block in blocks:
            waiting.append(pool.submit(work, block))
            if len(waiting) > n_jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
