"""The risk that was asked for is kept: in simulations and by the exact binomial; or nothing is answered."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.svm import SVC, LinearSVC

from cnncodes import load
from cnncodes.errors import ResultWarning, UsageError
from cnncodes.estimators.abstention import AnswerRule, choose_rule
from cnncodes.estimators.answers import HeldOutAnswers

#: Probabilities of endless images: middles of equal shares of the distribution that `draw` takes.
GRID = stats.beta(4, 1.2).ppf((np.arange(20_000) + 0.5) / 20_000)


def draw(n: int, rng: np.random.Generator, noise: float = 0.02) -> HeldOutAnswers:
    """Return answers that are right as often as their probability says, but for wrong labels."""
    probability = rng.beta(4, 1.2, n)
    return HeldOutAnswers(probability.astype(np.float32), rng.random(n) < probability * (1 - noise))


def true_risk(rule: AnswerRule, noise: float = 0.02) -> float:
    """Return the share of wrong ones among answers to endless further images like those of `draw`."""
    answered = GRID[rule.threshold <= GRID]
    return float((1 - answered * (1 - noise)).mean()) if len(answered) else 0.0


@pytest.mark.slow
@pytest.mark.parametrize("risk", [0.05, 0.1, 0.15])
@pytest.mark.parametrize("n", [100, 400, 2000])
def test_the_risk_is_exceeded_no_more_often_than_allowed(n: int, risk: float) -> None:
    rng = np.random.default_rng(n)
    runs = 400
    rules = [choose_rule(draw(n, rng), risk, confidence=0.9) for _ in range(runs)]
    exceeded = sum(true_risk(rule) > risk for rule in rules)
    # Were a tenth exceeded on average, more than this would be met once in a thousand such tests.
    assert exceeded <= stats.binom.ppf(0.999, runs, 0.1)
    if n == 2000 and risk > 0.05:
        assert exceeded > 0  # the bound is not so wide that nothing could ever break it
        assert np.mean([rule.coverage for rule in rules]) > 0.2


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 600),
    st.sampled_from([0.01, 0.05, 0.2, 0.5]),
    st.sampled_from([0.5, 0.9, 0.95]),
    st.integers(1, 6),
)
@example(seed=71032447, n=101, risk=0.2, confidence=0.9, digits=1)  # a risk of 0.11 passes by chance
def test_a_rule_says_what_its_own_images_say(
    seed: int, n: int, risk: float, confidence: float, digits: int
) -> None:
    drawn = draw(n, np.random.default_rng(seed))
    answers = HeldOutAnswers(drawn.probability.round(digits), drawn.right)  # few digits: many are equal

    rule = choose_rule(answers, risk, confidence)

    answered = answers.probability >= rule.threshold
    assert rule.n == n and rule.coverage == pytest.approx(answered.mean())
    assert rule.coverage_low <= rule.coverage <= rule.coverage_high
    assert rule.errors == np.sum(answered & ~answers.right)
    if answered.any():
        assert rule.reason == "" and rule.reachable is None
        assert stats.binom.cdf(rule.errors, answered.sum(), risk) <= 1 - confidence + 1e-12
        bound = stats.binomtest(rule.errors, int(answered.sum()), alternative="less").proportion_ci(
            confidence
        )
        assert rule.error_bound == pytest.approx(bound.high) and rule.error_bound <= risk + 1e-9
    else:
        assert rule.threshold == math.inf and math.isnan(rule.error_bound) and rule.reason
        if rule.reachable is not None:
            assert rule.reachable > risk
            assert choose_rule(answers, rule.reachable, confidence).reason == ""


def test_too_few_images_are_said_with_the_number_it_takes() -> None:
    right = HeldOutAnswers(np.full(58, 0.9, np.float32), np.ones(58, np.bool_))

    rule = choose_rule(right, 0.05)

    assert "takes at least 59 held-out training images, without a single error; there are 58" in rule.reason
    assert rule.reachable == 0.055  # 0.945 ** 58 is below 0.05
    one_more = HeldOutAnswers(np.full(59, 0.9, np.float32), np.ones(59, np.bool_))
    assert choose_rule(one_more, 0.05).coverage == 1.0


def test_where_even_the_surest_answers_are_wrong_too_often_the_reason_is_another() -> None:
    rng = np.random.default_rng(0)
    answers = HeldOutAnswers(rng.random(1000).astype(np.float32), rng.random(1000) < 0.8)

    rule = choose_rule(answers, 0.05)

    assert "not even the most probable answers" in rule.reason and rule.coverage == 0
    assert rule.reachable is not None and 0.15 < rule.reachable < 0.3


@pytest.mark.parametrize("wrong", [0, 1, -0.1, math.nan, "0.05", True])
def test_a_risk_is_a_share(wrong: object) -> None:
    answers = draw(100, np.random.default_rng(0))
    with pytest.raises(UsageError, match="risk must be a number between 0 and 1"):
        choose_rule(answers, wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="confidence must be"):
        choose_rule(answers, 0.1, wrong)  # type: ignore[arg-type]


def test_images_of_a_group_count_as_one() -> None:
    proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])

    found = HeldOutAnswers.choose(proba, [True, False, True, False], np.array(["a", "a", "b", "c"]))

    assert found.n_groups == 3 and found.shares.tolist() == [0.5, 0.5, 1, 1]
    assert HeldOutAnswers.choose(proba, [True] * 4, np.array([3, 1, 2, 0])).groups is None


def make_groups(n: int, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of two classes and whether they are right, alike within groups of a size."""
    probability = np.clip(np.repeat(rng.beta(4, 1.2, n), size) + rng.normal(0, 0.05, n * size), 0.5, 1)
    luck = np.repeat(rng.random(n), size)
    own = rng.random(n * size) < 0.3
    luck[own] = rng.random(own.sum())
    return np.column_stack([probability, 1 - probability]), luck < probability, np.repeat(np.arange(n), size)


