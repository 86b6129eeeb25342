"""What the frozen part of a network gives of each view: computed once and kept on disk, as far as it fits."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones import Backbone
from cnncodes.disk import parse_json
from cnncodes.embedding import run_lanes
from cnncodes.errors import SourceError, StoreError, UnreadableImage
from cnncodes.finetuning.frozen import FrozenPart, ViewSet
from cnncodes.finetuning.parts import Parts
from cnncodes.finetuning.row_files import RowFile
from cnncodes.images import Decoding
from cnncodes.store.files import atomic_write

Array = npt.NDArray[Any]
Progress = Callable[[int, int, int], None]

#: What tells how far they have come.
FEATURES = "features.json"
#: Images and seconds between two marks of how far the features have come, whichever is over first.
_MARK, _MARK_SECONDS = 256, 5.0


class FeatureStore:
    """Features and codes, one row a view: those of the first set, image by image, then those of the next.

    Parameters
    ----------
    folder : Path
        For the files, which another run of the same work goes on with.
    parts : Parts
    backbone : Backbone
        The network that the parts are of.
    sets : sequence of ViewSet
    decoding : Decoding
    budget : int
        Bytes on disk for features; codes come on top. Those rows that do not fit are computed when they are
        asked for, with the very same result.
    n_jobs : int, optional
        Lanes.
    """

    def __init__(
        self,
        folder: Path,
        parts: Parts,
        backbone: Backbone,
        sets: Sequence[ViewSet],
        *,
        decoding: Decoding,
        budget: int,
        n_jobs: int | None = None,
    ) -> None:
        self._folder, self._sets, self._code_size = folder, tuple(sets), backbone.code_size
        self._features, self._n_jobs = parts.features, n_jobs
        self._frozen = FrozenPart(parts, backbone, decoding)
        self._first = np.cumsum([0, *(one.rows for one in sets)])
        row = sum(math.prod(feature.shape) * np.dtype(feature.dtype).itemsize for feature in self._features)
        self.rows = int(self._first[-1])
        self.kept_rows = min(self.rows, budget // row)
        self.row_bytes = row
        self._identity = _identify(parts, backbone, sets, decoding)
        self._failed: dict[str, str] = {}
        self._sums: list[tuple[int, list[int]]] = []
        self._files: list[RowFile] = []

    def fill(
        self,
        on_progress: Progress | None = None,
        sets: int | None = None,
        on_damage: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Compute what is not there yet, of all sets or of the first ones, so many of them.

        `on_damage` hears in a line of features that are damaged and computed again.
        """
        images = [(s, i) for s, one in enumerate(self._sets[:sets]) for i in range(len(one.records))]
        self._folder.mkdir(parents=True, exist_ok=True)
        # What this process has open it has looked through already.
        done = marked = self._sums[-1][0] if self._files and self._sums else self._resume(on_damage)
        since = time.monotonic()
        try:
            for reason in run_lanes(self._fill_chunk, images[done:], self._n_jobs):
                if reason:
                    self._failed["{}/{}".format(*images[done])] = reason
                done += 1
                late = time.monotonic() - since > _MARK_SECONDS
                if done == len(images) or done - marked >= _MARK or late:
                    self._mark(done)
                    marked, since = done, time.monotonic()
                if on_progress is not None:
                    on_progress(done, len(images), len(self._failed))
        except BaseException:
            if done > marked:
                with contextlib.suppress(Exception):  # what ended it is said, and not what came of that
                    self._mark(done)
            raise
        if not images:
            self._mark(0)

    def join(self, sets: int | None = None) -> None:
        """Open what another process has computed, of all sets or of the first ones, without writing.

        Raises
        ------
        StoreError
            If it is not here, or not whole.
        """
        done = self._read_mark()
        if done is None or done < sum(len(one.records) for one in self._sets[:sets]):
            raise StoreError(
                f"{self._folder} does not hold what the first process has computed: of processes on several"
                " machines, all need the same folder, on a disk that they share."
            )
        self._open()

    def failures(self, number: int) -> dict[int, str]:
        """Return the images of a set that cannot be read, by their place in it, and why."""
        found = (place.split("/") for place in self._failed)
        return {int(i): self._failed[f"{s}/{i}"] for s, i in found if int(s) == number}

    def places(self, number: int, images: Array, views: Array) -> npt.NDArray[np.int64]:
        """Return the rows of some views of a set's images."""
        return np.asarray(self._first[number] + images * self._sets[number].plan.count + views, np.int64)

    def count_rows(self, sets: int) -> int:
        """Return how many rows the first sets have."""
        return int(self._first[sets])

    def codes(self, rows: Array) -> npt.NDArray[np.float32]:
        """Return the codes of rows, shape (n_rows, code_size)."""
        return self._files[-1].read(rows)

    def batches(self, rows: Array, size: int) -> Iterator[tuple[Array, ...]]:
        """Yield the features of rows, batch by batch: an array (n_rows, …) for each feature."""
        if len(rows) == 0 or int(rows.max()) < self.kept_rows:
            for start in range(0, len(rows), size):
                yield tuple(file.read(rows[start : start + size]) for file in self._files[:-1])
            return
        waiting: list[tuple[Array, ...]] = []
        for found in run_lanes(self._find_chunk, rows.tolist(), self._n_jobs):
            waiting.append(found)
            if len(waiting) == size:
                yield tuple(map(np.stack, zip(*waiting, strict=True)))
                waiting = []
        if waiting:
            yield tuple(map(np.stack, zip(*waiting, strict=True)))

    def close(self) -> None:
        """Close the files; `fill` and `join` open them again."""
        for file in self._files:
            file.close()

    def discard(self) -> None:
        """Remove the files."""
        self.close()
        for path in (*self._folder.glob("feature-*.bin"), self._folder / "codes.bin", self._marked):
            path.unlink(missing_ok=True)
        self._sums, self._failed, self._files = [], {}, []

    @property
    def _paths(self) -> list[Path]:
        names = [f"feature-{number}.bin" for number in range(len(self._features))]
        return [self._folder / name for name in (*names, "codes.bin")]

    def _open(self) -> None:
        self.close()
        shapes = [(self.kept_rows, *feature.shape) for feature in self._features]
        kinds = [(shape, feature.dtype) for shape, feature in zip(shapes, self._features, strict=True)]
        kinds.append(((self.rows, self._code_size), "float32"))
        self._files = [RowFile(path, *kind) for path, kind in zip(self._paths, kinds, strict=True)]

    @property
    def _marked(self) -> Path:
        return self._folder / FEATURES

    def _resume(self, on_damage: Callable[[str], None]) -> int:
        """Open the files, and return for how many images they have what they need."""
        done = self._read_mark(on_damage)
        missing = [path.name for path in self._paths if not path.is_file()]
        if done is None or missing:
            if done:
                on_damage(f"{missing[0]} is missing: the features of {done:,} images are computed again")
            self.discard()
        self._open()
        first = 0
        for number, (images, sums) in enumerate(self._sums):
            if sums != self._add_up(first, images):  # cut off or damaged: from here on it is computed again
                on_damage(f"features are damaged: those of {(done or 0) - first:,} images are computed again")
                del self._sums[number:]
                break
            first = images
        return first

    def _read_mark(self, on_damage: Callable[[str], None] = lambda text: None) -> int | None:
        """Return for how many images the files should have rows; None where they are of other work."""
        if not self._marked.is_file():
            return None
        try:
            mark = parse_json(self._marked.read_bytes())
            if mark.pop("sum") != add_up_mark(mark):
                raise ValueError(mark)
            if mark["identity"] == self._identity and mark["kept_rows"] == self.kept_rows:
                self._failed = {str(place): str(reason) for place, reason in mark["failed"].items()}
                self._sums = [(int(images), list(sums)) for images, sums in mark["sums"]]
                return self._sums[-1][0]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            on_damage(f"{FEATURES} is damaged: the features of all images are computed again")
        return None

    def _mark(self, done: int) -> None:
        """Note that the rows of so many images are there, and what they add up to."""
        for file in self._files:
            file.sync()
        self._sums.append((done, self._add_up(self._sums[-1][0] if self._sums else 0, done)))
        mark = {
            "identity": self._identity,
            "kept_rows": self.kept_rows,
            "sums": self._sums,
            "failed": self._failed,
        }
        atomic_write(self._marked, json.dumps({**mark, "sum": add_up_mark(mark)}).encode())

    def _add_up(self, first: int, last: int) -> list[int]:
        """Return the checksums of the rows of some images, in the order of `fill`, a number for each file."""
        start, end = (self._count_rows_of(images) for images in (first, last))
        return [file.add_up(start, end) for file in self._files]

    def _count_rows_of(self, images: int) -> int:
        """Return how many rows the first images have."""
        rows = 0
        for one in self._sets:
            rows += min(images, len(one.records)) * one.plan.count
            images -= min(images, len(one.records))
        return rows

    def _fill_chunk(self, images: Sequence[tuple[int, int]]) -> list[str]:
        """Make the rows of some images; of each, return why it cannot be read, empty where it can."""
        reasons = []
        for number, i in images:
            try:
                patches, index = self._frozen.cut(self._sets[number], i, None)
            except UnreadableImage as error:
                reasons.append(str(error))
                continue
            found = [values[index] for values in self._frozen.run(patches)]
            self._frozen.check_finite(found)
            first = int(self.places(number, np.int64(i), np.int64(0)))  # type: ignore[arg-type]
            for file, values in zip(self._files, found, strict=True):
                file.write(first, values)
            reasons.append("")
        return reasons

    def _find_chunk(self, rows: Sequence[int]) -> list[tuple[Array, ...]]:
        return [self._find(row) for row in rows]

    def _find(self, row: int) -> tuple[Array, ...]:
        if row < self.kept_rows:
            return tuple(file.read(np.array([row]))[0] for file in self._files[:-1])
        number = int(np.searchsorted(self._first, row, side="right")) - 1
        i, view = divmod(row - int(self._first[number]), self._sets[number].plan.count)
        try:
            patches, _ = self._frozen.cut(self._sets[number], i, view)
        except UnreadableImage as error:
            key = self._sets[number].records[i].key
            raise SourceError(
                f"the image {key!r} could be read before and cannot any more ({error}). Leave the images as"
                " they are while a network is trained on them; the same command goes on."
            ) from error
        return tuple(values[0] for values in self._frozen.run(patches)[:-1])


def add_up_mark(mark: dict[str, Any]) -> int:
    """Return the CRC-32 of what tells how far the features have come."""
    return zlib.crc32(json.dumps(mark, sort_keys=True).encode())


def _identify(parts: Parts, backbone: Backbone, sets: Sequence[ViewSet], decoding: Decoding) -> str:
    digest = hashlib.sha256(parts.lower or b"")
    for fact in (backbone.sha256, backbone.frame, decoding, *(one.plan.id for one in sets)):
        digest.update(f"{fact}\n".encode())
    for one in sets:
        digest.update("\n".join(one.contents).encode())
    return digest.hexdigest()
