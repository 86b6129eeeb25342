"""A ladder of several labels an image: its figures, its first rung, labels that cannot be learned."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score

from cnncodes.errors import SourceError, UsageError
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation import evaluate_multilabel
from cnncodes.evaluation.baselines import LabelTask, Method, climb, measure_learning_curve
from cnncodes.evaluation.baselines.label_task import LabelAnswers
from cnncodes.evaluation.baselines.tasks import resample
from cnncodes.images import ImageRecord
from cnncodes.plain import to_plain

SHARES = Method("shares", None, None)
NAMES = ("green", "red")


@dataclasses.dataclass(frozen=True)
class Signs:
    """Numbers that say which labels an image has, and noise."""

    title: str = "signs"

    def describe(self, train: Any, test: Any, n_jobs: Any, on_progress: Any) -> ImageRows:
        records = [*train, *test]
        X = np.random.default_rng(0).normal(size=(len(records), 6)).astype(np.float32)
        for i, name in enumerate(NAMES):
            X[:, i] += [2 * (name in str(record.label)) for record in records]
        on_progress(len(records), len(records), 0)
        return ImageRows(X, np.ones(len(X), np.int64), [record.key for record in records], {})


SIGNS = Method("codes", Signs(), "logistic")


def make_records(count: int, seed: int, more: str = "") -> list[ImageRecord]:
    rng = np.random.default_rng(seed)
    records = []
    for i in range(count):
        has = [name for name, share in zip(NAMES, (0.3, 0.6), strict=True) if rng.random() < share]
        text = "|".join([*has, *([more] if more and i % 4 == 0 else [])]) or "|"
        records.append(ImageRecord(f"{seed}/{i}", np.full((1, 1, 3), i, np.uint8), text))
    return records


def find_task(train: list[ImageRecord], test: list[ImageRecord]) -> LabelTask:
    return LabelTask.find(*([str(record.label) for record in part] for part in (train, test)), delimiter="|")


def test_the_first_rung_is_what_evaluate_says_of_the_shares() -> None:
    train, test = make_records(60, 0), make_records(40, 1, "blue")
    task = find_task(train, test)
    [first] = climb(train, test, [SHARES], task=task, n_jobs=1).rungs
    shares = np.array([[np.mean([name in str(record.label) for record in train]) for name in NAMES]])
    truth = [{*str(record.label).split("|")} - {""} for record in test]
    proba = np.repeat(shares, 40, axis=0)
    assert to_plain(first.evaluation) == to_plain(evaluate_multilabel(truth, proba >= 0.5, proba, NAMES))
    assert first.estimate == first.evaluation.mean_average_precision and first.title == "share of each label"


@pytest.mark.slow
def test_what_learns_is_clearly_above_the_shares() -> None:
    train, test = make_records(60, 0), make_records(40, 1, "blue")
    ladder = climb(train, test, [SHARES, SIGNS], task=find_task(train, test), n_jobs=1)
    first, learned = ladder.rungs
    assert learned.estimate.value > first.estimate.value and first.difference is not None
    assert first.difference.value == pytest.approx(first.estimate.value - learned.estimate.value)
    assert first.difference.high < 0 and ladder.best() is learned
    # A label of test images alone counts as it does there: by its share.
    [blue] = [label for label in learned.evaluation.per_label if not label.known]
    assert blue.name == "blue" and blue.average_precision.value == pytest.approx(0.25)


@settings(max_examples=25)
@given(
    arrays(np.int8, st.tuples(st.integers(1, 9), st.just(3)), elements=st.integers(0, 1)),
    st.integers(0, 99),
)
def test_the_figure_is_the_mean_of_average_precisions(Y: np.ndarray, seed: int) -> None:
    proba = np.random.default_rng(seed).integers(0, 4, Y.shape) / 4
    task = LabelTask("|", ("a", "b", "c"))
    found = task.measure(Y, LabelAnswers(proba, proba >= 0.5))(np.ones(len(Y)))
    of_each = [average_precision_score(y, p) for y, p in zip(Y.T, proba.T, strict=True) if y.any()]
    assert found == pytest.approx(np.mean(of_each) if of_each else np.nan, nan_ok=True)


def test_the_same_answers_have_the_same_figures_on_every_resample() -> None:
    train = make_records(30, 0)
    task = find_task(train, train)
    y = task.read([record.label for record in train])
    answers = task.guess(y, 30)
    one, other = (resample(task, y, answers, groups=None, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_answers_of_a_report_are_what_they_were() -> None:
    task = LabelTask("|", ("green", "red"), ("blue",))
    rows = [
        {"image": "a", "prediction": ["red"], "probabilities": {"red": 0.75, "green": 0.25, "other": 1.0}}
    ]
    found = task.read_answers(rows)
    assert found.proba.tolist() == [[0.25, 0.75, 0.0]] and task.list_plain(found) == [["red"]]
    with pytest.raises(UsageError, match="no answer to 1 of 1 images"):
        task.read_answers([{"image": "a", "prediction": None, "probabilities": None}])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a|b", "a|b", "a"], "1 label is on all of the 3 images"),
        (["|", "|", "|"], "none of the 3 images has a label"),
        (["a|b"], "training needs at least 2 images with labels; got 1"),
    ],
)
def test_what_leaves_nothing_to_learn_is_said(labels: list[str], said: str) -> None:
    task = LabelTask.find(labels, labels, "|")
    with pytest.raises(SourceError, match=said):
        task.check(task.read(labels))


def test_labels_that_say_little_are_named() -> None:
    train, test = ["a|b", "c", "|"] * 5, ["a|d", "a", "|"] * 6
    task = LabelTask.find(train, test, "|")
    unknown, absent, few, lacking = task.list_doubts(task.read(train), task.read(test))
    assert "1 of 4 labels is on test images alone" in unknown and "'d'" in unknown
    assert "2 of 4 labels are on no test image" in absent and "'b', 'c'" in absent
    assert "1 of 4 labels is on fewer than 10 test images" in few and few.endswith("'d'")
    assert "1 of 4 labels is on all test images but fewer than 10" in lacking and lacking.endswith("'a'")
    every = task.list_doubts(task.read(train), task.read(["a|d", "a"] * 10))[-1]
    assert every.startswith("1 of 4 labels is on all test images, so that any method") and "'a'" in every
    with pytest.raises(SourceError, match="none of the 2 test images has a label"):
        task.check_measurable(task.read(["|", "|"]))


def test_a_label_that_a_part_lacks_has_its_share_there() -> None:
    train = make_records(40, 0)
    task = find_task(train, [ImageRecord("x", "x", "blue")])
    rows = Signs().describe(train, [], 1, lambda *_: None)
    y = task.read([record.label for record in train])
    training = Training(rows, y, None, np.arange(40), "auto", 0)
    head = task.make_head("ridge", random_state=0, n_jobs=1)
    answers = task.learn(head, training)(rows)
    assert task.names[2] == "blue" and not answers.proba[:, 2].any() and not answers.named[:, 2].any()
    assert np.ptp(answers.proba[:, 0]) > 0
    same = dataclasses.replace(training, y=np.ones_like(y))
    assert (task.learn(head, same)(rows).proba == 1).all()


@pytest.mark.slow
def test_the_curve_is_of_the_same_figure() -> None:
    train, test = make_records(80, 0), make_records(60, 1)
    task = find_task(train, test)
    y, truth = (task.read([record.label for record in part]) for part in (train, test))
    rows, others = (Signs().describe(part, [], 1, lambda *_: None) for part in (train, test))
    curve = measure_learning_curve(
        Training(rows, y, None, np.arange(80), "auto", 0),
        others,
        truth,
        lambda: task.make_head("ridge", random_state=0, n_jobs=1),
        task=task,
    )
    answers = task.learn(
        task.make_head("ridge", random_state=0, n_jobs=1),
        Training(rows, y, None, np.arange(80), "auto", 0),
    )(others)
    whole = task.measure(truth, answers)(np.ones(60))
    assert curve.points[-1].estimate.value == whole and curve.figure.name == "mAP"
    assert curve.points[0].estimate.value < whole <= curve.further[0].estimate.value <= 1
    assert "points [" in curve.describe() and "in mAP, if the curve goes on" in curve.describe()
