"""Several classifiers on the same images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.errors import ResultWarning, UsageError
from cnncodes.evaluation import compare_classifiers, evaluate_predictions
from cnncodes.evaluation.comparison import Pair, adjust_p_values
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.paired import McNemar


def answer(rng: np.random.Generator, y: Any, share: float) -> Any:
    """Return answers of which about that share is right."""
    return np.where(rng.random(len(y)) < share, y, np.where(y == "a", "b", "a"))


def test_each_two_are_compared_and_the_better_one_is_named() -> None:
    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b"], 400)
    said = {"bad": answer(rng, y, 0.6), "good": answer(rng, y, 0.9), "best": answer(rng, y, 0.91)}
    found = compare_classifiers(y, said)
    assert [one.name for one in found.classifiers] == ["bad", "good", "best"] and found.n == 400
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("bad", "good"), ("bad", "best"), ("good", "best"),
    ]  # fmt: skip
    assert [pair.clear for pair in found.pairs] == [True, True, False]
    assert found.pairs[0].describe().startswith("good is right more often than bad, by ")
    assert found.pairs[2].describe().startswith("no clear difference in accuracy: ")
    assert found.pairs[0].accuracy.high < 0 and found.pairs[0].log_loss is None
    assert found.pairs[0].missing["log_loss"] == "there are no probabilities of bad and good"


def test_the_same_answers_have_no_interval_and_a_reason() -> None:
    y = ["a", "b", "a"]
    [pair] = compare_classifiers(y, {"one": y, "two": y}).pairs
    assert np.isnan(pair.accuracy.low) and pair.missing["accuracy"].startswith("no interval")
    assert pair.describe() == "no difference between one and two: right on the same of 3 images"
    assert not pair.clear


def test_classes_may_differ() -> None:
    proba = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = compare_classifiers(
        ["a", "b"], {"one": proba, "two": proba[:, ::-1]}, {"one": ["a", "b"], "two": ["b", "c"]}
    )
    [pair] = found.pairs
    assert found.classifiers[1].accuracy.value == 0.5 and pair.log_loss is not None
    assert pair.log_loss.n == 1  # only b is known to both
    with pytest.warns(ResultWarning, match="2 of the classes here are unknown to the classifier"):
        found = compare_classifiers(
            ["a", "b"], {"one": proba, "two": proba}, {"one": ["a", "b"], "two": ["x", "y"]}
        )
    [pair] = found.pairs
    assert pair.missing["log_loss"] == "no image is of a class that both know"


def test_no_interval_begins_at_minus_zero() -> None:
    test = McNemar(both=90, neither=6, only_first=0, only_second=4, wins=0, losses=4, p_value=0.125)
    accuracy = Estimate(-0.04, -0.08, 0.0, 100)
    pair = Pair("one", "two", accuracy, accuracy, None, None, test, 0.125, {})
    assert "two is ahead of one by 4.0 points [+0.0, +8.0]" in pair.describe()


def test_groups_that_point_the_other_way_make_nothing_clear() -> None:
    """One is right on all of ten groups of ten; the other on one image of each of 28."""
    groups = np.repeat(np.arange(38), 10)
    one, other = groups < 10, (groups >= 10) & (np.arange(380) % 10 == 0)
    answers = {name: np.where(right, "a", "b") for name, right in (("one", one), ("other", other))}
    [pair] = compare_classifiers(np.full(380, "a"), answers, groups=groups).pairs
    test = pair.mcnemar
    assert pair.accuracy.low > 0 and pair.p_adjusted < 0.01 and (test.wins, test.losses) == (10, 28)
    assert not pair.clear and pair.describe().startswith(
        "no clear difference in accuracy: one is ahead of other"
    )
    assert (
        "of 380 images it alone is right on 100, the other alone on 28; of groups it has more right in 10,"
        f" the other in 28: p = {test.p_value:.2g} by McNemar" in pair.describe()
    )
    [back] = compare_classifiers(np.full(380, "a"), dict(reversed(answers.items())), groups=groups).pairs
    assert back.describe() == pair.describe()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="at least two classifiers"):
        compare_classifiers(["a"], {"one": ["a"]})
    with pytest.raises(UsageError, match="columns of 'two'"):
        compare_classifiers(["a"], {"one": ["a"], "two": [[1.0]]}, {"one": ["a"]})
    with pytest.raises(UsageError, match="one for each of 1"):
        compare_classifiers(["a"], {"one": ["a"], "two": ["a", "b"]})


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_adjusted_p_values_keep_the_order_and_are_no_less(p_values: list[float]) -> None:
    found = np.array(adjust_p_values(p_values))
    assert (found >= np.array(p_values)).all() and (found <= 1).all()
    assert min(found) == pytest.approx(min(1, len(p_values) * min(p_values)))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


def test_who_alone_is_right_on_all_images_is_clearly_ahead_though_there_is_no_interval() -> None:
    y = ["cat", "dog"] * 20
    [pair] = compare_classifiers(y, {"none": ["dog", "cat"] * 20, "all": y}).pairs
    assert pair.clear and pair.describe().startswith("all is right more often than none, by 100.0 points (")


def test_who_are_as_often_right_on_other_images_are_not_called_ahead() -> None:
    [pair] = compare_classifiers(["a", "b"] * 5, {"x": ["a"] * 10, "y": ["b"] * 10}).pairs
    assert pair.describe().startswith("no difference in accuracy: x and y are as often right (of 10 images")


@pytest.mark.parametrize("classes", [[0, 1], ["cat", "dog"]])
def test_probabilities_of_one_class_are_not_taken_for_classes(classes: list[Any]) -> None:
    y = np.array(classes)[[0, 1] * 10]
    for measure in (
        lambda: compare_classifiers(y, {"p": np.linspace(0, 1, 20), "y": y}, classes),
        lambda: evaluate_predictions(y, np.linspace(0, 1, 20, dtype=np.float32), classes),
    ):
        with pytest.raises(UsageError, match="predictions are fractions, such as 0.0526.* a column each"):
            measure()
    whole = np.arange(20) % 2.0
    assert evaluate_predictions(np.arange(20) % 2, whole, [0, 1]).accuracy.value == 1
