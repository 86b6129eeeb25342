"""``cnncodes codes select``: a part of a dataset as a dataset of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from cnncodes.commands import common
from cnncodes.commands.command import Command, Result
from cnncodes.commands.merging import HELP_NEW_CODES, describe_failures, warn_of_incomplete
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.errors import UsageError, count
from cnncodes.schema import option


@dataclass(frozen=True, kw_only=True)
class SelectOptions:
    """Options of ``cnncodes codes select``."""

    codes: str = option("A .codes dataset.")
    out: str = option(HELP_NEW_CODES, short="-o", metavar="FOLDER")
    split: tuple[str, ...] = option(
        "Keep the images of this part; may be given several times.", default=(), metavar="PART"
    )
    label: tuple[str, ...] = option(
        "Keep the images with this label; may be given several times.",
        default=(),
        metavar="LABEL",
    )
    images: str | None = option(
        "Keep the images that this file names, a line each, as the column 'image' has them.",
        default=None,
        metavar="FILE",
    )
    views: str | None = option(
        "Keep the views of this plan, a part of the stored one: center, flip, train:2, or a .toml file.",
        default=None,
        metavar="PLAN",
        check=common.check_views,
    )
    layers: str | None = option(
        "Keep the codes of these layers, A,B, in this order, of a dataset that has several.",
        default=None,
        metavar="NAMES",
    )


def run_select(options: SelectOptions, reporter: Reporter) -> Result:
    """Write some of a dataset's rows, or a part of their codes, as a new dataset."""
    from cnncodes.store.locking import find_writer
    from cnncodes.store.selecting import select_codes

    started = time.perf_counter()
    writer = find_writer(Path(options.codes))
    _check_any(options)
    selected = select_codes(
        options.codes,
        options.out,
        split=options.split,
        label=options.label,
        images=None if options.images is None else read_keys(Path(options.images)),
        views=options.views,
        layers=() if options.layers is None else options.layers.split(","),
        on_progress=reporter.progress("selecting", "rows"),
    )
    if not selected.manifest.complete:
        warn_of_incomplete(reporter, options.codes, writer, options.out)
    if selected.failures_left:
        reporter.note(
            f"images of {options.codes} that failed are left out ({selected.failures_left}): it does not know"
            " their part and label"
        )
    shards = selected.manifest.shards
    return {
        "out": options.out,
        "images": sum(shard.images for shard in shards),
        "rows": sum(shard.rows for shard in shards),
        "failures": selected.failures,
        "shards": len(shards),
        "complete": selected.manifest.complete,
        "space": selected.manifest.space.to_dict(),
        "seconds": round(time.perf_counter() - started, 3),
    }


def _check_any(options: SelectOptions) -> None:
    if not (options.split or options.label or options.images or options.views or options.layers):
        raise UsageError(
            "nothing says what to select: give --split, --label, --images, --views or --layers, or several."
        )


def read_keys(path: Path) -> list[str]:
    """Read the names of images, a line each; empty lines are passed over.

    Raises
    ------
    UsageError
        If the file cannot be read, is not UTF-8, or names nothing.
    """
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except OSError as error:
        raise UsageError(f"cannot read the list of images {str(path)!r}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the list of images {str(path)!r} is not UTF-8 text: {error.reason} at byte {error.start}. Give"
            " names a line each."
        ) from error
    keys = [line.removesuffix("\r") for line in lines]
    if not any(keys):
        raise UsageError(f"the list of images {str(path)!r} names none. Give names a line each.")
    return [key for key in keys if key]


def render_select(result: Result) -> str:
    """Say what the new dataset holds."""
    return (
        f"{count(result['images'], 'image')}, {count(result['rows'], 'row')} of"
        f" {result['space']['code_size']:,} numbers"
        f"{describe_failures(result['failures'])}, in {format_seconds(result['seconds'])}.\n"
        f"Codes: {result['out']}\n"
    )


CODES_SELECT = Command(
    name="codes select",
    options=SelectOptions,
    run=run_select,
    render=render_select,
    summary="Make a codes dataset of a part of another: of images, views or layers.",
    example="cnncodes codes select photos.codes --split train --views center -o train.codes",
    results=("out", "images", "rows"),
)
