"""A number of each image: the ladder is climbed by the mean absolute error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.number_predictor import predict_images
from cnncodes.estimators.targets import check_varied, parse_targets
from cnncodes.estimators.training import fit_scorer
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.baselines.tasks import TELLING, Answer, Statistic, Task, list_answered
from cnncodes.evaluation.figures import FIGURES
from cnncodes.evaluation.numbers import NumberEvaluation, evaluate_numbers, make_statistics
from cnncodes.evaluation.task_names import COMPARED_BY, TaskName
from cnncodes.heads.names import REGRESSION_HEADS
from cnncodes.heads.regression.kernel import MOST_ROWS
from cnncodes.heads.regression.selection import make_regression_head

Floats = npt.NDArray[np.float64]


class NumberTask(Task):
    """A number of each image, as `ImageRegressor` predicts it.

    Ways are compared by their mean absolute error. Of all constants the median of the training numbers has
    the least one there.

    Examples
    --------
    >>> task = NumberTask()
    >>> y = task.read(["1", "2", "9"])
    >>> task.guess(y, 2), task.measure(y, task.guess(y, 3))(np.ones(3))
    (array([2., 2.]), 2.6666666666666665)
    """

    name: ClassVar[TaskName] = "numbers"
    figure = FIGURES[COMPARED_BY[name]]
    trivial, trivial_title = "median", "median of the training numbers"
    head, heads = "ridge", REGRESSION_HEADS

    def read(self, labels: Sequence[Any]) -> Floats:
        """Return numbers, shape (n_images,); `UsageError` where a label is none that is finite."""
        return parse_targets(labels)

    def check(self, y: Floats) -> None:
        """Raise `SourceError` unless numbers differ."""
        check_varied(y)

    def describe_same(self, y: Floats) -> str | None:
        """Return the number, where there is one alone."""
        return f"only images of the number {y[0]:g}" if np.ptp(y) == 0 else None

    def make_head(self, name: str, *, random_state: int, n_jobs: int | None) -> Any:
        """Return an unfitted regressor."""
        return make_regression_head(name, random_state=random_state, n_jobs=n_jobs)

    def most_rows(self, head: str) -> int | None:
        """Return the most that kernels take."""
        return MOST_ROWS if head == "kernel-ridge" else None

    def learn(self, head: Any, training: Training) -> Answer:
        """Fit a regressor; numbers that are all equal, as a few may be, are answered by that number."""
        y = training.y
        if np.ptp(y) == 0:
            return lambda rows: np.full(len(rows.counts), y[0])
        scorer = fit_scorer(head, training.rows, y, training.weight, training.groups)

        def answer(rows: ImageRows) -> Floats:
            return predict_images(scorer, rows.X, rows.counts, training.aggregate).reshape(len(rows.counts))

        return answer

    def guess(self, y: Floats, count: int) -> Floats:
        """Return the median."""
        return np.full(count, np.median(y))

    def evaluate(self, truth: Floats, answers: Floats, *, groups: Any, random_state: int) -> NumberEvaluation:
        """Return what `evaluate_numbers` does."""
        return evaluate_numbers(truth, answers, groups=groups, random_state=random_state)

    def measure(self, truth: Floats, answers: Floats) -> Statistic:
        """Return the mean absolute error."""
        return make_statistics(truth, answers)["mae"]

    def list_plain(self, values: Floats) -> list[Any]:
        """Return numbers."""
        return [float(value) for value in values]

    def read_answers(self, rows: Sequence[Mapping[str, Any]]) -> Floats:
        """Return numbers; `UsageError` where an image has none."""
        return np.array(list_answered(rows, "prediction"), dtype=np.float64)

    def find_telling(self, truth: Floats, guessed: Floats) -> float:
        """Return a share of what the median is off."""
        return TELLING * float(np.abs(truth - guessed).mean())
