"""Names of what a dataset's folder holds, and a shard as the manifest names it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

MANIFEST_NAME, FAILURES_NAME = "manifest.json", "failures.parquet"
SHARD_NAME = re.compile(r"part-(\d{5,})\.parquet")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Shard:
    """One file in ``data/``: its name, rows, images, the hash of its bytes, and how many these are.

    Their number is None where the manifest is of format 1, which did not say it.
    """

    name: str
    rows: int
    images: int
    sha256: str
    bytes: int | None = None


@dataclass(frozen=True)
class FailureList:
    """The file of failures: how many images it lists, and the hash of its bytes."""

    rows: int
    sha256: str


def read_number(name: str) -> int:
    """Return the number in the name of a shard."""
    return int(name.removeprefix("part-").removesuffix(".parquet"))


def list_shards(folder: Path) -> list[str]:
    """Return what in a dataset's ``data/`` is named as a shard, the newest first: numbers only grow."""
    names = [file.name for file in folder.glob("data/part-*") if SHARD_NAME.fullmatch(file.name)]
    return sorted(names, key=read_number, reverse=True)


def find_unnamed(folder: Path, shards: Collection[Shard]) -> list[str]:
    """Return the names of shards that a job which came to its end has either named or removed.

    It names one at least, if an empty one. A later job that was killed leaves such with higher numbers alone.
    """
    named = {shard.name: read_number(shard.name) for shard in shards}
    newest = max(named.values(), default=None)
    unnamed = [name for name in list_shards(folder) if name not in named]
    return sorted(name for name in unnamed if newest is None or read_number(name) < newest)


def parse_shards(values: Any) -> tuple[Shard, ...]:
    """Return the shards that a manifest names, from what JSON gives.

    Raises
    ------
    TypeError, ValueError
        If it is damaged.
    """
    if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
        raise TypeError("shards is not a list of tables")
    shards = tuple(_parse_shard(value) for value in values)
    names = Counter(shard.name for shard in shards)
    if twice := [name for name, number in names.items() if number > 1]:
        raise ValueError(f"it names {twice[0]} twice")
    return shards


def parse_failures(values: Any) -> FailureList | None:
    """Return what a manifest says of the failures, from what JSON gives; older ones say nothing.

    Raises
    ------
    TypeError, ValueError
        If it is damaged.
    """
    if values is None:
        return None
    if not isinstance(values, Mapping) or set(values) != {"rows", "sha256"}:
        raise TypeError(f"failures is {values!r}, not rows and sha256")
    if type(values["rows"]) is not int or values["rows"] < 0:
        raise ValueError(f"the rows of failures are {values['rows']!r}, not a number of images")
    _check_hash(values["sha256"], FAILURES_NAME)
    return FailureList(**values)


def _parse_shard(values: Mapping[str, Any]) -> Shard:
    known = [item.name for item in fields(Shard)]
    if missing := [name for name in known if name not in values and name != "bytes"]:
        raise ValueError(f"of a shard it does not say {missing[0]!r}")
    if unknown := [name for name in values if name not in known]:
        raise ValueError(f"of a shard it says {unknown[0]!r}, which is not known")
    shard = Shard(**values)
    _check_shard(shard)
    return shard


def _check_shard(shard: Shard) -> None:
    # A name is joined to a path: it must stay inside data/.
    if not isinstance(shard.name, str) or not SHARD_NAME.fullmatch(shard.name):
        raise ValueError(f"{shard.name!r} is no name of a shard")
    sizes = (shard.rows, shard.images, 0 if shard.bytes is None else shard.bytes)
    if any(type(size) is not int or size < 0 for size in sizes):
        raise ValueError(f"the counts of {shard.name} are no whole numbers")
    _check_hash(shard.sha256, shard.name)


def _check_hash(sha256: Any, name: str) -> None:
    if not isinstance(sha256, str):
        raise TypeError(f"the sha256 of {name} is {sha256!r}, not a text")
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"the sha256 of {name} is {sha256!r}, not 64 hexadecimal digits")
