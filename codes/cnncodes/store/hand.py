"""The images that a writer has taken and not yet written."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from cnncodes.store.committing import Committer
from cnncodes.store.copying import copy_rows
from cnncodes.store.lending import Loans
from cnncodes.store.records import ImageCodes, ImageCopy
from cnncodes.store.schema import codes_table


class Hand:
    """Images by key, those with codes also by content."""

    def __init__(self) -> None:
        self.images: dict[str, ImageCodes | ImageCopy] = {}
        self._contents: dict[str, str] = {}

    def has(self, content: str) -> bool:
        """Tell whether codes of this content are here; threads may ask."""
        return content in self._contents

    def take(self, image: ImageCodes | ImageCopy) -> None:
        """Add an image."""
        self.images[image.key] = image
        if isinstance(image, ImageCodes):
            self._contents[image.content] = image.key

    def find_codes(self, copy: ImageCopy) -> ImageCodes | None:
        """Return the codes that a copy is of as its own, if they are here."""
        held = self.images.get(self._contents.get(copy.content, ""))
        if not isinstance(held, ImageCodes):
            return None
        held = replace(held, key=copy.key, label=copy.label, split=copy.split, group=copy.group)
        return replace(held, size=copy.size, mtime_ns=copy.mtime_ns, views_run=0)

    def drop(self, key: str) -> None:
        """Let go of an image, if it is here."""
        image = self.images.pop(key, None)
        if image is not None and self._contents.get(image.content) == key:
            del self._contents[image.content]

    def clear(self) -> None:
        """Let go of all images."""
        self.images.clear()
        self._contents.clear()

    def lay_out(self, dataset: Committer, loans: Loans) -> pa.Table:
        """Return the rows of all images, in order; those of copies are the dataset's, or were kept of it."""
        manifest = dataset.manifest
        images = [image for image in self.images.values() if isinstance(image, ImageCodes)]
        copies = [image for image in self.images.values() if isinstance(image, ImageCopy)]
        made = codes_table(images, manifest.schema)
        if not copies:
            return made
        copied = copy_rows(copies, dataset.index, manifest.shards, dataset.files, loans)
        return join_tables([made, *(table.cast(manifest.schema) for table in copied)])


def join_tables(tables: list[pa.Table]) -> pa.Table:
    """Return the rows of several tables in a shard's order."""
    return pa.concat_tables(tables).sort_by([("image", "ascending"), ("view", "ascending")])
