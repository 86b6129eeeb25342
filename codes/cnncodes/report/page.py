"""The page: sections, style and script in one file that loads nothing and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from string import Template

from cnncodes.evaluation.intervals import Estimate
from cnncodes.report.abstaining import show_abstention
from cnncodes.report.codemap import show_map
from cnncodes.report.comparison import Comparison
from cnncodes.report.curve import show_curve
from cnncodes.report.datachecks import show_data
from cnncodes.report.gallery import choose_shown, show_gallery
from cnncodes.report.html import escape
from cnncodes.report.ladder import list_cautions, show_cost, sum_up
from cnncodes.report.material import Material, Origin, Subject
from cnncodes.report.nearest import settle
from cnncodes.report.origin import show_origin
from cnncodes.report.pictures import Studio
from cnncodes.report.reliability import show_reliability
from cnncodes.report.standing import measure_gap
from cnncodes.report.tables import show_classes, show_confusion, show_figures
from cnncodes.report.words import show_summary, write_summary

#: What a page may link to at its top, in the order of its sections.
CONTENTS = {
    "summary": "Summary",
    "figures": "Figures",
    "cost": "Cost",
    "curve": "More labels",
    "plot": "Plot",
    "errors": "Errors",
    "classes": "Classes",
    "labels": "Labels",
    "confusion": "Confusion",
    "together": "Together",
    "reliability": "Probabilities",
    "abstaining": "Abstaining",
    "data": "Data",
    "images": "Images",
    "map-of-codes": "Map",
    "origin": "Reproduce",
}

#: What the page's one script is joined from.
_SCRIPTS = (
    "page.js", "matrix.js", "grid.js", "stamp.js", "colors.js", "classes.js", "numbers.js", "labels.js",
    "view.js", "card.js", "map.js",
)  # fmt: skip


def render_report(material: Material) -> bytes:
    """Return the report as an HTML file in UTF-8.

    It needs nothing from elsewhere, and its Content-Security-Policy forbids whatever is not its own: names of
    files and classes are text on it, whatever they hold.

    Parameters
    ----------
    material : Material
    """
    evaluation, studio = material.evaluation, Studio(material)
    neighbourhood = settle(material, choose_shown(material))
    sections = {
        "summary": write_summary(material),
        "figures": show_figures(evaluation),
        **show_comparison(material),
        "classes": show_classes(evaluation, material.drawn.n_different),
        "confusion": show_confusion(evaluation),
        "reliability": show_reliability(evaluation),
        **({} if material.abstention is None else {"abstaining": show_abstention(material.abstention)}),
        "data": show_data(material, studio),
        "images": neighbourhood.define_sheet() + show_gallery(material, studio, neighbourhood),
        "map-of-codes": show_map(material, neighbourhood),
        "origin": show_origin(material.origin, material.predictor),
    }
    title = f"{material.origin.model} on {material.origin.source}"
    return assemble("How good is this classifier?", title, material.origin.date, sections)


def render_comparison(comparison: Comparison, origin: Origin) -> bytes:
    """Return what ``cnncodes baseline`` found as an HTML file in UTF-8, as closed as `render_report`'s.

    Parameters
    ----------
    comparison : Comparison
    origin : Origin
    """
    sections = {
        "summary": show_summary(list_cautions(comparison), sum_up(comparison)),
        **_show_ladder(comparison),
        "origin": show_origin(origin),
    }
    ways = comparison.figure.ways
    title = f"{ways[0].upper()}{ways[1:]}: {origin.source}"
    return assemble("Is it worth it?", title, origin.date, sections)


def show_comparison(material: Subject) -> dict[str, str]:
    """Return the sections on other ways to predict, and what this estimator comes to; none without them."""
    comparison = material.comparison
    if comparison is None:
        return {}
    keys = [record.key for record in material.records]
    if dict(zip(keys, material.list_truth(), strict=True)) == dict(comparison.images):
        own = getattr(material.evaluation, comparison.figure.key)
        return _show_ladder(comparison, own, gap=measure_gap(material, comparison))
    note = (
        f"These {comparison.n:,} test images ({comparison.source}) are not those of this report, or what is"
        " true of them differs: do not compare its figures with these."
    )
    return _show_ladder(comparison, note=note)


def _show_ladder(
    comparison: Comparison,
    own: Estimate | None = None,
    note: str | None = None,
    gap: Estimate | None = None,
) -> dict[str, str]:
    """Return the sections on ways to predict.

    Without a figure of an estimator or a note they are a page of their own, whose summary has said what came
    out.
    """
    alone = own is None and note is None
    sections = {"cost": show_cost(comparison, own, note or "", gap=gap, summed_up=alone)}
    if comparison.curve is not None:
        sections["curve"] = show_curve(comparison, comparison.curve, summed_up=alone)
    return sections


def assemble(heading: str, title: str, made: str, sections: dict[str, str]) -> bytes:
    """Return the page of these sections, by their identities, as UTF-8."""
    style, script = _read("page.css"), "".join(map(_read, _SCRIPTS))
    links = "".join(f'<li><a href="#{ident}">{CONTENTS[ident]}</a></li>' for ident in sections)
    page = Template(_read("page.html")).substitute(
        policy=_make_policy(style, script),
        heading=escape(heading),
        title=escape(title),
        style=style,
        script=script,
        links=links,
        made=escape(made),
        body="\n".join(sections.values()),
    )
    return page.encode("utf-8")


def _read(name: str) -> str:
    return resources.files("cnncodes.report").joinpath("assets", name).read_text("utf-8")


def _make_policy(style: str, script: str) -> str:
    """Allow this style, this script, and pictures that are in the page."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
