"""Labels to look at: those that were named most surely and are wrong, and those that are missing."""

from __future__ import annotations

import numpy as np

from cnncodes.report.gallery import SHOWN, develop_all, hang_figures, show_switches
from cnncodes.report.html import file_name, name, number, paragraph, section
from cnncodes.report.material import LabelMaterial
from cnncodes.report.nearest import Neighbourhood
from cnncodes.report.pictures import Picture, Studio, frame_picture

#: An image and a column.
Place = tuple[int, int]


def choose_wrong(material: LabelMaterial) -> list[Place]:
    """Return labels that were named and that the image has not, the most probable first."""
    return _order(np.argwhere(material.named & ~material.truth), material.proba, -1)


def choose_missing(material: LabelMaterial) -> list[Place]:
    """Return labels that the image has and that were not named, the least probable first.

    Labels that the classifier does not know are left out: nothing can be said of them.
    """
    known = np.array([one.known for one in material.evaluation.per_label])
    return _order(np.argwhere(material.truth & ~material.named & known), material.proba, 1)


def _order(places: np.ndarray, proba: np.ndarray, sign: int) -> list[Place]:
    order = np.argsort(sign * proba[places[:, 0], places[:, 1]], kind="stable")[:SHOWN]
    return [(int(image), int(label)) for image, label in places[order]]


def choose_shown(material: LabelMaterial) -> list[int]:
    """Return all images that are shown for themselves, each once."""
    return list(dict.fromkeys(image for image, _ in (*choose_wrong(material), *choose_missing(material))))


def show_gallery(material: LabelMaterial, studio: Studio, neighbourhood: Neighbourhood) -> str:
    """Return the section of labels to look at."""
    wrong, missing, names = choose_wrong(material), choose_missing(material), material.names
    wanted = [(image, names[label]) for image, label in (*wrong, *missing)]
    pictures = develop_all(material, studio, wanted)

    def hang(places: list[Place]) -> str:
        return hang_figures(_frame(material, place, pictures, neighbourhood) for place in places)

    false, lacking = (
        int(found.sum()) for found in (material.named & ~material.truth, material.truth & ~material.named)
    )
    return section(
        "images",
        "Labels to look at",
        paragraph(studio.said),
        neighbourhood.explain(),
        show_switches(studio, neighbourhood),
        "<h3>Most confident wrong labels</h3>",
        paragraph(
            f"{len(wrong)} of {false:,} labels that were named and that the image has not, the most probable"
            " first: some may have been forgotten."
            if wrong
            else "Not one label is wrong."
        ),
        hang(wrong),
        "<h3>Most confident missing labels</h3>",
        paragraph(
            f"{len(missing)} of {lacking:,} labels that the image has and that were not named, the least"
            " probable first: some may have been given by mistake."
            if missing
            else "Not one label is missing."
        ),
        hang(missing),
    )


def _frame(
    material: LabelMaterial,
    place: Place,
    pictures: dict[tuple[int, str | None], Picture | None],
    neighbourhood: Neighbourhood,
) -> str:
    image, label = place
    key, names = material.records[image].key, material.names
    given, true = (
        ", ".join(name(names[i]) for i in np.flatnonzero(values[image])) or "no label"
        for values in (material.named, material.truth)
    )
    verdict = "Wrong" if material.named[image, label] else "Missing"
    caption = (
        f'<span class="is-wrong">{verdict}</span>: {name(names[label])} <span class="probability">'
        f"{number(float(material.proba[image, label]), 2)}</span><br>named: {given}<br>has: {true}<br>"
        f'<span class="file">{file_name(key)}</span>'
    )
    return frame_picture(pictures[image, names[label]], key, caption, neighbourhood.show(image))
