"""Hashes of what images hold, and reading one that is to be as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncodes.embedding import run_lanes
from cnncodes.embedding.memory import Lease
from cnncodes.errors import UnreadableImage
from cnncodes.images import ImageRecord, content_hash


def read_unchanged(record: ImageRecord, content: str, lease: Lease) -> Any:
    """Return what an image's decoder takes.

    Raises
    ------
    UnreadableImage
        If it cannot be read, or its content has another hash now.
    """
    if record.is_file:
        lease.read(record.stat().size)
    data = record.read()
    if content_hash(data) != content:
        raise UnreadableImage("read", "it has changed since the work began")
    return data


def hash_contents(
    records: Sequence[ImageRecord], n_jobs: int | None = None
) -> tuple[list[str], dict[int, str]]:
    """Return the hash of each image's content, empty where it cannot be read; and why it cannot, by place."""
    contents: list[str] = []
    failed: dict[int, str] = {}
    for content, reason in run_lanes(_hash_chunk, records, n_jobs):
        if reason:
            failed[len(contents)] = reason
        contents.append(content)
    return contents, failed


def _hash_chunk(records: Sequence[ImageRecord]) -> list[tuple[str, str]]:
    found = []
    for record in records:
        try:
            found.append((content_hash(record.read()), ""))
        except UnreadableImage as error:
            found.append(("", str(error)))
    return found
