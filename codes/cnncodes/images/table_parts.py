"""A data set in several Parquet tables, as of Hugging Face or Spark: read as one, each image in its part."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnncodes.errors import ResultWarning, SourceError, agree, count, warn
from cnncodes.images.folders import SPLITS, find_tables
from cnncodes.images.keys import make_unique, to_text
from cnncodes.images.label_kinds import LabelKinds
from cnncodes.images.records import ImageRecord
from cnncodes.images.tables import Columns, list_rows, open_table

_NAME = re.compile(r"(?P<name>.*?)(?:[-_.]?(?P<number>\d+)(?:-of-(?P<total>\d+))?)?")
#: As Spark writes: number, job, file of the number, compression. An empty share of the rows is a table, too.
_OF_SPARK = re.compile(r"part-\d+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}([-.]c\d+)?(\.\w+)?")
#: A folder of Spark's that stands for a column's value, or for a job that has not ended.
_ELSEWHERE = re.compile(r"=|(^|/)_")


@dataclass(frozen=True)
class TablePart:
    """One of the tables.

    Attributes
    ----------
    name : str
        Its path below the folder.
    above : str
        The folders it is in, without such as are named as a part.
    kind : str
        Its name without the number, and so the same for all that were divided together.
    number, total : int or None
        Which of how many it is, as ``train-00000-of-00002.parquet`` says.
    split : str or None
        The part that its name, or a folder's, stands for.
    of_spark : bool
        Whether its name is one of Spark's, which counts no others.
    """

    name: str
    above: str
    kind: str
    number: int | None
    total: int | None
    split: str | None
    of_spark: bool = False


def find_parts(root: Path) -> list[TablePart]:
    """Return the tables of a folder that are one data set, sorted; none where it holds anything else.

    All are of Parquet and in one place, and the name of each says that it is one of several, or the name or
    its folder's that it is a part: ``train-00000-of-00002.parquet``, ``test.parquet``, ``val/0.parquet``. Or
    it is one that Spark gives, in a folder that stands neither for a column's value, as ``label=cat`` does,
    nor for a job that has not ended.
    """
    if os.path.exists(root / "manifest.json"):  # codes, whose tables list no pictures
        return []
    parts = [_read_name(name) for name in find_tables(root)]
    one = len({part.above for part in parts}) == 1
    return parts if one and all(map(_is_one_of_several, parts)) else []


def _is_one_of_several(part: TablePart) -> bool:
    if part.of_spark:
        return not _ELSEWHERE.search(part.above)
    return part.total is not None or part.split is not None


def _read_name(name: str) -> TablePart:
    below, ending = os.path.splitext(name)
    *folders, last = below.split("/")
    found = _NAME.fullmatch(last)
    assert found is not None
    kinds = [*folders, found["name"]]
    splits = [SPLITS[kind.lower()] for kind in kinds if kind.lower() in SPLITS]
    above = "/".join(folder for folder in folders if folder.lower() not in SPLITS)
    if ending.lower() != ".parquet":  # no data set is divided into such
        return TablePart(name, above, "/".join(kinds), None, None, None)
    split = splits[-1] if splits else None
    if _OF_SPARK.fullmatch(last):
        return TablePart(name, above, "/".join(folders), None, None, split, of_spark=True)
    number, total = (None if found[one] is None else int(found[one]) for one in ("number", "total"))
    return TablePart(name, above, "/".join(kinds), number, total, split)


def list_parts(root: Path, parts: Sequence[TablePart], columns: Columns) -> list[ImageRecord]:
    """Return the images of all tables. A column of parts goes before what the tables' names say.

    Rows of bytes have keys below their table's name, and paths are relative to their table's folder.

    Raises
    ------
    SourceError
        If one cannot be read (`list_table`), none has a row, a part was divided in two ways, or labels are of
        different kinds (`LabelKinds`).

    Warns
    -----
    ResultWarning
        If tables are missing of those that the others' names count.
    """
    _check_whole(root, parts)
    records: list[ImageRecord] = []
    labels = LabelKinds(root)
    for part in parts:
        folder, below = os.path.dirname(part.name), os.path.splitext(part.name)[0]
        table, data = open_table(root / part.name, columns)
        found = list_rows(table, data, columns, may_be_empty=part.of_spark)
        labels.add(part.name, table.kinds.get(columns.label), found)
        for record in found:
            above = folder if isinstance(record.data, str) else below
            key = to_text(os.path.join(above, record.key))
            records.append(replace(record, key=key, split=record.split or part.split))
    if not records:
        raise SourceError(f"the tables of {str(root)!r} have no rows: expected one an image.")
    labels.check()
    keys = make_unique([record.key for record in records])
    return [replace(record, key=key) for record, key in zip(records, keys, strict=True)]


def _check_whole(root: Path, parts: Sequence[TablePart]) -> None:
    divided: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for part in parts:
        if part.number is not None and part.total is not None:
            divided[part.kind][part.total].add(part.number)
    for kind, by_total in divided.items():
        if len(by_total) > 1:
            first, second = sorted(by_total)[:2]
            raise SourceError(
                f"{str(root)!r} holds tables {kind!r} of {first:,} and of {second:,}: are they the same"
                " images, divided in two ways? Move those that are not meant elsewhere."
            )
        [(total, numbers)] = by_total.items()
        start = 0 if 0 in numbers else int(total in numbers)
        missing = [number for number in range(start, start + total) if number not in numbers]
        if missing:
            warn(
                f"{str(root)!r} lacks {count(len(missing), 'table')} of the {total:,} of {kind!r}, the first"
                f" of them number {missing[0]}: the images of {agree(len(missing), 'it')} are not there",
                ResultWarning,
            )
