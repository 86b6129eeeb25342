"""A folder of images, with a folder a class in it, or parts above these, or none."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cnncodes.disk import TABLES, check_open_files
from cnncodes.errors import ResultWarning, SourceError, name_some, sentence, warn
from cnncodes.images.endings import (
    advise_of_arrow,
    find_suffixes,
    get_ending,
    may_be_picture,
    say_passed_over,
    say_tables,
)
from cnncodes.images.keys import make_unique, to_text
from cnncodes.images.records import ImageRecord, NoImage

_ADVICE = (
    "See to it that it can be, move it out, or begin its name with a point: hidden folders are passed over."
    " ('embed' and 'predict' go on without it, and count it as an image that cannot be read.)"
)

#: So many entries of a folder say mostly whether it holds pictures.
_LOOKED_AT = 100

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def list_folder(root: Path, *, unlisted: str = "error") -> list[ImageRecord]:
    """Return the images below a folder.

    ``cat/1.jpg`` has the label ``cat``; ``train/cat/1.jpg`` too, in the part ``train``, where every
    folder at the top is a part; an image at the top has no label. Hidden names are passed over, and a
    folder that links lead to more than once is listed once.

    Parameters
    ----------
    root : Path
    unlisted : {"error", "record"}
        What a folder below it is that cannot be listed: an error, or a record of no label, whose key ends in
        a slash and whose data are a `NoImage`.

    Raises
    ------
    SourceError
        If there is no image, or folders that can be nothing but parts lie beside others, or one cannot be
        listed.
    ShortageError
        If too many files are open.

    Warns
    -----
    ResultWarning
        If files are passed over that may be pictures by their names, or tables that may be what was meant:
        `cnncodes.images.endings` says which.
    """
    others: Counter[str] = Counter()
    tables: list[str] = []
    suffixes = find_suffixes()
    closed: dict[str, str] = {}
    found = list(_walk(root, suffixes, others, tables, closed if unlisted == "record" else None))
    passed_over = say_passed_over(others)
    found.sort(key=lambda name: name.replace("/", "\0"))  # a folder's files stand together
    tops = {name.partition("/")[0] for name in found if "/" in name}
    has_splits = _has_splits(root, tops)
    if not found:
        raise SourceError(
            f"no images in {str(root)!r}: looked below it for files ending in {', '.join(sorted(suffixes))}."
            + (f" {passed_over}." if passed_over else "")
            + (f" {name_some(list(closed))} cannot be listed." if closed else "")
            + _advise_of_tables(root, sorted(tables))
            + advise_of_arrow(others)
        )
    if passed_over:
        warn(f"{str(root)!r}: {passed_over}", ResultWarning)
    # Two names may read alike once their bytes are escapes.
    keys = make_unique([to_text(name) for name in found])
    meanings = {
        folder: _read_folder(folder, has_splits) for folder in {name.rpartition("/")[0] for name in found}
    }
    labelled = all(label is not None for label, _ in meanings.values())
    if told := say_tables(root, tables, labelled=labelled):
        warn(f"{str(root)!r}: {told}", ResultWarning)
    above = os.path.join(root, "")
    records = [
        ImageRecord(key, above + name, *meanings[name.rpartition("/")[0]])
        for name, key in zip(found, keys, strict=True)
    ]
    for name, reason in closed.items():
        part = _read_folder(name.rstrip("/"), has_splits)[1]
        said = f"the folder cannot be listed: {reason}; see to it that it can be, or move it out"
        records.append(ImageRecord(to_text(name), NoImage(said), split=part))
    return records


def find_tables(root: Path) -> list[str]:
    """Return the tables below a folder, sorted; none where it holds a picture, or cannot be listed whole."""
    tables: list[str] = []
    closed: dict[str, str] = {}
    suffixes = find_suffixes()
    try:
        if _begins_with_picture(root, suffixes):
            return []
        holds_picture = any(True for _ in _walk(root, suffixes, Counter(), tables, closed))
    except (OSError, SourceError):  # which is told where it is opened
        return []
    return [] if holds_picture or closed else sorted(tables)


def _begins_with_picture(root: Path, suffixes: frozenset[str]) -> bool:
    """Tell whether a picture is among the first files of a folder, of which a million need not be listed."""
    with os.scandir(root) as entries:
        return any(
            get_ending(entry.name) in suffixes and not entry.name.startswith(".") and entry.is_file()
            for entry in itertools.islice(entries, _LOOKED_AT)
        )


def _advise_of_tables(root: Path, names: list[str]) -> str:
    if not names or (root / "manifest.json").exists():  # codes list no pictures
        return ""
    if len(names) == 1:
        return f" It holds a table: give that, {os.path.join(root, names[0])!r}."
    first = os.path.join(root, names[0])
    return (
        f" It holds {len(names):,} tables: give one of them, such as {first!r}. They are read together"
        " where all are Parquet files in one folder, named as train-00000-of-00002.parquet, by their part, as"
        " test.parquet, or by Spark."
    )


def _has_splits(root: Path, tops: set[str]) -> bool:
    """Say whether the folders at the top are parts; one class may well be called ``train``."""
    parts = {SPLITS[top.lower()] for top in tops if top.lower() in SPLITS}
    others = sorted(top for top in tops if top.lower() not in SPLITS)
    if others and "train" in parts and len(parts) > 1:
        raise SourceError(
            f"{str(root)!r} holds train and {', '.join(sorted(parts - {'train'}))}, and beside them"
            f" {', '.join(others[:3])}: are the folders parts or classes? Move what is not meant elsewhere."
        )
    return bool(tops) and not others


def _walk(
    root: Path,
    suffixes: frozenset[str],
    others: Counter[str],
    tables: list[str],
    closed: dict[str, str] | None,
) -> Iterator[str]:
    """Yield names of images relative to the root, their parts joined by slashes; count other endings.

    `tables` takes the names of such as may list images. `closed` takes the folders below the root that cannot
    be listed, with the reason; without it they are an error.
    """

    # With a list of what is to do: os.walk calls itself for each level, which has an end at a thousand.
    top = os.path.join(root, "")
    seen, waiting = set(), [""]
    while waiting:
        above = waiting.pop()
        real = os.path.realpath(top + above)
        if real in seen:  # a link back up, or to what was listed before
            continue
        seen.add(real)
        try:
            folders, files = _list_entries(top + above)
        except OSError as error:
            check_open_files(f"{top + above!r} cannot be listed", error)
            reason = error.strerror or str(error)
            if not above:
                raise SourceError(f"{str(root)!r} cannot be listed: {sentence(reason)}") from error
            if closed is None:
                raise SourceError(
                    f"{top + above!r} cannot be listed: {sentence(reason)} {_ADVICE}"
                ) from error
            closed[above] = reason
            continue
        for name in files:
            ending = get_ending(name)
            if ending in suffixes:
                yield above + name
            elif ending in TABLES:
                tables.append(above + name)
            elif may_be_picture(name):
                others[ending] += 1
        # Links last: a folder is listed in its own place rather than where a link beside it leads.
        waiting += [f"{above}{name}/" for _, name in sorted(folders, reverse=True)]


def _list_entries(folder: str) -> tuple[list[tuple[bool, str]], list[str]]:
    """Return the folders in a folder, each with whether it is a link, and its files; but no hidden ones."""
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _leads_to_folder(entry):
                folders.append((entry.is_symlink(), entry.name))
            else:
                files.append(entry.name)
    return folders, files


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in circles
        return False


def _read_folder(folder: str, has_splits: bool) -> tuple[str | None, str | None]:
    """Return the label and part of the images in a folder."""
    parts = folder.split("/") if folder else []
    split = SPLITS.get(parts[0].lower()) if has_splits and parts else None
    classes = parts[1:] if split else parts
    return (to_text(classes[0]) if classes else None), split
