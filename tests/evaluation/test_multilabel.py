"""Figures of labels against scikit-learn, and what is said where there is nothing to measure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from cnncodes.errors import UsageError
from cnncodes.evaluation import evaluate_multilabel
from cnncodes.evaluation.intervals import draw_weights
from cnncodes.evaluation.multilabel import _Figures
from cnncodes.plain import to_plain

CLASSES = np.array(["a", "b", "c", "d"])


def made(n=60, seed=0, digits=1):
    rng = np.random.default_rng(seed)
    Y = (rng.random((n, 4)) < [0.5, 0.3, 0.2, 0.1]).astype(int)
    proba = np.clip(0.3 * Y + 0.7 * rng.random((n, 4)), 0, 1).round(digits)
    return Y, (proba >= 0.5).astype(int), proba


def expect(Y, named, proba, weight=None):
    options = {"sample_weight": weight, "zero_division": 0}
    average = [metrics.average_precision_score(Y[:, i], proba[:, i], sample_weight=weight) for i in range(4)]
    return [
        metrics.f1_score(Y, named, average="micro", **options),
        metrics.f1_score(Y, named, average="macro", **options),
        float(np.mean(average)),
        metrics.hamming_loss(Y, named, sample_weight=weight),
        *average,
        *metrics.f1_score(Y, named, average=None, **options),
    ]


@pytest.mark.parametrize("digits", [1, 9])
def test_figures_are_those_of_scikit_learn_and_so_are_those_of_resamples(digits):
    Y, named, proba = made(digits=digits)
    figures = _Figures(Y.astype(float), named.astype(float), proba)
    for weight in (np.ones(60), *draw_weights(60, resamples=5)):
        np.testing.assert_allclose(figures.measure(weight), expect(Y, named, proba, weight))


def test_each_figure_has_an_interval_and_its_n():
    Y, named, proba = made()
    found = evaluate_multilabel(Y, named, proba, CLASSES)
    values = expect(Y, named, proba)
    summary = (found.micro_f1, found.macro_f1, found.mean_average_precision, found.hamming_loss)
    for estimate, value in zip(summary, values, strict=False):
        assert estimate.value == pytest.approx(value) and estimate.low < value < estimate.high
        assert estimate.n == found.n == 60
    exact = found.subset_accuracy
    assert exact.value == pytest.approx(metrics.accuracy_score(Y, named)) and exact.low < exact.value
    assert found.without_positives == [] and found.missing == {} and found.n_groups is None
    for i, label in enumerate(found.per_label):
        assert label.name == CLASSES[i] and label.known
        assert label.recall.value == pytest.approx(metrics.recall_score(Y[:, i], named[:, i]))
        assert label.precision.value == pytest.approx(metrics.precision_score(Y[:, i], named[:, i]))
        assert (label.recall.n, label.precision.n) == (Y[:, i].sum(), named[:, i].sum())
        assert label.average_precision.value == pytest.approx(values[4 + i])
        assert label.average_precision.low < values[4 + i] < label.average_precision.high
        assert label.f1.value == pytest.approx(values[8 + i]) and label.f1.low < values[8 + i] < label.f1.high


@given(st.integers(0, 10**6))
def test_the_order_of_images_and_labels_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    Y, named, proba = made(20, seed)
    rows, columns = rng.permutation(20), rng.permutation(4)
    expected = _Figures(Y * 1.0, named * 1.0, proba).measure(np.ones(20))
    shuffled = [part[rows][:, columns] * 1.0 for part in (Y, named, proba)]
    found = _Figures(*shuffled).measure(np.ones(20))
    np.testing.assert_allclose(found[:4], expected[:4])
    np.testing.assert_allclose(found[4:8], expected[4:8][columns])
    np.testing.assert_allclose(found[8:], expected[8:][columns])


def test_sets_and_an_indicator_are_the_same():
    Y, named, proba = made()
    sets = [set(CLASSES[row > 0].tolist()) for row in Y]
    assert evaluate_multilabel(sets, named, proba, CLASSES) == evaluate_multilabel(Y, named, proba, CLASSES)


def test_a_label_without_positives_is_said_and_in_no_mean():
    Y, named, proba = made()
    Y[:, 1] = 0
    named[:, 2] = 0
    Y[:, 2] = 0
    found = evaluate_multilabel(Y, named, proba, CLASSES)
    assert found.without_positives == ["b", "c"]
    b, c = found.per_label[1:3]
    assert math.isnan(b.recall.value) and b.recall.n == 0 and math.isnan(b.average_precision.value)
    assert b.precision.value == 0 and math.isnan(c.precision.value)
    assert b.missing["recall"] == b.missing["average_precision"] == "no image has the label"
    assert set(b.missing) == {"recall", "average_precision", "f1"}
    assert b.missing["f1"].startswith("no interval, since")
    assert set(c.missing) == {"recall", "precision", "average_precision", "f1"}
    assert c.missing["precision"] == "it was not named"
    assert c.missing["f1"] == "no image has the label, and it was not named"
    for one in to_plain(found)["per_label"]:
        ends = {key: value["low"] for key, value in one.items() if isinstance(value, dict) and "low" in value}
        assert {key for key, low in ends.items() if low is None} == set(one["missing"])
    kept = [0, 3]
    average = [metrics.average_precision_score(Y[:, i], proba[:, i]) for i in kept]
    assert found.mean_average_precision.value == pytest.approx(np.mean(average))
    f1 = [metrics.f1_score(Y[:, i], named[:, i], zero_division=0) for i in (0, 1, 3)]  # b was named, wrongly
    assert found.macro_f1.value == pytest.approx(np.mean(f1))


@pytest.mark.slow
def test_an_unknown_label_counts_as_never_named():
    Y, named, proba = made()
    sets = [set(CLASSES[row > 0].tolist()) for row in Y]
    sets[0].add("new")
    found = evaluate_multilabel(sets, named, proba, CLASSES)
    new = found.per_label[-1]
    assert (new.name, new.known, new.recall.value, new.recall.n, new.precision.n) == ("new", False, 0, 1, 0)
    assert new.average_precision.value == pytest.approx(1 / 60)
    known = evaluate_multilabel(Y, named, proba, CLASSES)
    assert found.micro_f1.value < known.micro_f1.value and found.macro_f1.value < known.macro_f1.value
    wrong = known.hamming_loss.value * 240 + 1
    assert found.hamming_loss.value == pytest.approx(wrong / 300)


def test_no_labels_at_all():
    Y, named, proba = np.zeros((3, 4), int), np.zeros((3, 4), int), np.full((3, 4), 0.2)
    found = evaluate_multilabel(Y, named, proba, CLASSES)
    assert math.isnan(found.micro_f1.value) and math.isnan(found.macro_f1.value)
    assert found.subset_accuracy.value == 1 and found.hamming_loss.value == 0
    assert set(found.missing) == {"micro_f1", "macro_f1", "mean_average_precision", "hamming_loss"}
    assert found.missing["hamming_loss"].startswith("no interval, since nearly all resamples agree")
    found = evaluate_multilabel(Y, np.eye(3, 4, dtype=int), proba, CLASSES)
    assert found.micro_f1.value == 0 and found.missing["mean_average_precision"] == "no image has a label"
    assert found.missing["micro_f1"].startswith("no interval")


@pytest.mark.slow
def test_groups_are_drawn_whole():
    Y, named, proba = made()
    found = evaluate_multilabel(Y, named, proba, CLASSES, groups=np.arange(60) // 10)
    assert found.n_groups == 6
    alone = evaluate_multilabel(Y, named, proba, CLASSES)
    assert found.micro_f1.value == alone.micro_f1.value and found.micro_f1.low != alone.micro_f1.low


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda Y, named, proba: (Y[:2], named, proba), "a row for each of 2 images"),
        (lambda Y, named, proba: (Y, named[:, :3], proba), "a column for each of 4 labels"),
        (lambda Y, named, proba: (Y, named * 2, proba), "named must hold 0 and 1"),
        (lambda Y, named, proba: (Y, named, proba * np.nan), "proba finite numbers"),
        (lambda Y, named, proba: (Y[:, :3], named, proba), "y has 3 columns and the classifier 4 labels"),
        (lambda Y, named, proba: (Y[:0], named[:0], proba[:0]), "at least one"),
        (lambda Y, named, proba: (Y, [["a"], []], proba), "named must have as many numbers for each image"),
        (lambda Y, named, proba: (Y, named, [[0.1], []]), "proba must have as many numbers for each image"),
        (lambda Y, named, proba: (Y, named, proba.astype(str)), "proba must hold numbers, one a label. Got"),
        (lambda Y, named, proba: (Y, named, proba + 0j), "Got values of type complex128"),
        (lambda Y, named, proba: (Y, None, proba), "named must hold numbers"),
    ],
)
def test_what_does_not_fit_is_refused(change, text):
    with pytest.raises(UsageError, match=text):
        evaluate_multilabel(*change(*made()), CLASSES)


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ([CLASSES, CLASSES], r"classes must be a list of labels.* Got shape \(2, 4\)"),
        ("abcd", "classes must be a list of labels.* Got str"),
        (set(CLASSES), "classes must be a list of labels.* Got set"),
        ([*CLASSES[:3], CLASSES[0]], f"each class once. '{CLASSES[0]}' is there 2 times"),
    ],
)
def test_classes_that_name_no_columns_are_refused(classes, text):
    with pytest.raises(UsageError, match=text):
        evaluate_multilabel(*made(), classes)


def test_only_the_order_of_the_values_counts():
    Y, named, proba = made()
    expected = evaluate_multilabel(Y, named, proba, CLASSES)
    assert evaluate_multilabel(Y, named, 100 * proba - 7, CLASSES) == expected
