"""Images to look at: the most confident mistakes and the least certain answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.report.html import file_name, name, number, paragraph, section
from cnncodes.report.material import Material, Subject
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
    """Return the images whose answers were given with the least probability, first the least.

    None where all answers are sure, as captions show it: which is the least sure then means nothing.
    """
    probability = material.probability
    if probability is None or number(float(probability.min()), 2) == number(1.0, 2):
        return np.empty(0, np.int64)
    return np.argsort(probability, kind="stable")[:SHOWN].astype(np.int64)


def choose_shown(material: Material) -> list[int]:
    """Return all images that are shown for themselves, each once."""
    return list(dict.fromkeys([*choose_mistakes(material).tolist(), *choose_uncertain(material).tolist()]))


def show_gallery(material: Material, studio: Studio, neighbourhood: Neighbourhood) -> str:
    """Return the section of images to look at."""
    mistakes, uncertain = choose_mistakes(material), choose_uncertain(material)
    wanted = [(image, str(material.predicted[image])) for image in choose_shown(material)]
    pictures = develop_all(material, studio, wanted)

    def hang(images: npt.NDArray[np.int64]) -> str:
        return hang_figures(
            frame_picture(
                pictures[image, str(material.predicted[image])],
                material.records[image].key,
                _describe(material, image),
                neighbourhood.show(image),
            )
            for image in images.tolist()
        )

    return section(
        "images",
        "Images to look at",
        paragraph(studio.said),
        neighbourhood.explain(),
        show_switches(studio, neighbourhood),
        "<h3>Most confident mistakes</h3>",
        paragraph(_describe_mistakes(material, len(mistakes))),
        hang(mistakes),
        "<h3>Least certain answers</h3>",
        paragraph(_describe_uncertain(material, len(uncertain))),
        hang(uncertain),
    )


def show_switches(studio: Studio, neighbourhood: Neighbourhood) -> str:
    """Return what shows or hides the maps and the nearest training images of all pictures, as HTML."""
    switches = [
        "" if studio.activations is None else _MAPS,
        "" if neighbourhood.training is None else _NEAREST,
    ]
    return f'<p class="controls">{"".join(switches)}</p>' if any(switches) else ""


def develop_all(
    material: Subject, studio: Studio, wanted: Sequence[tuple[int, str | None]]
) -> dict[tuple[int, str | None], Picture | None]:
    """Return the picture of each image and label, whose map lies over it, and tell of the progress."""
    progress = material.watch("images to look at")
    pictures: dict[tuple[int, str | None], Picture | None] = {}
    for image, label in wanted:
        pictures[image, label] = studio.develop(material.records[image], label)
        progress(len(pictures), len(wanted), 0)
    return pictures


def hang_figures(figures: Iterable[str]) -> str:
    """Return figures side by side; nothing where there are none."""
    items = "\n".join(f"<li>{figure}</li>" for figure in figures)
    return f'<ul class="gallery">\n{items}\n</ul>' if items else ""


def _describe_mistakes(material: Material, shown: int) -> str:
    if not shown:
        return "There is not one mistake."
    said = f"{shown} of {int(material.wrong.sum()):,} wrong answers"
    if material.proba is None:
        return f"{said}, in no order: the classifier gives no probabilities. Some labels may be wrong."
    return f"{said}, the surest first: look here for wrong labels, too."


def _describe_uncertain(material: Material, shown: int) -> str:
    if shown:
        return (
            "The answers with the least probability, right or wrong: of images like these more may help most."
        )
    if material.probability is None:
        return "The classifier gives no probabilities."
    return f"No answer is uncertain: all have a probability of {number(1.0, 2)}, rounded."


def _describe(material: Material, image: int) -> str:
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
    return f'{verdict}<br><span class="file">{file_name(key)}</span>'
