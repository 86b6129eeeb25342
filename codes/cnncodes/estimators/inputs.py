"""Codes of whatever images an estimator was given, with a cache of codes where asked for."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.disk import find_file
from cnncodes.embedding import Embedder, run_lanes, settle_plans
from cnncodes.errors import UnreadableImage, UnreadableImages, UsageError, check_path
from cnncodes.estimators.stored_image import are_stored
from cnncodes.images import Decoding, ImageRecord, content_hash
from cnncodes.store import CodeCache, Failure
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.store import Codes  # with Arrow, which predicting has no need of

Progress = Callable[[int, int, int], None]

#: Images of a block.
_BLOCK = 1024


@dataclass(frozen=True)
class ImageRows:
    """The codes of some images: the rows of image i are `counts[i]` consecutive ones.

    Attributes
    ----------
    X : ndarray of float32, shape (n_rows, code_size)
    counts : ndarray of int64, shape (n_images,)
        Rows of each image: one a view, 0 where the image could not be read.
    contents : list of str
        Hash of each image's content, empty where it could not be read.
    failures : dict
        For the position of each unreadable image, why.
    """

    X: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]
    contents: list[str]
    failures: dict[int, Failure]

    @property
    def index(self) -> npt.NDArray[np.int64]:
        """For each row, the position of its image; shape (n_rows,)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def take(self, images: npt.NDArray[np.int64]) -> ImageRows:
        """Return the rows of some images, by their positions in rising order."""
        if len(images) == len(self.counts):
            return self
        chosen = np.zeros(len(self.counts), dtype=np.bool_)
        chosen[images] = True
        contents = [self.contents[i] for i in np.flatnonzero(chosen)]
        return ImageRows(self.X[chosen[self.index]], self.counts[chosen], contents, {})

    def describe_failures(self) -> str:
        """Say how many images cannot be used, and of the first ten why."""
        reasons = [(failure.key, failure.reason) for failure in self.failures.values()]
        return describe_unreadable(reasons, len(self.counts))


def describe_unreadable(reasons: Sequence[tuple[str, str]], read: int, total: int | None = None) -> str:
    """Say how many images cannot be used, and of the first ten why; `reasons` has keys and reasons.

    Examples
    --------
    >>> describe_unreadable([("a.jpg", "cut off")], 1024, 5000)
    '1 of the first 1024 images of 5000 cannot be used: a.jpg (cut off).'
    """
    shown = "; ".join(f"{key} ({reason})" for key, reason in reasons[:10])
    more = f", and {len(reasons) - 10} more" if len(reasons) > 10 else ""
    all_read = total is None or read == total
    which = f"{read} images" if all_read else f"the first {read} images of {total}"
    return f"{len(reasons)} of {which} cannot be used: {shown}{more}."


def make_unreadable(description: str) -> UnreadableImages:
    """Return the error that says what can be done about images that cannot be used."""
    return UnreadableImages(
        f"{description} Mend or leave them out; in fit, --on-error skip (in Python on_error='skip') drops"
        " them with a warning."
    )


@dataclass(frozen=True)
class _Row:
    content: str
    codes: npt.NDArray[np.float32]


def make_embedder(
    backbone: Any,
    views: str | Path | ViewPlan,
    decode: str,
    max_pixels: int | None = None,
    random_state: Any = None,
) -> Embedder:
    """Return the embedder for an estimator's parameters, each checked."""
    plan = ViewPlan.parse(views, random_state=int(random_state) if _is_whole(random_state) else None)
    loaded = backbone if isinstance(backbone, Backbone) else load_backbone(backbone)
    plan.names(loaded.frame)  # what does not fit the network is said before any image is read
    return Embedder(loaded, plan, Decoding.make(decode, max_pixels))


def settle_embedders(
    embedders: Sequence[Embedder], records: Sequence[ImageRecord], n_jobs: int | None
) -> list[Embedder]:
    """Return embedders whose plans have learned from the training images what they have to."""
    plans = [embedder.plan for embedder in embedders]
    max_pixels = embedders[0].decoding.max_pixels
    settled = settle_plans(plans, records, max_pixels=max_pixels, n_jobs=n_jobs)
    return [replace(embedder, plan=plan) for embedder, plan in zip(embedders, settled, strict=True)]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def embed_records(
    embedder: Embedder,
    records: Sequence[ImageRecord],
    *,
    n_jobs: int | None = None,
    memory: str | Path | None = None,
    on_progress: Progress | None = None,
    on_error: str = "skip",
) -> ImageRows:
    """Make the codes of records, in order, taking from the cache in `memory` what it has.

    Raises
    ------
    UnreadableImages
        If `on_error` is ``"raise"`` and images cannot be read, at the end of the first block that has such.
    """
    # Filled block by block: codes that are joined in the end take twice the memory.
    X = np.empty((len(records) * len(embedder.view_names), embedder.backbone.code_size), np.float32)
    counts = np.zeros(len(records), np.int64)
    contents: list[str] = []
    failures: dict[int, Failure] = {}
    done = 0
    blocks = embed_blocks(embedder, records, n_jobs=n_jobs, memory=memory, on_progress=on_progress)
    with contextlib.closing(blocks):
        for rows in blocks:
            start = len(contents)
            X[done : done + len(rows.X)] = rows.X
            done += len(rows.X)
            counts[start : start + len(rows.counts)] = rows.counts
            contents += rows.contents
            failures |= {start + i: failure for i, failure in rows.failures.items()}
            if failures and on_error == "raise":
                reasons = [(failure.key, failure.reason) for failure in failures.values()]
                raise make_unreadable(describe_unreadable(reasons, len(contents), len(records)))
    return ImageRows(X[:done], counts, contents, failures)


