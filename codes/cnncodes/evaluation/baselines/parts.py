"""The images that a ladder trains and tests on, and what is to be predicted of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnncodes.errors import UnreadableImages
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.training import number_groups
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.tasks import Floats, Task, resample
from cnncodes.images import DrawnTogether, ImageRecord, draw_together, hash_contents, list_groups


class Parts:
    """The two parts, less the images that cannot be read.

    Parameters
    ----------
    train, test : sequence of ImageRecord
        Labelled.
    task : Task
    random_state : int
        Decides resamples of the test images.

    Attributes
    ----------
    train, test : list of ImageRecord
    y, truth : ndarray
        What is to be predicted of them, as the task reads it.
    places : pair of ndarray of int64
        Which of the images that were given they are.
    failures : list of (str, str)
        Key and reason of each image that could not be read.

    Raises
    ------
    SourceError
        If there is nothing to learn, or nothing to measure by.
    UsageError
        If a label is not what is to be predicted.
    """

    def __init__(
        self, train: Sequence[ImageRecord], test: Sequence[ImageRecord], task: Task, random_state: int
    ) -> None:
        self.task, self.random_state = task, random_state
        self.train, self.test = list(train), list(test)
        self.y, self.truth = (task.read([record.label for record in part]) for part in (train, test))
        task.check(self.y)
        task.check_measurable(self.truth)
        self.places = np.arange(len(train)), np.arange(len(test))
        self.failures: list[tuple[str, str]] = []
        self._drawn: DrawnTogether | None = None

    def leave_out(self, rows: ImageRows) -> ImageRows:
        """Leave images that cannot be read out of everything, and return the rows of the others.

        Raises
        ------
        UnreadableImages
            If none of a part is left, or nothing to learn or to measure by.
        """
        good = rows.counts > 0
        parts = good[: len(self.train)], good[len(self.train) :]
        for name, part in zip(("train", "test"), parts, strict=True):
            if not part.any():
                raise UnreadableImages(f"no image to {name} on is left: {rows.describe_failures()}")
        self.failures = [(failure.key, failure.reason) for failure in rows.failures.values()]
        self.places = np.flatnonzero(parts[0]), np.flatnonzero(parts[1])
        self.train = [self.train[i] for i in self.places[0]]
        self.test = [self.test[i] for i in self.places[1]]
        self.y, self.truth = self.y[parts[0]], self.truth[parts[1]]
        if (same := self.task.describe_same(self.y)) is not None:
            raise UnreadableImages(f"{same} are left to train on: {rows.describe_failures()}")
        self.task.check_measurable(self.truth)
        return rows.take(np.flatnonzero(good))

    def join_equal(self, rows: ImageRows) -> None:
        """Draw equal test images together, as the rows of all images tell them."""
        self._drawn = draw_together(self.test, rows.contents[len(self.train) :])

    @property
    def drawn(self) -> DrawnTogether:
        """What resamples of the test images draw; where no method looked at them, they are read for it."""
        if self._drawn is None:
            self._drawn = draw_together(self.test, [text or None for text in hash_contents(self.test)])
        return self._drawn

    def make_training(self, rows: ImageRows) -> Training:
        """Return the training images, whose rows these are."""
        named = list_groups(self.train)
        groups = number_groups(None if named is None else np.asarray(named), rows.contents)
        return Training(rows, self.y, None, groups, "auto", self.random_state)

    def guess(self) -> Any:
        """Return the answers to the test images of who looks at none."""
        return self.task.guess(self.y, len(self.test))

    def evaluate(self, answers: Any) -> Any:
        """Return all figures of answers to the test images."""
        options: dict[str, Any] = {"groups": self.drawn.groups, "random_state": self.random_state}
        return self.task.evaluate(self.truth, answers, **options)

    def resample(self, answers: Any) -> Floats:
        """Return the figure of answers, then what it is on each resample of the test images."""
        options: dict[str, Any] = {"groups": self.drawn.groups, "random_state": self.random_state}
        return resample(self.task, self.truth, answers, **options)

    def count_seen_groups(self) -> int:
        """Return how many test images are of a group that training images are of."""
        trained, tested = (list_groups(records) for records in (self.train, self.test))
        if trained is None or tested is None:
            return 0
        known = {*trained}
        return sum(group in known for group in tested)


def count_seen(train: ImageRows, test: ImageRows) -> int:
    """Return how many test images are training images, too, by their contents."""
    trained = {*train.contents}
    return sum(content in trained for content in test.contents)
