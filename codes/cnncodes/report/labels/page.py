"""The page on several labels an image."""

from __future__ import annotations

import numpy as np

from cnncodes.evaluation import MultiLabelEvaluation
from cnncodes.evaluation.measures import LABEL_MEASURES, begin_with
from cnncodes.report.codemap import Marks, draw_map
from cnncodes.report.datachecks import show_data
from cnncodes.report.html import clean, pack
from cnncodes.report.labels.gallery import choose_shown, show_gallery
from cnncodes.report.labels.tables import show_labels, show_together
from cnncodes.report.labels.words import write_summary
from cnncodes.report.material import LabelMaterial
from cnncodes.report.nearest import Neighbourhood, settle
from cnncodes.report.origin import show_origin
from cnncodes.report.page import assemble, show_comparison
from cnncodes.report.pictures import Studio
from cnncodes.report.tables import tabulate_figures


def render_label_report(material: LabelMaterial) -> bytes:
    """Return the report on several labels an image as an HTML file in UTF-8, as closed as `render_report`'s.

    Parameters
    ----------
    material : LabelMaterial
    """
    studio = Studio(material)
    neighbourhood = settle(material, choose_shown(material))
    sections = {
        "summary": write_summary(material),
        "figures": show_figures(material.evaluation),
        **show_comparison(material),
        "labels": show_labels(material),
        "together": show_together(material),
        "data": show_data(material, studio),
        "images": neighbourhood.define_sheet() + show_gallery(material, studio, neighbourhood),
        "map-of-codes": _show_map(material, neighbourhood),
        "origin": show_origin(material.origin, material.predictor),
    }
    title = f"{material.origin.model} on {material.origin.source}"
    return assemble("How good is this classifier?", title, material.origin.date, sections)


def show_figures(evaluation: MultiLabelEvaluation) -> str:
    """Return the section of overall figures, that by which ways to label are compared first."""
    return tabulate_figures(evaluation, begin_with("mean_average_precision", LABEL_MEASURES))


def _show_map(material: LabelMaterial, neighbourhood: Neighbourhood) -> str:
    data = {
        "labels": [clean(text) for text in material.names],
        "truth": pack(np.packbits(material.truth, axis=1), "u1"),
        "named": pack(np.packbits(material.named, axis=1), "u1"),
    }
    said = (
        "A cross has a label that is wrong or missing; the colour says how many. With one label chosen, the"
        " images that have it or for which it was named are shown, and the colour says which of both."
    )
    marks = Marks("labels", data, material.wrong, said, "Label", "Mistakes only", "Colours of marks")
    return draw_map(material, neighbourhood, marks)
