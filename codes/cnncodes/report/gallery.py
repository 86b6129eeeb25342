"""Images to look at: the most confident mistakes and the least certain answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnncodes.errors import BackboneError, BackendMissing, UnreadableImage, sentence
from cnncodes.images import content_hash, decode
from cnncodes.report.activation import Activation, Activations, prepare_activations
from cnncodes.report.html import embed_bytes, escape, name, number, paragraph, section
from cnncodes.report.material import Material
from cnncodes.report.thumbnails import shrink, to_jpeg

#: Images of each kind.
SHOWN = 24

_SWITCH = """<p><label class="switch"><input type="checkbox" id="show-maps" checked>
Show class activation maps</label></p>"""


@dataclass(frozen=True)
class Picture:
    """A thumbnail, and over it a class activation map where there is one.

    Attributes
    ----------
    jpeg : bytes
    size : tuple of int
        Width and height of the thumbnail.
    overlay : bytes or None
        PNG.
    place : tuple of float
        Left, top, width and height of the overlay, in pixels of the thumbnail.
    """

    jpeg: bytes
    size: tuple[int, int]
    overlay: bytes | None = None
    place: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


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


def show_gallery(material: Material) -> str:
    """Return the section of images to look at."""
    mistakes, uncertain = choose_mistakes(material), choose_uncertain(material)
    activations, said = _prepare(material)
    pictures = _develop_all(material, activations, [*mistakes.tolist(), *uncertain.tolist()])
    return section(
        "images",
        "Images to look at",
        paragraph(said),
        "" if activations is None else _SWITCH,
        "<h3>Most confident mistakes</h3>",
        paragraph(_describe_mistakes(material, len(mistakes))),
        _list(material, mistakes, pictures),
        "<h3>Least certain answers</h3>",
        paragraph(
            "The answers with the least probability, right or wrong: of images like these more may help most."
            if len(uncertain)
            else "The classifier gives no probabilities."
        ),
        _list(material, uncertain, pictures),
    )


def _describe_mistakes(material: Material, shown: int) -> str:
    if not shown:
        return "There is not one mistake."
    said = f"{shown} of {int(material.wrong.sum()):,} wrong answers"
    if material.proba is None:
        return f"{said}, in no order: the classifier gives no probabilities. Some labels may be wrong."
    return f"{said}, the surest first: look here for wrong labels, too."


def _develop_all(
    material: Material, activations: Activations | None, images: list[int]
) -> dict[int, Picture | None]:
    wanted = dict.fromkeys(images)
    progress = material.watch("images to look at")
    pictures: dict[int, Picture | None] = {}
    for image in wanted:
        pictures[image] = _develop(material, activations, image)
        progress(len(pictures), len(wanted), 0)
    return pictures


def _prepare(material: Material) -> tuple[Activations | None, str]:
    """Return what makes maps, and what is said about them, as HTML."""
    try:
        activations = prepare_activations(material.predictor)
    except (BackboneError, BackendMissing) as error:
        return None, f"There are no class activation maps: {escape(sentence(str(error)))}"
    said = (
        "Over each thumbnail lies the map of the class that was predicted: orange places speak for it, blue"
        " ones against it, the stronger the more. "
    )
    if activations.is_whole:
        said += "It is exact: the mean of the map is the decision value."
    else:
        said += (
            "It is exact for the central view alone; the answer is the average over"
            f" {material.predictor.embedder.plan.count} views."
        )
    if material.predictor.head.l2_normalize:
        said += (
            " The head first scales a code to length 1, which the picture as a whole decides: what a place"
            " adds holds up to that factor."
        )
    return activations, f"{said} It covers what the network sees; each has its own scale."


def _develop(material: Material, activations: Activations | None, image: int) -> Picture | None:
    """Return an image's thumbnail with its map; None where it can no longer be read."""
    embedder, record = material.predictor.embedder, material.records[image]
    try:
        data = record.read()
        short_side = embedder.plan.largest_short_side(embedder.backbone.frame)
        whole = decode(data, embedder.decoding, short_side=short_side)
        small = shrink(whole)
        if activations is None:
            return Picture(to_jpeg(small), small.size)
        found = activations.look(whole, content_hash(data), material.predicted[image])
    except UnreadableImage:
        return None
    return Picture(to_jpeg(small), small.size, found.to_png(), _place(found, whole.size, small.size))


def _place(
    found: Activation, whole: tuple[int, int], small: tuple[int, int]
) -> tuple[float, float, float, float]:
    across, down = small[0] / whole[0], small[1] / whole[1]
    left, top, right, bottom = found.box
    return left * across, top * down, (right - left) * across, (bottom - top) * down


def _list(material: Material, images: npt.NDArray[np.int64], pictures: dict[int, Picture | None]) -> str:
    if not len(images):
        return ""
    items = "\n".join(f"<li>{_frame(material, int(i), pictures[int(i)])}</li>" for i in images)
    return f'<ul class="gallery">\n{items}\n</ul>'


def _frame(material: Material, image: int, picture: Picture | None) -> str:
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
    caption = f'<figcaption>{verdict}<br><span class="file">{name(key)}</span></figcaption>'
    if picture is None:
        return f'<figure><p class="gone">This picture can no longer be read.</p>{caption}</figure>'
    width, height = picture.size
    alt = f"Thumbnail of {key}"
    overlay = ""
    if picture.overlay is not None:
        x, y, across, down = picture.place
        overlay = (
            f'<svg class="map" viewBox="0 0 {width} {height}" aria-hidden="true"><image x="{x:.1f}"'
            f' y="{y:.1f}" width="{across:.1f}" height="{down:.1f}" preserveAspectRatio="none"'
            f' href="{embed_bytes(picture.overlay, "image/png")}"/></svg>'
        )
    source = embed_bytes(picture.jpeg, "image/jpeg")
    shape = "tall" if height > width else "wide"
    return (
        f'<figure><div class="picture"><div class="fit {shape}"><img src="{source}" width="{width}"'
        f' height="{height}" alt="{escape(alt)}">{overlay}</div></div>{caption}</figure>'
    )
