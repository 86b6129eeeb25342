"""Sources of images: folders, tables, and what is in memory, all as records."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping
from collections.abc import Set as AnySet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnncodes.disk import TABLES
from cnncodes.errors import SourceError, UsageError, check_path, count
from cnncodes.images.endings import advise_of_arrow
from cnncodes.images.folders import list_folder
from cnncodes.images.foreign import advise_conversion, describe_foreign, is_foreign
from cnncodes.images.keys import is_url, make_unique, to_text
from cnncodes.images.places import check_no_archive, check_place
from cnncodes.images.records import ImageRecord, NoImage, RowBytes
from cnncodes.images.table_parts import find_parts, list_parts
from cnncodes.images.tables import Columns, list_table


@dataclass(frozen=True)
class ImageSource:
    """The images of a source, sorted by key; those whose bytes a table holds in the order of its rows.

    Attributes
    ----------
    name : str
        What was opened.
    root : Path or None
        The folder that keys are relative to; None for what is in memory.
    records : tuple of ImageRecord
    barred : tuple of str
        Keys, among those of `records`, of folders that could not be listed; each ends in a slash. What lies
        below is not known to be gone.
    passed_over : tuple of ImageRecord
        Files, not among `records`, that only a plugin of Pillow reads, which is not registered; to read one
        raises, with what to install.
    """

    name: str
    root: Path | None
    records: tuple[ImageRecord, ...]
    barred: tuple[str, ...] = ()
    passed_over: tuple[ImageRecord, ...] = ()

    def labels(self) -> list[str | None]:
        """Return the label of each record."""
        return [record.label for record in self.records]

    def filter(self, *, split: str | None = None, labelled: bool | None = None) -> ImageSource:
        """Return the source with only the images of one part, or only those with (without) a label."""
        kept = tuple(
            record
            for record in self.records
            if (split is None or record.split == split)
            and (labelled is None or (record.label is not None) == labelled)
        )
        return replace(self, records=kept)

    def with_passed_over(self) -> ImageSource:
        """Return the source with the files that take a plugin among its records."""
        return (
            replace(self, records=_sorted([*self.records, *self.passed_over])) if self.passed_over else self
        )


def open_source(
    src: Any,
    *,
    path_column: str = "image",
    label_column: str = "label",
    split_column: str = "split",
    group_column: str = "group",
    unlisted: str = "error",
    tells_foreign: bool = True,
) -> ImageSource:
    """List the images of a source.

    Parameters
    ----------
    src : path or list
        A folder of class folders (also below ``train/``, ``val/``, ``test/``), a flat folder, a
        ``.csv``, ``.tsv`` or ``.parquet`` table, a folder of the Parquet tables of one data set
        (`cnncodes.images.table_parts.find_parts`), or a list of paths, bytes, PIL images or uint8 arrays.
    path_column, label_column, split_column, group_column : str
        Columns of a table.
    unlisted : {"error", "record"}
        What a folder below the source is that cannot be listed: an error, or a record whose image cannot be
        read, so that a batch job goes on and counts it.
    tells_foreign : bool
        Whether the warning of files that are passed over counts those that take a plugin of Pillow.

    Raises
    ------
    SourceError
        If it is missing, holds no images, or lacks a column.
    """
    if unlisted not in ("error", "record"):
        raise UsageError(f"unlisted must be 'error' or 'record'. Got {unlisted!r} instead.")
    if not isinstance(src, str | Path):
        records = records_from(src)
        if not records:
            raise SourceError("the list of images is empty.")
        return ImageSource("images in memory", None, _sorted(records))
    check_place(src)
    path = Path(src)
    columns = Columns(path_column, label_column, split_column, group_column)
    if _is_folder(src):
        if parts := find_parts(path):
            return ImageSource(str(src), path, _sorted(list_parts(path, parts, columns)))
        passed_over: list[ImageRecord] = []
        listed = _sorted(
            list_folder(path, unlisted=unlisted, passed_over=passed_over, tells_foreign=tells_foreign)
        )
        barred = tuple(record.key for record in listed if isinstance(record.data, NoImage))
        return ImageSource(str(src), path, listed, barred, tuple(passed_over))
    if not path.is_file():
        raise SourceError(
            f"{str(src)!r} is a pipe, socket or device: expected a folder of images, an image file, or a .csv"
            " or .parquet table."
        )
    check_no_archive(path)
    if path.suffix.lower() not in TABLES:
        raise SourceError(
            f"{str(src)!r} is a single file: expected a folder of images or a .csv or .parquet table."
            " For one image give a list: [path]." + advise_of_arrow([path.suffix.lower()])
        )
    return ImageSource(str(src), path.parent, _sorted(list_table(path, columns)))


def records_from(X: Any) -> list[ImageRecord]:
    """Return the records of what an estimator was given, in its order.

    Parameters
    ----------
    X : list, tuple, array or Series of paths, bytes, PIL images or uint8 arrays; or one folder
        A table of one column is as good as the column. An array of length 0 holds none.

    Raises
    ------
    UsageError
        If it is one image where a list is meant, or holds something that is no image.
    """
    if isinstance(X, str | Path):
        check_path(X, "the path")
        if _is_folder(X):
            return list(open_source(X).records)
        kind = "one path" if os.path.exists(X) else "one path that does not exist"
        raise UsageError(
            f"expected a list of images or a folder. Got {kind}: {str(X)!r}. For one image: [path]."
        )
    X = _take_only_column(X)
    _check_list(X)
    items = list(X)
    data = [_data(position, item) for position, item in enumerate(items)]
    keys = make_unique([_key(position, item) for position, item in enumerate(data)])
    return [ImageRecord(key, item) for key, item in zip(keys, data, strict=True)]


def _is_folder(path: str | Path) -> bool:
    return os.path.isdir(path)


def _take_only_column(X: Any) -> Any:
    """Return the column of a table, or of an array of texts or objects, that has but one; else `X`.

    One of Arrow's as a list: its items would be scalars of its own.
    """
    import numpy as np

    if hasattr(X, "to_pylist") and not hasattr(X, "shape"):
        return X.to_pylist()
    shape = getattr(X, "shape", ())
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[1] != 1:
        return X
    if isinstance(X, np.ndarray) and X.dtype.kind not in "OUS":  # pixels
        return X
    return np.asarray(X, dtype=object)[:, 0]


def _check_list(X: Any) -> None:
    import numpy as np

    ndim = getattr(X, "ndim", len(getattr(X, "shape", (1,))))  # frames of polars and Arrow have but a shape
    is_one = isinstance(X, bytes | bytearray) or not isinstance(X, Iterable) or hasattr(X, "getbands")
    if is_one and ndim == 1:
        raise UsageError(f"expected a list of images. Got one {type(X).__name__}. For one image: [image].")
    if isinstance(X, AnySet | Mapping):
        raise UsageError(f"expected a list of images. Got a {type(X).__name__}, which has no order.")
    if isinstance(X, np.ndarray) and X.ndim and not len(X):  # as of [], whatever else its shape and type
        return
    if isinstance(X, np.ndarray) and X.dtype != object and X.dtype.kind not in "US":
        if X.ndim != 4:
            raise UsageError(
                f"expected a list of images, or an array of shape (n_images, H, W, C). Got shape {X.shape}."
                " For one image: [array]."
            )
    elif ndim != 1:  # a data frame, too, would be read as the list of its columns
        got = f"{type(X).__name__} of {ndim} dimensions"
        instead = "a NumPy array of uint8, of shape (n_images, H, W, C)"
        if is_foreign(X) and ndim == 4:
            instead += f": {advise_conversion(X, 'X')}"
        if ndim == 2:
            instead = "one column; a table with labels is read from a CSV or Parquet file"
        raise UsageError(f"expected a list of images. Got a {got}: give {instead}.")


def _sorted(records: Iterable[ImageRecord]) -> tuple[ImageRecord, ...]:
    """Return records by key, but rows of tables as they stand there, which is how they can be read."""
    by_key = sorted(records, key=operator.attrgetter("key"))
    has_rows = any(isinstance(record.data, RowBytes) for record in by_key)
    return tuple(sorted(by_key, key=_find_row) if has_rows else by_key)


def _find_row(record: ImageRecord) -> tuple[str, int, int]:
    data = record.data
    return (data.table.path, data.row_group, data.row) if isinstance(data, RowBytes) else ("", 0, 0)


def _key(position: int, data: Any) -> str:
    return to_text(data.as_posix()) if isinstance(data, Path) else f"image-{position:08}"


def _data(position: int, item: Any) -> Any:
    import numpy as np
    from PIL import Image

    if isinstance(item, str):
        if not item or is_url(item):
            kind = "an address: download the images first and give their paths" if item else "empty"
            raise UsageError(f"image {position} of the list, {item!r}, is {kind}.")
        return Path(item)
    if isinstance(item, bytearray) or (isinstance(item, memoryview) and item.ndim == item.itemsize == 1):
        return bytes(item)
    if np.ma.is_masked(item):
        raise UsageError(
            f"image {position} of the list is an array of which {count(int(item.mask.sum()), 'number')} are"
            " masked: give array.filled(value), with what is to be seen there."
        )
    if isinstance(item, os.PathLike) and not isinstance(item, Path):
        return Path(os.fsdecode(item))
    if isinstance(item, bytes | Path | np.ndarray | Image.Image):
        return item
    got = f"{type(item).__name__}: {' '.join(f'{item!r:.80}'.split())}"
    advice = ""
    if is_foreign(item):
        got = describe_foreign(item)
        advice = f" Give it as a NumPy array of shape (H, W, C): {advise_conversion(item, 'image')}."
    elif hasattr(item, "read") and hasattr(item, "seek"):  # a file, or bytes that are read as one
        advice = " Give what it holds: `file.seek(0)`, then `file.read()`."
    raise UsageError(
        "an image must be a path, encoded bytes, a PIL image or a uint8 array."
        f" Got {got}, as image {position} of the list.{advice}"
    )
