"""What a report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnncodes.images import DrawnTogether
from cnncodes.plots.layout import Watch, watch_nothing

if TYPE_CHECKING:
    from cnncodes.estimators.label_predictor import LabelPredictor
    from cnncodes.estimators.number_predictor import NumberPredictor
    from cnncodes.estimators.predictor import Predictor
    from cnncodes.evaluation import Evaluation, MultiLabelEvaluation, NumberEvaluation, RangeFigures
    from cnncodes.evaluation.abstaining import AbstentionFigures
    from cnncodes.evaluation.checks import DataChecks
    from cnncodes.images import ImageRecord
    from cnncodes.report.comparison import Comparison
    from cnncodes.report.training import Training

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Origin:
    """Where the figures come from, to make them again.

    Attributes
    ----------
    command : str
        To type for the same figures: what was given, in an order of its own.
    model : str or None
        The classifier's file, where the figures are of one.
    model_sha256 : str
    source : str
        What was evaluated.
    split : str or None
        Which part of it.
    versions : dict of str to str
        Of what took part.
    date : str
        When, in UTC.
    random_states : dict of str to int
        What each decided.
    others : dict of str to str
        What else took part: training images, a baseline.
    kind : str
        What the model is.
    training : dict of str to str
        How it was trained.
    timed : bool
        Whether a budget of time decided what was tried.
    """

    command: str
    model: str | None
    model_sha256: str
    source: str
    split: str | None
    versions: dict[str, str]
    date: str
    random_states: dict[str, int] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    kind: str = "Classifier"
    training: dict[str, str] = field(default_factory=dict)
    timed: bool = False


@dataclass(frozen=True, eq=False)
class CheckedData:
    """What the data checks found, and the images that it is about.

    Attributes
    ----------
    checks : DataChecks
    records : dict of str to ImageRecord
        By the key that the findings name.
    described : str
        Which images were checked, for people.
    """

    checks: DataChecks
    records: dict[str, ImageRecord]
    described: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Subject:
    """What a page on any estimator is made of; arrays have a row for each image that could be read.

    Attributes
    ----------
    predictor : ImagePredictor
    records : sequence of ImageRecord
        The images that could be read, with what is true of them.
    codes : ndarray of float32, shape (n_images, code_size)
        Averaged over views.
    evaluation : Evaluation, NumberEvaluation or MultiLabelEvaluation
    trained_on : int
        How many of the images the estimator was trained on.
    drawn : DrawnTogether
        What resamples of the images draw.
    groups_trained_on : int
        How many are of a group that it was trained on.
    failed : int
        How many images could not be read, besides.
    origin : Origin
    training : Training or str
        Training images next to each image; or in a sentence why there are none.
    data : CheckedData or str
        What the data checks found; or in a sentence why they were left out.
    comparison : Comparison or None
        What other ways to predict the same came to, by ``cnncodes baseline``.
    n_jobs : int or None
        Threads that read thumbnails; None: one a core.
    watch : callable
        Told of progress.
    """

    predictor: Any
    records: Sequence[ImageRecord]
    codes: Array
    evaluation: Any
    trained_on: int
    failed: int
    origin: Origin
    training: Training | str = "No training images were given."
    data: CheckedData | str = "Nobody asked for them."
    comparison: Comparison | None = None
    drawn: DrawnTogether = field(default_factory=DrawnTogether)
    groups_trained_on: int = 0
    n_jobs: int | None = None
    watch: Watch = watch_nothing

    #: Whether training images are told by how many have the same label, or else one by one.
    counts_neighbors: ClassVar[bool] = True
    #: What is true of an image, in a word.
    noun: ClassVar[str] = "label"

    def describe_label(self, record: ImageRecord) -> str:
        """Return what is true of an image, as it stands beside it."""
        return str(record.label)

    def list_truth(self) -> list[Any]:
        """Return what is true of each image, as the report of ``cnncodes baseline`` has it."""
        return [str(record.label) for record in self.records]

    def list_labels(self, record: ImageRecord) -> list[str]:
        """Return the labels of a training image, as they are counted."""
        return [self.describe_label(record)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Material(Subject):
    """Everything that a report on a classifier shows, besides what `Subject` has.

    Attributes
    ----------
    predictor : Predictor
    evaluation : Evaluation
    predicted : ndarray of str, shape (n_images,)
    proba : ndarray of float64, shape (n_images, n_classes), or None
        Columns as ``predictor.classes``.
    abstention : AbstentionFigures or None
        What a rule for answers comes to on these images, where one is asked for.
    """

    predictor: Predictor
    evaluation: Evaluation
    predicted: Array
    proba: Array | None
    abstention: AbstentionFigures | None = None

    @property
    def truth(self) -> Array:
        """The true classes, shape (n_images,)."""
        return np.array([str(record.label) for record in self.records])

    @property
    def probability(self) -> Array | None:
        """The probability of each answer, shape (n_images,); None where there are none."""
        return None if self.proba is None else self.proba.max(axis=1)

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Which answers are wrong, shape (n_images,)."""
        found: npt.NDArray[np.bool_] = self.truth != self.predicted
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class NumberMaterial(Subject):
    """Everything that a report on a regressor shows, besides what `Subject` has.

    Attributes
    ----------
    predictor : NumberPredictor
    evaluation : NumberEvaluation
    ranges : list of RangeFigures
    truth, predicted : ndarray of float64, shape (n_images,)
    target : str or None
        The name of what was measured.
    why_no_interval : str
        In a sentence, where there are none.
    """

    predictor: NumberPredictor
    evaluation: NumberEvaluation
    ranges: list[RangeFigures]
    truth: Array
    predicted: Array
    target: str | None = None
    why_no_interval: str = ""

    counts_neighbors: ClassVar[bool] = False
    noun: ClassVar[str] = "number"

    def describe_label(self, record: ImageRecord) -> str:
        """Return the number of an image."""
        from cnncodes.report.html import plain_number

        try:
            return plain_number(float(str(record.label)))
        except ValueError:  # of another column, or missing: as it is written
            return str(record.label)

    def list_truth(self) -> list[float]:
        """Return the true numbers."""
        return [float(value) for value in self.truth]

    @property
    def errors(self) -> Array:
        """Prediction less truth, shape (n_images,)."""
        return np.asarray(self.predicted - self.truth)

    @property
    def far(self) -> npt.NDArray[np.bool_]:
        """Which are outside their interval; without intervals, the tenth that is off most; (n_images,)."""
        width = self.evaluation.width
        off = np.abs(self.errors)
        if width is not None:
            return np.asarray(off > width)
        far = np.zeros(len(off), dtype=bool)
        far[np.argsort(-off, kind="stable")[: -(-len(off) // 10)]] = True
        return far


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelMaterial(Subject):
    """Everything that a report on several labels an image shows, besides what `Subject` has.

    Attributes
    ----------
    predictor : LabelPredictor
    evaluation : MultiLabelEvaluation
    truth, named : ndarray of bool, shape (n_images, n_labels)
        Which labels an image has, and which were named; columns as ``evaluation.per_label``, so that labels
        that the classifier does not know come last.
    proba : ndarray of float64, shape (n_images, n_labels)
        Of those that it does not know, 0.
    delimiter : str
        What divides the labels of a training image.
    """

    predictor: LabelPredictor
    evaluation: MultiLabelEvaluation
    truth: Array
    named: Array
    proba: Array
    delimiter: str

    noun: ClassVar[str] = "set of labels"

    def describe_label(self, record: ImageRecord) -> str:
        """Return the labels of an image in one text."""
        return " + ".join(self.list_labels(record))

    def list_labels(self, record: ImageRecord) -> list[str]:
        """Return the labels of a training image."""
        from cnncodes.estimators.label_sets import split_labels

        return sorted(set(split_labels(str(record.label), self.delimiter))) or ["no label"]

    def list_truth(self) -> list[list[str]]:
        """Return the true labels, sorted."""
        return [sorted(np.array(self.names, dtype=object)[has]) for has in self.truth]

    @property
    def names(self) -> list[str]:
        """The labels, in the order of the columns."""
        return [figures.name for figures in self.evaluation.per_label]

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Which images have a label that is wrong or missing, shape (n_images,)."""
        return np.asarray((self.truth != self.named).any(axis=1))
