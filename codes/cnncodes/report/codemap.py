"""The map of codes: a canvas, and the data that it is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.plots.layout import lay_out
from cnncodes.report.html import clean, embed_bytes, embed_json, escape, pack, paragraph, section
from cnncodes.report.material import Material, Subject
from cnncodes.report.nearest import Neighbourhood
from cnncodes.report.thumbnails import TILE, Sheet, choose_tiles, make_sheet

_CONTROLS = Template("""<div class="controls">
<span><label for="map-class">$select</label>
<select id="map-class"></select></span>
<label class="switch"><input type="checkbox" id="map-mistakes"> $check</label>
<span class="buttons"><button type="button" id="map-in" aria-label="Zoom in">+</button>
<button type="button" id="map-out" aria-label="Zoom out">−</button>
<button type="button" id="map-whole">Whole map</button></span>
</div>
<div class="map-row"><canvas id="map" tabindex="0" role="application" aria-label="Map of codes"
 aria-describedby="map-help map-count"></canvas>
<div id="map-card"><canvas id="map-thumb" width="128" height="128" role="img"
 aria-label="No image chosen"></canvas>
<p id="map-said" aria-live="polite">Point at an image, or move to one with the arrow keys.</p>
<div id="map-near" hidden><h3>Nearest training images</h3><ol></ol></div></div></div>
<p id="map-count" role="status"></p>
<ul id="map-legend" aria-label="$legend"></ul>
<p id="map-help">Keys, once the map is focused: arrows go to the next image in that direction; + and − zoom;
Shift with arrows moves the map; 0 shows all of it. With a mouse: drag to move; the wheel zooms once the map
is focused, or with Ctrl.</p>
<noscript><p>The map is drawn by a script of this page, and scripts are switched off.</p></noscript>""")


@dataclass(frozen=True, eq=False)
class Marks:
    """What the marks of a map stand for.

    Attributes
    ----------
    kind : str
        Which script reads `data`.
    data : dict
        Of all images, for that script.
    wrong : ndarray of bool, shape (n_images,)
        Those that are a cross, and get a thumbnail first.
    said : str
        What colours and crosses mean; HTML.
    select, check, legend : str
        Names of the list, of the switch and of the legend.
    """

    kind: str
    data: dict[str, Any]
    wrong: npt.NDArray[np.bool_]
    said: str
    select: str
    check: str
    legend: str


def show_map(material: Material, neighbourhood: Neighbourhood) -> str:
    """Return the section with the map of a classifier's codes and its data."""
    names = np.array([figures.name for figures in material.evaluation.per_class])
    probability = material.probability
    data = {
        "classes": [clean(name) for name in names],
        "truth": pack(np.searchsorted(names, material.truth), "u2"),
        "predicted": pack(np.searchsorted(names, material.predicted), "u2"),
        "probability": None if probability is None else pack(np.round(probability * 65535), "u2"),
    }
    said = (
        "A cross is a wrong answer, colours are true classes. A mark of one colour amid another’s may have a"
        " wrong label."
    )
    marks = Marks("classes", data, material.wrong, said, "Class", "Mistakes only", "Colours of classes")
    return draw_map(material, neighbourhood, marks)


def draw_map(material: Subject, neighbourhood: Neighbourhood, marks: Marks) -> str:
    """Return the section with the map of codes and its data."""
    layout = lay_out(material.codes, material.watch)
    sheet = make_sheet(
        material.records,
        choose_tiles(marks.wrong),
        max_pixels=material.predictor.embedder.decoding.max_pixels,
        n_jobs=material.n_jobs,
        watch=material.watch,
    )
    picture = (
        ""
        if sheet is None
        else f'<img id="sheet" alt="" hidden src="{embed_bytes(sheet.jpeg, "image/jpeg")}">'
    )
    data = {
        **_gather(material, layout.places, sheet),
        **marks.data,
        "kind": marks.kind,
        "training": neighbourhood.gather(),
    }
    return section(
        "map-of-codes",
        "Map of the codes",
        paragraph(
            f"Each mark is an image; images that the network finds alike lie close together. {marks.said}"
        ),
        paragraph(
            f"Made by: {escape(layout.method)}. Distances between far groups mean little."
            f" {_describe_tiles(len(material.records), sheet)}"
        ),
        _CONTROLS.substitute(select=marks.select, check=marks.check, legend=marks.legend),
        picture,
        f'<script type="application/json" id="map-data">{embed_json(data)}</script>',
    )


def _describe_tiles(n: int, sheet: Sheet | None) -> str:
    if sheet is None:
        return "There are no thumbnails: none of the pictures can be read any more."
    if len(sheet.images) == n:
        return "There is a thumbnail of every image in this file."
    return (
        f"There is a thumbnail of {len(sheet.images):,} of {n:,} images in this file: crosses first, for up"
        " to half of them."
    )


def _gather(material: Subject, places: np.ndarray, sheet: Sheet | None) -> dict[str, Any]:
    return {
        "n": len(material.records),
        "files": [clean(record.key) for record in material.records],
        "places": pack(np.round(places * 65535), "u2"),
        "tiles": None if sheet is None else pack(sheet.images, "u4"),
        "tile": TILE,
        "columns": 0 if sheet is None else sheet.columns,
    }
