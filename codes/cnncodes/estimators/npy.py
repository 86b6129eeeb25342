"""Arrays as members of a saved classifier, without pickle."""

from __future__ import annotations

import io
from tokenize import TokenError
from typing import Any

import numpy as np

from cnncodes.errors import SavedModelError, sentence
from cnncodes.estimators.archive import Archive

#: What NumPy raises at a damaged .npy file; it reads the header as Python, whose tokenizer has its own error.
DAMAGED = (ValueError, EOFError, AttributeError, TypeError, MemoryError, SyntaxError, TokenError)


def to_npy(array: Any) -> bytes:
    """Return an array as the bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def read_npy(archive: Archive, member: str) -> Any:
    """Read an array and refuse whatever else the member may hold.

    Raises
    ------
    SavedModelError
        If it is missing, damaged, or holds objects.
    """
    # Not np.load, which takes a zip of arrays and a pickle for what their first bytes say they are.
    data = archive.read(member)
    buffer = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(buffer)
        read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_{version[1]}")
        shape, _, dtype = read_header(buffer)
        if int(np.prod(shape, dtype=object)) * dtype.itemsize != len(data) - buffer.tell():
            raise ValueError(f"its header promises {dtype} of shape {shape}")
        buffer.seek(0)
        return np.lib.format.read_array(buffer, allow_pickle=False)
    except DAMAGED as error:
        raise SavedModelError(f"{archive.name} is damaged at {member!r}: {sentence(error)}") from error
