"""Each figure of an evaluation is in its table, which text and page show as it is."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from cnncodes.commands.class_figures import render_class_figures
from cnncodes.commands.label_figures import render_label_figures
from cnncodes.commands.number_figures import render_numbers
from cnncodes.evaluation import (
    Estimate,
    compare_paired,
    evaluate_multilabel,
    evaluate_numbers,
    evaluate_predictions,
)
from cnncodes.evaluation.comparison import Contestant, Pair
from cnncodes.evaluation.measures import CLASS_MEASURES, LABEL_MEASURES, NUMBER_MEASURES, Measure
from cnncodes.evaluation.paired import FIGURES, LOSSES
from cnncodes.plain import to_plain
from cnncodes.report.labels.page import show_figures as show_labels
from cnncodes.report.numbers.page import show_figures as show_numbers
from cnncodes.report.tables import show_figures as show_classes

DOCS = Path(__file__).resolve().parents[2] / "docs" / "figures.md"


@dataclass(frozen=True)
class Kind:
    """An evaluation, and what shows it."""

    evaluation: Any
    measures: tuple[Measure, ...]
    render: Callable[[Any], str]
    show: Callable[[Any], str]
    values: dict[str, Any]


PROBA = np.tile([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.3, 0.3, 0.4]], (4, 1))
NAMED = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
KINDS = {
    "classes": Kind(
        evaluate_predictions(["a", "b", "c"] * 4, PROBA, ["a", "b", "c"]),
        CLASS_MEASURES, render_class_figures, show_classes, {"k": 2},
    ),
    "numbers": Kind(
        evaluate_numbers([1, 2, 3, 4], [1, 2, 3, 5], coverage=0.9, width=0.5),
        NUMBER_MEASURES, render_numbers, show_numbers, {"width": "0.5"},
    ),
    "labels": Kind(
        evaluate_multilabel([{"a"}, {"b"}, {"a"}, {"b"}], NAMED, NAMED / 2, ["a", "b"]),
        LABEL_MEASURES, render_label_figures, show_labels, {},
    ),
}  # fmt: skip


def list_estimates(kind: type) -> list[str]:
    """Return the attributes of an evaluation that are figures."""
    hints = get_type_hints(kind).items()
    return [name for name, hint in hints if Estimate in (hint, *get_args(hint))]


@pytest.mark.parametrize("name", KINDS)
def test_text_and_page_show_all_figures_of_an_evaluation_and_no_others(name: str) -> None:
    kind = KINDS[name]
    keys = [one.key for one in kind.measures]
    assert sorted(keys) == sorted(list_estimates(type(kind.evaluation)))
    assert all(getattr(kind.evaluation, key) is not None for key in keys)

    head, *lines = kind.render(to_plain(kind.evaluation)).partition("\n\n")[0].splitlines()
    places = [re.search(r"  +\S", line) for line in lines[: len(keys)]]
    text = [line[: place.start()] for line, place in zip(lines, places, strict=False) if place]
    named = [one.text.format(coverage="90%", **kind.values) for one in kind.measures]
    assert head.startswith("figure  ") and sorted(text) == sorted(named)

    rows = re.findall(
        r"<tr><t[hd][^>]*>(.*?)</t[hd]>.*?<td[^>]*>([^<]*)</td></tr>", kind.show(kind.evaluation)
    )
    page = {html.unescape(title).replace("’", "'"): html.unescape(said) for title, said in rows}
    values = {**kind.values, "coverage": "90 %"}
    for one in kind.measures:
        assert page.pop(one.heading.format(**values)).replace("’", "'") == one.meaning.format(**values)
    assert not page


def test_a_figure_that_is_missing_is_called_alike_in_text_and_page() -> None:
    figures = evaluate_predictions(["a", "b"] * 2, ["a", "b"] * 2, ["a", "b"])
    text, page = render_class_figures(to_plain(figures)), show_classes(figures)
    assert "No top-k accuracy, log loss, Brier score, calibration error: " in text
    for title in ("top-k accuracy", "log loss", "Brier score", "calibration error"):
        assert f"No {title}: the classifier gives no probabilities." in page
    assert set(figures.missing) <= {one.key for one in CLASS_MEASURES}


@pytest.mark.parametrize("one", [*CLASS_MEASURES, *NUMBER_MEASURES, *LABEL_MEASURES])
def test_the_docs_say_what_each_figure_is(one: Measure) -> None:
    name = one.text.partition(" (±")[0].format(k="k", coverage="90 %")
    assert name.lower() in DOCS.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("kind", [Contestant, Pair])
def test_classifiers_are_compared_by_figures_that_all_know(kind: type) -> None:
    assert list_estimates(kind) == list(FIGURES)
    of = {one.key: one for one in CLASS_MEASURES}
    assert all(of[key].needs_probabilities == (key in LOSSES) for key in FIGURES)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_paired_difference_is_that_of_the_figure_it_is_named_for(figure: str) -> None:
    y, classes = ["a", "c", "c", "a", "b", "a"] * 2, ["a", "b", "c"]
    other = np.tile([0.5, 0.3, 0.2], (12, 1))
    one, two = (getattr(evaluate_predictions(y, proba, classes), figure).value for proba in (PROBA, other))
    found = compare_paired(y, PROBA, other, classes=classes, figure=figure)
    assert one != two and found.value == pytest.approx(one - two)
