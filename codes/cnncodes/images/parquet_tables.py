"""Tables as Parquet, with images as bytes, as paths, or as structs of both."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.errors import (
    ResultWarning,
    ShortageError,
    SourceError,
    UnreadableImage,
    name_some,
    sentence,
    warn,
)
from cnncodes.images.class_names import explain_useless, find_names, name_classes
from cnncodes.images.file_stats import ListedFile
from cnncodes.images.records import RowBytes
from cnncodes.images.table import NAMED, NUMBERS, TEXT, TRUTH, Table, check_names
from cnncodes.machine import explain_shortage, find_shortage

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def read_parquet(path: Path, wanted: Collection[str], images: str | None) -> Table:
    """Read the columns `wanted`, and where the rows of the others are, as `read_table` does."""
    import pyarrow as pa

    try:
        listed = ListedFile.of(path)
        with _opened(listed) as file:
            schema = file.schema_arrow
            check_names(path, schema.names, wanted)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            binary = [field.name for field in schema if _is_binary(field.type)]
            if not binary and images in schema.names and _is_fixed(schema.field(images).type):
                binary = [images]
            if images in schema.names and len(binary) != 1:  # else the bytes are there
                _check_kind(path, schema.field(images))
            plain = [name for name in schema.names if name in wanted and name not in binary]
            held = file.read(columns=plain)
            values = {name: _to_list(held.column(name)) for name in plain}
            kinds = {name: _find_kind(schema.field(name).type) for name in plain}
            for name in _name_numbers(path, schema, values):
                kinds[name] = NAMED
            if images in plain and _is_path(schema.field(images).type):
                values[images] = [cell and cell["path"] for cell in values[images]]
    except SourceError:
        raise
    except (OSError, ValueError, pa.ArrowException, UnreadableImage) as error:
        raise _cannot_read(path, error) from error
    rows = {
        name: [RowBytes(listed, name, group, row) for group, size in enumerate(sizes) for row in range(size)]
        for name in binary
    }
    values = {name: values[name] for name in plain}
    return Table(path, schema.names, sum(sizes), values, rows, kinds, listed)


def _name_numbers(path: Path, schema: pa.Schema, values: dict[str, list[Any]]) -> list[str]:
    """Put the names that a file has for numbers of classes in their place; return the columns."""
    import pyarrow as pa

    named = []
    for name, classes in find_names(schema.metadata).items():
        if name not in values or not pa.types.is_integer(schema.field(name).type):
            continue
        where = f"{path}: the column {name!r}"
        if reason := explain_useless(classes):
            warn(f"{where} has {reason}: its numbers stay as they are", ResultWarning)
        else:
            values[name] = name_classes(values[name], classes, where)
            named.append(name)
    return named


def _find_kind(kind: Any) -> str:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_boolean(kind):
        return TRUTH
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return NUMBERS if is_number else TEXT


def _to_list(column: pa.ChunkedArray[Any]) -> list[Any]:
    """Return a column's values; floats as the shortest numbers that its type reads back: 0.1 as 0.1."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    values = column.to_pylist()
    if not pa.types.is_floating(kind) or pa.types.is_float64(kind):
        return values
    narrow: Any = kind.to_pandas_dtype()
    return [None if value is None else float(str(narrow(value))) for value in values]


