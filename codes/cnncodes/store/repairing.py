"""A lost or damaged manifest made anew from the shards, which say themselves what their rows are."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cnncodes.disk import find_free_name, parse_json
from cnncodes.errors import DamagedManifest, StoreError, check_path, sentence
from cnncodes.store.blaming import find_contradiction, find_miscount
from cnncodes.store.entries import MANIFEST_NAME, Shard, parse_shards
from cnncodes.store.failing import list_failures
from cnncodes.store.files import atomic_write, writing_errors
from cnncodes.store.judging import WRONG_HASH, ShardFault, judge_shard
from cnncodes.store.leftovers import (
    UnusableError,
    find_leftovers,
    list_files,
    move_out,
    read_description,
    read_whole,
)
from cnncodes.store.locking import WriterLock
from cnncodes.store.manifest import Manifest, parse_rows
from cnncodes.store.schema import read_parquet
from cnncodes.store.unread import UnreadError

#: What a damaged manifest may raise where it is read.
_DAMAGE = (KeyError, TypeError, ValueError, RecursionError, StoreError)


@dataclass(frozen=True)
class Repair:
    """What was found and done.

    Attributes
    ----------
    manifest : Manifest
        The new one; not complete, since what the lost one named besides is not known. The one that is there
        where that is sound.
    changed : bool
        Whether it is a new one.
    faults : tuple of ShardFault
        The shards that are missing or not what a sound manifest names.
    left_out : dict of str to str
        For the name of each shard that was moved to ``left-out/``, why.
    kept : Path or None
        Where the damaged manifest lies now; None where there was none.
    wrong_hashes : tuple of str
        Names of sound shards of which the damaged manifest named another hash.
    changes : tuple of str
        What the damaged manifest said otherwise of the rows than the shards do.
    lost : dict of str to int
        For the name of each shard that the damaged manifest named and that is not there, its images.
    images_left_out : dict of str to int or None
        For the name of each shard that was left out, its images; None where it cannot be read and nothing
        else says it.
    """

    manifest: Manifest
    changed: bool = True
    faults: tuple[ShardFault, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    kept: Path | None = None
    wrong_hashes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    lost: dict[str, int] = field(default_factory=dict)
    images_left_out: dict[str, int | None] = field(default_factory=dict)


def repair_codes(path: str | Path) -> Repair:
    """Make a dataset's manifest anew from its shards, or name those that are at fault where it is sound.

    Nothing is deleted, and nothing changes unless a shard can be used. A kill at any moment leaves what can
    be repaired again.

    Raises
    ------
    StoreError
        If `path` is no dataset, is of a newer format, is being written, or no shard can be used.
    """
    check_path(path, "the path of the codes")
    folder = Path(path)
    with contextlib.suppress(DamagedManifest):
        Manifest.read(folder)  # before a lock is put into what is no dataset
    lock = WriterLock(folder)
    try:
        verdict = _judge(folder)
        if not verdict.wrong and (manifest := _read_sound(folder)):
            return Repair(manifest, changed=False, faults=verdict.faults)
        return _repair(folder, verdict, lock)
    finally:
        lock.release()


def _read_sound(folder: Path) -> Manifest | None:
    """Return the manifest; None where it is damaged."""
    try:
        manifest = Manifest.read(folder)
    except DamagedManifest:
        return None
    is_contradicted = find_contradiction(folder, manifest) is not None
    if is_contradicted or any(find_miscount(folder, shard) for shard in manifest.shards):
        return None
    return None if find_leftovers(folder, manifest).lost else manifest


@dataclass(frozen=True)
class _Verdict:
    """Shards of which a manifest that can be read names another hash: sound ones, and those at fault."""

    wrong: tuple[str, ...] = ()
    faults: tuple[ShardFault, ...] = ()


def _judge(folder: Path) -> _Verdict:
    """Find out of each shard that is not what the manifest names whether that is wrong, or the shard."""
    try:
        manifest = Manifest.read(folder)
    except DamagedManifest:
        return _Verdict()
    if find_contradiction(folder, manifest) is not None:
        return _Verdict()  # of another dataset: its hashes say nothing of these shards
    found = {shard.name: judge_shard(folder, manifest, shard) for shard in manifest.shards}
    return _Verdict(
        tuple(name for name, fault in found.items() if fault == WRONG_HASH),
        tuple(fault for fault in found.values() if isinstance(fault, ShardFault)),
    )


def _repair(folder: Path, verdict: _Verdict, lock: WriterLock) -> Repair:
    rows, left_out = _read_metadata(folder)
    for fault in verdict.faults:
        if rows.pop(fault.name, None) is not None:
            left_out[fault.name] = fault.reason
    shards: list[Shard] = []
    if rows:
        manifest = _choose(rows)
        shards = _choose_shards(folder, rows, manifest, left_out)
    if not shards:
        told = "; ".join(f"{name} {why}" for name, why in list(left_out.items())[:3]) or "it has no shards"
        raise StoreError(
            f"no shard in {folder / 'data'} can be used: {sentence(told)} Nothing was changed: restore"
            f" {MANIFEST_NAME} from a copy, or embed into another folder."
        )
    manifest = replace(manifest, shards=tuple(shards), codes_kept=_count_kept(folder))
    former = _Former.read(folder)
    there = list_files(folder)
    lost = {name: images for name, images in former.images.items() if name not in there}
    counted = {name: _count_images(folder / "data" / name) or former.images.get(name) for name in left_out}
    lock.check()  # to hash all shards takes long
    with writing_errors(folder):
        move_out(folder, left_out)
        kept = _keep_damaged(folder)
    manifest.write(folder, check=lock.check)
    return Repair(
        manifest,
        left_out=left_out,
        kept=kept,
        wrong_hashes=verdict.wrong,
        changes=former.tell_changes(manifest),
        lost=lost,
        images_left_out=counted,
    )


@dataclass(frozen=True)
class _Former:
    """What the manifest said that is made anew, as far as it can be read: of the rows, and of each shard."""

    rows: Manifest | None = None
    images: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> _Former:
        rows: Manifest | None = None
        shards: tuple[Shard, ...] = ()
        with contextlib.suppress(*_DAMAGE, OSError):
            values = parse_json((folder / MANIFEST_NAME).read_bytes())
            with contextlib.suppress(*_DAMAGE):
                rows = parse_rows(values)
            shards = parse_shards(values["shards"])
        return cls(rows, {shard.name: shard.images for shard in shards})

    def tell_changes(self, manifest: Manifest) -> tuple[str, ...]:
        if self.rows is None:
            return ()
        return tuple(self.rows.contradictions(manifest, (f"the former {MANIFEST_NAME}", "the shards")))


def _read_metadata(folder: Path) -> tuple[dict[str, Manifest], dict[str, str]]:
    """Return what each shard says of its rows, the newest first, and of those that say nothing why."""
    found: dict[str, Manifest] = {}
    silent: dict[str, str] = {}
    for name in list_files(folder):
        try:
            found[name] = read_description(folder / "data" / name)
        except UnusableError as error:
            silent[name] = str(error)
    return found, silent


def _choose(rows: dict[str, Manifest]) -> Manifest:
    """Return what most shards say of their rows: a stray one may lie among them."""
    texts = Counter(json.dumps(manifest.describe_rows(), sort_keys=True) for manifest in rows.values())
    return parse_rows(json.loads(texts.most_common(1)[0][0]))


def _choose_shards(
    folder: Path, rows: dict[str, Manifest], manifest: Manifest, left_out: dict[str, str]
) -> list[Shard]:
    """Return the shards that belong together, and note why others do not."""
    shards: list[Shard] = []
    owned: set[str] = set()
    for name, own in rows.items():
        if differing := own.differences(manifest, ("here", "in most")):
            left_out[name] = f"holds other codes than most shards: {'; '.join(differing)}"
            continue
        try:
            shard, keys = read_whole(folder / "data" / name, manifest)
        except UnusableError as error:
            left_out[name] = str(error)
            continue
        if twice := sorted(keys & owned):
            left_out[name] = (
                f"holds {len(twice)} images that a newer shard holds too, {twice[0]!r} for one: most likely a"
                " job was killed before it removed it"
            )
            continue
        owned |= keys
        shards.append(shard)
    if any(shard.rows for shard in shards):  # an empty one only says the columns where there are no images
        left_out.update({shard.name: "is empty" for shard in shards if not shard.rows})
    return sorted((shard for shard in shards if shard.name not in left_out), key=lambda shard: shard.name)


def _count_images(file: Path) -> int | None:
    """Return how many images a shard that is of no use holds; None where it cannot be read."""
    with contextlib.suppress(StoreError, OSError):
        return len(read_parquet(file, ["image"], None, "").column("image").unique())
    return None


def _count_kept(folder: Path) -> int:
    """Return of how many images codes are kept, as the failures say; at least one where these are damaged."""
    try:
        return sum(failure.codes_kept for failure in list_failures(folder))
    except UnreadError:
        raise
    except StoreError:  # there may be some, and once the file is deleted nothing else would say so
        return 1


def _keep_damaged(folder: Path) -> Path | None:
    damaged = folder / MANIFEST_NAME
    if not damaged.exists():
        return None
    kept = find_free_name(folder / f"{MANIFEST_NAME}.broken")
    atomic_write(kept, damaged.read_bytes(), temporary=folder / f".{MANIFEST_NAME}.tmp")
    return kept


def describe(repair: Repair) -> dict[str, Any]:
    """Return what was found and done in plain values."""
    shards = repair.manifest.shards
    return {
        "repaired": repair.changed,
        "shards": len(shards),
        "images": sum(shard.images for shard in shards),
        "rows": sum(shard.rows for shard in shards),
        "faults": [asdict(fault) for fault in repair.faults],
        "left_out": [
            {"shard": name, "reason": why, "images": repair.images_left_out.get(name)}
            for name, why in sorted(repair.left_out.items())
        ],
        "wrong_hashes": list(repair.wrong_hashes),
        "changes": list(repair.changes),
        "lost": [{"shard": name, "images": images} for name, images in sorted(repair.lost.items())],
        "kept": None if repair.kept is None else str(repair.kept),
    }
