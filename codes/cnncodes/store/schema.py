"""The columns on disk, and tables to and from the bytes of a Parquet file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cnncodes.errors import StoreError, sentence
from cnncodes.store.records import Failure, ImageCodes
from cnncodes.store.unread import check_damage, check_regular, refuse_hash, refuse_size
from cnncodes.views import parameters

_FAILURE_FIELDS: list[pa.Field[Any]] = [
    pa.field("image", pa.string(), nullable=False),
    pa.field("stage", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("size", pa.int64()),
    pa.field("mtime", pa.int64()),
    pa.field("limited_by", pa.string()),
    pa.field("limited_to", pa.float64()),
    pa.field("codes_kept", pa.bool_()),
]
FAILURES_SCHEMA = pa.schema(_FAILURE_FIELDS)


#: Columns that a dataset has where its views vary in them; null for a view that does not.
PARAMETERS: dict[str, pa.DataType] = {
    name: pa.float32() if one.length == 1 else pa.list_(pa.float32(), one.length)
    for name, one in parameters.PARAMETERS.items()
}


#: Column of what an image belongs to, such as a patient. Files written before it was kept lack it.
GROUP = "group"

#: Column of the network's own code; that of another layer has the layer's name after it.
CODE = "code"


def name_column(layer: str) -> str:
    """Return the column that a layer's codes are stored in.

    Examples
    --------
    >>> name_column("code"), name_column("add_3")
    ('code', 'code_add_3')
    """
    return CODE if layer == CODE else f"{CODE}_{layer}"


def codes_schema(
    layers: Mapping[str, int], dtype: str, parameters: Collection[str] = (), *, reduced: bool = False
) -> pa.Schema:
    """Return the schema of a shard: one row is one view of one image.

    Parameters
    ----------
    layers : mapping of str to int
        The layers that the codes are made of, with the length of each: ``{"code": 1280}``.
    dtype : {"float16", "float32"}
    parameters : collection of str
        Those of `PARAMETERS` that the views vary.
    reduced : bool
        Whether a row stands for all views of an image, and so has no box, scale or flip.
    """
    value = pa.from_numpy_dtype(np.dtype(dtype))
    fields: list[pa.Field[Any]] = [
        pa.field("image", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("split", pa.string()),
        pa.field(GROUP, pa.string()),
        pa.field("view", pa.int32(), nullable=False),
        pa.field("view_name", pa.string(), nullable=False),
        pa.field("box", pa.list_(pa.float32(), 4), nullable=reduced),
        pa.field("scale", pa.float32(), nullable=reduced),
        pa.field("flip", pa.bool_(), nullable=reduced),
        *(pa.field(name, kind) for name, kind in PARAMETERS.items() if name in parameters),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime", pa.int64()),
        pa.field("content", pa.string(), nullable=False),
        *(
            pa.field(name_column(name), pa.list_(value, size), nullable=False)
            for name, size in layers.items()
        ),
    ]
    return pa.schema(fields)


def is_code(column: str) -> bool:
    """Tell whether a column of a dataset holds codes."""
    return column == CODE or column.startswith(f"{CODE}_")


def codes_table(images: Iterable[ImageCodes], schema: pa.Schema) -> pa.Table:
    """Lay images out as rows, sorted by image and view. Their codes must be of the schema's dtype."""
    rows = [
        (image, view, code)
        for image in sorted(images, key=lambda image: image.key)
        for view, code in sorted(zip(image.views, image.codes, strict=True), key=_view_number)
    ]
    columns: dict[str, list[Any]] = {
        "image": [image.key for image, _, _ in rows],
        "label": [image.label for image, _, _ in rows],
        "split": [image.split for image, _, _ in rows],
        GROUP: [image.group for image, _, _ in rows],
        "view": [int(view["view"]) for _, view, _ in rows],
        "view_name": [str(view["view_name"]) for _, view, _ in rows],
        "width": [image.width for image, _, _ in rows],
        "height": [image.height for image, _, _ in rows],
        "size": [image.size for image, _, _ in rows],
        "mtime": [image.mtime_ns for image, _, _ in rows],
        "content": [image.content for image, _, _ in rows],
    }
    for name in ("box", "scale", "flip", *PARAMETERS):
        if name in schema.names:
            columns[name] = [view.get(name) for _, view, _ in rows]
    arrays: list[pa.Array[Any]] = [
        pa.array(columns[field.name], field.type) for field in schema if not is_code(field.name)
    ]
    arrays += code_arrays(np.stack([code for _, _, code in rows]) if rows else None, schema)
    return pa.Table.from_arrays(arrays, schema=schema)


def _view_number(pair: tuple[Mapping[str, Any], Any]) -> int:
    return int(pair[0]["view"])


def code_arrays(codes: npt.NDArray[np.floating[Any]] | None, schema: pa.Schema) -> list[pa.Array[Any]]:
    """Return the columns of codes, shape (n, code_size), that a schema asks for; None means no rows."""
    fields: list[Any] = [field for field in schema if is_code(field.name)]
    arrays: list[pa.Array[Any]] = []
    start = 0
    for field in fields:
        stop = start + field.type.list_size
        part = np.empty((0, stop - start), "f2") if codes is None else codes[:, start:stop]
        flat: Any = pa.array(np.ascontiguousarray(part).reshape(-1), field.type.value_type)
        arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
        start = stop
    return arrays


