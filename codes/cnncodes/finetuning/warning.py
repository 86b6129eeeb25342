"""Warnings of a fine-tuning, and of what it listens with where nobody else does."""

from __future__ import annotations

from cnncodes import errors


def warn(text: str) -> None:
    """Warn with a `ResultWarning` where cnncodes was called."""
    errors.warn(errors.sentence(text), errors.ResultWarning)
