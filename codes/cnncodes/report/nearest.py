"""The training images next to an image, as thumbnails of one sheet that all share."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncodes.images import ImageRecord
from cnncodes.report.html import clean, embed_bytes, escape, file_name, name, pack, paragraph
from cnncodes.report.material import Subject
from cnncodes.report.thumbnails import TILE, Sheet, make_sheet
from cnncodes.report.training import Training, choose_training_tiles, round_similarity

#: Thumbnails of training images at most, and bytes of them.
TILES, SHEET_BYTES = 900, 2_000_000


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The training images next to each image of a report, and thumbnails of some.

    Attributes
    ----------
    training : Training or None
        None where there are none to show.
    sheet : Sheet or None
        None where no thumbnail can be made.
    why : str
        Why there are none.
    subject : Subject
        Says what is true of a training image.
    """

    training: Training | None
    sheet: Sheet | None
    why: str
    subject: Subject

    @functools.cached_property
    def tile_of(self) -> dict[int, int]:
        """The tile of each training image that has one."""
        return {} if self.sheet is None else {row: i for i, row in enumerate(self.sheet.images.tolist())}

    def explain(self) -> str:
        """Return what is to be said of them before the images, as HTML."""
        if self.training is None:
            return paragraph(f"Nearest training images are not shown. {escape(self.why)}")
        return paragraph(
            f"Below each image unfold the {self.training.index.shape[1]} training images whose codes are"
            " nearest to its own, with their similarity: the cosine of the angle between the two codes, 1"
            f" for codes that are the same. Searched are {escape(self.training.described)}. Neighbours of"
            f" another {self.subject.noun} than the image’s own, or one that is all but the same picture, say"
            " where a mistake comes from."
        )

    def define_sheet(self) -> str:
        """Return the picture with all thumbnails, which each place shows a part of; as HTML."""
        if self.sheet is None:
            return ""
        width, height = self.sheet.size
        return (
            f'<svg class="source" width="0" height="0" aria-hidden="true"><defs><image id="training-sheet"'
            f' width="{width}" height="{height}"'
            f' href="{embed_bytes(self.sheet.jpeg, "image/jpeg")}"/></defs></svg>'
        )

    def show(self, image: int) -> str:
        """Return the training images next to an image, folded under their labels; as HTML."""
        if self.training is None:
            return ""
        rows, cosine = self.training.index[image].tolist(), round_similarity(self.training.cosine[image])
        labels = ", ".join(self._list([self.training.records[row] for row in rows]))
        items = "".join(
            f"<li>{self._draw(row)}<span>{name(self.subject.describe_label(self.training.records[row]))}{self._mark}"
            f" {similarity / 100:.2f}<br>"
            f'<span class="file">{file_name(self.training.records[row].key)}</span></span></li>'
            for row, similarity in zip(rows, cosine.tolist(), strict=True)
        )
        summary = f"<summary>Nearest in training: {labels}</summary>"
        return f'<details class="nearest">{summary}<ol>{items}</ol></details>'

    def _list(self, records: list[ImageRecord]) -> Iterator[str]:
        if not self.subject.counts_neighbors:
            yield from (name(self.subject.describe_label(record)) for record in records)
            return
        labels = [label for record in records for label in self.subject.list_labels(record)]
        for label, count in Counter(labels).most_common():
            yield f"{count} {name(label)}"

    @property
    def _mark(self) -> str:
        """Tell a similarity from a number that it stands behind."""
        return "" if self.subject.counts_neighbors else "; similarity"

    def _draw(self, row: int) -> str:
        tile = self.tile_of.get(row)
        if self.sheet is None or tile is None:
            return '<span class="tile gone">no thumbnail</span>'
        left, top = TILE * (tile % self.sheet.columns), TILE * (tile // self.sheet.columns)
        assert self.training is not None
        said = escape(f"Thumbnail of {self.training.records[row].key}")
        return (
            f'<svg class="tile" viewBox="{left} {top} {TILE} {TILE}" role="img" aria-label="{said}">'
            '<use href="#training-sheet"/></svg>'
        )

    def gather(self) -> dict[str, Any] | None:
        """Return what the map shows of them: those alone that are next to some image."""
        if self.training is None:
            return None
        used, index = np.unique(self.training.index, return_inverse=True)
        records = [self.training.records[row] for row in used.tolist()]
        said = [self.subject.describe_label(record) for record in records]
        names, labels = np.unique(said, return_inverse=True)
        tiles: dict[str, Any] = {"tiles": None, "columns": 0}
        if self.sheet is not None:
            place = np.full(len(self.training.records), -1)
            place[used] = np.arange(len(used))
            tiles = {"tiles": pack(place[self.sheet.images], "u4"), "columns": self.sheet.columns}
        wide = "u2" if len(used) < 2**16 else "u4"
        return {
            "k": self.training.index.shape[1],
            "wide": wide,
            "index": pack(index.reshape(-1), wide),
            "similarity": pack(round_similarity(self.training.cosine).reshape(-1) + 100, "u1"),
            "names": [clean(text) for text in names.tolist()],
            **self._split(dict(zip(said, records, strict=True)), names.tolist()),
            "labels": pack(labels.reshape(-1), "u2"),
            "files": [clean(record.key) for record in records],
            "tile": TILE,
            **tiles,
        }

    def _split(self, records: dict[str, ImageRecord], names: list[str]) -> dict[str, Any]:
        """Return the labels that are counted, and which of them each name stands for."""
        if not self.subject.counts_neighbors:
            return {"counted": False, "words": [], "parts": []}
        parts = [self.subject.list_labels(records[text]) for text in names]
        words = sorted({word for part in parts for word in part})
        place = {word: i for i, word in enumerate(words)}
        return {
            "counted": True,
            "words": [clean(word) for word in words],
            "parts": [[place[word] for word in part] for part in parts],
        }


def settle(material: Subject, shown: list[int]) -> Neighbourhood:
    """Make the thumbnails of training images that a report needs.

    Parameters
    ----------
    material : Subject
    shown : list of int
        Images that are shown for themselves: their neighbours get a thumbnail first.
    """
    training = material.training
    if isinstance(training, str):
        return Neighbourhood(None, None, training, material)
    sheet = make_sheet(
        training.records,
        choose_training_tiles(training, shown, TILES),
        max_pixels=material.predictor.embedder.decoding.max_pixels,
        n_jobs=material.n_jobs,
        watch=material.watch,
        what="thumbnails of training images",
        max_bytes=SHEET_BYTES,
    )
    return Neighbourhood(training, sheet, "", material)
