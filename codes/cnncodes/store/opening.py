"""Opening a codes dataset to write: refuse what is not ours, and clear away what a kill left."""

from __future__ import annotations

from pathlib import Path

from cnncodes.disk import find_file, sync_folder
from cnncodes.errors import SpaceMismatch, StoreError
from cnncodes.store.entries import FAILURES_NAME, MANIFEST_NAME, SHARD_NAME
from cnncodes.store.files import writing_errors
from cnncodes.store.leftovers import settle_leftovers
from cnncodes.store.locking import LOCK_NAME
from cnncodes.store.manifest import Manifest, check_lost
from cnncodes.store.shards import read_manifest
from cnncodes.store.unread import check_encoding, check_link


def check_folder(folder: Path) -> None:
    """Refuse a place that holds something of the user's, or cannot be read, before anything is put there."""
    check_encoding(folder)
    try:
        names = {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise StoreError(
            f"{find_file(folder)} is a file; codes need a folder. Choose another name."
        ) from error
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}. Choose another.") from error
    strange = sorted(names - {LOCK_NAME, f".{MANIFEST_NAME}.tmp"})
    if MANIFEST_NAME not in names and strange:
        check_lost(folder)
        raise StoreError(
            f"{folder} is not empty and is no codes dataset (it holds {strange[0]!r}). Nothing was changed:"
            " choose another folder."
        )


def open_manifest(folder: Path, wanted: Manifest) -> Manifest:
    """Read the manifest, or write the first one; refuse codes of another space, views or dtype."""
    if not (folder / MANIFEST_NAME).exists():
        wanted.write(folder)  # first of all: from now on the folder is known as a dataset
        manifest = wanted
    else:
        manifest = read_manifest(folder)
        if differing := manifest.differences(wanted):
            raise SpaceMismatch(
                f"{folder} holds other codes: {'; '.join(differing)}."
                " Write to another folder (-o), or delete this one."
            )
    with writing_errors(folder):
        check_link(folder / "data")
        (folder / "data").mkdir(exist_ok=True)
        sync_folder(folder)
    return manifest


def clear_away(folder: Path, manifest: Manifest) -> Manifest:
    """Clear away what a killed job left: shards that no manifest names, and temporary files.

    Returns
    -------
    Manifest
        The one that is on disk then: of images that are stored nowhere else it names the shards again.
    """
    manifest = settle_leftovers(folder, manifest)
    with writing_errors(folder):
        for file in folder.glob(".*.tmp"):
            name = file.name[1 : -len(".tmp")]
            if name in (MANIFEST_NAME, FAILURES_NAME) or SHARD_NAME.fullmatch(name):
                file.unlink()
    return manifest
