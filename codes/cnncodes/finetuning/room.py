"""The room on disk that a fine-tuning takes, known before it trains."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnncodes.errors import StoreError
from cnncodes.finetuning.basis import Chosen
from cnncodes.finetuning.features import FeatureStore
from cnncodes.finetuning.task import Task

#: Copies of the trained weights in a checkpoint: those at work, and those that are kept.
_COPIES = 2
#: Moments of the optimiser, each as large.
_MOMENTS = {"adamw": 2, "sgd": 1}


@dataclass(frozen=True)
class Room:
    """What a fine-tuning takes on disk, in bytes.

    Attributes
    ----------
    features, first_features : int
        Of what the frozen part gives, with the codes: of all sets, and of those that every training needs.
    checkpoint : int
        One of a training at work; there are two at a time.
    result : int
        One of a training that is over.
    written : int
        Network and classifier, at the end.
    trains_again : bool
        Whether there may be a second training.
    """

    features: int
    first_features: int
    checkpoint: int
    result: int
    written: int
    trains_again: bool

    @property
    def most(self) -> int:
        """At most, at any time."""
        before = 2 * self.result if self.trains_again else 0
        return self.features + max(before + 2 * self.checkpoint, before + 2 * self.result + self.written)

    @property
    def least(self) -> int:
        """At some time, whatever comes of it."""
        # A first epoch's checkpoint may have no weights but those at work; one of the start is beside it.
        return self.first_features + max(self.checkpoint, 2 * self.result + self.written)


def find_room(task: Task, chosen: Chosen, store: FeatureStore, sets: int) -> Room:
    """Return what a task takes.

    Parameters
    ----------
    task : Task
    chosen : Chosen
    store : FeatureStore
    sets : int
        How many sets of the store every training needs.
    """
    code_size, settings = task.embedder.backbone.code_size, task.settings
    weights = sum(chosen.graph.weights[name].size for name in chosen.weights)
    statistics = sum(array.size for array in chosen.parts.upper.statistics.values())
    head = len(np.unique(task.train.y)) * (code_size + 1)
    numbers = weights + statistics + head
    copies = _COPIES + bool(settings.ema) + _MOMENTS[settings.optimizer]

    def count_features(rows: int) -> int:
        return min(rows, store.kept_rows) * store.row_bytes + rows * 4 * code_size

    return Room(
        features=count_features(store.rows),
        first_features=count_features(store.count_rows(sets)),
        checkpoint=4 * numbers * copies,
        result=4 * numbers,
        written=2 * len(chosen.model) + 8 * head if task.is_saved else 0,
        trains_again=task.held_out and settings.refit,
    )


def check_room(room: Room, folder: Path) -> str:
    """Return what is to be said of a disk that may have too little room, if it may.

    Parameters
    ----------
    room : Room
    folder : Path
        For features and checkpoints; what is there already counts as room.

    Raises
    ------
    StoreError
        If the disk has too little whatever comes of the training.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = sum(item.stat().st_blocks * 512 for item in folder.iterdir() if item.is_file())
    free = shutil.disk_usage(folder).free + there
    if free >= room.most:
        return ""
    # Rounded apart, so that what is too little never reads as enough.
    has = f"the disk of {folder} has {say_bytes(free, math.floor)} for this fine-tuning"
    least, most = (say_bytes(size, math.ceil) for size in (room.least, room.most))
    if free >= room.least:
        return (
            f"{has}, which takes {most} at most: where it is full, what was finished is kept, and the same"
            " command goes on"
        )
    raise StoreError(
        f"{has}, which takes at least {least} and at most {most}: {say_bytes(room.features)}"
        " for what the frozen part gives (less with --cache), the rest for checkpoints and results (less with"
        " a lower --unfreeze). Nothing was computed: free some space, or give a folder on another disk."
    )


def say_bytes(size: int, to_whole: Callable[[float], int] = round) -> str:
    """Return an amount of disk in words.

    Examples
    --------
    >>> say_bytes(14_200_000), say_bytes(14_200_000, math.ceil), say_bytes(1_250_000_000)
    ('14 MB', '15 MB', '1.2 GB')
    """
    return f"{to_whole(size / 1e8) / 10:.1f} GB" if size >= 1e9 else f"{to_whole(size / 1e6)} MB"
