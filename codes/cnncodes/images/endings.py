"""Endings of files' names: which are those of pictures, and what is said of files that have others."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cnncodes.disk import TABLES
from cnncodes.errors import agree, count, name_some
from cnncodes.images.plugins import PLUGINS, say_unread

#: Endings that are taken for pictures, in any case.
SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"),
        *(".jp2", ".ppm", ".pgm", ".ico", ".qoi"),
    }
)
#: Endings of files that hold other files, or are packed.
_ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
#: Endings of what lies beside pictures and is none: text, tables, settings, programs, codes and models.
_BESIDE = frozenset(
    {
        *(".txt", ".md", ".rst", ".html", ".htm", ".css", ".js", ".log", ".xml", ".xmp", ".aae", ".thm"),
        *(*TABLES, ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".db"),
        *(".py", ".pyc", ".ipynb", ".sh", ".bat", ".m", ".npy", ".npz", ".mat", ".pkl", ".h5", ".lock"),
        *(".cnncodes", ".onnx", ".pt", ".pth", ".safetensors", ".md5", ".sha1", ".sha256", ".tmp", ".part"),
    }
)
_NAMES_BESIDE = frozenset({"readme", "license", "licence", "copying", "notice", "makefile", "md5sums"})
#: Endings of tables of Arrow, which are not read.
_ARROW = frozenset({".arrow", ".feather", ".ipc"})
#: So many endings are named.
_SHOWN = 4


def find_suffixes() -> frozenset[str]:
    """Return the endings that are taken for pictures now, with those of plugins that are registered."""
    pillow = sys.modules.get("PIL.Image")  # where nobody has loaded it, nobody has registered anything
    opened = {} if pillow is None else pillow.OPEN
    return SUFFIXES.union(*(plugin.endings for name, plugin in PLUGINS.items() if name in opened))


def needs_plugin(name: str) -> bool:
    """Tell whether a file's ending is that of a picture only where a plugin is registered.

    Examples
    --------
    >>> needs_plugin("a.HEIC"), needs_plugin("a.jpg")
    (True, False)
    """
    return any(get_ending(name) in plugin.endings for plugin in PLUGINS.values())


def advise_of_plugins(endings: Iterable[str]) -> str:
    """Return which plugins read files with these endings; empty where none is known.

    Examples
    --------
    >>> advise_of_plugins([".pdf", ".jxl"])[:17]
    '.jxl is read once'
    """
    found = set(endings)
    met = [(plugin, sorted(found.intersection(plugin.endings))) for plugin in PLUGINS.values()]
    return "; ".join(say_unread(", ".join(its), plugin, len(its)) for plugin, its in met if its)


def say_needed(name: str) -> str:
    """Return why a file that takes a plugin is not read; empty where it takes none by its ending.

    Examples
    --------
    >>> say_needed("a.jpg")
    ''
    """
    ending = get_ending(name)
    return "; ".join(say_unread(ending, plugin) for plugin in PLUGINS.values() if ending in plugin.endings)


def may_be_picture(name: str) -> bool:
    """Tell whether a file whose ending is not known may be a picture all the same.

    Examples
    --------
    >>> [may_be_picture(name) for name in ("a.heic", "b.pdf", "c", "labels.csv", "README", "Thumbs.db")]
    [True, True, True, False, False, False]
    """
    return get_ending(name) not in _BESIDE and name.lower() not in _NAMES_BESIDE


def is_archive(name: str) -> bool:
    """Tell whether a file is packed, by its ending.

    Examples
    --------
    >>> is_archive("photos.tar.gz"), is_archive("photos.ZIP"), is_archive("a.jpg")
    (True, True, False)
    """
    return get_ending(name) in _ARCHIVES


def get_ending(name: str) -> str:
    """Return the ending of a name in small letters; empty where there is none."""
    return os.path.splitext(name)[1].lower()


def say_tables(root: Path, tables: Sequence[str], *, labelled: bool) -> str:
    """Return what is to be said of tables in a folder of pictures; empty where there is nothing.

    Parameters
    ----------
    root : Path
    tables : sequence of str
        Names below it.
    labelled : bool
        Whether each picture's folder gives its label: then a text beside them is hardly what was meant, while
        of Parquet it may hold pictures itself.
    """
    of_codes = {folder: _is_of_codes(root, folder) for folder in {os.path.dirname(name) for name in tables}}
    names = sorted(
        name
        for name in tables
        if not of_codes[os.path.dirname(name)] and not (labelled and get_ending(name) != ".parquet")
    )
    if not names:
        return ""
    one = "it lists" if len(names) == 1 else "one of them lists"
    such = f"it as the source: {os.path.join(root, names[0])!r}"
    if len(names) > 1:
        such = f"that as the source, such as {os.path.join(root, names[0])!r}"
    return (
        f"{count(len(names), 'table')} {agree(len(names), 'is')} passed over, since there are pictures:"
        f" {name_some(names)}. If {one} the images that are meant, give {such}"
    )


def _is_of_codes(root: Path, folder: str) -> bool:
    """Tell whether a folder below the root is in codes, whose tables list no pictures."""
    return any((root / part / "manifest.json").exists() for part in (Path(folder), *Path(folder).parents))


def advise_of_arrow(endings: Iterable[str]) -> str:
    """Return what makes Parquet of tables of Arrow, where some have their endings; else nothing.

    Examples
    --------
    >>> advise_of_arrow([".jpg"]), advise_of_arrow([".feather"])[:29]
    ('', " Arrow's tables are not read:")
    """
    if not _ARROW.intersection(endings):
        return ""
    return (
        " Arrow's tables are not read: make Parquet of them, by Hugging Face's"
        " `datasets.load_from_disk(folder)` and `to_parquet('images.parquet')`, or of one file by"
        " `pyarrow.parquet.write_table(pyarrow.feather.read_table(file), 'images.parquet')`."
    )


def say_passed_over(endings: Mapping[str, int]) -> str:
    """Return what is to be said of files that were passed over; empty where there are none.

    Parameters
    ----------
    endings : mapping of str to int
        How many files have each ending.

    Examples
    --------
    >>> say_passed_over({".pdf": 1, ".tga": 2})
    '3 files are passed over, whose names do not end as those of pictures: .tga (2), .pdf (1)'
    """
    total = sum(endings.values())
    if not total:
        return ""
    most = sorted(Counter(endings).items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{ending or 'no ending'} ({number:,})" for ending, number in most[:_SHOWN])
    more = f" and {count(len(most) - _SHOWN, 'ending')} more" if len(most) > _SHOWN else ""
    advice = advise_of_plugins(endings)
    names, pictures = ("name", "a picture") if total == 1 else ("names", "pictures")
    return (
        f"{count(total, 'file')} {agree(total, 'is')} passed over, whose {names} {agree(total, 'does')} not"
        f" end as {agree(total, 'that')} of {pictures}: {shown}{more}" + (f". {advice}" if advice else "")
    )
