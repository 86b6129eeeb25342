"""What a dataset holds, as its writer needs to know it: each image's state and the shard it lies in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from cnncodes.store.manifest import Shard

#: Columns of a shard that an index is made of.
INDEXED = ("image", "size", "mtime", "label", "split", "content")
Labels = tuple[str | None, str | None]


class Index:
    """The images of a dataset's shards.

    Attributes
    ----------
    states : dict
        For each image's key, its size and mtime in ns.
    labels : dict
        For each image's key, its label and split.
    contents : dict
        For the key of each image without an mtime, which came from no file, the hash of its content.
    shards : dict
        For each image's key, the name of its shard.
    """

    def __init__(self) -> None:
        self.states: dict[str, tuple[int, int | None]] = {}
        self.labels: dict[str, Labels] = {}
        self.contents: dict[str, str] = {}
        self.shards: dict[str, str] = {}
        self._shared: dict[Labels, Labels] = {}

    def learn(self, name: str, table: pa.Table) -> None:
        """Take in the images of a shard."""
        images = table.select(list(INDEXED)).group_by(list(INDEXED)).aggregate([])
        columns = (images.column(column).to_pylist() for column in INDEXED)
        for key, size, mtime, label, split, content in zip(*columns, strict=True):
            self.states[key] = (size, mtime)
            # One tuple a class, not one an image.
            self.labels[key] = self._shared.setdefault((label, split), (label, split))
            self.shards[key] = name
            if mtime is None:
                self.contents[key] = content

    def forget(self, shards: Iterable[Shard]) -> None:
        """Let go of the images that are still taken to lie in these shards."""
        names = {shard.name for shard in shards}
        if names:
            for key in [key for key, name in self.shards.items() if name in names]:
                del self.shards[key], self.states[key], self.labels[key]
                self.contents.pop(key, None)

    def shards_of(self, keys: Iterable[str]) -> set[str]:
        """Return the names of the shards that these images lie in."""
        return {self.shards[key] for key in keys if key in self.shards}


def relabel_table(table: pa.Table, labels: Mapping[str, Labels]) -> pa.Table:
    """Return a shard's table with the label and split of some images replaced."""
    keys = [str(key) for key in table.column("image").to_pylist()]
    for position, name in enumerate(("label", "split")):
        old = table.column(name).to_pylist()
        new = [
            labels[key][position] if key in labels else value for key, value in zip(keys, old, strict=True)
        ]
        table = table.set_column(
            table.schema.get_field_index(name), table.schema.field(name), pa.array(new, pa.string())
        )
    return table
