"""What is given as a source of images, checked before anything is read of it or made for it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cnncodes.disk import TABLES
from cnncodes.errors import SourceError, check_path
from cnncodes.images.endings import advise_of_arrow, advise_of_plugins, find_suffixes, get_ending, is_archive
from cnncodes.images.keys import is_url
from cnncodes.images.meant import find_meant
from cnncodes.images.opening import begins_as_image

#: An address that was made a path, which leaves out a slash.
_SHORTENED = re.compile(r"([A-Za-z][A-Za-z0-9+]+):/(?!/)(.+)")
_STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
#: So much of a file says which format it may be of.
_HEAD = 64


def check_place(src: str | Path) -> None:
    """Raise `SourceError` where a source is nothing on a disk, and say what was meant where that shows."""
    check_path(src, "the source of images")
    text = str(src)
    if is_url(text) or (not os.path.lexists(text) and _SHORTENED.fullmatch(text)):
        address = text if is_url(text) else _SHORTENED.sub(r"\1://\2", text)
        raise SourceError(
            f"{address!r} is an address: download the images first and give their folder, or the table that"
            " lists them."
        )
    if text.startswith(_STREAMS) or (text == "-" and not os.path.lexists(text)):
        raise SourceError(
            f"{text!r} is a stream, as of standard input, and a source is read more than once: give a folder"
            " of images, or a table as a file."
        )
    if not os.path.exists(text):
        raise SourceError(
            f"there is nothing at {text!r}: expected a folder of images or a table.{_advise(text)}"
        )


def _advise(text: str) -> str:
    """Return the sentence that helps where there is nothing, empty where nothing can be said."""
    if meant := find_meant(text):
        return f" There is something at {meant.path!r}, {meant.how}: was that meant?"
    if re.search(r"[*?[]", text):
        return (
            " A pattern is not looked up: give one folder, the one above what it matches, or a table that"
            " lists the images."
        )
    return ""


def check_no_archive(path: Path) -> None:
    """Raise `SourceError` where a file holds others, packed."""
    if is_archive(path.name):
        raise SourceError(f"{str(path)!r} is an archive, which is no source: unpack it, and give the folder.")


def check_image(path: Path) -> None:
    """Raise `SourceError` where a file that is no table is no image either, by its ending or its first bytes.

    What says that it is an image and is none is a failure of that image.
    """
    check_no_archive(path)
    if get_ending(path.name) in find_suffixes():
        return
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:  # which is told where the image is read
        return
    if not begins_as_image(head):
        ending = get_ending(path.name)
        if advice := advise_of_plugins([ending]):
            raise SourceError(f"{str(path)!r} cannot be read: {advice}.")
        *others, last = TABLES
        raise SourceError(
            f"{str(path)!r} is neither an image of a format that is read nor a table ({', '.join(others)} or"
            f" {last}): give a folder of images, one image, or a table that lists images."
            + advise_of_arrow([ending])
        )
