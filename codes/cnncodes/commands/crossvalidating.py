"""What ``cnncodes fit --cv`` adds: figures of images that heads had not seen."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import Any

from cnncodes.commands.command import Result
from cnncodes.commands.figures import render_figures
from cnncodes.commands.reporter import Reporter
from cnncodes.schema import to_plain


@contextlib.contextmanager
def keep_codes(memory: str | None, needed: bool) -> Iterator[str | None]:
    """Yield a folder that keeps codes, so that those made once are not made again by the same command."""
    if not needed or memory is not None:
        yield memory
        return
    with tempfile.TemporaryDirectory(prefix="cnncodes-") as folder:
        yield folder


def run_folds(classifier: Any, data: Any, cv: int, repeats: int, reporter: Reporter) -> Result:
    """Cross-validate a classifier's parameters on what it was fitted on, records or codes."""
    from cnncodes.evaluation import cross_validate

    times = f", {repeats} times" if repeats > 1 else ""
    reporter.note(f"cross-validating: a head for each of {cv} folds{times}")
    with reporter.passing_warnings():
        found = cross_validate(classifier, data, cv=cv, repeats=repeats)
    if found.folds < cv:
        reporter.warn(f"{found.folds} folds instead of {cv}: some class has images of no more groups")
    return {
        "folds": found.folds,
        "repeats": found.repeats,
        "accuracy_by_repeat": found.accuracy_by_repeat,
        "not_held_out": found.not_held_out,
        **to_plain(found.evaluation),
    }


def render_folds(result: Result) -> str:
    """Return the figures, and what they are of."""
    times = f", {result['repeats']} times" if result["repeats"] > 1 else ""
    return (
        f"\nCross-validation in {result['folds']} folds{times}: heads on images that they had not seen\n"
        f"{render_figures(result)}"
        "The intervals are somewhat narrow, since folds share training images.\n"
    )
