"""Everything that is wrong with a codes dataset, found by reading all of it, a file at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.errors import StoreError, agree, check_path, count, sentence
from cnncodes.store.blaming import find_contradiction, find_miscount
from cnncodes.store.entries import FAILURES_NAME, MANIFEST_NAME, SHARD_NAME, Shard
from cnncodes.store.failing import (
    MEND_IMAGES,
    count_lost,
    describe_lost,
    explain_wrong_list,
    list_failures,
)
from cnncodes.store.judging import settle_doubt
from cnncodes.store.leftovers import LEFT_OUT, check_rows, find_leftovers
from cnncodes.store.locking import find_writer
from cnncodes.store.manifest import Manifest
from cnncodes.store.shards import load_shard
from cnncodes.store.unread import RESTORE_SHARD, DoubtError


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes
    ----------
    problems : list of str
        A line each, with what to do.
    shards : int
        Files that were compared.
    writer : str or None
        Who writes the dataset now: ``"process 7 on host a"``. What was compared is what was finished.
    """

    problems: list[str]
    shards: int
    writer: str | None


def find_problems(path: str | Path) -> list[str]:
    """Return the problems that `examine_codes` finds."""
    return examine_codes(path).problems


def examine_codes(path: str | Path) -> Findings:
    """Look at every file of a dataset and say all that is wrong; nothing is changed.

    Shards are compared with the manifest's hashes and counts, and read: rows in order, no image in two
    shards, every code finite. Files in ``data/`` that the manifest does not name are found: other tools
    would read them. Where a job is writing, what it has finished is looked at.

    Raises
    ------
    StoreError
        If there is no manifest, or it is damaged.
    """
    check_path(path, "the path of the codes")
    folder = Path(path)
    while True:
        manifest, owners, problems = _read_shards(folder)
        if contradiction := find_contradiction(folder, manifest):
            problems = [str(contradiction)]  # by a wrong manifest every shard looks damaged
        writer = find_writer(folder)
        if writer is not None or Manifest.read(folder) == manifest:  # else one has ended since it was read
            break
    if writer is None:
        problems += _find_unnamed(folder, manifest, owners)
    problems += _find_strange(folder, {shard.name for shard in manifest.shards})
    try:
        failures = list_failures(folder)
    except StoreError as error:
        problems.append(str(error))
    else:
        if (lost := count_lost(failures, manifest)) and writer is None:
            problems.append(describe_lost(folder, lost))
        elif writer is None and (wrong := explain_wrong_list(folder, manifest)):
            problems.append(wrong)
        stored = [failure for failure in failures if failure.key in owners]
        kept = [failure.key for failure in stored if failure.codes_kept]
        if kept and writer is None:
            problems.append(
                f"{count(len(kept), 'image')} whose codes are stored can be decoded no more, {kept[0]!r} for"
                f" one; {FAILURES_NAME} lists {agree(len(kept), 'it')}, with the reason. {MEND_IMAGES}"
            )
        both = [failure.key for failure in stored if not failure.codes_kept]
        if both and writer is None:
            problems.append(
                f"{FAILURES_NAME} names {both[0]!r}, whose codes are stored ({len(both)} such images): the"
                " next `cnncodes embed` into this folder mends it."
            )
    if not manifest.complete and writer is None:
        problems.append(
            "the job that wrote last did not come to its end: run the same `cnncodes embed` again to go on."
        )
    different = list(dict.fromkeys(problems))  # a lost folder is told once, and not for each shard
    return Findings(different, len(manifest.shards), writer)


def _read_shards(folder: Path) -> tuple[Manifest, dict[str, str], list[str]]:
    """Read every shard; where a writer replaces some meanwhile, then those in their place."""
    done: dict[str, list[str]] = {}
    owners: dict[str, str] = {}
    manifest = Manifest.read(folder)
    while True:
        for shard in manifest.shards:
            if shard.name in done:
                continue
            try:
                table = load_shard(folder, shard, manifest.schema.names)
            except StoreError as error:
                newer = Manifest.read(folder)
                if newer != manifest:
                    break
                done[shard.name] = [_settle(error, folder, manifest, shard)]
                continue
            done[shard.name] = _check_shard(folder, shard, table, owners)
        else:
            return manifest, owners, [line for shard in manifest.shards for line in done[shard.name]]
        manifest, kept = newer, {shard.name for shard in newer.shards}
        done = {name: problems for name, problems in done.items() if name in kept}
        owners = {key: name for key, name in owners.items() if name in kept}


def _settle(error: StoreError, folder: Path, manifest: Manifest, shard: Shard) -> str:
    """Return what is wrong, and whether it is the shard or the manifest, as far as that can be found out."""
    if isinstance(error, DoubtError):
        with contextlib.suppress(StoreError):
            return settle_doubt(error, folder, manifest, shard)
    return str(error)


def _check_shard(folder: Path, shard: Shard, table: Any, owners: dict[str, str]) -> list[str]:
    """Check the rows of a shard, and enter its images."""
    name = shard.name
    problems = [f"{name} {sentence(problem)} {RESTORE_SHARD}" for problem in check_rows(table)]
    if miscount := find_miscount(folder, shard, table):
        problems.append(str(miscount))
    distinct = list(dict.fromkeys(table.column("image").to_pylist()))
    twice = [key for key in distinct if key in owners]
    if twice:
        problems.append(f"{twice[0]!r} is in {owners[twice[0]]} and in {name} ({len(twice)} such images).")
    owners.update(dict.fromkeys(distinct, name))
    return problems


def _find_unnamed(folder: Path, manifest: Manifest, owners: Collection[str]) -> list[str]:
    """Return a line for each kind of shards that the manifest does not name."""
    try:
        found = find_leftovers(folder, manifest, owners)
    except StoreError as error:
        return [str(error)]
    problems = []
    if found.lost:
        n_images = count(sum(shard.images for shard in found.lost), "image")
        problems.append(
            f"{_name_first([shard.name for shard in found.lost])} named by no {MANIFEST_NAME}, and the codes"
            f" of {n_images} are nowhere else: a job was killed, or the manifest has lost it. The next"
            " `cnncodes embed` into this folder names it again, and so does `cnncodes codes repair`."
        )
    if found.replaced:
        problems.append(
            f"{_name_first(found.replaced)} named by no {MANIFEST_NAME}: most likely a job was killed. The"
            " next `cnncodes embed` into this folder removes it; until then tools that open data/ read its"
            " rows."
        )
    for name, reason in found.unusable.items():
        problems.append(
            f"data/{name} is named by no {MANIFEST_NAME}, and it {sentence(reason)} The next `cnncodes embed`"
            f" into this folder moves it to {LEFT_OUT}/."
        )
    return problems


def _find_strange(folder: Path, named: Collection[str]) -> list[str]:
    """Return a line for what lies in ``data/``, is none of ours, and in no shard's place."""
    data = folder / "data"
    strange = sorted(data.iterdir()) if data.is_dir() else []
    others = [
        file.name
        for file in strange
        if file.name not in named and (file.is_dir() or not SHARD_NAME.fullmatch(file.name))
    ]
    if not others:
        return []
    return [
        f"{_name_first(others)} none of cnncodes' files, and tools that open data/ may fail there. Move"
        " what is yours elsewhere; cnncodes itself passes it over."
    ]


def _name_first(names: list[str]) -> str:
    return f"data/{names[0]}" + (f" and {len(names) - 1} more are" if len(names) > 1 else " is")
