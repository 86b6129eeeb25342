"""The command ``cnncodes``."""

from __future__ import annotations

from cnncodes.cli.entry import main

__all__ = ["main"]
