"""What is made of methods side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnncodes.evaluation import evaluate_predictions
from cnncodes.evaluation.baselines import Ladder, Rung
from cnncodes.evaluation.baselines.rungs import LeftOut
from cnncodes.evaluation.intervals import draw_weights

TRUTH = np.array(["a", "b"] * 100)


def make_rung(title: str, wrong: int, cost: float, start: int = 0) -> Rung:
    """Return a rung that is wrong about so many images in a row."""
    labels = TRUTH.copy()
    labels[start : start + wrong] = np.where(TRUTH[start : start + wrong] == "a", "b", "a")
    figures = evaluate_predictions(TRUTH, labels, ["a", "b"])
    right = (labels == TRUTH).astype(float)
    drawn = np.array([np.average(right, weights=w) for w in [np.ones(len(TRUTH)), *draw_weights(len(TRUTH))]])
    return Rung(
        title, "codes", "ridge", figures, figures.accuracy, None, cost, 0.0, cost, False, labels, drawn
    )


def make_ladder(*rungs: Rung) -> Ladder:
    return Ladder([*rungs], [], "with codes", np.arange(200), np.arange(200), [], 1.0)


@pytest.mark.parametrize(
    ("middle", "expected"),
    [
        (make_rung("middle", 22, 5.0, start=150), "middle"),  # not clearly below the best
        (make_rung("middle", 60, 5.0), "best"),
    ],
)
def test_the_cheapest_that_is_not_clearly_below_the_best(middle: Rung, expected: str) -> None:
    ladder = make_ladder(make_rung("cheap", 100, 1.0), middle, make_rung("best", 20, 50.0))
    chosen, gap = ladder.cheapest_as_good()
    assert ladder.best().title == "best" and chosen.title == expected
    assert gap.value == pytest.approx(0.01 if expected == "middle" else 0.0) and gap.n == 200


def test_of_equals_the_cheaper_is_the_best() -> None:
    ladder = make_ladder(make_rung("dear", 20, 9.0), make_rung("cheap", 20, 1.0))
    assert ladder.best().title == "cheap"


def _group(ladder: Ladder, count: int | None, tested: int = 200) -> Ladder:
    rungs = [replace(one, evaluation=replace(one.evaluation, n_groups=count)) for one in ladder.rungs]
    return replace(ladder, rungs=rungs, test=np.arange(tested))


@pytest.mark.parametrize(
    ("count", "tested", "said"),
    [
        (5, 200, "200 test images, of 5 groups, are too few"),
        (1, 200, "200 test images, of 1 group, are too few"),
        (None, 1, "1 test image is too few"),
    ],
)
@pytest.mark.parametrize("wrong", [60, 22])
def test_few_groups_or_images_are_too_few_for_any_verdict(
    count: int | None, tested: int, said: str, wrong: int
) -> None:
    ladder = make_ladder(make_rung("cheap", wrong, 1.0, start=0), make_rung("best", 20, 50.0))
    assert "too few" not in _say(_group(ladder, 10))
    verdict = _say(_group(ladder, count, tested))
    assert verdict.startswith(said)
    assert verdict.endswith("more images." if count is None else "of more groups.")


def test_where_dearer_ones_may_be_much_better_the_best_is_not_told_from_them() -> None:
    clear = make_ladder(make_rung("best", 20, 1.0), make_rung("dear", 22, 50.0))
    assert (
        _say(clear) == "Best of the methods tried here, and nothing cheaper is as good on these images: best."
    )
    unclear = make_ladder(make_rung("best", 90, 1.0), make_rung("dear", 92, 50.0, start=100))
    assert _say(unclear).startswith(
        "200 test images are too few to tell others from the best of the methods tried here, best."
    )


def test_the_verdict_says_what_there_was_no_time_for() -> None:
    ladder = make_ladder(make_rung("cheap", 100, 1.0), make_rung("best", 20, 50.0))
    assert "no time" not in _say(replace(ladder, left_out=[LeftOut("a", "it takes too many rows")]))
    late = replace(ladder, left_out=[LeftOut("b", "no time was left", late=True)])
    assert _say(late).endswith("There was no time for 1 of 3 methods, which may be better: give more.")
    both = replace(late, left_out=[*late.left_out, LeftOut("c", "it was interrupted", interrupted=True)])
    assert _say(both).endswith(
        " There was no time for 1 of 4 methods, which may be better: give more."
        " It was interrupted before the end of 1 of 4 methods, which may be better."
    )


def test_where_there_was_no_time_for_any_codes_the_verdict_says_so_first_and_names_no_best() -> None:
    pixels = replace(make_rung("pixels", 20, 5.0), group="pixels")
    ladder = make_ladder(replace(make_rung("guess", 100, 0.0), group="majority"), pixels)
    assert _say(ladder).startswith("Best")  # codes were not asked for
    late = replace(ladder, left_out=[LeftOut("net", "no time was left", late=True, group="codes")])
    assert _say(late) == (
        "There was no time for any codes: whether they are worth it is not known."
        " There was no time for 1 of 3 methods, which may be better: give more."
    )
    assert _recommend(late) is None
    some = replace(late, rungs=[*late.rungs, make_rung("net int8", 10, 50.0)])
    assert "for any codes" not in _say(some) and _recommend(some) is not None
    alone = replace(late, rungs=late.rungs[:1])
    assert _say(alone).startswith("There was no time for any codes")


def test_nothing_is_recommended_where_the_verdict_is_that_nothing_is_told_apart() -> None:
    clear = make_ladder(make_rung("cheap", 100, 1.0), make_rung("best", 20, 50.0))
    assert _recommend(clear) is clear.rungs[1]
    assert _recommend(_group(clear, 10)) is not None and _recommend(_group(clear, 5)) is None
    cheaper = make_ladder(make_rung("cheap", 22, 1.0), make_rung("best", 20, 50.0))
    assert _recommend(cheaper) is cheaper.rungs[0] and _recommend(_group(cheaper, 5)) is None
    far = make_ladder(make_rung("cheap", 92, 1.0, start=100), make_rung("best", 80, 50.0))
    assert _recommend(far) is None and "the best of the methods tried here, best, from much" in _say(far)
    dearer = make_ladder(make_rung("best", 90, 1.0), make_rung("dear", 92, 50.0, start=100))
    assert _recommend(dearer) is None and "too few" in _say(dearer)


def test_one_method_alone_is_not_recommended() -> None:
    ladder = make_ladder(make_rung("alone", 20, 1.0))
    assert _recommend(ladder) is None and _say(ladder) == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            20,
            "No method tried here is clearly better than a guess, guess. The best of them, net, is 1.0 point",
        ),
        (24, "No method tried here is better than a guess, guess."),
    ],
)
def test_a_guess_is_not_recommended(wrong: int, said: str) -> None:
    guess = replace(make_rung("guess", 22, 0.0), group="majority")
    ladder = make_ladder(guess, make_rung("net", wrong, 50.0))
    assert _recommend(ladder) is None
    assert _say(ladder).startswith(said)


def _recommend(ladder: Ladder) -> Rung | None:
    return ladder.recommend(*ladder.cheapest_as_good())


def _say(ladder: Ladder) -> str:
    return ladder.describe_choice(*ladder.cheapest_as_good())
