"""Pointers of Git LFS: the few lines that stand in a file's place until the file itself is fetched."""

from __future__ import annotations

from pathlib import Path

_BEGIN = b"version https://git-lfs"
#: No pointer has so many bytes.
_LIMIT = 1024


def explain_pointer(data: bytes) -> str | None:
    """Return what is wrong and what to do where a file's content is but a pointer; else None.

    Asked where reading has failed.

    Examples
    --------
    >>> explain_pointer(b"version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 9\\n")
    "a pointer of Git LFS stands in its place: fetch the file itself by 'git lfs pull'"
    >>> explain_pointer(b"PAR1") is None
    True
    """
    if len(data) > _LIMIT or not data.startswith(_BEGIN):
        return None
    return "a pointer of Git LFS stands in its place: fetch the file itself by 'git lfs pull'"


def explain_pointer_at(path: Path) -> str | None:
    """Return the same of a file on disk; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return explain_pointer(file.read(_LIMIT + 1))
    except OSError:
        return None