@pytest.mark.slow
@pytest.mark.parametrize("risk", [0.2, 0.23])
def test_a_rule_depends_neither_on_the_order_of_images_nor_on_the_names_of_groups(risk: float) -> None:
    proba, right, groups = make_groups(600, 3, np.random.default_rng(4))
    rule = choose_rule(HeldOutAnswers.choose(proba, right, groups), risk)
    assert rule.n == 600 and rule.n_images == 1800 and 0 < rule.coverage < 1
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(1800)
        named = np.random.default_rng(seed).permutation(600)[groups]
        again = choose_rule(HeldOutAnswers.choose(proba[order], right[order], named[order]), risk)
        assert again.threshold == rule.threshold and again.errors == rule.errors
        assert again.error_bound == pytest.approx(rule.error_bound) and again.error_bound <= risk + 1e-8
        assert again.coverage_low == pytest.approx(rule.coverage_low) and rule.coverage_low < rule.coverage


def test_copies_of_images_change_no_rule() -> None:
    answers = draw(150, np.random.default_rng(3))
    whole = choose_rule(answers, 0.4)
    twice = HeldOutAnswers(
        answers.probability.repeat(2), answers.right.repeat(2), np.arange(150, dtype=np.int32).repeat(2)
    )
    rule = choose_rule(twice, 0.4)
    assert (rule.threshold, rule.n, rule.errors, rule.coverage) == (
        whole.threshold, 150, whole.errors, whole.coverage
    )  # fmt: skip
    for bound in ("error_bound", "coverage_low", "coverage_high"):
        assert getattr(rule, bound) == pytest.approx(getattr(whole, bound), abs=1e-6)
    few = HeldOutAnswers(
        *(np.repeat(part, 2) for part in (twice.probability[:8], twice.right[:8])),
        groups=np.arange(16, dtype=np.int32) // 4,
    )
    assert (
        "groups of held-out training images, without a single error; there are 4"
        in choose_rule(few, 0.05).reason
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "risk"), [(80, 0.1), (80, 0.2), (400, 0.1), pytest.param(400, 0.2, marks=pytest.mark.heavy)]
)
def test_of_groups_too_the_risk_is_exceeded_no_more_often_than_allowed(n: int, risk: float) -> None:
    rng, runs = np.random.default_rng(n), 200
    further, right, _ = make_groups(60_000, 1, np.random.default_rng(99))
    exceeded = 0
    for _ in range(runs):
        threshold = choose_rule(HeldOutAnswers.choose(*make_groups(n, 3, rng)), risk, 0.9).threshold
        answered = further[:, 0] >= threshold
        exceeded += answered.any() and (~right[answered]).mean() > risk
    assert exceeded <= stats.binom.ppf(0.999, runs, 0.1)


# Classifiers


@pytest.mark.slow
def test_a_classifier_answers_or_does_not(fitted, pictures, memory, tmp_path) -> None:
    clf = fitted("logistic")
    with pytest.warns(UserWarning, match="prediction takes others"):  # trained on the centre, answers by flip
        answers = clf.predict_or_abstain(pictures.arrays, risk=0.3)
    assert answers.rule.n == 18 and answers.rule.errors == 0
    assert (answers.probability == clf.predict_proba(pictures.arrays).max(axis=1)).all()
    assert answers.answered.any()
    assert (
        answers.labels[answers.answered].tolist() == clf.predict(pictures.arrays)[answers.answered].tolist()
    )
    assert all(label is None for label in answers.labels[~answers.answered])

    clf.save(tmp_path / "a.cnncodes", include_backbone=False)
    loaded = load(tmp_path / "a.cnncodes").set_params(n_jobs=1, memory=memory)
    with pytest.warns(UserWarning, match="prediction takes others"):
        again = loaded.predict_or_abstain(pictures.arrays, risk=0.3)
    assert again.labels.tolist() == answers.labels.tolist() and again.rule == answers.rule


