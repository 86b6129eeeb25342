"""The manifest: what a codes dataset holds. Only what it names counts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cnncodes.errors import StoreError
from cnncodes.store.files import atomic_write
from cnncodes.store.schema import codes_schema
from cnncodes.store.space import Space

#: Raised when an older cnncodes could no longer read what is written.
FORMAT = 1
MANIFEST_NAME = "manifest.json"
FAILURES_NAME = "failures.parquet"
SHARD_NAME = re.compile(r"part-(\d{5,})\.parquet")


@dataclass(frozen=True)
class Shard:
    """One file in ``data/``: its name, rows, images and the hash of its bytes."""

    name: str
    rows: int
    images: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a codes dataset holds.

    Attributes
    ----------
    space : Space
    plan : dict
        The view plan, as its ``to_dict`` gives it.
    dtype : {"float16", "float32"}
        Of the stored codes.
    shards : tuple of Shard
    complete : bool
        Whether the job that wrote last came to its end.
    """

    space: Space
    plan: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float16"
    shards: tuple[Shard, ...] = ()
    complete: bool = False

    def next_name(self) -> str:
        """Return a shard name that is not in use."""
        numbers = [int(match[1]) for shard in self.shards if (match := SHARD_NAME.fullmatch(shard.name))]
        return f"part-{max(numbers, default=-1) + 1:05d}.parquet"

    def changed(self, *, add: tuple[Shard, ...] = (), remove: tuple[Shard, ...] = ()) -> Manifest:
        """Return the manifest with shards added and removed; it is not complete."""
        kept = tuple(shard for shard in self.shards if shard not in remove)
        return replace(self, shards=(*kept, *add), complete=False)

    def write(self, folder: Path) -> None:
        """Put it in place of the one in `folder`, atomically."""
        schema = codes_schema(self.space.code_size, self.dtype)
        values = {
            "format": FORMAT,
            "complete": self.complete,
            "space": self.space.to_dict(),
            "plan": self.plan,
            "dtype": self.dtype,
            "columns": {column.name: str(column.type) for column in schema},
            "shards": [asdict(shard) for shard in self.shards],
        }
        text = json.dumps(values, indent=1, ensure_ascii=True) + "\n"
        atomic_write(folder / MANIFEST_NAME, text.encode(), temporary=folder / f".{MANIFEST_NAME}.tmp")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a dataset.

        Raises
        ------
        StoreError
            If `folder` is missing, is no codes dataset, is of a newer format, or its manifest is
            damaged.
        """
        path = folder / MANIFEST_NAME
        try:
            values = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            what = "is no codes dataset (it has no manifest.json)" if folder.exists() else "does not exist"
            raise StoreError(f"{folder} {what}. Give a folder that `cnncodes embed` wrote.") from error
        except NotADirectoryError as error:
            raise StoreError(f"{folder} is a file. Give a folder that `cnncodes embed` wrote.") from error
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}.") from error
        except ValueError as error:
            raise StoreError(f"{path} is damaged: {error}. {RESTORE}") from error
        return _parse(path, values)


#: What to do about a file of a dataset that is not what was written.
RESTORE = "Restore it from a copy, or delete the dataset and embed again."
RESTORE_SHARD = (
    "Restore it from a copy, or delete it and run the same `cnncodes embed` again: only its images are"
    " embedded anew."
)


def _parse(path: Path, values: Any) -> Manifest:
    if not isinstance(values, Mapping) or type(values.get("format")) is not int or "space" not in values:
        raise StoreError(f"{path} is no codes dataset's manifest. Give a folder that `cnncodes embed` wrote.")
    if values["format"] > FORMAT:
        raise StoreError(
            f"{path} is of format {values['format']}; this version reads up to {FORMAT}. Install a newer one."
        )
    try:
        shards = tuple(Shard(**shard) for shard in values["shards"])
        space = Space.from_dict(values["space"])
        manifest = Manifest(space, dict(values["plan"]), values["dtype"], shards, values["complete"])
    except (KeyError, TypeError, ValueError, StoreError) as error:
        raise StoreError(f"{path} is damaged: {error}. {RESTORE}") from error
    for shard in shards:  # a name is joined to a path: it must stay inside data/
        if not isinstance(shard.name, str) or not SHARD_NAME.fullmatch(shard.name):
            raise StoreError(f"{path} is damaged: {shard.name!r} is no name of a shard. {RESTORE}")
        if type(shard.rows) is not int or type(shard.images) is not int or shard.rows < 0:
            raise StoreError(f"{path} is damaged: the counts of {shard.name} are no whole numbers. {RESTORE}")
    if manifest.dtype not in ("float16", "float32"):
        raise StoreError(f"{path} is damaged: dtype is {manifest.dtype!r}, not float16 or float32. {RESTORE}")
    return manifest
