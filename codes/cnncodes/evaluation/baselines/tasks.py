"""What is predicted of an image: how a ladder learns it, guesses it, and measures it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, agree, name_some
from cnncodes.estimators.aggregation import score_images
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.labels import check_several
from cnncodes.estimators.training import fit_scorer
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.figures import FIGURES, Figure
from cnncodes.evaluation.intervals import Estimate, draw_weights, make_mean
from cnncodes.evaluation.metrics import evaluate_predictions
from cnncodes.evaluation.task_names import COMPARED_BY, TITLES, TaskName
from cnncodes.heads.names import BY_COST
from cnncodes.heads.selection import make_head

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

#: A figure as a function of how often each image counts.
Statistic = Callable[[Floats], float]

#: From the rows of images to their answers.
Answer = Callable[[ImageRows], Any]

#: Share of what could be gained that matters: where a larger one is not clear, test images are too few.
TELLING = 0.03


class Task(ABC):
    """What is predicted of an image, and how good that is.

    Answers are of whatever kind suits a task; nobody else looks into them.

    Attributes
    ----------
    name : {"classes", "numbers", "labels"}
        What is predicted.
    figure : Figure
        What ways to predict are compared by.
    trivial, trivial_title : str
        The way that looks at no image: its name among groups of methods, and its title.
    head : str
        Of every method that does not compare heads.
    heads : tuple of str
        Names of all heads, the cheapest first.
    least : int
        Images of a stratum that a part of the training images has at least.
    """

    name: ClassVar[TaskName]
    figure: ClassVar[Figure]
    trivial: ClassVar[str]
    trivial_title: ClassVar[str]
    head: ClassVar[str]
    heads: ClassVar[tuple[str, ...]]
    least: ClassVar[int] = 5

    @property
    def title(self) -> str:
        """What is predicted, as text says it."""
        return TITLES[self.name]

    @abstractmethod
    def read(self, labels: Sequence[Any]) -> Array:
        """Return what is to be predicted, of a source's labels: a row an image, shape (n_images, ...)."""

    @abstractmethod
    def check(self, y: Array) -> None:
        """Raise `SourceError` unless there is something to learn."""

    def check_measurable(self, truth: Array) -> None:  # noqa: B027  # most can be measured on any images
        """Raise `SourceError` where the figure cannot be measured on test images."""

    def list_doubts(self, y: Array, truth: Array) -> list[str]:
        """Return what makes the figure mean less than it seems to, by training and test images."""
        return []

    @abstractmethod
    def describe_same(self, y: Array) -> str | None:
        """Return in words what all training images are, where they leave nothing to learn; else None."""

    def stratify(self, y: Array) -> npt.NDArray[np.int64]:
        """Return the stratum of each image: parts of the training images have a share of each."""
        return np.zeros(len(y), dtype=np.int64)

    @abstractmethod
    def make_head(self, name: str, *, random_state: int, n_jobs: int | None) -> Any:
        """Return an unfitted head."""

    def most_rows(self, head: str) -> int | None:
        """Return the most rows that a head can be fitted to; None for any number."""
        return None

    @abstractmethod
    def learn(self, head: Any, training: Training) -> Answer:
        """Fit a head, and return what answers with it."""

    @abstractmethod
    def guess(self, y: Array, count: int) -> Any:
        """Return the answers to so many images of who knows nothing but what is said of training images."""

    @abstractmethod
    def evaluate(self, truth: Array, answers: Any, *, groups: Any, random_state: int) -> Any:
        """Return all figures, as `cnncodes evaluate` has them."""

    @abstractmethod
    def measure(self, truth: Array, answers: Any) -> Statistic:
        """Return the figure as a function of how often each test image counts."""

    @abstractmethod
    def list_plain(self, values: Any) -> list[Any]:
        """Return answers, or the truth, as JSON has them, one an image."""

    @abstractmethod
    def read_answers(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        """Return the answers in a report of ``cnncodes evaluate``, whose rows these are."""

    def find_telling(self, truth: Array, guessed: Any) -> float:
        """Return what difference of the figure matters."""
        return TELLING


def resample(task: Task, truth: Array, answers: Any, *, groups: Any, random_state: int) -> Floats:
    """Return the figure of answers, then what it is on each resample of the test images.

    The same truth, groups and random state have the same resamples: their differences are paired.

    Examples
    --------
    >>> task, truth = ClassTask(), np.array(["cat", "dog"] * 20)
    >>> right, cats = (ClassAnswers(labels, truth[:2]) for labels in (truth, np.full(40, "cat")))
    >>> figures = [resample(task, truth, one, groups=None, random_state=0) for one in (right, cats)]
    >>> gap = subtract(task.figure, *figures, 40, 40)
    >>> gap.value, round(gap.low, 2), round(gap.high, 2)
    (0.5, 0.35, 0.65)
    """
    statistic, n = task.measure(truth, answers), len(truth)
    weights = draw_weights(n, groups=groups, random_state=random_state)
    return np.array([statistic(np.ones(n)), *(statistic(one) for one in weights)])


def subtract(figure: Figure, values: Floats, others: Floats, n: int, units: int) -> Estimate:
    """Return the paired difference of a figure's two values on `n` images, as `resample` gave them.

    `units` are what a resample draws as many of: groups where there are any, else images.
    """
    gained = values - others
    return figure.summarize_gap(float(gained[0]), gained[1:], n, units)


def list_answered(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Return a column of a report of ``cnncodes evaluate``; `UsageError` where an image has no answer."""
    values = [row.get(name) for row in rows]
    if missing := [str(row["image"]) for row, value in zip(rows, values, strict=True) if value is None]:
        raise UsageError(
            f"the report has no answer to {len(missing)} of {len(rows)} images that can be read here, the"
            f" first {missing[0]!r}: evaluate again with the same limits of reading."
        )
    return values


@dataclass(frozen=True)
class ClassAnswers:
    """Classes that were predicted.

    Attributes
    ----------
    labels : ndarray of str, shape (n_images,)
    classes : ndarray of str, shape (n_classes,)
    proba : ndarray of float64, shape (n_images, n_classes), or None
        Where the head gives probabilities, whose largest is the label's.
    """

    labels: Array
    classes: Array
    proba: Array | None = None


class ClassTask(Task):
    """One class an image; ways are compared by their accuracy.

    Examples
    --------
    >>> task = ClassTask()
    >>> y = task.read(["cat", "dog", "cat"])
    >>> task.guess(y, 2).labels.tolist(), task.measure(y, task.guess(y, 3))(np.ones(3))
    (['cat', 'cat'], 0.6666666666666666)
    """

    name: ClassVar[TaskName] = "classes"
    figure = FIGURES[COMPARED_BY[name]]
    trivial, trivial_title = "majority", "majority class"
    head, heads = "logistic", BY_COST
    least = 2

    def read(self, labels: Sequence[Any]) -> Array:
        """Return classes, shape (n_images,)."""
        return np.array([str(label) for label in labels])

    def check(self, y: Array) -> None:
        """Raise `SourceError` unless there are two classes."""
        check_several(y)

    def list_doubts(self, y: Array, truth: Array) -> list[str]:
        """Say which classes cannot be learned."""
        unknown = np.setdiff1d(truth, y)
        if not len(unknown):
            return []
        has, them, their = (agree(len(unknown), word) for word in ("has", "it", "its"))
        n, of = int(np.isin(truth, unknown).sum()), len(np.union1d(truth, y))
        images = "1 image counts" if n == 1 else f"{n:,} images count"
        return [
            f"{len(unknown)} of {of} classes {has} test images alone, so that no method can learn {them},"
            f" and {their} {images} as wrong: {name_some(unknown.tolist())}"
        ]

    def describe_same(self, y: Array) -> str | None:
        """Return the class, where there is one alone."""
        return f"only images of the class {str(y[0])!r}" if len(np.unique(y)) < 2 else None

    def stratify(self, y: Array) -> npt.NDArray[np.int64]:
        """Return the class of each image."""
        return np.asarray(np.unique(y, return_inverse=True)[1], dtype=np.int64)

    def make_head(self, name: str, *, random_state: int, n_jobs: int | None) -> Any:
        """Return an unfitted classifier."""
        return make_head(name, random_state=random_state, n_jobs=n_jobs)

    def learn(self, head: Any, training: Training) -> Answer:
        """Fit a classifier."""
        scorer = fit_scorer(head, training.rows, training.y, training.weight, training.groups)

        def answer(rows: ImageRows) -> ClassAnswers:
            scores = score_images(scorer, rows.X, rows.counts, training.aggregate)
            labels = scores.labels if scores.proba is None else scores.classes[scores.proba.argmax(axis=1)]
            return ClassAnswers(labels, scores.classes, scores.proba)

        return answer

    def guess(self, y: Array, count: int) -> ClassAnswers:
        """Return the most frequent class."""
        names, counts = np.unique(y, return_counts=True)
        return ClassAnswers(np.full(count, names[counts.argmax()]), names)

    def evaluate(self, truth: Array, answers: ClassAnswers, *, groups: Any, random_state: int) -> Any:
        """Return an `Evaluation`."""
        given = answers.labels if answers.proba is None else answers.proba
        return evaluate_predictions(truth, given, answers.classes, groups=groups, random_state=random_state)

    def measure(self, truth: Array, answers: ClassAnswers) -> Statistic:
        """Return the accuracy."""
        right = (answers.labels == truth).astype(np.float64)
        return make_mean(right)

    def list_plain(self, values: Any) -> list[Any]:
        """Return classes."""
        return [str(label) for label in getattr(values, "labels", values)]

    def read_answers(self, rows: Sequence[Mapping[str, Any]]) -> ClassAnswers:
        """Return classes; an image that the classifier could not read counts as wrong."""
        labels = np.array(["" if row["prediction"] is None else str(row["prediction"]) for row in rows])
        return ClassAnswers(labels, np.union1d(labels, [str(row["label"]) for row in rows]))
