"""The store: codes on disk as a Parquet dataset, and a cache of codes for estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncodes.lazy import attach

if TYPE_CHECKING:
    from cnncodes.store.blocks import CodeBlocks, open_codes
    from cnncodes.store.cache import CodeCache
    from cnncodes.store.entries import Shard
    from cnncodes.store.files import atomic_write
    from cnncodes.store.index import Index, StoredImage
    from cnncodes.store.manifest import Manifest, StoredViews
    from cnncodes.store.reading import Codes, read_codes, verify_codes
    from cnncodes.store.records import Failure, ImageCodes, ImageCopy
    from cnncodes.store.space import Space
    from cnncodes.store.writing import CodesWriter

__all__ = [
    "CodeBlocks",
    "CodeCache",
    "Codes",
    "CodesWriter",
    "Failure",
    "ImageCodes",
    "ImageCopy",
    "Index",
    "Manifest",
    "Shard",
    "Space",
    "StoredImage",
    "StoredViews",
    "atomic_write",
    "open_codes",
    "read_codes",
    "verify_codes",
]

# Lazily: the parts that need Arrow are not for those who only predict.
__getattr__, __dir__ = attach(
    __name__,
    {
        "CodeBlocks": "blocks",
        "CodeCache": "cache",
        "Codes": "reading",
        "CodesWriter": "writing",
        "Failure": "records",
        "ImageCodes": "records",
        "ImageCopy": "records",
        "Index": "index",
        "Manifest": "manifest",
        "Shard": "entries",
        "Space": "space",
        "StoredImage": "index",
        "StoredViews": "manifest",
        "atomic_write": "files",
        "open_codes": "blocks",
        "read_codes": "reading",
        "verify_codes": "reading",
    },
)