def failures_table(failures: Iterable[Failure]) -> pa.Table:
    """Lay failures out as rows, sorted by image."""
    rows = sorted(failures, key=lambda failure: failure.key)
    columns: list[list[Any]] = [
        [f.key for f in rows],
        [f.stage for f in rows],
        [f.reason for f in rows],
        [f.size for f in rows],
        [f.mtime_ns for f in rows],
        [f.limited_by for f in rows],
        [f.limited_to for f in rows],
        [f.codes_kept for f in rows],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, FAILURES_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=FAILURES_SCHEMA)


#: Key in a shard's metadata under which it repeats what the manifest says of all rows.
METADATA_KEY = b"cnncodes"


def to_parquet(table: pa.Table, about: Mapping[str, Any] | None = None) -> pa.Buffer:
    """Return the bytes of a Parquet file; `about`, which JSON can hold, goes into its metadata.

    Codes are stored plain: dictionaries do not pay for floats, and byte-stream-split, which saves
    another 7 %, cannot be read by DuckDB for 16-bit floats. zstd costs no time that can be measured
    and saves 8 % on dense codes, more on sparse ones.
    """
    plain = {"box", "scale", *PARAMETERS}
    names = [name for name in table.column_names if name not in plain and not is_code(name)]
    sink = pa.BufferOutputStream()
    metadata = {} if about is None else {METADATA_KEY: json.dumps(about, sort_keys=True).encode()}
    pq.write_table(
        table.replace_schema_metadata(metadata),
        sink,
        compression="zstd",
        use_dictionary=names,  # type: ignore[arg-type]
        write_statistics=names,
        write_page_checksum=True,  # so that who reads some columns notices damage in these
    )
    return sink.getvalue()


def read_parquet(
    path: Path,
    columns: Sequence[str] | None,
    rows: int | None,
    advice: str,
    *,
    sha256: str | None = None,
    size: int | None = None,
    needs: Collection[str] = (),
) -> pa.Table:
    """Read some columns of a dataset's Parquet file, or all of them, of which it needs to have some.

    A shard without groups, as older ones are, gives nulls.

    `rows`, `sha256` and `size` are what the manifest promises. Without `sha256` only the checksums of what is
    read are looked at, which files have since format 2.

    Raises
    ------
    StoreError
        If the file is missing, is no Parquet file, or has another hash, size or number of rows, or other
        columns.
    """
    promised = _Promise(rows, sha256, size)
    with _open_parquet(path, promised, {*(columns or ()), *needs} - {GROUP}, advice) as file:
        table = file.read(columns=list(columns) if columns is not None else None)
        if len(table) != file.metadata.num_rows:  # no checksum covers what is said of them
            told = f"{len(table)} rows can be read, and it says that it has {file.metadata.num_rows}"
            raise StoreError(f"{path} is damaged: {told}. {advice}")
    return _add_groups(table) if columns is None or GROUP in columns else table


def _add_groups(table: pa.Table) -> pa.Table:
    if GROUP in table.column_names or "split" not in table.column_names:  # or it is no shard
        return table
    field = pa.field(GROUP, pa.string())
    return table.add_column(table.column_names.index("split") + 1, field, pa.nulls(len(table), field.type))


def read_batches(
    path: Path, columns: Sequence[str], rows: int, advice: str, *, sha256: str, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a dataset's Parquet file, at most so many rows at a time.

    The file's bytes are read once, compared with their hash, and held until the last rows were taken.

    Raises
    ------
    StoreError
        As `read_parquet`.
    """
    with _open_parquet(path, _Promise(rows, sha256, None), set(columns), advice) as file:
        yield from file.iter_batches(batch_rows, columns=list(columns))


@dataclass(frozen=True)
class _Promise:
    """What the manifest says of a file: rows, hash and bytes; None where that is not looked at."""

    rows: int | None
    sha256: str | None
    size: int | None


@contextlib.contextmanager
def _open_parquet(
    path: Path, promised: _Promise, needs: Collection[str], advice: str
) -> Iterator[pq.ParquetFile]:
    check_regular(path)
    try:
        if promised.size is not None and (found := path.stat().st_size) != promised.size:
            raise refuse_size(path, found, promised.size, "bytes")
        source = path if promised.sha256 is None else _read_checked(path, promised.sha256)
        with pq.ParquetFile(source, page_checksum_verification=promised.sha256 is None) as file:
            found = file.metadata.num_rows
            if promised.rows is not None and found != promised.rows:
                raise refuse_size(path, found, promised.rows, "rows")
            missing = sorted({*needs} - set(file.schema_arrow.names))
            if missing:
                raise StoreError(f"{path} is damaged: it has no column {', '.join(missing)}. {advice}")
            yield file
    except (pa.ArrowException, MemoryError, OSError, ValueError) as error:
        check_damage(path, error)
        reason = " ".join(str(error).split()).rstrip(".")
        raise StoreError(f"{path} is damaged: {sentence(reason)} {advice}") from error


def _read_checked(path: Path, sha256: str) -> pa.BufferReader:
    # Not into Python's memory: a worker thread of Arrow may be the last to let go of it, and where that comes
    # as Python ends, its wait for Python's lock aborts the process.
    with open(path, "rb") as file:
        data = pa.allocate_buffer(os.fstat(file.fileno()).st_size)
        file.readinto(memoryview(data))
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise refuse_hash(path, found, sha256)
    return pa.BufferReader(data)
