"""Figures of each label as a table, and which labels come, and fail, together."""

from __future__ import annotations

import numpy as np

from cnncodes.evaluation import LabelFigures, find_label_pairs
from cnncodes.evaluation.intervals import Estimate
from cnncodes.report.html import HOW_TO_SORT, interval, name, number, paragraph, section, table
from cnncodes.report.material import LabelMaterial
from cnncodes.report.percents import percent
from cnncodes.report.tables import make_cell, shade_cell

#: Labels of the table of labels that come together, and pairs of those that fail together, at most.
SHOWN, PAIRS = 20, 20


def show_labels(material: LabelMaterial) -> str:
    """Return the section with a row a label, which the page can sort."""
    n, threshold = material.evaluation.n, material.predictor.head.threshold
    rows = []
    for i, one in enumerate(material.evaluation.per_label):
        mark = "" if one.known else " (unknown to the classifier)"
        at = float(threshold[i]) if one.known else float("nan")
        rows.append((f"{name(one.name)}{mark}", *_list_cells(one, n), make_cell(number(at), at)))
    head = (
        "Label", "Images", "Average precision", "95 % interval", "Chance", "Precision", "95 % interval",
        "Named", "Recall", "95 % interval", "F1", "95 % interval", "Threshold",
    )  # fmt: skip
    return section(
        "labels",
        "Label by label",
        paragraph(
            "Average precision says how well probabilities order the images, whatever the threshold; chance"
            " has the label’s share of the images. Precision is the share of right ones among the images for"
            " which the label was named, recall the share of the label’s images for which it was. A label is"
            f" named from its threshold on. {HOW_TO_SORT}"
        ),
        table("Figures of each label", head, rows, ident="per-label", sortable=True),
    )


def _list_cells(one: LabelFigures, n: int) -> tuple[str, ...]:
    share = one.recall.n / n
    return (
        make_cell(f"{one.recall.n:,}", one.recall.n),
        *_pair(one.average_precision),
        make_cell(number(share), share),
        *_pair(one.precision),
        make_cell(f"{one.precision.n:,}", one.precision.n),
        *_pair(one.recall),
        *_pair(one.f1),
    )


def _pair(estimate: Estimate) -> tuple[str, str]:
    return (
        make_cell(number(estimate.value), estimate.value),
        make_cell(interval(estimate.low, estimate.high), estimate.low),
    )


def show_together(material: LabelMaterial) -> str:
    """Return the section on labels that images have together, and that are mistaken together."""
    return section(
        "together",
        "Labels together",
        "<h3>Which labels images have together</h3>",
        *_show_occurring(material),
        "<h3>Which labels are mistaken together</h3>",
        *_show_pairs(material),
    )


def _show_occurring(material: LabelMaterial) -> list[str]:
    truth = material.truth.astype(np.float64)
    order = np.argsort(-truth.sum(axis=0), kind="stable")[:SHOWN]
    order = np.sort(order[truth.sum(axis=0)[order] > 0])
    if not len(order):
        return [paragraph("No image has a label.")]
    counts, names = truth.T @ truth, material.names
    of = f"the {len(order)} most frequent labels" if len(names) > SHOWN else "the labels"
    rows = [
        (name(names[i]), *(shade_cell(int(counts[i, j]), int(counts[i, i]), True) for j in order))
        for i in order
    ]
    head = ["Images that have", *(name(names[i]) for i in order)]
    return [
        paragraph(
            f"How many images have both of two of {of}; on the diagonal, how many have the label at all. The"
            " stronger the colour of a cell, the larger its share of the row."
        ),
        table("Images that have the label of the row and that of the column", head, rows, ident="matrix"),
    ]


def _show_pairs(material: LabelMaterial) -> list[str]:
    pairs = [pair for pair in find_label_pairs(material.truth, material.named) if pair.n > 1][:PAIRS]
    said = paragraph(
        "An image may have several labels, so that none is taken for another as classes are. Counted are"
        " images on which one label is missing and another, which they have not, was named. Expected are as"
        " many as if the second mistake came as often there as among all images without that label. Clear is"
        " an excess that chance has with a probability below 0.05 (Fisher’s exact test, raised for the number"
        " of pairs, of images that are independent)."
    )
    if not pairs:
        return [said, paragraph("No two labels are mistaken together more often than expected.")]
    names, rows = material.names, []
    for pair in pairs:
        share = percent(pair.n / pair.of)
        clear = "yes" if pair.is_clear else "no"
        cells = (f"{pair.n:,}", f"{pair.of:,}", share, f"{pair.expected:.2f}", clear)
        rows.append((name(names[pair.missed]), name(names[pair.named]), *cells))
    head = ("Missing", "Named wrongly", "Images", "Of", "Share", "Expected", "Clear")
    return [said, table("Labels that are mistaken together", head, rows, ident="pairs")]
