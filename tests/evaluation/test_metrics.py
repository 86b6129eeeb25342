"""Figures of quality against scikit-learn's, and their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from cnncodes.errors import ResultWarning, UsageError
from cnncodes.evaluation import compare_classifiers, compare_paired, evaluate_predictions

CLASSES = ["ant", "bee", "cow", "dog"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:y_pred contains", "ignore:A single label was found")
@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=60))
def test_figures_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    y, predicted = (list(column) for column in zip(*pairs, strict=True))

    figures = evaluate_predictions(y, predicted, CLASSES)

    assert figures.n == figures.accuracy.n == len(y)
    assert figures.accuracy.value == pytest.approx(metrics.accuracy_score(y, predicted))
    assert figures.balanced_accuracy.value == pytest.approx(metrics.balanced_accuracy_score(y, predicted))
    of_present = metrics.f1_score(y, predicted, labels=sorted(set(y)), average="macro")
    assert figures.macro_f1.value == pytest.approx(of_present)
    assert figures.log_loss is None
    for one in figures.per_class:
        assert one.recall.n == y.count(one.name) and one.precision.n == predicted.count(one.name)
        if one.recall.n:
            assert one.recall.value == pytest.approx(
                metrics.recall_score(y, predicted, labels=[one.name], average="macro")
            )
        if one.precision.n:
            assert one.precision.value == pytest.approx(
                metrics.precision_score(y, predicted, labels=[one.name], average="macro")
            )


def test_a_class_without_images_is_in_no_mean() -> None:
    y, predicted = ["ant", "ant", "bee", "bee"], ["ant", "cow", "bee", "bee"]
    figures = evaluate_predictions(y, predicted, CLASSES)
    assert figures.macro_f1.value == pytest.approx((2 / 3 + 1) / 2)  # with the cow's, 0, it would be 0.56
    assert figures.balanced_accuracy.value == pytest.approx(0.75)


@pytest.mark.slow
@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations(CLASSES))
def test_log_loss_is_scikit_learns_whatever_the_order_of_classes(seed: int, classes: list[str]) -> None:
    rng = np.random.default_rng(seed)
    y = rng.choice(CLASSES, 30)
    proba = rng.dirichlet(np.ones(4), 30)

    figures = evaluate_predictions(y, proba, classes)

    expected = metrics.log_loss(y, proba[:, np.argsort(classes)], labels=CLASSES)
    assert figures.log_loss is not None
    assert figures.log_loss.value == pytest.approx(expected)
    assert figures.log_loss.low <= figures.log_loss.value <= figures.log_loss.high
    assert figures.accuracy.value == pytest.approx(np.mean(np.asarray(classes)[proba.argmax(axis=1)] == y))


def test_a_class_that_the_classifier_does_not_know_counts_as_wrong() -> None:
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])

    figures = evaluate_predictions(["ant", "bee", "yak"], proba, ["ant", "bee"])

    assert figures.accuracy.value == pytest.approx(2 / 3)
    assert figures.balanced_accuracy.value == pytest.approx(2 / 3)
    assert [(one.name, one.known) for one in figures.per_class] == [
        ("ant", True),
        ("bee", True),
        ("yak", False),
    ]
    assert figures.log_loss is not None and figures.log_loss.n == 2
    assert [one.missing for one in figures.per_class] == [{}, {}, {"precision": "it was not predicted"}]
    alone = evaluate_predictions(["ant"], ["ant"], ["ant", "bee"]).per_class[1]
    assert alone.missing["recall"] == "no image is of the class" and np.isnan(alone.recall.value)


def test_no_answer_counts_as_wrong() -> None:
    figures = evaluate_predictions(["ant", "bee"], ["ant", ""], ["ant", "bee"])

    assert figures.accuracy.value == 0.5
    assert [one.name for one in figures.per_class] == ["ant", "bee"]


def test_a_certain_mistake_costs_much_but_not_everything() -> None:
    figures = evaluate_predictions(["ant"], np.array([[0.0, 1.0]]), ["ant", "bee"])

    assert figures.log_loss is not None and 30 < figures.log_loss.value < 40


@pytest.mark.parametrize(
    ("y", "predicted", "message"),
    [
        ([], [], "at least one"),
        (["ant"], ["ant", "bee"], "one for each of 1"),
        (["ant"], [[0.5, 0.3, 0.2]], "must have 2 columns"),
        (["ant"], [[np.nan, 0.3]], "finite"),
    ],
)
def test_what_does_not_fit_is_refused(y: list[str], predicted: list[object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        evaluate_predictions(y, predicted, ["ant", "bee"])


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    rng = np.random.default_rng(5)
    y = rng.choice(CLASSES, 300)
    b = np.where(rng.random(300) < 0.6, y, "none")
    a = np.where(rng.random(300) < 0.2, y, b)  # right wherever b is, and more

    difference = compare_paired(y, a, b)

    assert difference.value == pytest.approx(np.mean(a == y) - np.mean(b == y))
    assert 0 < difference.low < difference.value < difference.high
    of_one = evaluate_predictions(y, b, CLASSES).accuracy
    assert difference.high - difference.low < of_one.high - of_one.low
    with pytest.raises(UsageError, match="same images"):
        compare_paired(y, a, b[:-1])


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_an_image_without_a_group_is_drawn_alone(missing: Any) -> None:
    y = np.array(["a", "b"] * 3)
    figures = evaluate_predictions(y, y, ["a", "b"], groups=["anna", missing, missing, "anna", missing, 7])
    assert figures.n_groups == 5


def test_groups_are_counted_and_too_few_are_told() -> None:
    from cnncodes.commands.class_figures import render_class_figures
    from cnncodes.plain import to_plain

    y = np.array(["a", "b"] * 12)
    figures = evaluate_predictions(y, y, ["a", "b"], groups=np.arange(24) // 8)
    assert figures.n_groups == 3 and figures.n == 24
    text = render_class_figures(to_plain(figures))
    assert "Intervals draw whole groups, of which there are 3: too few" in text
    many = render_class_figures(to_plain(evaluate_predictions(y, y, ["a", "b"], groups=np.arange(24))))
    assert "of which there are 24." in many
    assert evaluate_predictions(y, y, ["a", "b"]).n_groups is None
    assert "groups" not in render_class_figures(to_plain(evaluate_predictions(y, y, ["a", "b"])))


def test_a_class_that_is_named_twice_is_refused() -> None:
    proba = [[0.5, 0.3, 0.2]]
    with pytest.raises(UsageError, match="'ant' is there 2 times"):
        evaluate_predictions(["ant"], proba, ["ant", "bee", "ant"])
    with pytest.raises(UsageError, match="each class once"):
        evaluate_predictions(["ant"], ["ant"], ["ant", "ant"])


@pytest.mark.parametrize(
    ("y", "classes", "said"),
    [
        ([0, 0, 1], ["a", "b"], r"the labels are numbers and the classes text: \['a', 'b'\]"),
        ([0, 0, 1], ["0", "1"], "the labels are numbers and the classes text"),
        (["0", "0", "1"], [0, 1], "the labels are text and the classes numbers"),
    ],
)
def test_text_is_not_compared_with_numbers(y: list[Any], classes: list[Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        evaluate_predictions(y, np.full((3, 2), 0.5), classes)


def test_a_warning_says_that_no_true_class_is_known() -> None:
    said = "2 of the classes here are unknown .* 3 images .* wrong: 'x', 'y'"
    with pytest.warns(ResultWarning, match=said):
        found = evaluate_predictions(["x", "x", "y"], np.full((3, 2), 0.5), ["a", "b"])
    assert found.missing["log_loss"] == "no image is of a class that the classifier knows"
    assert "top_k_accuracy" in found.missing


@pytest.mark.parametrize("kind", [object, np.int8, np.float64])
def test_numbers_of_any_type_are_classes_alike(kind: Any) -> None:
    found = evaluate_predictions(np.array([0, 1, 1], kind), [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1])
    assert found.accuracy.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("y", "predicted", "said"),
    [
        (
            ["x", None, "z"],
            ["x", "x", "z"],
            r"1 of 3 labels is missing \(None, NaN or empty text\), at position 1",
        ),
        (
            [1.0, np.nan, np.nan],
            [0, 1, 1],
            "2 of 3 labels are missing .* at positions 1, 2: leave these images",
        ),
        (
            ["x", "x", "z"],
            [None, "x", None],
            r"2 of 3 predictions are missing \(None or NaN\), at positions 0, 2",
        ),
        (["x", "x", "z"], ["x", 1, "z"], "predictions must be of one type. Got numbers and text"),
        (["x", 1, "z"], ["x", "x", "z"], "labels must be of one type"),
        (["x", "x", "z"], [0, 1, 1], "the predictions are numbers and the classes text"),
    ],
)
def test_a_class_that_is_missing_or_of_another_type_is_refused_by_its_place(
    y: list[Any], predicted: list[Any], said: str
) -> None:
    classes = ["x", "z"] if "x" in y else [0, 1]
    right = ["x", "x", "z"] if "x" in y else [0, 1, 1]
    with pytest.raises(UsageError, match=said):
        evaluate_predictions(y, predicted, classes)
    with pytest.raises(UsageError, match=said):
        compare_classifiers(y, {"p": predicted, "q": right}, classes)


@pytest.mark.slow
def test_a_table_of_probabilities_is_read_by_the_names_of_its_columns() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"dog": [0.1, 0.9], "cat": [0.9, 0.1]})
    y, classes = ["cat", "dog"], ["cat", "dog"]
    assert evaluate_predictions(y, table, classes).accuracy.value == 1
    other = table.to_numpy()
    found = compare_classifiers(y, {"table": table, "array": other}, classes)
    assert found.pairs[0].accuracy.value == 1
    assert compare_paired(y, table, other, classes=classes).value == 1
    assert evaluate_predictions(y, table.set_axis([0, 1], axis=1), ["dog", "cat"]).accuracy.value == 1
    with pytest.raises(UsageError, match="columns of probabilities are named 'bird', 'cat'"):
        evaluate_predictions(y, table.rename(columns={"dog": "bird"}), classes)