def embed_blocks(
    embedder: Embedder,
    records: Sequence[ImageRecord],
    *,
    n_jobs: int | None = None,
    memory: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Generator[ImageRows]:
    """Make the codes of records, in order, and give those of some images at a time; stored ones are taken."""
    rows: list[_Row | Failure] = []
    done = failed = 0
    with _open_cache(memory) as cache:
        work = functools.partial(_embed_chunk, embedder, cache)
        lanes = run_lanes(work, records, n_jobs, most=embedder.chunk)
        for row in _take_stored(records) if are_stored(records) else lanes:
            rows.append(row)
            done, failed = done + 1, failed + isinstance(row, Failure)
            if on_progress is not None:
                on_progress(done, len(records), failed)
            if len(rows) == _BLOCK:
                yield _join(rows, embedder.backbone.code_size)
                rows.clear()
    if rows:
        yield _join(rows, embedder.backbone.code_size)


def _take_stored(images: Sequence[Any]) -> Iterator[_Row | Failure]:
    for image in images:
        yield image.failure or _Row(image.content, image.codes)


def _join(rows: Sequence[_Row | Failure], code_size: int) -> ImageRows:
    good = [row.codes for row in rows if isinstance(row, _Row)]
    return ImageRows(
        X=np.concatenate(good) if good else np.empty((0, code_size), np.float32),
        counts=np.array([len(row.codes) if isinstance(row, _Row) else 0 for row in rows], dtype=np.int64),
        contents=[row.content if isinstance(row, _Row) else "" for row in rows],
        failures={i: row for i, row in enumerate(rows) if isinstance(row, Failure)},
    )


class ImageOrder(NamedTuple):
    """The order of rows by image, sorted by key, and of each image its first row and how many it has."""

    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def rows_of(
    codes: Codes, order: ImageOrder | None = None, *, copy: bool = True
) -> tuple[ImageRows, npt.NDArray[np.object_], npt.NDArray[np.object_] | None]:
    """Return stored codes by image, sorted by key, with label and group of each; None where none has a group.

    `order` is that of `order_images`, where it is known. Without `copy` the array is that of the codes where
    their order allows it, for who writes nothing there.

    Raises
    ------
    UsageError
        If a code is not finite.
    """
    rows, starts, counts = order_images(codes) if order is None else order
    finite: npt.NDArray[np.bool_] = np.asarray(np.isfinite(codes.X).all(axis=1))
    if not finite.all():
        bad = str(codes.images[int(np.flatnonzero(~finite)[0])])
        raise UsageError(
            f"{int((~finite).sum())} of {len(finite)} rows of codes hold NaN or infinity, the first of the"
            f" image {bad!r}: embed it again, in float32 where its codes are beyond float16, or leave it out."
        )
    contents = [str(content) for content in codes.contents[starts]]
    is_sorted = bool((rows == np.arange(len(rows))).all())
    found = ImageRows(codes.X if is_sorted and not copy else codes.X[rows], counts, contents, {})
    return found, codes.y[starts], codes.name_groups(starts)


def order_images(codes: Codes) -> ImageOrder:
    """Return the order of stored codes by image."""
    keys = np.asarray(codes.images, dtype=object)
    rows = np.argsort(keys, kind="stable")
    _, first, counts = np.unique(keys[rows], return_index=True, return_counts=True)
    return ImageOrder(rows, rows[first], counts.astype(np.int64))


def list_keys(codes: Codes) -> list[str]:
    """Return the key of each image of stored codes, in the order of `rows_of`."""
    return sorted(set(map(str, codes.images)))


@contextlib.contextmanager
def _open_cache(memory: str | Path | None) -> Iterator[CodeCache | None]:
    if memory is None:
        yield None
        return
    if not isinstance(memory, str | Path):
        raise UsageError(f"memory must be a folder or None. Got {type(memory).__name__} instead.")
    check_path(memory, "memory")
    if (file := find_file(memory)).is_file():
        raise UsageError(f"memory needs a folder, and {file} is a file. Give the name of another.")
    cache = CodeCache(Path(memory))
    try:
        yield cache
    finally:
        cache.close()


def _embed_chunk(
    embedder: Embedder, cache: CodeCache | None, chunk: Sequence[ImageRecord]
) -> list[_Row | Failure]:
    if cache is None:
        return [_to_row(result) for result in embedder.embed(chunk)]
    return _embed_through(cache, embedder, chunk)


def _to_row(result: Any) -> _Row | Failure:
    return result if isinstance(result, Failure) else _Row(result.content, result.codes)


def _embed_through(
    cache: CodeCache, embedder: Embedder, chunk: Sequence[ImageRecord]
) -> list[_Row | Failure]:
    """Look each image up by its content first; only those that lack a view meet the network."""
    names = embedder.view_names
    space = embedder.space.id
    rows: dict[int, _Row | Failure] = {}
    missing: list[int] = []
    for position, record in enumerate(chunk):
        try:
            content = content_hash(record.read())
        except UnreadableImage as error:
            rows[position] = Failure(record.key, error.stage, error.reason)
            continue
        stored = cache.get_many(space, content, names)
        whole = all(len(code) == embedder.backbone.code_size for code in stored.values())
        if whole and len(stored) == len(set(names)):
            rows[position] = _Row(content, np.stack([stored[name] for name in names]))
        else:
            missing.append(position)
    for position, result in zip(missing, embedder.embed([chunk[i] for i in missing]), strict=True):
        rows[position] = row = _to_row(result)
        if isinstance(row, _Row):
            cache.put_many(space, row.content, dict(zip(names, row.codes, strict=True)))
    return [rows[position] for position in range(len(chunk))]