def test_of_18_images_no_small_risk_is_sure(make, pictures) -> None:
    clf = make("ridge").fit(pictures.arrays, pictures.labels)

    answers = clf.predict_or_abstain(pictures.arrays[:3], risk=0.05)

    assert not answers.answered.any() and answers.labels.tolist() == [None] * 3
    assert "there are 18" in answers.rule.reason and answers.rule.reachable == pytest.approx(0.155)


def test_equal_files_count_once(make, pictures) -> None:
    clf = make("ridge").fit([*pictures.arrays, *pictures.arrays], [*pictures.labels, *pictures.labels])
    assert clf.predict_or_abstain(pictures.arrays[:1]).rule.n == 18


def test_a_head_of_ones_own_is_asked_in_folds_where_that_was_wanted(make, pictures) -> None:
    head = SVC()
    with pytest.raises(UsageError, match="the head SVC gives none: take a head by name, or Calibrated"):
        make(head).fit(pictures.arrays, pictures.labels).predict_or_abstain(pictures.arrays)
    with pytest.raises(UsageError, match="needs probabilities, and the head LinearSVC gives none"):
        make(LinearSVC(), out_of_fold=True).fit(pictures.arrays, pictures.labels)
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(UsageError, match=r"Fit it again with out_of_fold=True .* of any head"):
        make(LogisticRegression()).fit(pictures.arrays, pictures.labels).predict_or_abstain(pictures.arrays)
    clf = make(LogisticRegression(), out_of_fold=True).fit(pictures.arrays, pictures.labels)
    assert clf.predict_or_abstain(pictures.arrays, risk=0.2).rule.n == 18
    assert make("ridge", out_of_fold=False).fit(*pictures.two()).predictor_.answers is None


@pytest.mark.filterwarnings("ignore:.*one image")  # what is left to train on in a fold
@pytest.mark.parametrize(("head", "out_of_fold"), [("lda", None), ("centroid", None), ("ridge", False)])
def test_the_advice_where_there_is_nothing_to_choose_by_helps(make, pictures, head, out_of_fold) -> None:
    chosen = [0, 1, 6, 7]
    images, labels = [pictures.arrays[i] for i in chosen], pictures.labels[chosen]
    without = make(head, out_of_fold=out_of_fold).fit(images, labels)
    with pytest.raises(UsageError, match=r"out_of_fold=True .* on at least 2 images \(or groups\) of each"):
        without.predict_or_abstain(images)
    assert make(head, out_of_fold=True).fit(images, labels).predictor_.make_rule(0.3).n == 4


def test_what_is_averaged_differently_needs_its_own_folds(make, pictures) -> None:
    flips = {"train_views": "flip", "test_views": "flip", "aggregate": "probability"}
    clf = make("ridge", **flips).fit(pictures.arrays, pictures.labels)
    assert clf.predictor_.answers is None
    clf = make("ridge", **flips, out_of_fold=True).fit(pictures.arrays, pictures.labels)
    assert clf.predict_or_abstain(pictures.arrays, risk=0.2).rule.n == 18


def test_a_class_of_one_image_is_not_counted_among_the_answers(make, pictures) -> None:
    images, labels = pictures.arrays, pictures.labels.astype("U4")
    labels[0] = "rare"
    with pytest.warns(ResultWarning, match="no image of class 'rare'"):
        clf = make("ridge").fit(images, labels)
    assert clf.predict_or_abstain(images, risk=0.2).rule.n == len(images) - 1
    assert len(clf.predictor_.scale.distances) == len(images) - 1 and len(clf.novelty(images)) == len(images)
    from sklearn.neighbors import KNeighborsClassifier

    clf = make(KNeighborsClassifier(1), out_of_fold=True).fit(images, labels)
    assert clf.predict_or_abstain(images, risk=0.2).rule.n == len(images) - 1


def test_two_classes_of_which_one_has_one_image_can_hold_none_out(make, pictures) -> None:
    few = [0, 1, 2, 6]
    images, labels = [pictures.arrays[i] for i in few], pictures.labels[few]
    with pytest.warns(UserWarning, match="nothing was chosen"):
        clf = make("ridge").fit(images, labels)
    with pytest.raises(UsageError, match="at least 2 images"):
        clf.predict_or_abstain(images)
    with pytest.raises(UsageError, match="nothing to measure novelty by"):
        clf.novelty(images)
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(UsageError, match="all but one have images of one group alone"):
        make(KNeighborsClassifier(1), out_of_fold=True).fit(images, labels)
    with pytest.raises(UsageError, match="out_of_fold must be True, False or None"):
        make("ridge", out_of_fold="yes").fit(images, labels)
