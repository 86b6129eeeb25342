"""Writing a codes dataset, so that a job killed at any moment is run again and ends the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from cnncodes.choices import DTYPES, SHARD_IMAGES
from cnncodes.errors import StoreError, UsageError, check_path
from cnncodes.store.checking import check_codes, check_text, escape
from cnncodes.store.committing import Committer
from cnncodes.store.entries import Shard
from cnncodes.store.files import writing_errors
from cnncodes.store.hand import Hand, join_tables
from cnncodes.store.index import Index, StoredImage, relabel_table
from cnncodes.store.lending import Loans
from cnncodes.store.locking import WriterLock
from cnncodes.store.manifest import Manifest, StoredViews
from cnncodes.store.opening import check_folder, clear_away, open_manifest
from cnncodes.store.records import Failure, ImageCodes, ImageCopy, Labels
from cnncodes.store.shard_files import group_small
from cnncodes.store.shards import SHARD_ROWS
from cnncodes.store.space import Space


class CodesWriter:
    """Writes a codes dataset; a context manager that holds the dataset's lock. Not for two threads.

    Made by `open`. Shards are never overwritten while a manifest names them.
    """

    def __init__(self, folder: Path, manifest: Manifest, lock: WriterLock, shard_images: int) -> None:
        self._folder = folder
        self._lock = lock
        self._dataset = Committer(folder, manifest, lock)
        self._shard_images = shard_images
        self._hand = Hand()
        self._loans = Loans(self._dataset.index)
        self._added: set[str] = set()
        self._broken: set[str] = set()  # stored images that are failures now
        self._since_cut = self._rows_since_cut = 0
        self._closed = False

    @classmethod
    def open(
        cls,
        path: str | Path,
        space: Space,
        views: StoredViews,
        *,
        dtype: str = DTYPES[0],
        shard_images: int = SHARD_IMAGES,
        layers: Mapping[str, int] | None = None,
    ) -> CodesWriter:
        """Begin a dataset, or go on with one.

        Parameters
        ----------
        path : path
            Its folder; missing or empty, or a dataset of the same space, views and dtype.
        space : Space
        views : StoredViews
        dtype : {"float16", "float32"}
            Of the stored codes.
        shard_images : int
            Images in a shard: the most that a killed job has to do again.
        layers : mapping of str to int, optional
            The layers that codes are made of, with the length of each: a column each. None: the network's own
            code, in one column.

        Raises
        ------
        SpaceMismatch
            If the dataset is of another space, other views or dtype; the text names each field that
            differs.
        StoreError
            If `path` holds something else, is damaged, is of a newer format, is being written by
            another process, or cannot be written.
        """
        if dtype not in DTYPES:
            raise UsageError(f"dtype must be {' or '.join(map(repr, DTYPES))}. Got {dtype!r} instead.")
        if shard_images < 1:
            raise UsageError(f"shard_images must be at least 1. Got {shard_images} instead.")
        check_path(path, "the path of the codes")
        folder = Path(path)
        check_folder(folder)
        with writing_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(folder)
        try:
            manifest = open_manifest(folder, Manifest(space, views, dtype, layers=dict(layers or {})))
            manifest = clear_away(folder, manifest)
            return cls(folder, manifest, lock, shard_images)
        except BaseException:
            lock.release()
            raise

    @property
    def known(self) -> Index:
        """The images that are stored on disk, by key."""
        return self._dataset.index

    @property
    def failed(self) -> Mapping[str, Failure]:
        """The images that failed and have not succeeded since, by key, some with codes from before."""
        return self._dataset.failures.by_key

    @property
    def marks_lost(self) -> int:
        """Of so many images codes are kept that nobody knows any more: any stored one may be among them."""
        return self._dataset.failures.lost

    @property
    def shard_images(self) -> int:
        """Images of which a shard is written."""
        return self._shard_images

    def settle_marks(self) -> None:
        """Note that every stored image was looked at: whose codes are kept is known again."""
        self._dataset.failures.lost = 0

    def has_in_hand(self, content: str) -> bool:
        """Tell whether codes of this content were added and are not on disk yet; threads may ask."""
        return self._hand.has(content)

    def promise(self, content: str) -> bool:
        """Tell whether codes of this content are stored; threads may ask.

        Where they are, they are there for a copy that is added later, whatever is replaced meanwhile.
        """
        return self._loans.promise(content)

    def add(self, result: ImageCodes | ImageCopy | Failure) -> Failure | None:
        """Take the next result; every `shard_images` of them are written to disk.

        An image that is stored already is replaced, by a failure too; the old rows stay until the new
        ones are written. A copy of what is stored under its own name just as it is changes nothing.

        Returns
        -------
        Failure or None
            The failure that is recorded for the image: the one given, or one of stage ``"code"``
            where a code is not finite or too large for the dtype. None where its codes are kept.

        Raises
        ------
        UsageError
            If the image's codes were added before, its arrays do not fit together, or it is a copy of what is
            not there.
        StoreError
            If a shard cannot be written; what was written before is kept.
        """
        result = check_text(result)
        if result.key in self._added:
            raise UsageError(f"{result.key!r} was added to {self._folder} already. Keys must be unique.")
        if isinstance(result, ImageCopy):
            self._loans.fulfil(result.content)
            if self._is_stored(result):
                self._dataset.failures.forget(result.key)
                return None
            result = self._find_codes(result)
        if isinstance(result, ImageCodes):
            result = check_codes(result, self._dataset.manifest.space.code_size, self._dataset.manifest.dtype)
        if isinstance(result, Failure):
            self._dataset.failures.record(result)
            if result.key in self._dataset.index:
                self._broken.add(result.key)
        else:
            self._take(result)
        self._since_cut += 1
        if self._since_cut >= self._shard_images or self._rows_since_cut >= SHARD_ROWS:
            self.flush()
        return result if isinstance(result, Failure) else None

    def _is_stored(self, copy: ImageCopy) -> bool:
        same = StoredImage(copy.size, copy.mtime_ns, copy.label, copy.split, copy.content, copy.group)
        return self._dataset.index.get(copy.key) == same

    def _find_codes(self, copy: ImageCopy) -> ImageCodes | ImageCopy:
        """Return a copy of codes in hand, or one whose codes are to be read from disk."""
        held = self._hand.find_codes(copy)
        if held is not None:
            return held
        if self._dataset.index.find(copy.content) is None and not self._loans.has(copy.content):
            raise UsageError(f"{self._folder} has no codes of the content of {copy.key!r}.")
        return copy

    def _take(self, image: ImageCodes | ImageCopy) -> None:
        self._dataset.failures.forget(image.key)
        self._added.add(image.key)
        self._hand.take(image)
        if isinstance(image, ImageCodes):
            self._rows_since_cut += len(image.views)
        else:
            shard = self._dataset.manifest.shards[0]  # all images have as many rows
            self._rows_since_cut += shard.rows // max(shard.images, 1)

    def keep_codes(self, failures: Iterable[Failure]) -> None:
        """Record failures of images that are stored on disk, whose codes stay as they are."""
        for failure in failures:
            self._dataset.failures.record(replace(failure, reason=escape(failure.reason), codes_kept=True))

    def drop(self, keys: Iterable[str]) -> None:
        """Remove images (changed, vanished) and failures; only the shards concerned are rewritten.

        Keys that are not in the dataset are passed over.
        """
        gone = set(keys)
        for key in gone:
            self._dataset.failures.forget(key)
            self._hand.drop(key)
        self._added -= gone
        self._broken -= gone
        if self._dataset.shards_of(gone):
            self.flush()  # copies may be of what goes now
        for shard in self._dataset.shards_of(gone):
            self._dataset.commit([self._dataset.files.read_without(shard, gone)], (shard,))
        if self._dataset.failures.changed:
            self._dataset.commit(with_failures=True)

    def relabel(self, labels: Mapping[str, Labels]) -> None:
        """Give images that are stored on disk another label, split and group; their codes stay as they are.

        Only the shards concerned are rewritten. Keys that are not in the dataset are passed over.
        """
        for shard in self._dataset.shards_of(labels):
            self._dataset.commit([relabel_table(self._dataset.files.read(shard), labels)], (shard,))

    def flush(self) -> None:
        """Write what is in hand to disk as a shard, and the failures."""
        self._dataset.make_good()
        # Found only now: an interrupt in `add` must not separate the old rows' end from the new ones.
        replaced = self._broken.union(key for key in self._hand.images if key in self._dataset.index)
        if self._hand.images or replaced or self._dataset.failures.due:
            old = self._dataset.shards_of(replaced)
            tables = [self._take_out(shard, replaced) for shard in old]
            if self._hand.images:
                tables.append(self._hand.lay_out(self._dataset, self._loans))
            with_failures = bool(replaced)
            self._dataset.commit(tables, old, with_failures=with_failures, when_done=self._empty_hand)
            self._loans.trim()
        self._since_cut = self._rows_since_cut = 0

    def _take_out(self, shard: Shard, replaced: Set[str]) -> pa.Table:
        """Return a shard's rows but for those of some images, which are kept for copies of them."""
        rows, gone = self._dataset.files.split(shard, replaced)
        self._loans.keep(gone)
        return rows

    def _empty_hand(self) -> None:
        self._hand.clear()
        self._broken.clear()

    def close(self) -> None:
        """Write what is in hand, merge small shards, mark the dataset complete, release the lock."""
        if self._closed:
            return
        self._closed = True
        try:
            self._write_rest()
            for group in group_small(self._dataset.manifest.shards, self._shard_images):
                merged = join_tables([self._dataset.files.read(shard) for shard in group])
                self._dataset.commit([merged], tuple(group))
            if not self._dataset.manifest.shards:
                # Readers of data/ need one file to find the columns in.
                self._dataset.commit([self._dataset.manifest.schema.empty_table()])
            self._dataset.complete()
        finally:
            self._lock.release()

    def _write_rest(self) -> None:
        self.flush()
        if self._dataset.failures.changed:
            self._dataset.commit(with_failures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or self._closed:
            self.close()
            return
        self._closed = True
        try:
            if not isinstance(error, StoreError):  # the disk is full: trying again would only hide why
                self._write_rest()
        except StoreError as second:
            error.add_note(f"Besides, the codes in hand could not be written: {second}")
        finally:
            self._lock.release()
