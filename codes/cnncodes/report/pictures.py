"""Pictures of single images: thumbnails, and over them maps of what speaks for a class."""

from __future__ import annotations

from dataclasses import dataclass, field

from cnncodes.errors import BackboneError, BackendMissing, UnreadableImage, sentence
from cnncodes.heads.multilabel.scorers import LabelScorer
from cnncodes.images import ImageRecord, content_hash, decode
from cnncodes.report.activation import Activation, Activations, prepare_activations
from cnncodes.report.html import embed_bytes, escape
from cnncodes.report.material import Subject
from cnncodes.report.thumbnails import SIDE, shrink, to_jpeg


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


@dataclass(frozen=True, eq=False)
class Studio:
    """Makes the pictures of a report.

    Attributes
    ----------
    material : Subject
    wants_maps : bool
        Whether maps are wanted at all.
    activations : Activations or None
    said : str
        What is to be said about the maps, or why there are none; HTML.
    """

    material: Subject
    wants_maps: bool = True
    activations: Activations | None = field(init=False)
    said: str = field(init=False)

    def __post_init__(self) -> None:
        if not self.wants_maps:
            object.__setattr__(self, "activations", None)
            object.__setattr__(self, "said", "")
            return
        try:
            found, said = prepare_activations(self.material.predictor), ""
        except (BackboneError, BackendMissing) as error:
            found, said = None, f"There are no class activation maps: {escape(sentence(str(error)))}"
        object.__setattr__(self, "activations", found)
        object.__setattr__(self, "said", said if found is None else self._describe(found))

    def _describe(self, activations: Activations) -> str:
        is_label = isinstance(self.material.predictor.head, LabelScorer)
        of = "label that its text names first" if is_label else "class that was predicted"
        said = (
            f"Over each thumbnail lies the map of the {of}: orange places speak for it, blue ones against it,"
            " the stronger the more. "
        )
        mean = "above 0 where the label is named" if is_label else "the decision value"
        if activations.is_whole:
            said += f"It is exact: the mean of the map is {mean}."
        else:
            said += (
                "It is exact for the central view alone; the answer is the average over"
                f" {self.material.predictor.embedder.plan.count} views."
            )
        if self.material.predictor.head.l2_normalize:
            said += (
                " The head first scales a code to length 1, which the picture as a whole decides: what"
                " a place"
                " adds holds up to that factor."
            )
        return f"{said} It covers what the network sees; each has its own scale."

    def develop(self, record: ImageRecord, label: str | None, side: int = SIDE) -> Picture | None:
        """Return an image's thumbnail; None where it can no longer be read.

        Parameters
        ----------
        record : ImageRecord
        label : str or None
            The class whose map lies over it; none does where it is None or no class of the classifier.
        side : int
            Of the thumbnail, the longer one, in pixels.
        """
        predictor = self.material.predictor
        embedder = predictor.embedder
        try:
            data = record.read()
            short_side = embedder.plan.largest_short_side(embedder.backbone.frame)
            whole = decode(data, embedder.decoding, short_side=short_side)
            small = shrink(whole, side)
            if self.activations is None or label not in {str(name) for name in predictor.classes}:
                return Picture(to_jpeg(small), small.size)
            found = self.activations.look(whole, content_hash(data), label)
        except UnreadableImage:
            return None
        return Picture(to_jpeg(small), small.size, found.to_png(), _place(found, whole.size, small.size))


def _place(
    found: Activation, whole: tuple[int, int], small: tuple[int, int]
) -> tuple[float, float, float, float]:
    across, down = small[0] / whole[0], small[1] / whole[1]
    left, top, right, bottom = found.box
    return left * across, top * down, (right - left) * across, (bottom - top) * down


def frame_picture(picture: Picture | None, key: str, caption: str, after: str = "") -> str:
    """Return a figure of a picture.

    Parameters
    ----------
    picture : Picture or None
        None for one that can no longer be read.
    key : str
        The image's name.
    caption, after : str
        What stands in its caption and below that, as HTML.
    """
    caption = f"<figcaption>{caption}</figcaption>"
    if picture is None:
        return f'<figure><p class="gone">This picture can no longer be read.</p>{caption}{after}</figure>'
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
        f' height="{height}" alt="{escape(alt)}">{overlay}</div></div>{caption}{after}</figure>'
    )
