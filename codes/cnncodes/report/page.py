"""The page: sections, style and script in one file that loads nothing and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from string import Template

from cnncodes.report.codemap import show_map
from cnncodes.report.gallery import show_gallery
from cnncodes.report.html import escape
from cnncodes.report.material import Material
from cnncodes.report.origin import show_origin
from cnncodes.report.reliability import show_reliability
from cnncodes.report.tables import show_classes, show_confusion, show_figures
from cnncodes.report.words import write_summary

#: What the page links to at its top, in the order of its sections.
CONTENTS = {
    "summary": "Summary",
    "figures": "Figures",
    "classes": "Classes",
    "confusion": "Confusion",
    "reliability": "Probabilities",
    "images": "Images",
    "map-of-codes": "Map",
    "origin": "Reproduce",
}

#: What the page's one script is joined from.
_SCRIPTS = ("page.js", "matrix.js", "map.js")


def render_report(material: Material) -> bytes:
    """Return the report as an HTML file in UTF-8.

    It needs nothing from elsewhere, and its Content-Security-Policy forbids whatever is not its own: names of
    files and classes are text on it, whatever they hold.

    Parameters
    ----------
    material : Material
    """
    evaluation = material.evaluation
    style, script = _read("page.css"), "".join(map(_read, _SCRIPTS))
    page = Template(_read("page.html")).substitute(
        policy=_make_policy(style, script),
        title=escape(f"{material.origin.model} on {material.origin.source}"),
        style=style,
        script=script,
        links="".join(f'<li><a href="#{ident}">{title}</a></li>' for ident, title in CONTENTS.items()),
        made=escape(material.origin.date),
        body="\n".join(
            [
                write_summary(material),
                show_figures(evaluation),
                show_classes(evaluation),
                show_confusion(evaluation),
                show_reliability(evaluation),
                show_gallery(material),
                show_map(material),
                show_origin(material),
            ]
        ),
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
