"""``cnncodes codes merge``: several datasets into one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from cnncodes.commands.command import Command, Result
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.errors import UsageError, count
from cnncodes.schema import option

HELP_NEW_CODES = "Folder of the new dataset; nothing may be there yet."


def _check_several(paths: tuple[str, ...]) -> None:
    if len(paths) < 2:
        raise UsageError(f"two datasets or more are needed. Got {len(paths)}.")


@dataclass(frozen=True, kw_only=True)
class MergeOptions:
    """Options of ``cnncodes codes merge``."""

    codes: tuple[str, ...] = option(
        "Two .codes datasets or more, of one network, plan and precision.", check=_check_several
    )
    out: str = option(HELP_NEW_CODES, short="-o", metavar="FOLDER")


def run_merge(options: MergeOptions, reporter: Reporter) -> Result:
    """Write the rows and failures of several datasets as one."""
    from cnncodes.store.locking import find_writer
    from cnncodes.store.merging import merge_codes

    started = time.perf_counter()
    writers = {Path(folder): find_writer(Path(folder)) for folder in options.codes}
    merged = merge_codes(options.codes, options.out, on_progress=reporter.progress("merging", "rows"))
    for folder in merged.incomplete:
        warn_of_incomplete(reporter, folder, writers[folder], options.out)
    shards = merged.manifest.shards
    return {
        "out": options.out,
        "datasets": len(options.codes),
        "images": sum(shard.images for shard in shards),
        "rows": sum(shard.rows for shard in shards),
        "shared": merged.shared,
        "failures": merged.failures,
        "shards": len(shards),
        "complete": not merged.incomplete,
        "seconds": round(time.perf_counter() - started, 3),
    }


def render_merge(result: Result) -> str:
    """Say what the new dataset holds."""
    shared = f"; {result['shared']:,} in several of them are kept once" if result["shared"] else ""
    return (
        f"{count(result['images'], 'image')}, {count(result['rows'], 'row')} of"
        f" {count(result['datasets'], 'dataset')}"
        f"{describe_failures(result['failures'])}{shared}, in {format_seconds(result['seconds'])}.\n"
        f"Codes: {result['out']}\n"
    )


def warn_of_incomplete(
    reporter: Reporter, codes: str | Path, writer: str | None, out: str | None = None
) -> None:
    """Warn that a dataset's job did not finish, or has not yet.

    Parameters
    ----------
    reporter : Reporter
    codes : path
    writer : str or None
        Who was writing it before it was read, as `find_writer` says it.
    out : str, optional
        What inherits that.
    """
    state = f"{codes} was being written by {writer}"
    if writer is None:
        state = f"the job that wrote {codes} did not come to its end"
    follows = f", and {out} counts as incomplete too" if out else ""
    reporter.warn(f"{state}: images may be missing{follows}")


def describe_failures(count: int) -> str:
    """Return the words for images without codes, empty where there are none.

    Examples
    --------
    >>> describe_failures(2)
    ', 2 failures'
    """
    return f", {count:,} failure{'s' if count > 1 else ''}" if count else ""


CODES_MERGE = Command(
    name="codes merge",
    options=MergeOptions,
    run=run_merge,
    render=render_merge,
    summary="Make one codes dataset of several of one network and plan.",
    example="cnncodes codes merge monday.codes tuesday.codes -o both.codes",
    results=("out", "images", "rows"),
)
