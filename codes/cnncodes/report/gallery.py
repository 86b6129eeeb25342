"""Images to look at: the most confident mistakes and the least certain answers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cnncodes.report.html import name, number, paragraph, section
from cnncodes.report.material import Material
from cnncodes.report.nearest import Neighbourhood
from cnncodes.report.pictures import Picture, Studio, frame_picture

#: Images of each kind.
SHOWN = 24

_MAPS = """<label class="switch"><input type="checkbox" id="show-maps" checked>
Show class activation maps</label>"""
_NEAREST = """<label class="switch"><input type="checkbox" id="show-nearest">
Show nearest training images</label>"""


def choose_mistakes(material: Material) -> npt.NDArray[np.int64]:
    """Return the wrong answers that were given with the greatest probability, first the greatest."""
    wrong = np.flatnonzero(material.wrong)
    probability = material.probability
    if probability is not None:
        wrong = wrong[np.argsort(-probability[wrong], kind="stable")]
    return wrong[:SHOWN]


def choose_uncertain(material: Material) -> npt.NDArray[np.int64]:
    """Return the images whose answers were given with the least probability, first the least."""
    probability = material.probability
    if probability is None:
        return np.empty(0, np.int64)
    return np.argsort(probability, kind="stable")[:SHOWN].astype(np.int64)


def choose_shown(material: Material) -> list[int]:
    """Return all images that are shown for themselves, each once."""
    return list(dict.fromkeys([*choose_mistakes(material).tolist(), *choose_uncertain(material).tolist()]))


def show_gallery(material: Material, studio: Studio, neighbourhood: Neighbourhood) -> str:
    """Return the section of images to look at."""
    mistakes, uncertain = choose_mistakes(material), choose_uncertain(material)
    pictures = _develop_all(material, studio)
    switches = [
        "" if studio.activations is None else _MAPS,
        "" if neighbourhood.training is None else _NEAREST,
    ]
    return section(
        "images",
        "Images to look at",
        paragraph(studio.said),
        neighbourhood.explain(),
        f'<p class="controls">{"".join(switches)}</p>' if any(switches) else "",
        "<h3>Most confident mistakes</h3>",
        paragraph(_describe_mistakes(material, len(mistakes))),
        _list(material, mistakes, pictures, neighbourhood),
        "<h3>Least certain answers</h3>",
        paragraph(
            "The answers with the least probability, right or wrong: of images like these more may help most."
            if len(uncertain)
            else "The classifier gives no probabilities."
        ),
        _list(material, uncertain, pictures, neighbourhood),
    )


def _describe_mistakes(material: Material, shown: int) -> str:
    if not shown:
        return "There is not one mistake."
    said = f"{shown} of {int(material.wrong.sum()):,} wrong answers"
    if material.proba is None:
        return f"{said}, in no order: the classifier gives no probabilities. Some labels may be wrong."
    return f"{said}, the surest first: look here for wrong labels, too."


def _develop_all(material: Material, studio: Studio) -> dict[int, Picture | None]:
    wanted = choose_shown(material)
    progress = material.watch("images to look at")
    pictures: dict[int, Picture | None] = {}
    for image in wanted:
        pictures[image] = studio.develop(material.records[image], str(material.predicted[image]))
        progress(len(pictures), len(wanted), 0)
    return pictures


def _list(
    material: Material,
    images: npt.NDArray[np.int64],
    pictures: dict[int, Picture | None],
    neighbourhood: Neighbourhood,
) -> str:
    if not len(images):
        return ""
    items = "\n".join(
        f"<li>{_frame(material, image, pictures[image], neighbourhood)}</li>" for image in images.tolist()
    )
    return f'<ul class="gallery">\n{items}\n</ul>'


def _frame(material: Material, image: int, picture: Picture | None, neighbourhood: Neighbourhood) -> str:
    key, truth, given = material.records[image].key, material.truth[image], material.predicted[image]
    probability = material.probability
    sure = (
        ""
        if probability is None
        else f' <span class="probability">{number(float(probability[image]), 2)}</span>'
    )
    verdict = (
        f'<span class="is-wrong">Wrong</span>: {name(given)}{sure}<br>is {name(truth)}'
        if given != truth
        else f'<span class="is-right">Right</span>: {name(given)}{sure}'
    )
    caption = f'{verdict}<br><span class="file">{name(key)}</span>'
    return frame_picture(picture, key, caption, neighbourhood.show(image))
