"""A folder of images, with a folder a class in it, or parts above these, or none."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cnncodes.disk import TABLES, check_open_files
from cnncodes.errors import ResultWarning, SourceError, agree, count, name_some, sentence, warn
from cnncodes.images.endings import (
    advise_of_arrow,
    find_suffixes,
    get_ending,
    may_be_picture,
    needs_plugin,
    say_needed,
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


@dataclass
class _Beside:
    """What a folder holds beside the pictures that are listed.

    Attributes
    ----------
    others : Counter of str
        How many files have each other ending that pictures may have.
    foreign : list of str
        Names, among these, of files that a plugin would read.
    tables : list of str
        Names of such as may list images.
    doubled : list of str
        Folders passed over, since each is listed elsewhere.
    closed : dict of str
        Folders that cannot be listed, with the reason.
    """

    others: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)


def list_folder(
    root: Path,
    *,
    unlisted: str = "error",
    passed_over: list[ImageRecord] | None = None,
    tells_foreign: bool = True,
) -> list[ImageRecord]:
    """Return the images below a folder.

    ``cat/1.jpg`` has the label ``cat``; ``train/cat/1.jpg`` too, in the part ``train``, where every
    folder at the top is a part; an image at the top has no label. Hidden names are passed over. Links are
    followed. A folder is listed once, in its own place if that is below the root, or else by the first link;
    a file that links lead to is listed by each of them.

    Parameters
    ----------
    root : Path
    unlisted : {"error", "record"}
        What a folder below it is that cannot be listed: an error, or a record of no label, whose key ends in
        a slash and whose data are a `NoImage`.
    passed_over : list of ImageRecord, optional
        Takes the records of files that only a plugin of Pillow reads, which is not registered; their data are
        a `NoImage`.
    tells_foreign : bool
        Whether the warning of what is passed over counts these files; else the caller tells of each.

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
        `cnncodes.images.endings` says which. If a link leads to a folder that is listed elsewhere.
    """
    suffixes = find_suffixes()
    beside = _Beside()
    found = list(_walk(root, suffixes, beside, is_strict=unlisted == "error"))
    closed = beside.closed
    found.sort(key=_find_order)
    tops = {name.partition("/")[0] for name in found if "/" in name}
    has_splits = _has_splits(root, tops)
    if not found:
        told_others = say_passed_over(beside.others)
        raise SourceError(
            f"no images in {str(root)!r}: looked below it for files ending in {', '.join(sorted(suffixes))}."
            + (f" {told_others}." if told_others else "")
            + (f" {name_some(list(closed))} cannot be listed." if closed else "")
            + _advise_of_tables(root, sorted(beside.tables))
            + advise_of_arrow(beside.others)
        )
    others = beside.others if tells_foreign else beside.others - Counter(map(get_ending, beside.foreign))
    if told_others := say_passed_over(others):
        warn(f"{str(root)!r}: {told_others}", ResultWarning)
    if beside.doubled:
        warn(f"{str(root)!r}: {_say_doubled(sorted(beside.doubled))}", ResultWarning)
    # Two names may read alike once their bytes are escapes.
    keys = make_unique([to_text(name) for name in found])
    meanings = {
        folder: _read_folder(folder, has_splits) for folder in {name.rpartition("/")[0] for name in found}
    }
    labelled = all(label is not None for label, _ in meanings.values())
    if told := say_tables(root, beside.tables, labelled=labelled):
        warn(f"{str(root)!r}: {told}", ResultWarning)
    if passed_over is not None:
        passed_over += _make_foreign(sorted(beside.foreign, key=_find_order), has_splits)
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


def _make_foreign(names: Sequence[str], has_splits: bool) -> list[ImageRecord]:
    """Return the records of files that take a plugin which is not registered."""
    keys = make_unique([to_text(name) for name in names])
    # Once an ending: to look for what is installed takes longer than to list a file.
    needed = {ending: say_needed(name) for ending, name in {get_ending(n): n for n in names}.items()}
    return [
        ImageRecord(
            key,
            NoImage(needed[get_ending(name)]),
            *_read_folder(name.rpartition("/")[0], has_splits),
        )
        for name, key in zip(names, keys, strict=True)
    ]


def _find_order(name: str) -> str:
    return name.replace("/", "\0")  # a folder's files stand together


def find_tables(root: Path) -> list[str]:
    """Return the tables below a folder, sorted; none where it holds a picture, or cannot be listed whole."""
    beside = _Beside()
    suffixes = find_suffixes()
    try:
        if _begins_with_picture(root, suffixes):
            return []
        holds_picture = any(True for _ in _walk(root, suffixes, beside, is_strict=False))
    except (OSError, SourceError):  # which is told where it is opened
        return []
    return [] if holds_picture or beside.closed else sorted(beside.tables)


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


def _say_doubled(names: Sequence[str]) -> str:
    """Return what is to be said of links that lead to folders that are listed elsewhere."""
    n = len(names)
    links, folders = count(n, "link"), "a folder" if n == 1 else "folders"
    return (
        f"{links} to {folders} {agree(n, 'is')} passed over, since what lies there is listed in its own"
        f" place, or by another link, and has the label of that: {name_some(names)}"
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


def _walk(root: Path, suffixes: frozenset[str], beside: _Beside, *, is_strict: bool) -> Iterator[str]:
    """Yield names of images relative to the root, their parts joined by slashes; note what lies beside them.

    A folder below the root that cannot be listed is an error where it `is_strict`, and else noted.
    """

    # With a list of what is to do: os.walk calls itself for each level, which has an end at a thousand.
    top = os.path.join(root, "")
    seen: set[str] = set()
    waiting, links = [""], list[str]()
    while waiting or links:
        if not waiting:  # links last: a folder is listed in its own place rather than where a link leads
            waiting, links = sorted(links, reverse=True), []
        above = waiting.pop()
        real = os.path.realpath(top + above)
        if real in seen:  # a link back up, or to what was listed before
            beside.doubled.append(above.rstrip("/"))
            continue
        seen.add(real)
        try:
            folders, files = _list_entries(top + above)
        except OSError as error:
            check_open_files(f"{top + above!r} cannot be listed", error)
            reason = error.strerror or str(error)
            if not above:
                raise SourceError(f"{str(root)!r} cannot be listed: {sentence(reason)}") from error
            if is_strict:
                raise SourceError(
                    f"{top + above!r} cannot be listed: {sentence(reason)} {_ADVICE}"
                ) from error
            beside.closed[above] = reason
            continue
        for name in files:
            ending = get_ending(name)
            if ending in suffixes:
                yield above + name
            elif ending in TABLES:
                beside.tables.append(above + name)
            elif may_be_picture(name):
                beside.others[ending] += 1
                if needs_plugin(name):
                    beside.foreign.append(above + name)
        for is_link, name in sorted(folders, reverse=True):
            (links if is_link else waiting).append(f"{above}{name}/")


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
