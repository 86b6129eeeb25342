"""Sources of images: folders, tables, and what is in memory, all as records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnncodes.errors import SourceError, UsageError
from cnncodes.images.folders import list_folder, to_text
from cnncodes.images.records import ImageRecord
from cnncodes.images.tables import Columns, list_table, make_unique

_TABLES = (".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class ImageSource:
    """The images of a source, sorted by key.

    Attributes
    ----------
    name : str
        What was opened.
    root : Path or None
        The folder that keys are relative to; None for what is in memory.
    records : tuple of ImageRecord
    """

    name: str
    root: Path | None
    records: tuple[ImageRecord, ...]

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


def open_source(
    src: Any, *, path_column: str = "image", label_column: str = "label", split_column: str = "split"
) -> ImageSource:
    """List the images of a source.

    Parameters
    ----------
    src : path or list
        A folder of class folders (also below ``train/``, ``val/``, ``test/``), a flat folder, a
        ``.csv`` or ``.parquet`` table, or a list of paths, bytes, PIL images or uint8 arrays.
    path_column, label_column, split_column : str
        Columns of a table.

    Raises
    ------
    SourceError
        If it is missing, holds no images, or lacks a column.
    """
    if not isinstance(src, str | Path):
        records = records_from(src)
        if not records:
            raise SourceError("the list of images is empty.")
        return ImageSource("images in memory", None, _sorted(records))
    path = Path(src)
    if path.is_dir():
        return ImageSource(str(src), path, _sorted(list_folder(path)))
    if not path.exists():
        raise SourceError(f"there is nothing at {str(src)!r}: expected a folder of images or a table.")
    if path.suffix.lower() not in _TABLES:
        raise SourceError(
            f"{str(src)!r} is a single file: expected a folder of images or a .csv or .parquet table."
            " For one image give a list: [path]."
        )
    columns = Columns(path_column, label_column, split_column)
    return ImageSource(str(src), path.parent, _sorted(list_table(path, columns)))


def records_from(X: Any) -> list[ImageRecord]:
    """Return the records of what an estimator was given, in its order.

    Parameters
    ----------
    X : list, tuple, array or Series of paths, bytes, PIL images or uint8 arrays; or one folder

    Raises
    ------
    UsageError
        If it is one image where a list is meant, or holds something that is no image.
    """
    import numpy as np

    if isinstance(X, str | Path):
        if Path(X).is_dir():
            return list(_sorted(list_folder(Path(X))))
        kind = "one path" if Path(X).exists() else "one path that does not exist"
        raise UsageError(
            f"expected a list of images or a folder. Got {kind}: {str(X)!r}. For one image: [path]."
        )
    if isinstance(X, np.ndarray) and X.dtype != object and X.dtype.kind not in "US":
        if X.ndim != 4:
            raise UsageError(
                f"expected a list of images, or an array of shape (n_images, H, W, C). Got shape {X.shape}."
                " For one image: [array]."
            )
    elif isinstance(X, bytes | bytearray) or not isinstance(X, Iterable) or hasattr(X, "getbands"):
        raise UsageError(f"expected a list of images. Got one {type(X).__name__}. For one image: [image].")
    items = list(X)
    keys = make_unique([_key(position, item) for position, item in enumerate(items)])
    return [ImageRecord(key, _data(item)) for key, item in zip(keys, items, strict=True)]


def _sorted(records: Iterable[ImageRecord]) -> tuple[ImageRecord, ...]:
    return tuple(sorted(records, key=lambda record: record.key))


def _key(position: int, item: Any) -> str:
    if isinstance(item, str | Path):
        return to_text(Path(item).as_posix())
    return f"image-{position:08}"


def _data(item: Any) -> Any:
    import numpy as np
    from PIL import Image

    if isinstance(item, str):
        return Path(item)
    if isinstance(item, bytearray):
        return bytes(item)
    if isinstance(item, bytes | Path | np.ndarray | Image.Image):
        return item
    raise UsageError(
        "an image must be a path, encoded bytes, a PIL image or a uint8 array."
        f" Got {type(item).__name__}: {item!r:.80}."
    )
