"""Two classifiers on the same images, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.evaluation import evaluate_predictions, measure_share
from cnncodes.finetuning.comparison import compare, say_verdict

Y = np.repeat(np.arange(4), 50)


def answer(wrong: int, start: int = 0) -> np.ndarray:
    given = Y.copy()
    given[start : start + wrong] += 1
    return given


def test_a_clear_gain_is_said_to_be_worth_it_and_kept() -> None:
    found = compare(Y, answer(10), answer(60))
    assert found.difference.value == pytest.approx(0.25)
    assert found.keeps_tuned
    assert found.describe("test images").startswith("fine-tuning was worth it: +25.0 points [")
    assert "on 200 test images" in found.describe("test images")


def test_a_clear_loss_is_said_and_not_kept() -> None:
    found = compare(Y, answer(60), answer(10))
    assert not found.keeps_tuned
    assert "made it worse: -25.0 points" in found.describe("images")


def test_what_chance_may_have_done_is_no_difference() -> None:
    found = compare(Y, answer(10), answer(11, start=50))
    assert "a difference 200 images cannot show clearly: +0.5 points [" in found.describe("images")


def test_a_gain_has_to_be_clear_for_the_network_to_be_kept() -> None:
    """The epoch was chosen on the same images: a little luck is expected."""
    for head, kept in ((60, True), (20, True), (11, False), (10, False)):
        found = compare(Y, answer(10), answer(head))
        assert found.keeps_tuned == kept == (found.difference.low > 0)


def test_four_wins_to_none_are_not_clear() -> None:
    """The bootstrap's interval is above 0 there already, and the exact test is at 1/8."""
    for wins, p_value, kept in ((4, 0.125, False), (5, 0.0625, False), (6, 0.03125, True)):
        found = compare(Y, answer(10), answer(10 + wins))
        assert found.difference.low > 0
        assert found.p_value == pytest.approx(p_value) and found.keeps_tuned == kept
        assert ("worth it" in found.describe("images")) == kept
        assert (f"though p = {p_value:.2f} by McNemar's exact test" in found.describe("images")) != kept


def test_a_group_is_one_sign() -> None:
    groups = np.arange(len(Y)) // 10
    found = compare(Y, answer(10), answer(60), groups=groups)
    assert found.p_value == pytest.approx(2 * 0.5**5)
    mixed = compare(np.zeros(4), np.array([0, 1, 0, 0]), np.array([1, 0, 1, 1]), groups=[0, 0, 1, 1])
    assert mixed.p_value == 1.0  # a group that is even is no sign, and one sign is no test


def test_accuracies_of_grouped_images_have_the_intervals_of_evaluate() -> None:
    groups = np.arange(len(Y)) // 10
    found = compare(Y, answer(10), answer(60), groups=groups, given=groups)
    for own, answers in ((found.tuned, answer(10)), (found.head, answer(60))):
        assert own == evaluate_predictions(Y, answers, np.arange(5), groups=groups).accuracy
    assert found.n_groups == 20
    assert found.head.low < compare(Y, answer(10), answer(60)).head.low
    # Equal files alone are no groups.
    assert compare(Y, answer(10), answer(60), groups=groups).head == measure_share(answer(60) == Y)


def test_what_is_kept_is_said_with_its_reason_once() -> None:
    clear, little = compare(Y, answer(10), answer(60)), compare(Y, answer(10), answer(11))
    said = say_verdict(little, clear, "head")
    assert said.startswith("Fine-tuning was worth it: +25.0 points [")
    assert (
        "Kept: the head alone, as 200 validation images show no clear gain of the tuned network: +0.5" in said
    )
    said = say_verdict(compare(Y, answer(10), answer(10)), clear, "head")
    assert said.endswith("no clear gain of the tuned network: +0.0 points.")
    said = say_verdict(clear, little, "tuned")
    assert said.endswith("Kept: the tuned network, whose gain on the validation images is clear.")
    said = say_verdict(little, None, "head")
    assert said.count("points") == 1
    assert said.endswith("These images also chose the epoch, which flatters a little. Kept: the head alone.")


def test_where_both_are_right_on_the_same_images_nothing_is_shown() -> None:
    same = "fine-tuning changed nothing that 200 images could show: both are right on the same ones"
    for tuned in (answer(10), np.where(answer(10) == Y, Y, -1)):
        found = compare(Y, tuned, answer(10))
        assert not found.keeps_tuned
        assert found.describe("images") == same


@pytest.mark.parametrize(("right", "points"), [(25, "+5.0"), (15, "-5.0"), (20, "+0.0")])
def test_of_one_group_a_difference_is_said_to_have_no_interval(right: int, points: str) -> None:
    found = compare(Y, answer(40 - right, 100), answer(right), groups=np.zeros(len(Y)))
    assert not found.keeps_tuned
    assert found.describe("images") == (
        f"whether fine-tuning made a difference 200 images cannot show clearly: {points} points (no"
        " interval: all are of one group)"
    )
    one = compare(Y[:1], Y[:1], Y[:1] + 1).describe("images")
    assert one.endswith("+100.0 points (no interval: it is one image)")


def test_a_gain_on_every_image_is_clear_where_there_are_enough() -> None:
    """All resamples agree, and there is no interval: the exact test alone tells."""
    for count, kept in ((5, False), (6, True), (200, True)):
        found = compare(Y[:count], Y[:count], Y[:count] + 1)
        assert np.isnan(found.difference.low) and found.keeps_tuned == kept
    assert found.describe("images") == (
        "fine-tuning was worth it: +100.0 points (no interval: each says the same) on 200 images"
    )
    assert "made it worse: -100.0 points" in compare(Y, Y + 1, Y).describe("images")


def test_copies_of_an_image_are_one() -> None:
    groups = np.arange(len(Y)) // 10
    alone, together = compare(Y, answer(10), answer(60)), compare(Y, answer(10), answer(60), groups=groups)
    assert together.difference.high - together.difference.low > 2 * (
        alone.difference.high - alone.difference.low
    )


def test_groups_that_point_the_other_way_keep_the_head() -> None:
    groups = np.repeat(np.arange(38), 10)
    tuned, head = groups < 10, (groups >= 10) & (np.arange(380) % 10 == 0)
    found = compare(np.ones(380), tuned.astype(float), head.astype(float), groups=groups)
    assert found.difference.low > 0 and found.p_value < 0.01
    assert not found.keeps_tuned and found.choose("better") == "head"
    assert "McNemar's exact test of 10 groups against 28" in found.describe("images")
