"""The images whose predicted numbers are off most."""

from __future__ import annotations

import numpy as np

from cnncodes.report.gallery import SHOWN, develop_all, hang_figures, show_switches
from cnncodes.report.html import file_name, paragraph, plain_number, section, significant
from cnncodes.report.material import NumberMaterial
from cnncodes.report.nearest import Neighbourhood
from cnncodes.report.pictures import Studio, frame_picture


def choose_worst(material: NumberMaterial) -> list[int]:
    """Return the images with the largest errors, first the largest; none that is right."""
    off = np.abs(material.errors)
    order = np.argsort(-off, kind="stable")[:SHOWN]
    found: list[int] = order[off[order] > 0].tolist()
    return found


def show_gallery(material: NumberMaterial, studio: Studio, neighbourhood: Neighbourhood) -> str:
    """Return the section of images with the largest errors."""
    worst = choose_worst(material)
    pictures = develop_all(material, studio, [(image, None) for image in worst])
    said = (
        f"{len(worst)} of {len(material.records):,} images, the largest error first: look here for wrong"
        " numbers, too."
        if worst
        else "There is not one error."
    )
    return section(
        "images",
        "Images with the largest errors",
        paragraph(said),
        neighbourhood.explain(),
        show_switches(studio, neighbourhood),
        hang_figures(
            frame_picture(
                pictures[image, None],
                material.records[image].key,
                _describe(material, image),
                neighbourhood.show(image),
            )
            for image in worst
        ),
    )


def _describe(material: NumberMaterial, image: int) -> str:
    error = float(material.errors[image])
    # Colour alone says nothing to some: what is inside says so.
    kind, inside = ("is-wrong", "") if material.far[image] else ("is-right", ", inside its interval")
    if material.evaluation.width is None:
        kind, inside = "is-wrong", ""
    sign = "+" if error > 0 else ""
    given, truth = (plain_number(float(one[image])) for one in (material.predicted, material.truth))
    return (
        f'<span class="{kind}">Off by {sign}{significant(error)}</span>{inside}'
        f"<br>predicted {given}<br>is {truth}"
        f'<br><span class="file">{file_name(material.records[image].key)}</span>'
    )
