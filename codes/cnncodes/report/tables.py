"""Figures as tables: overall, class by class, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from cnncodes.evaluation import Evaluation
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.measures import CLASS_MEASURES, Measure
from cnncodes.images import are_copies_alone
from cnncodes.plain import cut_names
from cnncodes.report.html import (
    HOW_TO_SORT,
    clean,
    embed_json,
    escape,
    interval,
    name,
    number,
    paragraph,
    section,
    significant,
    table,
)
from cnncodes.report.percents import percent
from cnncodes.report.words import list_mistakes, list_names, name_column

#: Classes of a matrix that is shown at once, and of one that is a table at all; above, it is drawn.
SHOWN, TABLE = 20, 60
#: Pairs of classes in the list of those that are mistaken most.
PAIRS = 20
#: So many letters of a name stand beside the matrix, whose style shows three lines.
_MATRIX_LETTERS = 48
#: Steps of the shading, besides none.
_STEPS = 8


def show_figures(evaluation: Evaluation) -> str:
    """Return the section of overall figures."""
    absent = [one.name for one in evaluation.per_class if not one.recall.n]
    note = ""
    if absent:
        of = f"{len(absent)} of {len(evaluation.per_class)} classes"
        note = f"No image is of {of}, {list_names(absent)}: the means over classes are of the others."
    return tabulate_figures(evaluation, CLASS_MEASURES, {"k": evaluation.top_k or "k"}, note=note)


def tabulate_figures(
    evaluation: Any,
    measures: Iterable[Measure],
    values: Mapping[str, Any] | None = None,
    *,
    note: str = "",
) -> str:
    """Return the section of overall figures, each with its interval and its number of images.

    Parameters
    ----------
    evaluation : Evaluation, NumberEvaluation or MultiLabelEvaluation
    measures : iterable of Measure
        In the order of rows.
    values : mapping of str to object, optional
        What stands in braces in titles and meanings.
    note : str
        What else is to be known of them, as HTML.
    """
    rows, missing = [], []
    for measure in measures:
        key, say = measure.key, partial(significant, digits=4) if measure.has_unit else number
        title, heading, meaning = (
            text.format(**(values or {})).replace("'", "’")
            for text in (measure.title, measure.heading, measure.meaning)
        )
        estimate: Estimate | None = getattr(evaluation, key)
        if estimate is None or (key in evaluation.missing and np.isnan(estimate.value)):
            missing.append(f"No {title}: {escape(evaluation.missing.get(key, 'not known'))}.")
            continue
        known = np.isfinite([estimate.low, estimate.high]).all()
        ends = f"{say(estimate.low)} to {say(estimate.high)}" if known else "not known"
        rows.append((heading, say(estimate.value), ends, f"{estimate.n:,}", meaning))
    head = ("Figure", "Value", "95 % interval", "Images", "What it is")
    return section(
        "figures",
        "Overall figures",
        paragraph(
            "Each figure with the interval that holds its true value in 95 of 100 cases, were other images"
            " like these evaluated, and the number of images that it is of."
        ),
        table("Figures of all images", head, rows),
        *(paragraph(text) for text in (*missing, note) if text),
    )


def show_classes(evaluation: Evaluation, n_different: int | None = None) -> str:
    """Return the section with a row a class, which the page can sort; `n_different` where some are equal."""
    rows = []
    for figures in evaluation.per_class:
        mark = "" if figures.known else " (unknown to the classifier)"
        groups = () if figures.n_groups is None else (make_cell(f"{figures.n_groups:,}", figures.n_groups),)
        cells = (*make_cells(figures.recall), *groups, *make_cells(figures.precision))
        rows.append((name(figures.name) + mark, *cells))
    drawn = () if evaluation.n_groups is None else (head_groups(evaluation.n_groups, n_different),)
    head = ("Class", "Recall", "95 % interval", "Images", *drawn, "Precision", "95 % interval", "Predicted")
    return section(
        "classes",
        "Class by class",
        paragraph(
            "Recall is the share of a class’s images that were found, precision the share of right ones among"
            f" the images said to be of it. {HOW_TO_SORT}"
        ),
        table("Recall and precision of each class", head, rows, sortable=True),
    )


def head_groups(n_groups: int, n_different: int | None) -> str:
    """Return the heading of how many groups images are of: where equal ones alone are groups, of images."""
    return "Different images" if are_copies_alone(n_groups, n_different) else "Groups"


def make_cells(estimate: Estimate) -> tuple[str, str, str]:
    """Return a figure, its interval and its number of images as cells that a table is sorted by."""
    return (
        make_cell(number(estimate.value), estimate.value),
        make_cell(interval(estimate.low, estimate.high), estimate.low),
        make_cell(f"{estimate.n:,}", estimate.n),
    )


def make_cell(text: str, value: float, tag: str = "td") -> str:
    """Return a cell that a table is sorted by; a value that is not finite comes first."""
    known = f' data-value="{value:.9g}"' if np.isfinite(value) else ' data-value=""'
    scope = ' scope="row"' if tag == "th" else ""
    return f"<{tag}{scope}{known}>{text}</{tag}>"


def show_confusion(evaluation: Evaluation) -> str:
    """Return the section of the confusion matrix: a table, or for many classes its worst cells first."""
    size = len(evaluation.per_class)
    text = paragraph(
        "Rows are true classes, columns are predicted ones: what is not on the diagonal is a mistake. The"
        " stronger the colour of a cell, the larger its share of the row."
    )
    if size <= SHOWN:
        return section("confusion", "Confusion matrix", text, _tabulate(evaluation))
    matrix = _tabulate(evaluation) if size <= TABLE else _draw(evaluation)
    whole = f"<details><summary>The whole matrix of {size:,} classes</summary>{text}{matrix}</details>"
    first = paragraph("The classes that are mistaken most for one another; below, the whole matrix unfolds.")
    return section("confusion", "Confusion matrix", first, _list_pairs(evaluation), whole)


def _list_pairs(evaluation: Evaluation) -> str:
    mistakes = list_mistakes(evaluation)
    if not mistakes:
        return paragraph("There is not one mistake.")
    rows = []
    for true, given, count in mistakes[:PAIRS]:
        figures = evaluation.per_class[true]
        share = percent(count / figures.recall.n)
        rows.append((name(figures.name), name(name_column(evaluation, given)), f"{count:,}", share))
    head = ("True class", "Taken for", "Images", "Of the class")
    return table(f"The {len(rows)} most frequent mistakes of {len(mistakes):,}", head, rows)


def _columns(evaluation: Evaluation) -> int:
    """Return how many columns are shown: that of answers that are no class only where there are any."""
    has_others = any(row[-1] for row in evaluation.confusion)
    return len(evaluation.per_class) + has_others


def _tabulate(evaluation: Evaluation) -> str:
    columns = _columns(evaluation)
    whole = [name_column(evaluation, column) for column in range(columns)]
    names = [name(short, full) for short, full in zip(cut_names(whole, _MATRIX_LETTERS), whole, strict=True)]
    head = ["True class", *names, "All"]
    rows = []
    for true, (figures, counts) in enumerate(zip(evaluation.per_class, evaluation.confusion, strict=True)):
        total = figures.recall.n
        cells = [shade_cell(counts[column], total, column == true) for column in range(columns)]
        rows.append((names[true], *cells, f"{total:,}"))
    return table("Images by true class (rows) and predicted class (columns)", head, rows, ident="matrix")


def shade_cell(count: int, total: int, is_right: bool) -> str:
    """Return a cell whose colour is the stronger the larger its share of the row, in one of two colours."""
    if not count:
        return '<td class="zero">0</td>'
    step = max(1, round(_STEPS * count / total))
    return f'<td class="{"right" if is_right else "wrong"} s{step}">{count:,}</td>'


def _draw(evaluation: Evaluation) -> str:
    """Return a canvas with the cells as data: a table of so many would be slow."""
    rows, columns = np.nonzero(np.array(evaluation.confusion))
    cells = [[int(i), int(j), int(evaluation.confusion[i][j])] for i, j in zip(rows, columns, strict=True)]
    names = [name_column(evaluation, column) for column in range(_columns(evaluation))]
    data = embed_json({"names": [clean(text) for text in names], "cells": cells})
    return (
        '<canvas id="matrix-canvas" tabindex="0" role="application" width="720" height="720"'
        ' aria-label="Confusion matrix; arrow keys move from cell to cell"'
        ' aria-describedby="matrix-said"></canvas>'
        '<p id="matrix-said" aria-live="polite">Point at a cell, or move with the arrow keys.</p>'
        f'<script type="application/json" id="matrix-data">{data}</script>'
    )
