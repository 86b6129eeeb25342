"""Names of what a dataset's folder holds, and a shard as the manifest names it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

MANIFEST_NAME, FAILURES_NAME = "manifest.json", "failures.parquet"
SHARD_NAME = re.compile(r"part-(\d{5,})\.parquet")


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


def read_number(name: str) -> int:
    """Return the number in the name of a shard."""
    return int(name.removeprefix("part-").removesuffix(".parquet"))


def list_shards(folder: Path) -> list[str]:
    """Return what in a dataset's ``data/`` is named as a shard, the newest first: numbers only grow."""
    names = [file.name for file in folder.glob("data/part-*") if SHARD_NAME.fullmatch(file.name)]
    return sorted(names, key=read_number, reverse=True)


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
    if not isinstance(shard.sha256, str):
        raise TypeError(f"the sha256 of {shard.name} is {shard.sha256!r}, not a text")
