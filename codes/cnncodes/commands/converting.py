"""``cnncodes codes convert``: codes for other tools."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from cnncodes.commands.command import Command, Result
from cnncodes.commands.merging import warn_of_incomplete
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.errors import count
from cnncodes.schema import option
from cnncodes.store.formats import FORMATS


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """Options of ``cnncodes codes convert``."""

    codes: str = option("A .codes dataset.")
    to: str = option(
        "npy: a folder of NumPy and Parquet files that clip-retrieval and autofaiss read; csv: one file.",
        short="-t",
        choices=tuple(FORMATS),
    )
    out: str = option("The new folder or file; nothing may be there yet.", short="-o", metavar="PATH")


def run_convert(options: ConvertOptions, reporter: Reporter) -> Result:
    """Write a dataset's rows in another format."""
    from cnncodes.store.converting import convert_codes
    from cnncodes.store.locking import find_writer

    started = time.perf_counter()
    writer = find_writer(Path(options.codes))
    on_progress = reporter.progress("converting", "rows")
    converted = convert_codes(options.codes, options.out, options.to, on_progress=on_progress)
    if not converted.complete:
        warn_of_incomplete(reporter, options.codes, writer)
    if converted.failures:
        reporter.note(
            f"images of {options.codes} that failed have no codes and so no row ({converted.failures})"
        )
    return {
        "out": options.out,
        "to": options.to,
        "rows": converted.rows,
        "files": converted.files,
        "complete": converted.complete,
        "seconds": round(time.perf_counter() - started, 3),
    }


def render_convert(result: Result) -> str:
    """Say what was written where."""
    files = f" in {result['files']:,} files" if result["files"] > 1 else ""
    return (
        f"{count(result['rows'], 'row')} as {result['to']}{files}, in {format_seconds(result['seconds'])}:"
        f" {result['out']}\n"
    )


CODES_CONVERT = Command(
    name="codes convert",
    options=ConvertOptions,
    run=run_convert,
    render=render_convert,
    summary="Write codes for other tools: as NumPy files with metadata, or as one CSV file.",
    example="cnncodes codes convert photos.codes --to csv -o photos.csv",
    results=("out", "rows", "files"),
)
