"""The manifest: what a codes dataset holds. Only what it names counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from cnncodes.choices import DTYPES, REDUCTIONS
from cnncodes.disk import find_file, parse_json
from cnncodes.errors import DamagedManifest, StoreError, UsageError, sentence, suggest
from cnncodes.store.entries import (
    MANIFEST_NAME,
    FailureList,
    Shard,
    find_unnamed,
    list_shards,
    parse_failures,
    parse_shards,
    read_number,
)
from cnncodes.store.files import Check, atomic_write
from cnncodes.store.schema import CODE, PARAMETERS, codes_schema
from cnncodes.store.space import SIDES, Sides, Space, describe_differences
from cnncodes.store.unread import check_regular, repair_command

#: Raised when an older cnncodes could no longer read what is written.
FORMAT = 2


@dataclass(frozen=True)
class StoredViews:
    """Which views the rows of a dataset stand for.

    Attributes
    ----------
    plan : dict
        The view plan, as its ``to_dict`` gives it.
    frame : dict
        Fields of the backbone's `Frame`: by it the views have their names.
    parameters : tuple of str
        What the views vary beside box, scale and flip: columns of their own.
    reduce : {"none", "mean"}
        Whether a row is a view, or the mean of all views of an image.
    """

    plan: dict[str, Any] = field(default_factory=dict)
    frame: dict[str, Any] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    reduce: str = REDUCTIONS[0]

    def __post_init__(self) -> None:
        # As JSON gives them back, so that what is written equals what is read.
        object.__setattr__(self, "plan", json.loads(json.dumps(dict(self.plan))))
        object.__setattr__(self, "frame", json.loads(json.dumps(dict(self.frame))))
        unknown = [name for name in self.parameters if name not in PARAMETERS]
        if unknown:
            raise UsageError(f"views have no parameter {unknown[0]!r}. {suggest(unknown[0], PARAMETERS)}")
        if self.reduce not in REDUCTIONS:
            raise UsageError(
                f"reduce must be {' or '.join(map(repr, REDUCTIONS))}. Got {self.reduce!r} instead."
            )

    @property
    def reduced(self) -> bool:
        """Whether an image has one row, for all of its views."""
        return self.reduce != REDUCTIONS[0]

    def differences(self, other: StoredViews, sides: Sides = SIDES) -> list[str]:
        """Name what differs, with the value here (stored) and in `other` (now)."""
        lines = describe_differences(self.plan, other.plan, "plan", sides=sides)
        lines += describe_differences(self.frame, other.frame, "frame", sides=sides)
        return lines + describe_differences(self.reduce, other.reduce, "reduce", sides=sides)


@dataclass(frozen=True)
class Manifest:
    """What a codes dataset holds.

    Attributes
    ----------
    space : Space
    views : StoredViews
    dtype : {"float16", "float32"}
        Of the stored codes.
    shards : tuple of Shard
    complete : bool
        Whether the job that wrote last came to its end.
    layers : dict of str to int
        The layers that codes are made of, with the length of each; empty where it is the network's own code.
    codes_kept : int
        So many images `failures.parquet` marks as those whose codes a refused job has kept; known from here
        where that file is lost.
    failures : FailureList or None
        What `failures.parquet` is; None while a job changes it, and where an older version wrote last.
    """

    space: Space
    views: StoredViews = field(default_factory=StoredViews)
    dtype: str = DTYPES[0]
    shards: tuple[Shard, ...] = ()
    complete: bool = False
    layers: dict[str, int] = field(default_factory=dict)
    codes_kept: int = 0
    failures: FailureList | None = None

    @property
    def parts(self) -> dict[str, int]:
        """The layers that codes are made of, with the length of each."""
        return self.layers or {CODE: self.space.code_size}

    @property
    def schema(self) -> pa.Schema:
        """The columns of each shard."""
        reduced = self.views.reduced
        parameters = () if reduced else self.views.parameters
        return codes_schema(self.parts, self.dtype, parameters, reduced=reduced)

    def differences(self, other: Manifest, sides: Sides = SIDES) -> list[str]:
        """Name what keeps two datasets apart, with the value here (stored) and in `other` (now)."""
        lines = self.space.differences(other.space, sides) + self.views.differences(other.views, sides)
        lines += describe_differences(self.dtype, other.dtype, "dtype", sides=sides)
        return lines + describe_differences(self.parts, other.parts, "layers", sides=sides)

    def contradictions(self, other: Manifest, sides: Sides) -> list[str]:
        """Name what `other` says otherwise of the rows, with the value here and there."""
        parameters = list(self.views.parameters), list(other.views.parameters)
        return self.differences(other, sides) + describe_differences(*parameters, "parameters", sides=sides)

    def next_name(self) -> str:
        """Return a shard name that is not in use."""
        newest = max((read_number(shard.name) for shard in self.shards), default=-1)
        return f"part-{newest + 1:05d}.parquet"

    def changed(self, *, add: tuple[Shard, ...] = (), remove: tuple[Shard, ...] = ()) -> Manifest:
        """Return the manifest with shards added and removed; it is not complete."""
        kept = tuple(shard for shard in self.shards if shard not in remove)
        return replace(self, shards=(*kept, *add), complete=False)

    def completed(self) -> Manifest:
        """Return the manifest of a job that came to its end."""
        return replace(self, complete=True)

    def describe_rows(self) -> dict[str, Any]:
        """Return what holds for every row; shards repeat it, so that a lost manifest can be made anew."""
        return {
            "format": FORMAT,
            "space": self.space.to_dict(),
            "plan": self.views.plan,
            "frame": self.views.frame,
            "parameters": list(self.views.parameters),
            "reduce": self.views.reduce,
            "dtype": self.dtype,
            "layers": self.parts,
        }

    def write(self, folder: Path, *, alone: bool = False, check: Check | None = None) -> None:
        """Put it in place of the one in `folder`, atomically; `alone` and `check` as in `atomic_write`."""
        values = {
            **self.describe_rows(),
            "complete": self.complete,
            "codes_kept": self.codes_kept,
            "failures": None if self.failures is None else asdict(self.failures),
            "columns": {column.name: str(column.type) for column in self.schema},
            "shards": [asdict(shard) for shard in self.shards],
        }
        text = json.dumps(values, indent=1, ensure_ascii=True) + "\n"
        temporary = folder / f".{MANIFEST_NAME}.tmp"
        atomic_write(folder / MANIFEST_NAME, text.encode(), temporary=temporary, alone=alone, check=check)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a dataset.

        Raises
        ------
        DamagedManifest
            If it is damaged, or is missing beside shards.
        StoreError
            If `folder` is missing, is no codes dataset, or is of a newer format.
        """
        path = folder / MANIFEST_NAME
        check_regular(path)
        try:
            values = parse_json(path.read_bytes())
        except FileNotFoundError as error:
            check_lost(folder)
            what = "is no codes dataset (it has no manifest.json)" if folder.exists() else "does not exist"
            raise StoreError(f"{folder} {what}. Give a folder that `cnncodes embed` wrote.") from error
        except NotADirectoryError as error:
            raise StoreError(
                f"{find_file(folder)} is a file. Give a folder that `cnncodes embed` wrote."
            ) from error
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}.") from error
        except ValueError as error:
            raise damaged_manifest(path, "it is no JSON") from error
        return _parse(path, values)


