"""Keeping back what libraries say of their own workings."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_logging(level: int = logging.CRITICAL) -> Iterator[None]:
    """Keep back what is logged up to a level, whoever logs it."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
