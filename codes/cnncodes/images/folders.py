"""A folder of images, with a folder a class in it, or parts above these, or none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cnncodes.errors import SourceError
from cnncodes.images.records import ImageRecord

#: Endings that are taken for images, in any case.
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"})
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def list_folder(root: Path) -> list[ImageRecord]:
    """Return the images below a folder.

    ``cat/1.jpg`` has the label ``cat``; ``train/cat/1.jpg`` too, in the part ``train``, where every
    folder at the top is a part; an image at the top has no label. Hidden names are passed over.

    Raises
    ------
    SourceError
        If there is no image.
    """
    found = sorted(_walk(root))
    tops = {parts[0] for parts in found if len(parts) > 1}
    has_splits = bool(tops) and all(top.lower() in SPLITS for top in tops)
    records = [_record(root, parts, has_splits) for parts in found]
    if not records:
        raise SourceError(
            f"no images in {str(root)!r}: looked below it for files ending in {', '.join(sorted(SUFFIXES))}."
        )
    return records


def _walk(root: Path) -> Iterator[tuple[str, ...]]:
    def fail(error: OSError) -> None:
        raise SourceError(f"{error.filename!r} cannot be listed: {error.strerror}.") from error

    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=fail):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        above = Path(folder).relative_to(root).parts
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                yield (*above, name)


def _record(root: Path, parts: tuple[str, ...], has_splits: bool) -> ImageRecord:
    split = SPLITS[parts[0].lower()] if has_splits and len(parts) > 1 else None
    classes = parts[1:-1] if split else parts[:-1]
    label = to_text(classes[0]) if classes else None
    return ImageRecord(to_text("/".join(parts)), root.joinpath(*parts), label, split)


def to_text(name: str) -> str:
    """Return a file name as text that can be written as UTF-8; bytes that are none become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
