"""Names in tables of a terminal, and sentences of one thing."""

from __future__ import annotations

from cnncodes.commands.class_figures import render_class_figures
from cnncodes.commands.fit import name_classes
from cnncodes.commands.label_figures import render_label_figures
from cnncodes.commands.multilabel import render_labels
from cnncodes.commands.tables import format_share
from cnncodes.estimators.labels import say_unknown_classes, say_unknown_labels
from cnncodes.evaluation.figures import FIGURES
from cnncodes.plain import cut_names
from cnncodes.report.html import interval, number

LONG = "x" * 3000
SHARE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 20}


def test_names_are_cut_where_they_are_long_alone() -> None:
    assert cut_names(["x" * 40, LONG]) == ["x" * 40, "x" * 39 + "…"]


def test_tables_of_a_long_label_are_no_wider_than_a_terminal() -> None:
    fitted = {
        "chosen": "ridge", "C": 1.0, "k": None, "images": 9, "seconds": 1, "out": "m",
        "images_of_label": {LONG: 5}, "thresholds": {LONG: 0.5},
    }  # fmt: skip
    shown = render_labels(fitted)
    assert max(map(len, shown.splitlines())) < 80 and "with 1 label in" in shown
    of_each = dict.fromkeys(("recall", "precision", "average_precision"), SHARE)
    of_each |= {"name": LONG, "known": False}
    figures = ("micro_f1", "macro_f1", "mean_average_precision", "subset_accuracy", "hamming_loss")
    about = {"missing": {}, "n_groups": None, "without_positives": [], "n": 20}
    several = render_label_figures(dict.fromkeys(figures, SHARE) | about | {"per_label": [of_each]})
    for shown in (several, render_class_figures(about | {"per_class": [of_each]})):
        assert "x" * 39 + "… (unknown to the classifier)" in shown and "x" * 40 not in shown


def test_long_classes_that_begin_alike_have_rows_that_differ() -> None:
    names = [f"{'x' * 50}{i}" for i in (1, 2)]
    per_class = [{"name": name, "known": True, "recall": SHARE, "precision": SHARE} for name in names]
    shown = render_class_figures({"missing": {}, "n_groups": None, "n": 20, "per_class": per_class})
    assert all(f"{'x' * 19}…{'x' * 19}{i} " in shown for i in (1, 2))


def test_a_fit_names_long_classes() -> None:
    end = "x" * 29
    said = f"{end}…{end}1, {end}…{end}2, cat, 'two  spaces'"
    assert name_classes(["x" * 70 + "1", "x" * 70 + "2", "cat", "two  spaces"]) == said


def test_one_thing_is_spoken_of_as_one() -> None:
    assert say_unknown_labels(["a"]).startswith("1 of the labels here is unknown to the classifier")
    assert "their 2 images count" in say_unknown_classes(["a", "b"], 2)
    assert say_unknown_classes(["a"], 1).endswith("so its 1 image counts as wrong: 'a'")


def test_a_label_of_all_images_is_said_to_say_nothing() -> None:
    figures = ("micro_f1", "macro_f1", "mean_average_precision", "subset_accuracy", "hamming_loss")
    about = {"missing": {}, "n_groups": None, "without_positives": [], "n": SHARE["n"]}
    one = dict.fromkeys(("recall", "precision", "average_precision"), SHARE) | {"name": "sea", "known": True}
    shown = render_label_figures(dict.fromkeys(figures, SHARE) | about | {"per_label": [one]})
    assert "fewer than" not in shown
    rare = one | {"name": "boat", "recall": SHARE | {"n": 9}}
    few = render_label_figures(dict.fromkeys(figures, SHARE) | about | {"per_label": [one, rare]})
    assert "\nFewer than 10 images have 1 of 2 labels (boat): average precision of so few is too high" in few
    assert "images lack" not in shown + few
    common = one | {"name": "sky", "recall": SHARE | {"n": SHARE["n"] - 9}}
    lacked = render_label_figures(dict.fromkeys(figures, SHARE) | about | {"per_label": [one, common]})
    assert "\nFewer than 10 images lack 1 of 2 labels (sky): average precision goes by so few alone" in lacked
    assert "\nAll images have 1 of 1 labels (sea): its average precision is 1, whatever is predicted" in shown


def test_one_share_summed_up_in_two_ways_shows_the_same_digits() -> None:
    share, mean = 323 / 400, 0.8075000000000001  # as a sum of ten shares may be
    assert f"{share:.3f}" != f"{mean:.3f}"
    assert format_share(share) == format_share(mean) == number(share) == number(mean) == "0.807"
    figure = FIGURES["accuracy"]
    assert figure.show(share) == figure.show(mean) and interval(share, 1.0) == interval(mean, 1.0)
