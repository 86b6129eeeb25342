"""Images: where they come from, and how they become pixels."""

from __future__ import annotations

from cnncodes.images.content import content_hash
from cnncodes.images.copies import (
    DrawnTogether,
    are_copies_alone,
    draw_together,
    hash_contents,
    say_equal,
)
from cnncodes.images.decoding import Decoding, decode
from cnncodes.images.file_stats import FileStat
from cnncodes.images.grouping import (
    GROUP,
    connect,
    join_equal,
    list_groups,
    name_groups,
    name_joined,
    number_names,
)
from cnncodes.images.omission import tell_omitted
from cnncodes.images.records import ImageRecord, RowBytes
from cnncodes.images.sources import ImageSource, open_source, records_from

__all__ = [
    "GROUP",
    "Decoding",
    "DrawnTogether",
    "FileStat",
    "ImageRecord",
    "ImageSource",
    "RowBytes",
    "are_copies_alone",
    "connect",
    "content_hash",
    "decode",
    "draw_together",
    "hash_contents",
    "join_equal",
    "list_groups",
    "name_groups",
    "name_joined",
    "number_names",
    "open_source",
    "records_from",
    "say_equal",
    "tell_omitted",
]
