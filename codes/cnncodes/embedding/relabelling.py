"""Labels, parts and groups of images that are stored, where the source says others now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cnncodes.errors import ResultWarning, warn
from cnncodes.images import ImageSource
from cnncodes.store import Index, StoredImage
from cnncodes.store.records import LABELS, Labels, labels_of

#: What users call them.
_WORDS = {"label": "label", "split": "part", "group": "group"}


def find_relabelled(source: ImageSource, known: Index, keys: Collection[str]) -> dict[str, Labels]:
    """Return, of some images that are stored, the labels of those of which the source says others now."""
    if not keys:
        return {}
    return {
        record.key: labels_of(record)
        for record in source.records
        if record.key in keys and record.key in known and known.state(record.key)[2] != labels_of(record)
    }


def warn_of_leak(relabelled: Mapping[str, Labels], before: Mapping[str, StoredImage]) -> None:
    """Warn where images that the principal colours may have been computed from are for testing now."""
    moved = [
        key
        for key, (_, split, _) in relabelled.items()
        if split in ("val", "test") and before[key].split in (None, "train")
    ]
    if moved:
        warn(
            f"{len(moved)} images are of another part than 'train' now, {moved[0]!r} for one, and the view"
            " plan's principal colours may have been computed from them, among others. Embed into another"
            " folder to have them computed anew.",
        )


def warn_of_loss(source: ImageSource, known: Index) -> None:
    """Warn where stored images have labels, parts or groups, and the source has none any more at all.

    A column that was forgotten once is likelier than a wish to have none.
    """
    for position, name in enumerate(LABELS):
        word, option = _WORDS[name], f"{name}_column"
        if any(labels[position] is not None for labels in known.known_labels()) and not any(
            labels_of(record)[position] is not None for record in source.records
        ):
            warn(
                f"stored images have a {word}, and in {source.name!r} no image has one: the codes lose all of"
                f" their {word}s. To have them back, run the same command again with the column or the"
                f" folders that they came from (--{name}-column, in Python {option}).",
                ResultWarning,
            )
