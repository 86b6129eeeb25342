"""What a dataset holds of what is asked for, found without reading codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cnncodes.errors import SourceError, UsageError, suggest, suggest_nearest
from cnncodes.store.manifest import Manifest
from cnncodes.store.shards import find_rows, look_into_shard

#: Of names that an error lists: a dataset may have thousands of labels.
_MOST_SHOWN = 20
#: What may be wanted of an image, by column: each a set of texts.
Criteria = Mapping[str, frozenset[str]]


def meet_criteria(table: pa.Table, criteria: Criteria) -> npt.NDArray[np.bool_]:
    """Tell for each row whether its image is wanted."""
    keep = np.ones(table.num_rows, dtype=bool)
    for column, wanted in criteria.items():
        keep &= find_rows(table, column, wanted)
    return keep


@dataclass(frozen=True)
class Census:
    """What a dataset holds of what is asked for.

    Attributes
    ----------
    rows : tuple of int
        For each shard, how many of its rows are of images that are wanted.
    images : int
        Of the whole dataset.
    found : dict
        For each column that something is asked of, the texts that it holds with the number of images.
    views : dict of str to int
        The views that rows show, by name, with their numbers.
    """

    rows: tuple[int, ...]
    images: int
    found: dict[str, Counter[str]]
    views: dict[str, int]


def take_census(folder: Path, manifest: Manifest, criteria: Criteria) -> Census:
    """Look at the images, labels, parts and views of a dataset."""
    found: dict[str, Counter[str]] = {column: Counter() for column in criteria}
    columns = ["image", "label", "split"]
    views: dict[str, int] = {}
    rows, images = [], 0
    for shard in manifest.shards:
        table = look_into_shard(folder, manifest, shard, [*columns, "view", "view_name"])
        rows.append(int(meet_criteria(table, criteria).sum()))
        one_each = table.group_by(columns).aggregate([])
        images += one_each.num_rows
        for column, counts in found.items():
            counts.update(str(text) for text in one_each.column(column).to_pylist() if text is not None)
        shown = table.group_by(["view_name", "view"]).aggregate([])
        names, numbers = shown.column("view_name").to_pylist(), shown.column("view").to_numpy().tolist()
        views.update(zip(map(str, names), numbers, strict=True))
    return Census(tuple(rows), images, found, views)


def check_census(census: Census, criteria: Criteria, failed: frozenset[str]) -> None:
    """Raise unless there is all that is asked for.

    Parameters
    ----------
    census : Census
    criteria : mapping of str to frozenset of str
    failed : frozenset of str
        Keys of the images without codes.

    Raises
    ------
    SourceError
        If no image has one of the parts or labels, or none has all that is asked for at once.
    UsageError
        If no image has one of the keys.
    """
    for column in [name for name in ("split", "label") if name in criteria]:
        for name in sorted(criteria[column] - census.found[column].keys()):
            raise SourceError(
                f"these codes have no {column} {name!r}. {_suggest(name, census.found[column])}"
            )
    if "image" in criteria:
        _check_images(criteria["image"], census, failed)
    if not any(census.rows):
        asked = " and ".join(_describe(column, wanted) for column, wanted in sorted(criteria.items()))
        raise SourceError(
            f"none of the {census.images} images with codes has all that is asked for"
            + (f": {asked}" if asked else "")
            + f".{_describe_found(census)}"
        )


def _check_images(wanted: frozenset[str], census: Census, failed: frozenset[str]) -> None:
    unknown = sorted(wanted - census.found["image"].keys() - failed)
    if unknown:
        nearest = suggest_nearest(unknown[0], census.found["image"])
        raise UsageError(
            f"{len(unknown)} of the {len(wanted)} images asked for are not in these codes, {unknown[0]!r} for"
            f" one. {nearest} Take them out of the list, or mend their names."
        )


def _suggest(name: str, known: Counter[str]) -> str:
    return suggest(name, known) if len(known) <= _MOST_SHOWN else suggest_nearest(name, known)


def _describe(column: str, wanted: frozenset[str]) -> str:
    if column == "image":
        return f"one of {len(wanted)} names"
    shown = " or ".join(map(repr, sorted(wanted)[:_MOST_SHOWN]))
    return f"the {column} {shown}" + (" …" if len(wanted) > _MOST_SHOWN else "")


def _describe_found(census: Census) -> str:
    lines = [
        f" By {column}: {', '.join(f'{name} {count}' for name, count in counts.most_common(_MOST_SHOWN))}."
        for column, counts in census.found.items()
        if column != "image" and counts
    ]
    return "".join(lines)
