"""Shards that lie in ``data/`` and that the manifest does not name: nothing in them is lost unseen."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cnncodes.disk import find_free_name, sync_folder
from cnncodes.errors import ResultWarning, StoreError, name_some, sentence, warn
from cnncodes.store.blaming import describe_shard
from cnncodes.store.entries import Shard, list_shards
from cnncodes.store.files import writing_errors
from cnncodes.store.manifest import FORMAT, Manifest, parse_rows
from cnncodes.store.schema import is_code, read_parquet
from cnncodes.store.shards import look_at_shard
from cnncodes.store.unread import UnreadError, check_damage, is_there

#: Folder beside ``data/`` for shards that cannot be used.
LEFT_OUT = "left-out"
#: Columns by which a file of an older cnncodes is known, which did not say what its rows are.
_OLD = frozenset({"image", "view", "view_name", "content"})


class UnusableError(StoreError):
    """A shard that cannot be used; the text follows its name."""


@dataclass
class Leftovers:
    """What the shards are that a manifest does not name.

    Attributes
    ----------
    lost : list of Shard
        Of images that no other shard has: a job was killed before it named them, or the manifest has lost
        them.
    replaced : list of str
        Names of those with images that other shards have: a job was killed before it removed them, or before
        it named what was to replace the others.
    unusable : dict of str to str
        For the name of each that cannot be read, or is of other codes, why.
    """

    lost: list[Shard] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)


def find_leftovers(folder: Path, manifest: Manifest, owned: Collection[str] | None = None) -> Leftovers:
    """Read the shards that a manifest does not name.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
    owned : collection of str, optional
        The images of those that it names; by default they are read where there is need.

    Raises
    ------
    StoreError
        If one may not be read, or one that the manifest names is seen to be damaged.
    """
    found = Leftovers()
    named = {shard.name for shard in manifest.shards}
    names = [name for name in list_files(folder) if name not in named]
    if not names:
        return found
    owned = _read_images(folder, manifest) if owned is None else set(owned)
    for name in names:
        file = folder / "data" / name
        try:
            if differing := read_description(file).differences(manifest, ("here", "in the manifest")):
                raise UnusableError(f"holds other codes: {'; '.join(differing)}")
            shard, images = read_whole(file, manifest)
        except UnusableError as error:
            found.unusable[name] = str(error)
            continue
        if images and owned.isdisjoint(images):
            found.lost.append(shard)
            owned |= images
        else:
            found.replaced.append(name)
    return found


def _read_images(folder: Path, manifest: Manifest) -> set[str]:
    images: set[str] = set()
    for shard in manifest.shards:
        if is_there(folder / "data" / shard.name):  # one that was deleted counts as not embedded yet
            table = look_at_shard(folder, shard, ["image"])
            images.update(map(str, table.column("image").unique().to_pylist()))
    return images


def settle_leftovers(folder: Path, manifest: Manifest) -> Manifest:
    """Name the shards that were lost, and clear the others away; return the manifest that is on disk then.

    What cannot be used is moved to ``left-out/``: no job leaves such, so it may be all that there is of it.
    """
    found = find_leftovers(folder, manifest)
    if found.lost:
        named = manifest.changed(add=tuple(reversed(found.lost)))
        manifest = replace(named, complete=manifest.complete)  # nothing else has begun
        manifest.write(folder)
    with writing_errors(folder):
        for name in found.replaced:
            (folder / "data" / name).unlink()
        move_out(folder, found.unusable)
    if found.unusable:
        reasons = [f"{name} {reason}" for name, reason in found.unusable.items()]
        warn(
            f"what no manifest names and cannot be used was moved to {folder / LEFT_OUT}:"
            f" {sentence(name_some(reasons, show=str))}",
            ResultWarning,
        )
    return manifest


def list_files(folder: Path) -> list[str]:
    """Return the names of shards that are files, the newest first."""
    return [name for name in list_shards(folder) if not (folder / "data" / name).is_dir()]


def read_description(file: Path) -> Manifest:
    """Return what a shard says of its rows.

    Raises
    ------
    UnusableError
        If it says nothing, is damaged, or is of a newer format.
    StoreError
        If it may not be read.
    """
    try:
        about = describe_shard(file)
        if about is None:
            raise UnusableError(_explain_silence(pq.read_schema(file).names))
        if about["format"] > FORMAT:
            raise UnusableError(f"is of format {about['format']}; this version reads up to {FORMAT}")
        return parse_rows(about)
    except (UnusableError, UnreadError):
        raise
    except (MemoryError, OSError, ValueError, TypeError, KeyError, StoreError, pa.ArrowException) as error:
        check_damage(file, error)  # else it may be sound, and is not to be moved away
        raise UnusableError(_tell_damage(file, error)) from error


def _explain_silence(columns: Collection[str]) -> str:
    if missing := sorted(_OLD.difference(columns)):
        return f"is none of cnncodes' files: it has no column {name_some(missing)}"
    return "does not say what its rows are: it was written by an older cnncodes, or rewritten by another tool"


def _tell_damage(file: Path, error: Exception) -> str:
    """Return what is wrong with a file in words that follow its name."""
    told = " ".join(str(error).split()).removeprefix(f"{file} ").rstrip(".")
    return told if isinstance(error, StoreError) and told.startswith("is damaged") else f"is damaged: {told}"


def read_whole(file: Path, manifest: Manifest) -> tuple[Shard, set[str]]:
    """Return what a manifest is to say of a shard, and its images, after all of it was looked at.

    Raises
    ------
    UnusableError
    StoreError
        If it may not be read.
    ShortageError
        If memory or threads are short.
    """
    try:
        table = read_parquet(file, manifest.schema.names, None, "")
        data = file.read_bytes()
    except UnreadError:
        raise
    except (MemoryError, OSError, StoreError) as error:
        check_damage(file, error)
        raise UnusableError(_tell_damage(file, error)) from error
    if table.schema != manifest.schema:
        raise UnusableError("has other columns than its own description says")
    if problems := check_rows(table):
        raise UnusableError(problems[0])
    images = set(map(str, table.column("image").to_pylist()))
    return Shard(file.name, table.num_rows, len(images), hashlib.sha256(data).hexdigest(), len(data)), images


def check_rows(table: Any) -> list[str]:
    """Return what is wrong with the rows of a shard by themselves, in words that follow its name."""
    problems = []
    order = list(zip(table.column("image").to_pylist(), table.column("view").to_pylist(), strict=True))
    if order != sorted(set(order)):
        problems.append("has its rows out of order, or one twice")
    for column in filter(is_code, table.column_names):
        values = table.column(column).combine_chunks().flatten().to_numpy(zero_copy_only=False)
        if not np.isfinite(values).all():
            problems.append(f"has codes in {column!r} that are not finite")
    return problems


def move_out(folder: Path, names: Collection[str]) -> None:
    """Move shards to ``left-out/``."""
    if not names:
        return
    place = folder / LEFT_OUT
    place.mkdir(exist_ok=True)
    for name in names:
        os.rename(folder / "data" / name, find_free_name(place / name))
    for changed in (place, folder / "data", folder):
        sync_folder(changed)
