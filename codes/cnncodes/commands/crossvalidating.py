"""What ``cnncodes fit --cv`` adds: figures of images that heads had not seen."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from cnncodes.commands.command import Result
from cnncodes.commands.rendering import choose_renderer
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.series import doubt_folds, look_in_folds, render_folds_doubt
from cnncodes.errors import name_some
from cnncodes.plain import to_plain


@contextlib.contextmanager
def keep_codes(memory: str | None, needed: bool) -> Iterator[str | None]:
    """Yield a folder that keeps codes, so that those made once are not made again by the same command."""
    if not needed or memory is not None:
        yield memory
        return
    with tempfile.TemporaryDirectory(prefix="cnncodes-") as folder:
        yield folder


def run_folds(estimator: Any, data: Any, cv: int, repeats: int, src: str, reporter: Reporter) -> Result:
    """Cross-validate an estimator's parameters on what it was fitted on, records of `src` or codes."""
    from cnncodes.evaluation import cross_validate

    times = f", {repeats} times" if repeats > 1 else ""
    reporter.note(f"cross-validating: a head for each of {cv} folds{times}")
    started = time.perf_counter()
    found: Any = cross_validate(
        estimator, data, cv=cv, repeats=repeats, on_fold=reporter.progress("cross-validating", "folds")
    )
    about = {name: getattr(found, name) for name in _ABOUT if hasattr(found, name)}
    if "r2_by_repeat" in about:
        [about["r2_by_repeat"]] = found.r2_by_repeat  # a source has one number an image
    seconds = round(time.perf_counter() - started, 3)
    about |= {"folds": found.folds, "repeats": found.repeats, "seconds": seconds}
    figures = to_plain(found.evaluation)
    # Where nobody named groups those that are drawn are of equal images.
    figures["n_different"] = None if _names_groups(data) else figures["n_groups"]
    near = look_in_folds(estimator, data) if isinstance(data, list) else None
    if near is not None and (doubt := doubt_folds(near, src)):
        reporter.warn(doubt)
    return {**to_plain(about), **figures, "near_copies": None if near is None else near.to_dict()}


def _names_groups(data: Any) -> bool:
    """Say whether an image of records or codes is of a group that somebody named."""
    if isinstance(data, list):
        return any(record.group is not None for record in data)
    from cnncodes.store.schema import GROUP  # with Arrow, which images have no need of

    column = data.rows.column(GROUP)
    return bool(column.null_count < len(column))


#: What is said of folds besides figures, each where there is such a thing.
_ABOUT = ("accuracy_by_repeat", "r2_by_repeat", "micro_f1_by_repeat", "not_held_out")


def render_folds(result: Result | None) -> str:
    """Return the figures, and what they are of; nothing where nothing was cross-validated."""
    if result is None:
        return ""
    times = f", {result['repeats']} times" if result["repeats"] > 1 else ""
    missing = result.get("not_held_out") or []
    left_out = f"In no figure, since none could be held out: {name_some(missing)}.\n" if missing else ""
    return (
        f"\nCross-validation in {result['folds']} folds{times}: heads on images that they had not seen"
        f" ({format_seconds(result['seconds'])})\n"
        f"{choose_renderer(result)(result)}{left_out}{render_folds_doubt(result['near_copies'])}"
        "The intervals are somewhat narrow, since folds share training images.\n"
    )
