"""Which results can be stored; one that cannot becomes a failure of its image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError
from cnncodes.store.records import Failure, ImageCodes, ImageCopy


def check_codes(result: ImageCodes, code_size: int, dtype: str) -> ImageCodes | Failure:
    """Return the image with codes of `dtype`, or a failure if they do not fit in it.

    Raises
    ------
    UsageError
        If the codes are not one row of `code_size` numbers for each view.
    """
    shape = (len(result.views), code_size)
    if result.codes.shape != shape or not result.views:
        raise UsageError(
            f"codes of {result.key!r} must have shape {shape}. Got {result.codes.shape} instead."
        )
    codes = round_codes(result.codes, dtype)
    if codes is not None:
        return replace(result, codes=codes)
    if not np.isfinite(result.codes).all():
        reason = "the network gave a code that is not finite"
        return Failure(result.key, "code", reason, result.size, result.mtime_ns)
    largest = float(np.abs(result.codes).max())
    reason = f"the code reaches {largest:.6g}, more than {dtype} holds; store the codes as float32"
    return Failure(result.key, "code", reason, result.size, result.mtime_ns)


def round_codes(codes: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any] | None:
    """Return codes as numbers of `dtype`, a copy; None where some are not finite in it."""
    with np.errstate(over="ignore"):
        codes = codes.astype(dtype)
    return codes if np.isfinite(codes).all() else None


def check_text(result: ImageCodes | ImageCopy | Failure) -> ImageCodes | ImageCopy | Failure:
    """Turn an image whose name is no text (bytes of another encoding) into a failure that can be stored."""
    if isinstance(result, Failure):
        return replace(result, key=escape(result.key), reason=escape(result.reason))
    texts = [result.key, *(text or "" for text in (result.label, result.split, result.group))]
    if all(text.isascii() or text == escape(text) for text in texts):
        return result
    return Failure(escape(result.key), "read", "its name, label or group is not valid UTF-8; rename it")


def escape(text: str) -> str:
    """Return a text that can be stored: what is no text in it (bytes of another encoding) as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
