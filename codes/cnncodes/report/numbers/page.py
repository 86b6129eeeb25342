"""The page on a regressor."""

from __future__ import annotations

import numpy as np

from cnncodes.evaluation import NumberEvaluation
from cnncodes.evaluation.measures import NUMBER_MEASURES
from cnncodes.evaluation.numbers import say_beyond
from cnncodes.report.codemap import Marks, draw_map
from cnncodes.report.datachecks import show_data
from cnncodes.report.html import pack, significant
from cnncodes.report.material import NumberMaterial
from cnncodes.report.nearest import Neighbourhood, settle
from cnncodes.report.numbers.errors import show_errors
from cnncodes.report.numbers.gallery import choose_worst, show_gallery
from cnncodes.report.numbers.plot import show_plot
from cnncodes.report.numbers.words import write_summary
from cnncodes.report.origin import show_origin
from cnncodes.report.page import assemble, show_comparison
from cnncodes.report.percents import percent
from cnncodes.report.pictures import Studio
from cnncodes.report.tables import tabulate_figures


def render_number_report(material: NumberMaterial) -> bytes:
    """Return the report on a regressor as an HTML file in UTF-8, as closed as `render_report`'s.

    Parameters
    ----------
    material : NumberMaterial
    """
    studio = Studio(material, wants_maps=False)
    neighbourhood = settle(material, choose_worst(material))
    sections = {
        "summary": write_summary(material),
        "figures": show_figures(material.evaluation),
        **show_comparison(material),
        "plot": show_plot(material),
        "errors": show_errors(material),
        "data": show_data(material, studio),
        "images": neighbourhood.define_sheet() + show_gallery(material, studio, neighbourhood),
        "map-of-codes": _show_map(material, neighbourhood),
        "origin": show_origin(material.origin, material.predictor),
    }
    title = f"{material.origin.model} on {material.origin.source}"
    return assemble("How good is this regressor?", title, material.origin.date, sections)


def show_figures(evaluation: NumberEvaluation) -> str:
    """Return the section of overall figures."""
    has_intervals = evaluation.covered is not None
    measures = [one for one in NUMBER_MEASURES if has_intervals or one.key != "covered"]
    note = say_beyond(significant(evaluation.largest_error), percent(evaluation.beyond), evaluation.n_groups)
    return tabulate_figures(
        evaluation, measures, {"coverage": percent(evaluation.coverage or 0.0)}, note=note
    )


def _show_map(material: NumberMaterial, neighbourhood: Neighbourhood) -> str:
    has_width = material.evaluation.width is not None
    cross = "is outside its interval" if has_width else "is of the tenth with the largest errors"
    said = (
        f"The colour says the number, or how large the error is, as chosen above the map; a cross {cross}. A"
        " mark of one colour amid others may have a wrong number."
    )
    data = {
        "truth": pack(material.truth, "f4"),
        "predicted": pack(material.predicted, "f4"),
        "far": pack(material.far.astype(np.uint8), "u1"),
        "cross": "Outside its interval" if has_width else "Large error",
        "square": "Inside its interval" if has_width else "Smaller error",
    }
    check = "Outside their interval only" if has_width else "Largest tenth of errors only"
    marks = Marks("numbers", data, material.far, said, "Colour", check, "Colours of numbers")
    return draw_map(material, neighbourhood, marks)