@contextmanager
def _opened(listed: ListedFile | None) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; what was read of it counts only where it is still the one that was listed."""
    import pyarrow.parquet as pq

    assert listed is not None  # as of a text
    try:
        with pq.ParquetFile(listed.path) as file:
            yield file
    finally:  # also where it could not be read: that may be why
        try:
            listed.check()
        except UnreadableImage as error:
            reason = f"{listed.path} was changed while it was read. Wait until it is complete."
            raise SourceError(reason) from error


def read_links(table: Table, name: str) -> dict[int, str]:
    """Return, by row, the paths that a column of structs has in the place of bytes, as of Hugging Face.

    Bytes are read only of row groups where some are missing.

    Raises
    ------
    SourceError
        If they cannot be read.
    """
    import pyarrow as pa

    links: dict[int, str] = {}
    start = 0
    try:
        with _opened(table.listed) as file:
            if not _has_paths(file.schema_arrow.field(name).type):
                return links
            for number in range(file.num_row_groups):
                group = file.metadata.row_group(number)
                if _may_lack(group, f"{name}.bytes"):
                    held = file.read_row_group(number, columns=[f"{name}.bytes", f"{name}.path"]).column(0)
                    links |= {start + row: path for row, path in _find_links(held)}
                start += group.num_rows
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _cannot_read(table.path, error) from error
    return links


def read_paths(table: Table, name: str) -> list[str | None]:
    """Return the paths of a column of structs where they name its rows: all are there, and no two are alike.

    Else nothing is returned: names of a few would depend on the others.

    Raises
    ------
    SourceError
        If they cannot be read.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        with _opened(table.listed) as file:
            if not _has_paths(file.schema_arrow.field(name).type):
                return []
            paths = pc.struct_field(file.read(columns=[f"{name}.path"]).column(0), "path").to_pylist()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _cannot_read(table.path, error) from error
    return paths if all(paths) and len(set(paths)) == len(paths) else []


def _has_paths(kind: Any) -> bool:
    import pyarrow as pa

    if not pa.types.is_struct(kind):
        return False
    types = {field.name: field.type for field in kind}
    return "path" in types and (pa.types.is_string(types["path"]) or pa.types.is_large_string(types["path"]))


def _is_path(kind: Any) -> bool:
    """Tell whether structs of a kind hold paths alone."""
    return _has_paths(kind) and all(field.name != "bytes" for field in kind)


def _may_lack(group: Any, leaf: str) -> bool:
    """Tell whether values of a column may be missing in a row group, as far as the file says it."""
    columns = [group.column(at) for at in range(group.num_columns)]
    found = [column.statistics for column in columns if column.path_in_schema == leaf]
    return any(one is None or not one.has_null_count or one.null_count > 0 for one in found)


def _find_links(held: Any) -> Iterator[tuple[int, str]]:
    import pyarrow.compute as pc

    lacks = pc.struct_field(held, "bytes").is_null().to_pylist()
    paths = pc.struct_field(held, "path").to_pylist()
    for row, path in enumerate(paths):
        if lacks[row] and path:
            yield row, str(path)


def _cannot_read(path: Path, error: Exception) -> SourceError | ShortageError:
    if shortage := find_shortage(error):
        return ShortageError(f"{path} cannot be read as Parquet now: {explain_shortage(shortage)}")
    return SourceError(f"{path} cannot be read as Parquet: {sentence(error)}")


def _check_kind(path: Path, column: Any) -> None:
    """Refuse a column of images that is nested otherwise than such are, with what is expected."""
    import pyarrow as pa

    if not pa.types.is_nested(column.type) or _is_binary(column.type) or _is_path(column.type):
        return
    raise SourceError(
        f"{path}: the column {column.name!r} holds {_name_kind(column.type)}: expected one image a row, as a"
        " path, as the bytes of its file (binary), or as a struct of these, 'path' and 'bytes'."
    )


def _name_kind(kind: Any) -> str:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return f"structs of {name_some([f'{field.name}: {field.type}' for field in kind], show=str)}"
    if pa.types.is_map(kind):
        return "maps"
    inner = kind.value_type
    return f"lists of {'structs' if pa.types.is_struct(inner) else inner}"


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):  # as Hugging Face writes images: bytes and path
        held = {field.name: field.type for field in kind}
        if "bytes" not in held:
            return False
        is_empty = pa.types.is_null(held["bytes"]) and _has_paths(kind)  # paths in all rows
        return is_empty or _is_fixed(held["bytes"]) or _is_binary(held["bytes"])
    if pa.types.is_dictionary(kind):
        return _is_binary(kind.value_type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _is_fixed(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_fixed_size_binary(kind))
