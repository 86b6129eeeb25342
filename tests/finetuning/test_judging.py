"""What a training goes by: figures of an epoch, which one is the best, and when a stage is over."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.finetuning.history import EpochFigures, Trained
from cnncodes.finetuning.judging import Course, Judge, standard_error
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.stages import Examples, Stage

Y = np.array([0, 1, 1, 0])
RIGHT = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0], [2.0, 0.0]])
EXAMPLES = Examples(np.arange(4), np.arange(4), Y, 1)
#: Of a head that is right half of the time.
SETTINGS = FineTuning(patience=2)
JUDGE = Judge(EXAMPLES, np.array([0, 1, 0, 1]), SETTINGS)


def measure(
    logits: np.ndarray, former: list[EpochFigures], loss: float = 1.0, judge: Judge = JUDGE
) -> EpochFigures:
    trained = Trained("network", len(former) + 1, loss, 0.1, 0.01, 1.0)
    return judge.measure(trained, logits, former)


def test_figures_are_those_of_the_logits() -> None:
    figures = measure(RIGHT, [])
    assert (figures.accuracy, figures.images, figures.kept, figures.verdict) == (1.0, 4, True, "")
    assert figures.validation_loss == pytest.approx(math.log(1 + math.exp(-2)))
    assert figures.low < 1.0 == figures.high


def test_the_gain_is_over_the_head_on_the_same_images() -> None:
    figures = measure(RIGHT, [])
    assert figures.gain == 0.5
    assert 0 <= figures.gain_low < 0.5 < figures.gain_high <= 1
    same = measure(RIGHT, [], judge=Judge(EXAMPLES, Y, SETTINGS))
    assert same.gain == 0
    assert math.isnan(same.gain_low)


def test_images_of_a_group_are_drawn_together() -> None:
    paired = measure(RIGHT, [], judge=Judge(EXAMPLES, JUDGE.head, SETTINGS, np.array([0, 0, 1, 1])))
    assert (paired.gain_low, paired.gain_high) == (0.0, 1.0)


def test_the_accuracy_of_groups_has_the_interval_that_draws_them() -> None:
    groups = np.array([0, 0, 1, 1])
    logits = RIGHT * [[1], [1], [-1], [-1]]
    found = measure(logits, [], judge=Judge(EXAMPLES, JUDGE.head, SETTINGS, groups, groups))
    assert (found.accuracy, found.low, found.high) == (0.5, 0.0, 1.0)
    alone = measure(logits, [], judge=Judge(EXAMPLES, JUDGE.head, SETTINGS, groups))  # equal files
    assert alone.low > 0.1


def right(count: int, head: int, of: int = 100) -> tuple[np.ndarray, Judge]:
    """Return logits that are right so often, and the judge of as many images, beside a head."""
    y = np.zeros(of, np.int64)
    logits = np.where(np.arange(of)[:, None] < count, [2.0, 0.0], [0.0, 2.0])
    judge = Judge(Examples(np.arange(of), np.arange(of), y, 1), np.int64(np.arange(of) >= head), SETTINGS)
    return logits, judge


def measure_all(counts: Sequence[int], head: int) -> list[EpochFigures]:
    """Return the figures of a start and of epochs that are right so often of 100."""
    history: list[EpochFigures] = []
    for count in counts:
        logits, judge = right(count, head)
        trained = Trained("network" if history else "start", len(history), 1.0, 0.1, 0.01, 1.0)
        history.append(judge.measure(trained, logits, history))
    return history


@pytest.mark.parametrize(
    ("accuracies", "kept"),
    [
        ((80, 90, 87, 86, 85), "yyynn"),
        ((80, 76, 75, 85), "ynny"),
        ((100, 99, 100), "yny"),
        ((90, 50, 60, 91), "ynny"),
        ((80, 85, 84, 82, 81), "yyyyn"),
    ],
)
def test_kept_is_the_last_within_a_standard_error_of_the_best(accuracies: Sequence[int], kept: str) -> None:
    """Of 100 images: 4 at 80 %, 3.6 at 85 %, 3 at 90 %, none at 100 %."""
    history = measure_all(accuracies, accuracies[0])
    assert "".join("y" if one.kept else "n" for one in history) == kept


@settings(max_examples=12, deadline=None)  # each takes half a second
@given(st.lists(st.integers(0, 100), min_size=1, max_size=12))
def test_the_one_that_is_kept_in_the_end_is_within_a_standard_error_of_all(counts: list[int]) -> None:
    history = measure_all(counts, counts[0])
    best = max(counts) / 100
    last = [one for one in history if one.kept][-1]
    assert last.accuracy >= best - standard_error(best, 100)
    later = history[history.index(last) + 1 :]
    least = max(best - standard_error(best, 100), history[0].accuracy)
    assert all(one.accuracy < least for one in later)
    assert last.accuracy >= history[0].accuracy


def test_what_an_epoch_must_not_be_below_is_the_head_and_not_the_start() -> None:
    """In less precision the network says a little else than the head at the start."""
    found = [one.kept for one in measure_all((78, 79, 80, 79), head=80)]
    assert found == [True, False, True, False]
    assert [one.kept for one in measure_all((82, 80, 79), head=80)] == [True, True, False]


@pytest.mark.parametrize(
    ("logits", "loss"), [(RIGHT + math.nan, 1.0), (RIGHT, math.nan), (RIGHT + math.inf, 1.0)]
)
def test_what_is_no_number_has_diverged_and_is_not_kept(logits: np.ndarray, loss: float) -> None:
    figures = measure(logits, [], loss)
    assert (figures.verdict, figures.kept, figures.accuracy) == ("diverged", False, 0.0)


def test_a_loss_far_above_the_start_has_diverged() -> None:
    start = measure(RIGHT, [])
    assert measure(-RIGHT, [start]).verdict == ""  # wrong everywhere, and no more than that
    assert measure(-100 * RIGHT, [start]).verdict == "diverged"


def test_a_network_that_is_sure_of_what_is_wrong_is_not_kept() -> None:
    """Its accuracy is that of the start, and its log-loss above that of the start and of chance."""
    sure = np.array([[9.0, 0.0], [0.0, 9.0], [9.0, 0.0], [0.0, 9.0]])
    start = measure(sure / 9, [])
    found = measure(sure, [start])
    assert start.kept and found.accuracy == start.accuracy == 0.5
    assert (found.verdict, found.kept) == ("", False)


def make_stage(name: str, epochs: int = 10) -> Stage:
    return Stage(name, lambda: None, lambda rows, size: iter(()), epochs, 1.0)


def test_the_head_is_done_where_it_converges() -> None:
    said: list[str] = []
    history = [measure(RIGHT / 4, []), measure(RIGHT, [])]
    assert not JUDGE.is_over(make_stage("head"), 1, history, said.append)
    assert JUDGE.is_over(make_stage("head", 1), 1, history, said.append)  # it has had its epochs
    assert said == []
    assert JUDGE.is_over(make_stage("head"), 2, [*history, measure(RIGHT, [])], said.append)
    assert len(said) == 1 and "starts to converge" in said[0]


def test_the_network_is_done_where_none_is_kept_for_long() -> None:
    said: list[str] = []
    history: list[EpochFigures] = []
    for logits, over in ((RIGHT, False), (-RIGHT, False), (RIGHT, False), (-RIGHT, False), (-RIGHT, True)):
        history.append(measure(logits, history))
        assert JUDGE.is_over(make_stage("network"), len(history), history, said.append) is over
        assert history[-1].verdict == ("stopped" if over else "")
    assert said == [
        "training stopped after epoch 5, as none of the last 2 was good enough to be kept (--patience)"
    ]


def test_after_its_last_epoch_it_has_not_stopped_early() -> None:
    judge = dataclasses.replace(JUDGE, settings=FineTuning(patience=2, epochs=3))
    history = [measure(RIGHT, [], judge=judge)]
    for _ in range(2):
        history.append(measure(-RIGHT, history, judge=judge))
    assert history[-1].verdict == "" and not history[-1].kept
    assert judge.is_over(make_stage("network", 3), 3, history, pytest.fail)


def take(course: Course, losses: Sequence[float]) -> list[EpochFigures]:
    found: list[EpochFigures] = []
    for epoch, loss in enumerate(losses):
        stage = "network" if epoch else "start"
        found.append(course.measure(Trained(stage, epoch, loss, 0.1, 0.01, 1.0), None, found))
    return found


def test_a_course_measures_nothing_and_ends_as_it_was_told() -> None:
    course = Course({"head": 0, "network": 2}, 3)
    found = take(course, [math.nan, 1.0, 1.2])
    assert [one.kept for one in found] == [True] * 3
    assert all(math.isnan(one.accuracy) and one.images == 0 and not one.verdict for one in found)
    assert course.is_over(make_stage("head"), 0, found, print)
    assert not course.is_over(make_stage("network"), 1, found, print)
    assert course.is_over(make_stage("network"), 2, found, print)


@pytest.mark.parametrize("loss", [math.nan, math.inf, 11.0])
def test_a_course_notices_that_it_has_diverged(loss: float) -> None:
    found = take(Course({"head": 0, "network": 2}, 3), [math.nan, loss])
    assert (found[-1].verdict, found[-1].kept) == ("diverged", False)
