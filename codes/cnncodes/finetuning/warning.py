"""Warnings of a fine-tuning, which name the line that called cnncodes, from however deep within."""

from __future__ import annotations

import sys
import warnings

from cnncodes.errors import ResultWarning, sentence


def warn(text: str) -> None:
    """Warn with a `ResultWarning` where cnncodes was called."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "cnncodes":
        frame, level = frame.f_back, level + 1
    warnings.warn(sentence(text), ResultWarning, stacklevel=level)
