"""Opening the images that a command is given, and choosing the part of them to work on."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.commands.suspicious_labels import warn_of_labels
from cnncodes.commands.tasks import find_table, is_table
from cnncodes.errors import SourceError, UsageError, agree, name_some
from cnncodes.schema import flag

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.backbones import Backbone
    from cnncodes.commands.common import SourceOptions
    from cnncodes.commands.reporter import Reporter
    from cnncodes.images import ImageRecord, ImageSource


def open_backbone(
    name: str,
    precision: str | None,
    reporter: Reporter,
    *,
    layer: str | None = None,
    pool: str | None = None,
    provider: str | None = None,
) -> Backbone:
    """Load a network as `load_backbone` does; what ``auto`` chose is said."""
    from cnncodes.backbones import load_backbone

    chosen = provider if provider in ("auto", None) else (provider,)
    backbone = load_backbone(name, precision=precision, layer=layer, pool=pool, providers=chosen)
    if "auto" in (provider, precision):
        reasons = f" ({'; '.join(backbone.passed_over)})" if backbone.passed_over else ""
        reporter.note(f"auto: {backbone.precision} on {backbone.providers[0]}{reasons}")
    return backbone


def open_images(
    src: str,
    reading: SourceOptions,
    *,
    by_class: bool = True,
    unlisted: str = "error",
    tells_foreign: bool = True,
) -> ImageSource:
    """Open a source of images; one image file is a source of one.

    Installed plugins of Pillow are registered, which in Python is the program's to do. `by_class` is false
    where its labels are numbers to predict; `unlisted` and `tells_foreign` as in `open_source`.
    """
    from cnncodes.images import open_source
    from cnncodes.images.places import check_image, check_place
    from cnncodes.images.plugins import register_installed

    register_installed()
    check_place(src)
    path = Path(src)
    if is_codes(path):
        raise UsageError(f"{src!r} is a codes dataset; give the images, or the table that lists them.")
    if (codes := _find_dataset(path)) is not None:
        raise UsageError(
            f"{src!r} is a part of the codes dataset {str(codes)!r}; give the images, or the table that lists"
            " them."
        )
    is_image = os.path.isfile(path) and not is_table(path)
    if is_image:
        check_image(path)
    if is_image or not is_table(path):
        check_no_columns(src, reading)
    if is_image:
        return _divide(dataclasses.replace(open_source([path]), name=src), reading, by_class=by_class)
    source = open_source(
        path,
        path_column=reading.path_column,
        label_column=reading.label_column,
        split_column=reading.split_column,
        group_column=reading.group_column,
        unlisted=unlisted,
        tells_foreign=tells_foreign,
    )
    return _divide(source, reading, by_class=by_class)


def check_no_columns(src: str, reading: SourceOptions) -> None:
    """Raise where a column is named, and there is no table to have it."""
    if not os.path.lexists(src):  # which is told where it is opened
        return
    if getattr(reading, "src", src) != src:  # another source beside: the columns are those of the first
        return
    for field in dataclasses.fields(reading):
        if field.name.endswith("_column") and getattr(reading, field.name) != field.default:
            raise UsageError(
                f"{flag(field)} names a column of a table, and {src!r} is none. Give a table (.csv, .tsv or"
                f" .parquet), or leave {flag(field)} out."
            )


def _divide(source: ImageSource, reading: SourceOptions, *, by_class: bool) -> ImageSource:
    from cnncodes.images.holdout import hold_out

    if reading.holdout is None:
        return source
    if all(record.label is None and record.split is None for record in source.records):
        raise SourceError(
            f"--holdout divides labelled images, and no image of {source.name!r} has a label. Leave --holdout"
            " out, or give a folder of class folders or a table with labels."
        )
    return hold_out(source, reading.holdout, by_class=by_class)


def is_codes(path: str | Path) -> bool:
    """Tell whether a path is a codes dataset."""
    if not os.path.isdir(path):  # and not as Path asks, which raises where a folder cannot be searched
        return False
    from cnncodes.store.entries import list_shards

    # Shards without a manifest are one that is damaged, as opening it says.
    return os.path.isfile(Path(path) / "manifest.json") or bool(list_shards(Path(path)))


def _find_dataset(path: Path) -> Path | None:
    """Return the codes dataset that a file or folder is a part of, None where it is of none."""
    from cnncodes.store.entries import FAILURES_NAME, SHARD_NAME

    path = Path(os.path.abspath(path))
    if path.name in ("data", FAILURES_NAME):
        folder = path.parent
    elif SHARD_NAME.fullmatch(path.name) and path.parent.name == "data":
        folder = path.parent.parent
    else:
        return None
    return folder if os.path.lexists(path) and is_codes(folder) else None


def choose_split(wanted: str | None, present: Iterable[str | None], preferred: str) -> str | None:
    """Return the part to work on: the one wanted, else `preferred` if the source has parts at all.

    Parameters
    ----------
    wanted : str or None
        ``"all"`` means every image.
    present : iterable of str or None
        The part of each image.
    preferred : str
        What is taken where nothing was said.

    Raises
    ------
    SourceError
        If the source has no such part.

    Examples
    --------
    >>> choose_split(None, ["train", "test"], "test"), choose_split(None, [None], "test")
    ('test', None)
    """
    parts = {part for part in present if part is not None}
    if wanted == "all":
        return None
    if wanted is None:
        if parts and preferred not in parts:
            raise SourceError(
                f"the source has parts ({', '.join(sorted(parts))}) but no {preferred!r}: say which with"
                " --split, or give --split all for every image."
            )
        return preferred if parts else None
    if wanted not in parts:
        found = f"its parts are {', '.join(sorted(parts))}" if parts else "it has no parts at all"
        advice = "Give --split all for every image" + ("." if parts else ", or --holdout 0.25 to make parts.")
        raise SourceError(f"the source has no part {wanted!r}: {found}. {advice}")
    return wanted


def labelled_part(
    src: str,
    reading: SourceOptions,
    split: str | None,
    preferred: str,
    reporter: Reporter,
    *,
    by_class: bool = True,
) -> tuple[list[ImageRecord], str | None]:
    """Return the labelled images of one part of a source, and the part's name; warn of those left out.

    `by_class` is false where its labels are numbers to predict.

    Raises
    ------
    SourceError
        If there are none.
    """
    source = open_images(src, reading, by_class=by_class)
    return take_part(source, src, reading, split, preferred, reporter, by_class=by_class)


def take_part(
    source: ImageSource,
    src: str,
    reading: SourceOptions,
    split: str | None,
    preferred: str,
    reporter: Reporter,
    *,
    by_class: bool = True,
) -> tuple[list[ImageRecord], str | None]:
    """Return what `labelled_part` does, of a source that is open."""
    from cnncodes.images import tell_omitted

    found, records, part = list_labelled(source, src, reading, split, preferred)
    for text in tell_omitted(found, by_part=part is not None):
        reporter.warn(text)
    if by_class:
        warn_of_labels(records, reporter)
    return records, part


def list_labelled(
    source: ImageSource, src: str, reading: SourceOptions, split: str | None, preferred: str
) -> tuple[list[ImageRecord], list[ImageRecord], str | None]:
    """Return the images that may be meant by a part of a source, its labelled ones, and the part's name.

    Raises
    ------
    SourceError
        If there are none that are labelled.
    """
    part = choose_split(split, (record.split for record in source.records), preferred)
    found = [record for record in source.records if part is None or record.split in (part, None)]
    records = [record for record in found if record.label is not None and part in (None, record.split)]
    if not records:
        where = f" in its part {part!r}" if part else ""
        expected = (
            "these codes were stored without labels."
            if is_codes(src)
            else f"expected one folder a class, or a table with a column {reading.label_column!r}."
        )
        why = say_unlabelled(src, reading, found) or expected
        raise SourceError(f"{src!r} holds no labelled images{where}: {why}")
    return found, records, part


def say_unlabelled(src: str, reading: SourceOptions, found: Sequence[ImageRecord]) -> str | None:
    """Return why images, none of which has a label, have none; None where that is not known."""
    from cnncodes.images.table_files import read_table

    column, table = reading.label_column, find_table(src)
    if not found or table is None:
        return None
    names = read_table(table, {column}).names
    if column in names:
        return f"all {len(found):,} cells of its column {column!r} are empty."
    others = [n for n in names if n not in (reading.path_column, reading.split_column, reading.group_column)]
    if not others:
        return None
    numbers = ", or --target for numbers to predict" if hasattr(reading, "target") else ""
    return (
        f"it has no column {column!r}, but {name_some(others)}: say by --label-column which holds the"
        f" classes{numbers}."
    )


def count_trained(
    reading: SourceOptions, trained_on: npt.NDArray[np.bool_], readable: int, reporter: Reporter
) -> int:
    """Return how many of the images to evaluate on were trained on, and warn if any.

    Of a fine-tuning, those that chose its epoch, or which of two classifiers is kept, are among them.
    """
    count = int(trained_on.sum())
    if count:
        others = "Evaluate on others (--split, --holdout)"
        if reading.holdout is not None:
            others = (
                "--holdout holds out what the fit did only with the same share, columns (--group-column among"
                " them) and images as there"
            )
        reporter.warn(
            f"{count} of these {readable} images {agree(count, 'was')} trained on, or chosen by: the"
            f" figures flatter. {others}"
        )
    return count
