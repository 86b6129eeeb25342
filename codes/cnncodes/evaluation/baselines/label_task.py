"""Several labels an image: the ladder is climbed by the mean average precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SourceError, agree, name_some
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.label_sets import LabelSets, check_divided, split_labels
from cnncodes.estimators.number_predictor import predict_images
from cnncodes.estimators.training import fit_scorer
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.tasks import Answer, Statistic, Task, list_answered
from cnncodes.evaluation.figures import FIGURES
from cnncodes.evaluation.label_order import make_mean_precision
from cnncodes.evaluation.multilabel import MultiLabelEvaluation, evaluate_multilabel
from cnncodes.evaluation.task_names import COMPARED_BY, TaskName
from cnncodes.evaluation.thresholds import FEW_IMAGES
from cnncodes.heads.multilabel.selection import make_label_head
from cnncodes.heads.names import BY_COST, MULTILABEL_HEADS

Indicator = npt.NDArray[np.int8]


@dataclass(frozen=True)
class LabelAnswers:
    """Labels that were predicted, columns as those of the task.

    Attributes
    ----------
    proba : ndarray of float64, shape (n_images, n_labels)
    named : ndarray of bool, shape (n_images, n_labels)
    """

    proba: npt.NDArray[np.float64]
    named: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabelTask(Task):
    """Several labels an image, or none, as `ImageMultiLabelClassifier` predicts them.

    Ways are compared by the mean average precision, which goes by the order of probabilities alone.

    Parameters
    ----------
    delimiter : str
        What divides labels in the texts of a source.
    known : tuple of str
        Labels of training images.
    unknown : tuple of str
        Those that test images alone have: nobody can learn them, and they count as they do in `evaluate`.

    Examples
    --------
    >>> task = LabelTask.find(["sea|sky", "sky", "|"], ["boat"], "|")
    >>> task.known, task.unknown, task.read(["sea|boat", "|"]).tolist()
    (('sea', 'sky'), ('boat',), [[1, 0, 1], [0, 0, 0]])
    """

    delimiter: str
    known: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    name: ClassVar[TaskName] = "labels"
    figure = FIGURES[COMPARED_BY[name]]
    trivial, trivial_title = "shares", "share of each label"
    head, heads = "logistic", tuple(kind for kind in BY_COST if kind in MULTILABEL_HEADS)

    @classmethod
    def find(cls, train: Sequence[str], test: Sequence[str], delimiter: str) -> Self:
        """Return the task of the labels of two parts.

        Raises
        ------
        UsageError
            If no text holds the delimiter.
        """
        check_divided([*train, *test], delimiter)
        known, tested = (
            {name for text in texts for name in split_labels(text, delimiter)} for texts in (train, test)
        )
        return cls(delimiter, tuple(sorted(known)), tuple(sorted(tested - known)))

    @property
    def names(self) -> tuple[str, ...]:
        """All labels, in the order of columns."""
        return (*self.known, *self.unknown)

    def read(self, labels: Sequence[Any]) -> Indicator:
        """Return which image has which label: 0 and 1, shape (n_images, n_labels)."""
        place = {name: i for i, name in enumerate(self.names)}
        found = np.zeros((len(labels), len(place)), dtype=np.int8)
        for row, text in zip(found, labels, strict=True):
            row[[place[name] for name in split_labels(str(text), self.delimiter)]] = 1
        return found

    def check(self, y: Indicator) -> None:
        """Raise `SourceError` unless each label that training images have is lacked by some, too."""
        LabelSets(y[:, : len(self.known)], np.array(self.known, dtype=np.str_)).check_learnable()

    def check_measurable(self, truth: Indicator) -> None:
        """Raise `SourceError` where no test image has a label."""
        if not truth.any():
            raise SourceError(
                f"none of the {len(truth)} test images has a label: there is no average precision to compare"
                " by. Test on images with labels."
            )

    def list_doubts(self, y: Indicator, truth: Indicator) -> list[str]:
        """Say which labels cannot be learned, are in no mean, or are in it and say little or nothing."""
        counts = truth.sum(axis=0)
        few = [name for name, n in zip(self.names, counts, strict=True) if 0 < n < FEW_IMAGES]
        none = [name for name, n in zip(self.names, counts, strict=True) if not n]
        found = []
        if self.unknown:
            found.append(
                f"{_say_are(self.unknown, self.names)} on test images alone, so that no method"
                f" can learn {agree(len(self.unknown), 'it')}: {name_some(self.unknown)}"
            )
        if none:
            found.append(
                f"{_say_are(none, self.names)} on no test image, and so not in mAP: {name_some(none)}"
            )
        if every := [name for name, n in zip(self.names, counts, strict=True) if n == len(truth)]:
            found.append(
                f"{_say_are(every, self.names)} on all test images, so that any method has an average"
                f" precision of 1 there, which counts in mAP: {name_some(every)}"
            )
        if few:
            found.append(
                f"{_say_are(few, self.names)} on fewer than {FEW_IMAGES} test images, each of which"
                " moves mAP, where all labels count alike, and is too high of so few:"
                f" {name_some(few)}"
            )
        lacked = len(truth) - counts
        if lacking := [name for name, n in zip(self.names, lacked, strict=True) if 0 < n < FEW_IMAGES]:
            found.append(
                f"{_say_are(lacking, self.names)} on all test images but fewer than {FEW_IMAGES}, and average"
                f" precision goes by so few alone: {name_some(lacking)}"
            )
        return found

    def describe_same(self, y: Indicator) -> str | None:
        """Say so where all images have the same labels."""
        return None if (y != y[0]).any() else "only images of the same labels"

    def make_head(self, name: str, *, random_state: int, n_jobs: int | None) -> Any:
        """Return an unfitted multi-label classifier."""
        return make_label_head(name, random_state=random_state, n_jobs=n_jobs)

    def learn(self, head: Any, training: Training) -> Answer:
        """Fit a classifier to the labels that some images have and some lack; others have their share."""
        y, share = training.y, training.y.mean(axis=0)
        varied = np.flatnonzero((y != y[0]).any(axis=0))
        if not len(varied):
            return lambda rows: self._repeat(share, len(rows.counts))
        scorer = fit_scorer(head, training.rows, y[:, varied], training.weight, training.groups)

        def answer(rows: ImageRows) -> LabelAnswers:
            found = self._repeat(share, len(rows.counts))
            decision = predict_images(scorer, rows.X, rows.counts, training.aggregate)
            found.proba[:, varied] = scorer.proba_from_decision(decision.reshape(len(rows.counts), -1))
            found.named[:, varied] = scorer.choose(found.proba[:, varied])
            return found

        return answer

    def guess(self, y: Indicator, count: int) -> LabelAnswers:
        """Return each label's share, and name those that most training images have."""
        return self._repeat(y.mean(axis=0), count)

    def _repeat(self, share: npt.NDArray[np.float64], count: int) -> LabelAnswers:
        proba = np.repeat(share[None], count, axis=0)
        return LabelAnswers(proba, proba >= 0.5)

    def evaluate(
        self, truth: Indicator, answers: LabelAnswers, *, groups: Any, random_state: int
    ) -> MultiLabelEvaluation:
        """Return what `evaluate_multilabel` does."""
        sets, known = [set(labels) for labels in self.list_plain(truth)], len(self.known)
        return evaluate_multilabel(
            sets,
            answers.named[:, :known],
            answers.proba[:, :known],
            self.known,
            groups=groups,
            random_state=random_state,
        )

    def measure(self, truth: Indicator, answers: LabelAnswers) -> Statistic:
        """Return the mean average precision."""
        return make_mean_precision(truth, answers.proba)

    def list_plain(self, values: Any) -> list[Any]:
        """Return the labels of each image, sorted; of answers those that are named."""
        rows = np.asarray(getattr(values, "named", values)).astype(bool)
        return [sorted(name for name, has in zip(self.names, row, strict=True) if has) for row in rows]

    def read_answers(self, rows: Sequence[Mapping[str, Any]]) -> LabelAnswers:
        """Return probabilities, 0 of labels that the classifier does not know; an image must have them."""
        found = list_answered(rows, "probabilities")
        proba = np.array([[one.get(name, 0.0) for name in self.names] for one in found], dtype=np.float64)
        named = [[name in row["prediction"] for name in self.names] for row in rows]
        return LabelAnswers(proba, np.array(named, dtype=np.bool_))


def _say_are(some: Sequence[str], names: Sequence[str]) -> str:
    return f"{len(some)} of {len(names)} labels {agree(len(some), 'is')}"
