"""Tables of figures by class."""

from __future__ import annotations

import numpy as np

from cnncodes.commands.class_figures import render_class_figures
from cnncodes.commands.label_figures import render_label_figures
from cnncodes.evaluation import evaluate_multilabel, evaluate_predictions
from cnncodes.plain import to_plain


def test_a_long_name_does_not_pad_every_row() -> None:
    long = "x" * 3000
    figures = evaluate_predictions(np.array(["a", long]), np.array(["a", long]), ["a", long])
    shown = render_class_figures(to_plain(figures)).splitlines()
    assert max(map(len, shown)) < 250 and any(line.startswith(f"{'x' * 39}…  ") for line in shown)


def test_classes_without_images_are_named() -> None:
    figures = evaluate_predictions(["a", "b"], ["a", "c"], ["a", "b", "c", "d"])
    shown = render_class_figures(to_plain(figures))
    said = "No image is of 2 of 4 classes (c, d): balanced accuracy and macro F1 are means of the others."
    assert said in shown
    assert "No image is of" not in render_class_figures(to_plain(evaluate_predictions(["a"], ["a"], ["a"])))


def test_what_few_images_tell_is_not_said_where_they_are_of_groups() -> None:
    y = np.repeat(["ant", "bee"], [8, 30])
    alone = render_class_figures(to_plain(evaluate_predictions(y, y, ["ant", "bee"])))
    said = "1 of 2 classes with images here has fewer than 10 of them, too few for figures of its own."
    assert f"{said} An example: where all 8 images of a class are answered rightly, its true recall" in alone
    assert "its true recall may still be 0.68.\n" in alone
    groups = [0] * 8 + [*range(1, 31)]  # all of the class are of one, which tells as much as one image
    grouped = render_class_figures(to_plain(evaluate_predictions(y, y, ["ant", "bee"], groups=groups)))
    assert f"\n{said}\n" in grouped and "0.68" not in grouped
    y = np.repeat(["ant", "bee"], [1, 9])
    few = render_class_figures(to_plain(evaluate_predictions(y, y, ["ant", "bee"])))
    assert "2 of 2 classes with images here have fewer than 10 of them, too few for figures of their" in few
    assert "where the one image of a class is answered rightly, its true recall may still be" in few


def test_classes_of_few_groups_are_named_where_all_together_have_enough() -> None:
    y = np.repeat(["ant", "bee", "cow", "dog"], 15)
    groups = [*np.repeat(np.arange(10), 3), *range(10, 25), *np.repeat(np.arange(25, 30), 3)]
    wrong = np.where(np.arange(60) % 4, y, "ant")
    figures = to_plain(evaluate_predictions(y, wrong, np.unique(y), groups=groups))
    assert [one["n_groups"] for one in figures["per_class"]] == [5, 5, 15, 5]
    said = "The images of 3 of 4 classes (ant, bee, dog) are of fewer than 10 groups: their own"
    assert render_class_figures(figures).count(said) == 1
    few = to_plain(evaluate_predictions(y, wrong, np.unique(y), groups=np.repeat(np.arange(4), 15)))
    assert "their own" not in render_class_figures(few) and "there are 4: too few" in render_class_figures(
        few
    )
    alone = to_plain(evaluate_predictions(y, wrong, np.unique(y)))
    assert alone["per_class"][0]["n_groups"] is None and "their own" not in render_class_figures(alone)


def test_labels_of_few_groups_are_named() -> None:
    truth = [{"sea", "sky"} if i % 2 else {"sky"} for i in range(24)]
    named = np.array([[i % 2, i % 5 > 0] for i in range(24)])
    found = evaluate_multilabel(truth, named, named.astype(float), ["sea", "sky"], groups=np.arange(24) // 2)
    assert [one.n_groups for one in found.per_label] == [12, 12]
    groups = [f"{i}" if i % 2 == 0 else f"{i % 3} too" for i in range(24)]
    found = evaluate_multilabel(truth, named, named.astype(float), ["sea", "sky"], groups=groups)
    assert "The images of 1 of 2 labels (sea) are of fewer than 10 groups" in render_label_figures(
        to_plain(found)
    )
