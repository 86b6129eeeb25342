"""What labels mean, as options say it; and options that are for something else."""

from __future__ import annotations

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


def test_meanings_have_the_names_and_figures_of_tasks() -> None:
    for options, task in (
        (TaskOptions(), CLASSES),
        (TaskOptions(target="age"), NUMBERS),
        (TaskOptions(regression=True), NUMBERS),
        (TaskOptions(label_delimiter="|"), LabelTask("|", ("sea",))),
    ):
        meaning = find_meaning(options)
        assert (meaning.name, meaning.figure) == (task.name, task.figure) and meaning.name in ADVICE
        assert meaning.by_class == (task is CLASSES)


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
