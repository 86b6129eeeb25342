"""Log-loss, Brier score and top-k accuracy against scikit-learn's, and calibration against the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from cnncodes.errors import UsageError
from cnncodes.evaluation import compare_classifiers, compare_paired, evaluate_predictions, measure_calibration
from cnncodes.evaluation.probabilities import Scored
from cnncodes.evaluation.shares import wilson

CLASSES = np.array(["ant", "bee", "cow", "dog"])


def draw(n: int, seed: int, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and labels; with a sharpness of 1 the labels are drawn from the probabilities."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n, 4))
    true, given = (np.exp(logits * power) for power in (1.0, sharpness))
    true /= true.sum(axis=1, keepdims=True)
    y = (true.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return given / given.sum(axis=1, keepdims=True), y


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations(list(CLASSES)), st.integers(1, 3))
def test_brier_and_top_k_are_scikit_learns(seed: int, classes: list[str], k: int) -> None:
    proba, y = draw(40, seed)
    columns = [list(CLASSES).index(name) for name in classes]
    scored = Scored.make(CLASSES[y], proba[:, columns], np.array(classes), None, 0)

    assert scored.brier().value == pytest.approx(
        sum(metrics.brier_score_loss(y == column, proba[:, column]) for column in range(4))
    )
    assert scored.top_k_accuracy(k).value == pytest.approx(
        metrics.top_k_accuracy_score(y, proba, k=k, labels=range(4))
    )


def test_equal_probabilities_rank_as_the_answer_does() -> None:
    scored = Scored.make(CLASSES, np.full((4, 4), 0.25), CLASSES, None, 0)

    found = [scored.top_k_accuracy(k).value for k in (1, 2, 3, 4)]

    assert found == [0.25, 0.5, 0.75, 1.0]  # the first columns, as argmax takes them


def test_an_unknown_class_is_wrong_in_every_figure_but_the_log_loss() -> None:
    figures = evaluate_predictions(
        ["ant", "yak"], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], ["ant", "bee", "cow"], top_k=2
    )

    assert figures.brier is not None and figures.log_loss is not None and figures.top_k_accuracy is not None
    assert figures.brier.value == pytest.approx((0.25 + 0.09 + 0.04 + 0.25 + 0.09 + 0.04 + 1) / 2)
    assert (figures.brier.n, figures.log_loss.n) == (2, 1)
    assert (figures.top_k, figures.top_k_accuracy.value) == (2, 0.5)
    assert figures.confusion == [[1, 0, 0, 0, 0], [0] * 5, [0] * 5, [1, 0, 0, 0, 0]]


def test_what_labels_alone_cannot_tell_is_none_and_says_why() -> None:
    figures = evaluate_predictions(["ant", "bee"], ["ant", "yak"], ["ant", "bee"])

    assert figures.brier is figures.calibration_error is figures.top_k_accuracy is figures.top_k is None
    assert figures.missing == dict.fromkeys(
        ("top_k_accuracy", "log_loss", "brier", "calibration_error"), "the classifier gives no probabilities"
    )
    assert figures.confusion == [[1, 0, 0], [0, 0, 1]]  # no class is in the last column


def test_of_two_classes_there_is_no_top_2() -> None:
    figures = evaluate_predictions(["ant", "bee"], [[0.9, 0.1], [0.9, 0.1]], ["ant", "bee"])

    assert figures.top_k_accuracy is None and "fewer than three" in figures.missing["top_k_accuracy"]
    assert figures.brier is not None and figures.brier.value == pytest.approx((0.02 + 1.62) / 2)


@pytest.mark.parametrize("rows", [[[2.0, -1.0]], [[0.6, 0.6]], [[0.0, 0.0]]])
def test_decision_values_are_no_probabilities(rows: list[list[float]]) -> None:
    with pytest.raises(UsageError, match=r"sum to 1.*Decision values"):
        evaluate_predictions(["ant"], rows, ["ant", "bee"])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_the_plain_calibration_error_is_the_mean_distance_of_bins(seed: int, n: int) -> None:
    proba, y = draw(n, seed)
    probability, right = proba.max(axis=1).round(1), proba.argmax(axis=1) == y

    found = measure_calibration(probability, right)

    by_hand = sum(one.n * abs(one.probability - one.accuracy) for one in found.bins) / n
    assert found.plain == pytest.approx(by_hand)
    assert sum(one.n for one in found.bins) == found.error.n == n
    assert 1 <= len(found.bins) <= max(1, n // 20)
    assert found.error.value <= found.plain + 1e-12
    assert 0 <= found.error.low <= found.error.value <= found.error.high
    share = wilson(int(right.sum()), n)
    mean = probability.mean()
    assert found.error.high >= max(mean - share.low, share.high - mean)


@pytest.mark.slow
@pytest.mark.parametrize(("sharpness", "least", "most"), [(1.0, 0.9, 1.0), (2.0, 0.8, 1.0)])
def test_intervals_of_the_calibration_error_hold_the_truth(
    sharpness: float, least: float, most: float
) -> None:
    proba, y = draw(200_000, 0, sharpness)
    truth = abs(float(proba.max(axis=1).mean() - (proba.argmax(axis=1) == y).mean()))
    plain, errors, held = [], [], []
    for seed in range(1, 31):
        proba, y = draw(300, seed, sharpness)
        found = measure_calibration(proba.max(axis=1), proba.argmax(axis=1) == y, random_state=seed)
        plain.append(found.plain)
        errors.append(found.error.value)
        held.append(found.error.low <= truth <= found.error.high)

    # Sharp probabilities are too high everywhere, so that bins do not hide anything and the truth is known.
    assert least <= np.mean(held) <= most
    assert abs(np.mean(errors) - truth) < 0.03
    if sharpness == 1.0:
        assert np.mean(plain) > 2 * np.mean(errors)


def test_groups_widen_every_interval() -> None:
    proba, y = draw(30, 3, 1.5)
    proba, y, groups = np.repeat(proba, 10, axis=0), np.repeat(y, 10), np.repeat(np.arange(30), 10)
    alone = evaluate_predictions(CLASSES[y], proba, CLASSES, top_k=2)
    grouped = evaluate_predictions(CLASSES[y], proba, CLASSES, top_k=2, groups=groups)

    for name in ("accuracy", "balanced_accuracy", "macro_f1", "top_k_accuracy", "log_loss", "brier"):
        one, other = getattr(alone, name), getattr(grouped, name)
        assert one.value == pytest.approx(other.value)
        assert other.high - other.low > 2 * (one.high - one.low), name
    assert alone.calibration and grouped.calibration
    assert grouped.calibration.by_chance > 2 * alone.calibration.by_chance
    recalls = [figures.per_class[0].recall for figures in (alone, grouped)]
    assert recalls[1].high - recalls[1].low > 2 * (recalls[0].high - recalls[0].low)


def test_answers_that_are_all_alike_have_the_interval_of_their_accuracy() -> None:
    right = np.ones(200, dtype=np.bool_)
    found = measure_calibration(np.full(200, 0.9), right)

    assert found.plain == pytest.approx(0.1) and found.error.value == pytest.approx(0.1)
    assert found.error.low == pytest.approx(wilson(200, 200).low - 0.9)
    assert found.error.high == pytest.approx(0.1)
    spread = measure_calibration(np.linspace(0.85, 0.95, 200), right)  # resamples differ, but by a hair
    assert spread.error.low == pytest.approx(found.error.low) and len(spread.bins) == 10
    assert measure_calibration(np.full(200, 0.9), right, groups=np.zeros(200)).error.low == 0


@pytest.mark.parametrize(("n", "wrong"), [(400, 20), (20, 1), (39, 2)])
def test_an_error_of_just_what_probabilities_say_is_no_certainty(n: int, wrong: int) -> None:
    found = measure_calibration(np.full(n, 1 - wrong / n), np.arange(n) >= wrong)

    share = wilson(n - wrong, n)
    assert found.error.value == found.error.low == 0
    assert found.error.high == pytest.approx(share.value - share.low, rel=0.2) and found.error.high > 0.02


@pytest.mark.parametrize(("accuracy", "probability"), [(0.95, 0.99), (0.9, 0.95), (0.95, 0.95)])
def test_intervals_of_few_images_hold_the_truth(accuracy: float, probability: float) -> None:
    held = []
    for seed in range(20):
        right = np.random.default_rng(seed).random(20) < accuracy
        error = measure_calibration(np.full(20, probability), right, random_state=seed).error
        held.append(error.low <= probability - accuracy <= error.high)
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "int64", "uint8", "bool", "object"])
def test_figures_do_not_depend_on_the_type_of_the_same_probabilities(kind: str) -> None:
    y, certain = ["ant"] * 11 + ["bee"] * 9, np.repeat(np.eye(2), 10, axis=0)
    expected = evaluate_predictions(y, certain, ["ant", "bee"])
    assert expected.log_loss is not None
    assert expected.log_loss.value == pytest.approx(metrics.log_loss(y, certain))

    assert evaluate_predictions(y, certain.astype(kind), ["ant", "bee"]) == expected
    assert evaluate_predictions(y, certain.astype(kind).tolist(), ["ant", "bee"]) == expected
    same = {"first": certain, "second": certain.astype(kind)}
    assert compare_classifiers(y, same, ["ant", "bee"]).pairs[0].log_loss.value == 0  # type: ignore[union-attr]
    others = certain[::-1].astype(kind), certain
    gain = compare_paired(y, *others, classes=["ant", "bee"], figure="log_loss")
    assert gain.value == pytest.approx(metrics.log_loss(y, certain[::-1]) - metrics.log_loss(y, certain))


@pytest.mark.parametrize("wrong", [[["a", "b"]], [[1j, 0]], np.zeros((1, 2), "datetime64[s]")])
def test_probabilities_that_are_no_numbers_are_refused(wrong: object) -> None:
    with pytest.raises(UsageError, match="probabilities must be numbers"):
        evaluate_predictions(["ant"], wrong, ["ant", "bee"])


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=8), st.integers(0, 3))
def test_no_calibration_error_is_above_one_or_below_none(images: list[tuple[float, bool]], seed: int) -> None:
    probability, right = zip(*images, strict=True)
    error = measure_calibration(probability, right, random_state=seed).error
    assert 0 <= error.low <= error.value <= error.high <= 1
