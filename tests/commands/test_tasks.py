"""What labels mean, as options say it; and options that are for something else."""

from __future__ import annotations

from typing import get_args

import pytest

from cnncodes.commands.tasks import (
    ADVICE,
    Meaning,
    TaskOptions,
    check_given,
    check_task,
    find_meaning,
)
from cnncodes.errors import UsageError
from cnncodes.evaluation.baselines import CLASSES, NUMBERS, LabelTask
from cnncodes.evaluation.checks.truth import read_truth
from cnncodes.evaluation.task_names import COMPARED_BY, TITLES, TaskName


def test_meanings_have_the_names_and_figures_of_tasks() -> None:
    for options, task in (
        (TaskOptions(), CLASSES),
        (TaskOptions(target="age"), NUMBERS),
        (TaskOptions(regression=True), NUMBERS),
        (TaskOptions(label_delimiter="|"), LabelTask("|", ("sea",))),
    ):
        meaning = find_meaning(options)
        assert (meaning.name, meaning.figure) == (task.name, task.figure) and meaning.title == task.title
        assert meaning.by_class == (task is CLASSES)
        truth = read_truth([], regression=meaning.regression, label_delimiter=meaning.label_delimiter)
        assert truth.task == meaning.name


def test_all_that_goes_by_what_is_predicted_goes_by_the_same_names() -> None:
    names = set(get_args(TaskName))
    assert set(TITLES) == set(COMPARED_BY) == set(ADVICE) == names


def test_another_wording_changes_no_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TITLES, "labels", "sets")
    task, meaning = LabelTask("|", ("sea",)), find_meaning(TaskOptions(label_delimiter="|"))
    assert task.title == meaning.title == "sets" and meaning.figure == task.figure
    with pytest.raises(UsageError, match="--label-delimiter is for sets: 'm' predicts numbers"):
        check_given("m", "numbers", {"--label-delimiter": (True, meaning.name)})


@pytest.mark.parametrize(
    "options",
    [TaskOptions(regression=True, label_delimiter="|"), TaskOptions(target="age", label_delimiter="|")],
)
def test_numbers_are_not_several_labels(options: TaskOptions) -> None:
    with pytest.raises(UsageError, match="is not for several labels an image"):
        check_task(options)


def test_an_option_for_something_else_is_refused() -> None:
    given = {"--top-k": (True, "classes"), "--coverage": (False, "numbers")}
    check_given("m", Meaning().name, given)
    with pytest.raises(UsageError, match="--top-k is for one class an image: 'm' predicts numbers"):
        check_given("m", "numbers", given)