def damaged_manifest(path: Path, why: object) -> DamagedManifest:
    """Return the error of a manifest that is damaged, with what makes it anew."""
    return DamagedManifest(f"{path} is damaged: {sentence(why)} {_advise(path.parent)}")


def check_lost(folder: Path) -> None:
    """Raise `DamagedManifest` if shards lie in a folder that has no manifest."""
    if _holds_shards(folder):
        raise DamagedManifest(
            f"{folder} has no {MANIFEST_NAME}, and data/ holds shards of codes. {_advise(folder)}"
        )


def _holds_shards(folder: Path) -> bool:
    return bool(list_shards(folder))


def _advise(folder: Path) -> str:
    return (
        "Restore it from a copy, or have it made anew from the shards, with all of their codes:"
        f" `{repair_command(folder)}`."
    )


def _parse(path: Path, values: Any) -> Manifest:
    if not isinstance(values, Mapping) or type(values.get("format")) is not int or "space" not in values:
        if _holds_shards(path.parent):
            raise damaged_manifest(path, "it is no manifest of codes")
        raise StoreError(f"{path} is no codes dataset's manifest. Give a folder that `cnncodes embed` wrote.")
    if values["format"] > FORMAT:
        raise StoreError(
            f"{path} is of format {values['format']}; this version reads up to {FORMAT}. Install a newer one."
        )
    if values["format"] < 1:
        raise damaged_manifest(path, f"it is of format {values['format']}, which no version has written")
    try:
        shards = parse_shards(values["shards"])
        if not isinstance(values["complete"], bool):
            raise TypeError(f"complete is {values['complete']!r}, not true or false")
        kept = values.get("codes_kept", 0)  # older ones do not say it
        if type(kept) is not int or kept < 0:
            raise TypeError(f"codes_kept is {kept!r}, not a number of images")
        failures = parse_failures(values.get("failures"))
        complete = values["complete"]
        manifest = replace(
            parse_rows(values), shards=shards, complete=complete, codes_kept=kept, failures=failures
        )
    except KeyError as error:
        raise damaged_manifest(path, f"it does not say {error}") from error
    except (TypeError, ValueError, RecursionError, StoreError) as error:
        raise damaged_manifest(path, error) from error
    if manifest.complete and (lost := find_unnamed(path.parent, shards)):
        told = f"it is that of a finished job and does not name {lost[0]}, which lies in data/"
        raise damaged_manifest(path, told)
    return manifest


def parse_rows(values: Any) -> Manifest:
    """Return a manifest without shards from what `Manifest.describe_rows` gave.

    Raises
    ------
    KeyError, TypeError, ValueError, StoreError
        If it is damaged.
    """
    space = Space.from_dict(values["space"])
    for name in ("plan", "frame"):
        if not isinstance(values.get(name, {}), Mapping):
            raise TypeError(f"{name} is {values[name]!r}, not a table")
    parameters = values.get("parameters", [])
    if not isinstance(parameters, list) or not all(isinstance(name, str) for name in parameters):
        raise TypeError(f"parameters is {parameters!r}, not a list of names")
    views = StoredViews(
        values["plan"],
        values.get("frame", {}),
        tuple(parameters),
        values.get("reduce", REDUCTIONS[0]),
    )
    if values["dtype"] not in DTYPES:
        raise ValueError(f"dtype is {values['dtype']!r}, not {' or '.join(DTYPES)}")
    return Manifest(space, views, values["dtype"], layers=_parse_layers(values.get("layers", {}), space))


def _parse_layers(values: Any, space: Space) -> dict[str, int]:
    if not isinstance(values, Mapping) or not all(type(size) is int and size > 0 for size in values.values()):
        raise TypeError(f"layers must be a table of lengths. Got {values!r} instead.")
    layers = dict(values)
    if layers in ({}, {CODE: space.code_size}):
        return {}
    if sum(layers.values()) != space.code_size:
        raise ValueError(f"the layers have {sum(layers.values())} numbers and the codes {space.code_size}.")
    return layers
