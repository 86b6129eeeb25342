"""The file of a saved classifier: a zip, or a folder with the same members, that may be hostile."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from cnncodes.errors import SavedModelError, sentence
from cnncodes.pointers import explain_pointer

#: More than any classifier of ours needs; a zip can promise what no memory holds.
MAX_BYTES = 2 << 30
#: Weights shrink by a few per cent. What shrinks a hundredfold is made to fill the memory.
MAX_RATIO = 100

_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_replaceable(path: str | Path) -> None:
    """Raise `SavedModelError` if a file is there that is no saved classifier: it may be the user's photo."""
    path = Path(path)
    if not path.is_file() or path.stat().st_size == 0:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            if "card.json" in archive.namelist():
                return
    except (OSError, zipfile.BadZipFile, ValueError):
        pass
    raise SavedModelError(
        f"{path} exists and is no saved classifier, so it is not replaced: give another name, or remove"
        " it first."
    )


class Archive:
    """The members of a saved classifier; each is read when it is asked for.

    Parameters
    ----------
    name : str
        For the text of errors.
    sizes : dict of str to int
        Bytes of each member.
    read_member : callable
    """

    def __init__(self, name: str, sizes: Mapping[str, int], read_member: Callable[[str], bytes]) -> None:
        self.name = name
        self.sizes = dict(sizes)
        self._read_member = read_member

    def read(self, member: str) -> bytes:
        """Return the bytes of a member.

        Raises
        ------
        SavedModelError
            If it is missing, damaged or too large.
        """
        if member not in self.sizes:
            raise SavedModelError(f"{self.name} lacks {member!r}: it is damaged.")
        if self.sizes[member] > MAX_BYTES:
            raise SavedModelError(f"{self.name} holds {member!r} of {self.sizes[member]} bytes: too large.")
        try:
            return self._read_member(member)
        except (zipfile.BadZipFile, EOFError, RuntimeError, OSError, MemoryError, zlib.error) as error:
            raise SavedModelError(f"{self.name} is damaged at {member!r}: {sentence(error)}") from error


def open_archive(path: Path) -> Archive:
    """List the members of a file or folder, reading none of them."""
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise SavedModelError(f"there is no saved classifier at {str(path)!r}.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SavedModelError(
                f"{path} is no saved classifier: {path.stat().st_size} bytes are too large."
            )
        return open_zip(path.read_bytes(), str(path))
    except OSError as error:
        raise SavedModelError(f"{path} cannot be read: {error.strerror}.") from error


def open_zip(data: bytes, name: str) -> Archive:
    """List the members of a zip in memory, refusing what promises more than it can hold."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, OSError) as error:
        if told := explain_pointer(data):
            raise SavedModelError(f"{name} is no saved classifier: {told}.") from error
        raise SavedModelError(f"{name} is no saved classifier, or is damaged: {sentence(error)}") from error
    sizes: dict[str, int] = {}
    for info in archive.infolist():
        if info.filename in sizes:
            raise SavedModelError(f"{name} holds {info.filename!r} twice: it was not loaded.")
        if info.compress_type not in _KINDS:
            raise SavedModelError(f"{name} holds {info.filename!r} in a compression that is not read.")
        sizes[info.filename] = info.file_size
    total = sum(sizes.values())
    if total > MAX_BYTES or total > MAX_RATIO * len(data):
        largest = max(sizes, key=lambda member: sizes[member])
        raise SavedModelError(
            f"{name} holds {largest!r} of {sizes[largest]} bytes in a file of {len(data)}: too large."
        )
    return Archive(name, sizes, archive.read)


def write_zip(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of the members; equal members give equal bytes, whatever the time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def _open_folder(path: Path) -> Archive:
    # Any folder may be named here, of a million photos too: without a card nothing more is listed.
    if not (path / "card.json").is_file():
        raise SavedModelError(f"{path} is no saved classifier: it has no card.json.")
    files = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
    sizes = {file.relative_to(path).as_posix(): file.stat().st_size for file in files}
    return Archive(str(path), sizes, lambda member: (path / member).read_bytes())
