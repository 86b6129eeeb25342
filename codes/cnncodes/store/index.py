"""What a dataset holds, as its writer needs to know it: each image's state and the shard it lies in."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cnncodes.errors import StoreError
from cnncodes.store.contents import ContentFinder
from cnncodes.store.entries import Shard
from cnncodes.store.records import LABELS, Labels
from cnncodes.store.unread import RESTORE_SHARD

#: Columns of a shard that an index is made of.
INDEXED = ("image", "size", "mtime", *LABELS, "content")

#: 40 bytes an image: as objects, the same would take hundreds. The content's hash is in two halves.
_ROW = np.dtype(
    [("size", "i8"), ("mtime", "i8"), ("labels", "i4"), ("shard", "i4"), ("high", "u8"), ("low", "u8")]
)
#: Stand for what came from no file, and for an image that is stored no longer.
_NO_MTIME, _NO_SHARD = np.iinfo(np.int64).min, -1


class StoredImage(NamedTuple):
    """What is known of an image that is stored."""

    size: int
    mtime_ns: int | None
    label: str | None
    split: str | None
    content: str
    group: str | None = None


class Index(Mapping[str, StoredImage]):
    """The images of a dataset's shards, by key. Threads may look things up while one thread changes it."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._keys: list[str] = []
        self._rows: npt.NDArray[Any] = np.zeros(1024, _ROW)
        self._labels: dict[Labels, int] = {}
        self._known_labels: list[Labels] = []
        self._shards: list[str] = []
        self._contents = ContentFinder()
        self._lock = threading.Lock()

    def __getitem__(self, key: str) -> StoredImage:
        with self._lock:
            size, mtime, labels, _, high, low = self._rows.item(self._places[key])
        label, split, group = self._known_labels[labels]
        mtime_ns = None if mtime == _NO_MTIME else mtime
        return StoredImage(size, mtime_ns, label, split, f"{high:016x}{low:016x}", group)

    def __contains__(self, key: object) -> TypeGuard[str]:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def state(self, key: str) -> tuple[int, int | None, Labels]:
        """Return an image's size, mtime, and label, split and group: quicker than all that is known of it."""
        size, mtime, labels, *_ = self._rows.item(self._places[key])
        return size, None if mtime == _NO_MTIME else mtime, self._known_labels[labels]

    def known_labels(self) -> Collection[Labels]:
        """Return the labels, splits and groups that images have, each once, and that some have had."""
        return tuple(self._known_labels)

    def learn(self, name: str, table: pa.Table) -> None:
        """Take in the images of a shard; those that are known already are taken to lie in it from now on."""
        images = _first_rows(table.select(list(INDEXED)).combine_chunks())
        keys = [str(key) for key in images.column("image").to_pylist()]
        labels = list(zip(*(images.column(column).to_pylist() for column in LABELS), strict=True))
        rows = np.zeros(len(keys), _ROW)
        rows["size"] = images.column("size").to_numpy()
        mtimes: Any = images.column("mtime")
        rows["mtime"] = mtimes.fill_null(_NO_MTIME).to_numpy()
        rows["high"], rows["low"] = _split_hashes(name, images.column("content"))
        with self._lock:
            numbers = {some: self._number_labels(some) for some in set(labels)}
            rows["labels"] = [numbers[some] for some in labels]
            rows["shard"] = len(self._shards)
            self._shards.append(name)
            places = self._find_places(keys)
            if len(self._keys) > len(self._rows):
                self._rows = np.resize(self._rows, max(len(self._keys), 2 * len(self._rows)))
            self._rows[places] = rows
            self._contents.learn(self._rows["high"][: len(self._keys)], places)

    def _number_labels(self, labels: Labels) -> int:
        number = self._labels.setdefault(labels, len(self._known_labels))
        if number == len(self._known_labels):
            self._known_labels.append(labels)
        return number

    def _find_places(self, keys: list[str]) -> npt.NDArray[np.int64]:
        new = [key for key in keys if key not in self._places]
        self._places.update(zip(new, itertools.count(len(self._keys)), strict=False))
        self._keys += new
        return np.array([self._places[key] for key in keys], np.int64)

    def forget(self, shards: Iterable[Shard]) -> None:
        """Let go of the images that are still taken to lie in these shards."""
        names = {shard.name for shard in shards}
        numbers = [number for number, name in enumerate(self._shards) if name in names]
        if numbers:
            with self._lock:
                rows = self._rows[: len(self._keys)]
                gone = np.flatnonzero(np.isin(rows["shard"], numbers))
                rows["shard"][gone] = _NO_SHARD
                for place in gone.tolist():
                    self._places.pop(self._keys[place], None)

    def shards_of(self, keys: Iterable[str]) -> set[str]:
        """Return the names of the shards that these images lie in."""
        places = [self._places[key] for key in keys if key in self._places]
        return {self._shards[number] for number in np.unique(self._rows["shard"][places]).tolist()}

    def find(self, content: str, without: Container[str] = ()) -> str | None:
        """Return the key of an image with this content, but for some; None where there is none."""
        high, low = int(content[:16], 16), int(content[16:], 16)
        with self._lock:
            for place in self._contents.find(self._rows["high"][: len(self._keys)], high):
                row, key = self._rows[place], self._keys[place]
                is_there = row["high"] == high and row["low"] == low and row["shard"] != _NO_SHARD
                if is_there and key not in without:
                    return key
            return None


def _first_rows(table: pa.Table) -> pa.Table:
    """Return the first row of each image; an image's rows stand together."""
    images: Any = table.column("image")
    if len(images) == 0:
        return table
    starts = pc.not_equal(images.slice(1), images.slice(0, len(images) - 1))
    return table.filter(pa.chunked_array([pa.array([True]), *starts.chunks]))


def _split_hashes(name: str, contents: Any) -> npt.NDArray[Any]:
    """Return the halves of hashes as whole numbers, shape (2, n)."""
    try:
        digests = bytes.fromhex("".join(contents.to_pylist()))
        return np.frombuffer(digests, ">u8").reshape(len(contents), 2).T
    except (TypeError, ValueError) as error:
        raise StoreError(f"data/{name} is damaged: its contents are no hashes. {RESTORE_SHARD}") from error


def relabel_table(table: pa.Table, labels: Mapping[str, Labels]) -> pa.Table:
    """Return a shard's table with the label, split and group of some images replaced."""
    keys = [str(key) for key in table.column("image").to_pylist()]
    for position, name in enumerate(LABELS):
        old = table.column(name).to_pylist()
        new = [
            labels[key][position] if key in labels else value for key, value in zip(keys, old, strict=True)
        ]
        table = table.set_column(
            table.schema.get_field_index(name), table.schema.field(name), pa.array(new, pa.string())
        )
    return table
