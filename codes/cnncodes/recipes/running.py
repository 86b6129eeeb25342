"""Running a recipe, with a record from which anybody can repeat it."""

from __future__ import annotations

import datetime
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cnncodes
from cnncodes.commands import COMMANDS, Result
from cnncodes.commands.command import PROBLEMS, TOO_MANY_FAILURES
from cnncodes.commands.doctor import PACKAGES, find_version
from cnncodes.commands.reporter import Reporter
from cnncodes.disk import explain_failed_write, find_file, parse_json
from cnncodes.errors import SourceError, StoreError, UsageError
from cnncodes.recipes.recipe import (
    RECORD_FORMAT,
    Recipe,
    Step,
    change_settings,
    check_recipe,
    place_recipe,
    resolve_options,
)
from cnncodes.schema import from_mapping

RECORD = "run.json"


@dataclass(frozen=True)
class StepRecord:
    """What one step did: its options with all references replaced, its result, its time."""

    id: str
    command: str
    options: dict[str, Any]
    result: Result
    started: str
    seconds: float


def run_recipe(
    recipe: Recipe, reporter: Reporter, *, out: Path, data: str | None = None, settings: Sequence[str] = ()
) -> Result:
    """Run a recipe's steps in order, after all of it has been checked.

    Parameters
    ----------
    recipe : Recipe
    reporter : Reporter
    out : Path
        The run's folder; may exist already: what is in it is used or replaced.
    data : str, optional
        Source of images instead of the recipe's own.
    settings : sequence of str
        ``step.option=value`` each.

    Returns
    -------
    dict
        ``out``, ``record`` (path of ``run.json``), ``steps`` and ``commands`` by id, ``seconds``.

    Raises
    ------
    UsageError
        If anything in the recipe is wrong, or a file stands where the folder is to be; nothing has run then.
    StoreError
        If the folder cannot be made for another reason.
    """
    began = time.perf_counter()
    changed = change_settings(recipe, settings)
    placed = place_recipe(changed, data, str(out))
    check_recipe(placed)
    if placed.data is not None and not Path(placed.data).exists():
        raise SourceError(f"there are no images at {placed.data!r}: no such file or folder.")
    _check_record(out / RECORD)
    _make_folder(out)
    records: list[StepRecord] = []
    for number, step in enumerate(placed.steps, start=1):
        reporter.note(f"step {number} of {len(placed.steps)}: {step.id} ({step.command})")
        records.append(_run_step(step, records, reporter))
        # After each step, so that a run that breaks off still says what it did.
        _write_record(out, replace(changed, data=placed.data), records)
    return {
        "recipe": placed.name,
        "out": str(out),
        "record": str(out / RECORD),
        "steps": {record.id: record.result for record in records},
        "commands": {record.id: record.command for record in records},
        "seconds": round(time.perf_counter() - began, 3),
        TOO_MANY_FAILURES: any(record.result.get(TOO_MANY_FAILURES) for record in records),
        PROBLEMS: [problem for record in records for problem in record.result.get(PROBLEMS, ())],
    }


def _make_folder(out: Path) -> None:
    """Make the run's folder, or raise `UsageError` where a file stands in its way, `StoreError` else."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if (file := find_file(out)).is_file():
            raise UsageError(f"{file} is a file, and a run needs a folder: give another -o.") from error
        raise StoreError(explain_failed_write(out, error)) from error


def _check_record(path: Path) -> None:
    """Raise `UsageError` if a file is where the run's record goes, and is none: it is somebody's own."""
    if not path.exists():
        return
    try:
        known = {"format", "recipe", "steps"} <= parse_json(path.read_bytes()).keys()
    except (OSError, ValueError, AttributeError):
        known = False
    if not known:
        raise UsageError(f"{path} exists and is no record of a run, so it is not replaced: give another -o.")


def _run_step(step: Step, records: Sequence[StepRecord], reporter: Reporter) -> StepRecord:
    command = COMMANDS[step.command]
    options: Any = from_mapping(
        command.options, resolve_options(step.options, {record.id: record.result for record in records})
    )
    started, clock = datetime.datetime.now(datetime.UTC), time.perf_counter()
    reporter.began = clock
    result = command.run(options, reporter)
    seconds = round(time.perf_counter() - clock, 3)
    return StepRecord(
        step.id, step.command, asdict(options), result, started.isoformat(timespec="seconds"), seconds
    )


def _write_record(out: Path, recipe: Recipe, records: Sequence[StepRecord]) -> None:
    """Write what was done; its recipe keeps its references, so that it can be run again elsewhere."""
    from cnncodes.store.files import atomic_write

    record = {
        "format": RECORD_FORMAT,
        "finished": len(records) == len(recipe.steps),
        "data": None if recipe.data is None else str(Path(recipe.data).absolute()),
        "out": str(out.absolute()),
        "recipe": {
            "name": recipe.name,
            "description": recipe.description,
            "step": [{"id": s.id, "command": s.command, **s.options} for s in recipe.steps],
        },
        "versions": {
            "cnncodes": cnncodes.__version__,
            "python": platform.python_version(),
            **{name: find_version(name) for name in PACKAGES},
        },
        "system": platform.platform(),
        "spaces": {r.id: r.result["space"] for r in records if "space" in r.result},
        "seeds": {r.id: r.options["random_state"] for r in records if "random_state" in r.options},
        "steps": [asdict(r) for r in records],
    }
    atomic_write(out / RECORD, (json.dumps(record, indent=1, ensure_ascii=True) + "\n").encode())
