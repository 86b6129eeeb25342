"""Why a file of a dataset cannot be read, whether that says anything of what is in it, and what to do."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from pathlib import Path

from cnncodes.disk import explain_open_files
from cnncodes.errors import ShortageError, StoreError, sentence
from cnncodes.machine import explain_shortage, find_shortage
from cnncodes.pointers import explain_pointer_at

#: What to do about a file of a dataset that is not what was written.
RESTORE_FAILURES = (
    "Restore it from a copy, or delete this one file: no codes are lost, only the memory of which images"
    " failed; the next `cnncodes embed` tries these again, and keeps all codes that were kept."
)
RESTORE_SHARD = (
    "Restore it from a copy, or delete it and run the same `cnncodes embed` again: only its images are"
    " embedded anew."
)
REPLACE_SHARD = (
    "Move it elsewhere; restore the file of that name from a copy, or run the same `cnncodes embed` again:"
    " only the images that were in it are embedded anew."
)

#: Said of a path that has bytes of another encoding, or none of whose encodings is known (LC_ALL=C).
_NO_TEXT = (
    "its path is no valid UTF-8, which Parquet's reader needs. Rename its folders, or set a UTF-8"
    " locale (LC_ALL=C.UTF-8) where names are right and the locale is not."
)

#: Bytes that no file of a dataset takes at once: one that asks for more is damaged.
_ABSURD = 2**40


class UnreadError(StoreError):
    """A file that the system does not give, or that is still to be fetched; it may be sound."""


class DoubtError(StoreError):
    """A shard and the manifest contradict each other, and which of the two is wrong is to be found out.

    Attributes
    ----------
    told : str
        The contradiction alone, in a sentence.
    """

    told: str = ""


def check_encoding(folder: Path) -> None:
    """Raise `StoreError` where a dataset's path cannot be handed to what reads Parquet."""
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:
        raise StoreError(f"codes cannot be kept in {folder}: {_NO_TEXT}") from error


def refuse_hash(path: Path, found: str, said: str) -> StoreError:
    """Return the error of a shard that has another hash than the manifest says: which of the two is wrong?"""
    return _doubt(path, f"its sha256 is {found}, the manifest says {said}.")


def refuse_size(path: Path, found: int, said: int, what: str) -> StoreError:
    """Return the error of a shard that has other bytes or rows than the manifest says."""
    return _doubt(path, f"{found} {what}, not the manifest's {said}.")


def _doubt(path: Path, why: str) -> StoreError:
    if pointer := _refuse_pointer(path):
        return pointer
    told = f"{path} is damaged, or the manifest is: {why}"
    error = DoubtError(
        f"{told} `{repair_command(path.parent.parent)}` finds out, and mends the manifest if it is that; else"
        f" it names the file. {RESTORE_SHARD}"
    )
    error.told = told
    return error


def _refuse_pointer(path: Path) -> UnreadError | None:
    told = explain_pointer_at(path)
    return UnreadError(f"{path} cannot be read: {told}.") if told else None


def repair_command(folder: Path) -> str:
    """Return the command that makes a dataset's manifest anew."""
    return f"cnncodes codes repair {shlex.quote(str(folder))}"


def refuse_unread(path: Path, error: OSError) -> UnreadError:
    """Return the error of a file that the manifest names and the system does not give."""
    if isinstance(error, FileNotFoundError):
        return UnreadError(
            f"{path} is missing, and the manifest names it. Restore it from a copy, or run the same"
            " `cnncodes embed` again: only its images are embedded anew."
        )
    if told := explain_open_files(error):
        return UnreadError(f"{path} cannot be read now: {told}")
    why = os.strerror(error.errno) if error.errno else error
    return UnreadError(f"{path} cannot be read: {sentence(why)} Look at its rights and at the disk.")


def is_there(path: Path) -> bool:
    """Tell whether there is a file; raise `UnreadError` as `check_regular` does."""
    check_regular(path)
    return path.exists()


def check_link(path: Path) -> None:
    """Raise `UnreadError` for a link that leads nowhere."""
    if path.is_symlink() and not path.exists():
        raise UnreadError(
            f"{path} is a link, and there is nothing where it leads, {os.readlink(path)!r}. See to it that"
            " what it leads to is there, such as a disk; or remove the link, and run the same `cnncodes"
            " embed` again: only what is not stored then is embedded anew."
        )


def check_regular(path: Path) -> None:
    """Raise `UnreadError` for a folder, and for a pipe, a socket or a device: to open one may never end.

    So for a link that leads nowhere, which is no file that somebody removed, and for a file below one.
    """
    check_link(path.parent)
    check_link(path)
    if path.is_dir():
        raise UnreadError(
            f"{path} is a folder, in the place of a file. Move it away; then restore the file from a copy, or"
            " run the same `cnncodes embed` again: only what is not stored is embedded anew."
        )
    if path.exists() and not path.is_file():
        raise UnreadError(
            f"{path} is no regular file but a pipe, a socket or a device, and is not opened. Remove it, or"
            " restore the file of that name from a copy."
        )


def hash_file(path: Path) -> str:
    """Return the sha256 of a file of a dataset.

    Raises
    ------
    UnreadError
        If it is missing, or the system does not give it.
    """
    check_regular(path)
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise refuse_unread(path, error) from error


def check_shortage(path: Path, error: Exception) -> None:
    """Raise `ShortageError` where an error says that memory or threads were short, and nothing of a file."""
    asked = re.search(r"alloc of size (\d+)", str(error))
    shortage = find_shortage(error)
    if shortage is not None and not (asked and int(asked[1]) > _ABSURD):
        raise ShortageError(
            f"{path} cannot be read now, which says nothing of what is in it: {explain_shortage(shortage)}"
        ) from error


def check_damage(path: Path, error: Exception) -> None:
    """Raise where an error says nothing of what is in a file; where it returns, the file is damaged.

    Raises
    ------
    ShortageError
        If memory or threads were short.
    UnreadError
        If it is missing, the system does not give it, or Git LFS has not fetched it yet.
    """
    check_shortage(path, error)
    if isinstance(error, UnicodeEncodeError):  # of the path: what is in a file is decoded
        raise UnreadError(f"{path!s} cannot be read: {_NO_TEXT}") from error
    if isinstance(error, OSError) and error.errno:  # Arrow's own errors of what is in it have none
        raise refuse_unread(path, error) from error
    if pointer := _refuse_pointer(path):
        raise pointer from error
