"""``cnncodes run`` and ``cnncodes quickstart``: recipes as commands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.commands import COMMANDS
from cnncodes.commands.command import Command, Result
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.tables import format_interval, format_table
from cnncodes.disk import find_free_name
from cnncodes.recipes.finding import find_recipe
from cnncodes.recipes.recipe import read_recipe
from cnncodes.recipes.running import run_recipe
from cnncodes.schema import option

SHOWN_PREDICTIONS = 6


@dataclass(frozen=True)
class RunOptions:
    """Options of ``cnncodes run``."""

    recipe: str = option(
        "Name of a recipe that comes along, a .toml file, or the run.json of a run to repeat."
    )
    data: str | None = option(
        "Images to run it on, instead of the recipe's own.", default=None, metavar="SRC"
    )
    out: str | None = option(
        "The run's folder. [./cnncodes-NAME]", default=None, short="-o", metavar="FOLDER"
    )
    set: tuple[str, ...] = option(
        "Change an option of a step: step.option=value. May be given several times.",
        default=(),
        metavar="S.O=V",
    )


@dataclass(frozen=True)
class QuickstartOptions:
    """Options of ``cnncodes quickstart``."""

    out: str = option(
        "Folder for what it makes.", default="cnncodes-quickstart", short="-o", metavar="FOLDER"
    )


def run_run(options: RunOptions, reporter: Reporter) -> Result:
    """Run a recipe."""
    recipe = read_recipe(find_recipe(options.recipe))
    out = Path(options.out if options.out is not None else f"cnncodes-{recipe.name}")
    return run_recipe(recipe, reporter, out=out, data=options.data, settings=options.set)


def render_run(result: Result) -> str:
    """Return each step's own words, then where the record is."""
    parts = []
    for name, step in result["steps"].items():
        words = COMMANDS[result["commands"][name]].render(step).rstrip("\n")
        parts.append(f"[{name}]\n{words}\n")
    parts.append(
        f"Recipe {result['recipe']} done in {format_seconds(result['seconds'])}."
        f" Everything is in {result['out']}. To repeat it:\n  {_repeat(result['record'])}\n"
    )
    return "\n".join(parts)


def run_quickstart(options: QuickstartOptions, reporter: Reporter) -> Result:
    """Run the recipe ``quickstart`` on the pictures that come with cnncodes."""
    recipe = read_recipe(find_recipe("quickstart"))
    result = run_recipe(recipe, reporter, out=Path(options.out))
    return {**result, "examples": _pick_examples(Path(result["steps"]["evaluate"]["report"]))}


def _pick_examples(report: Path) -> list[dict[str, Any]]:
    """Return a few predictions spread evenly over the test images: not the best, not the worst."""
    predictions = json.loads(report.read_text(encoding="utf-8"))["predictions"]
    step = max(1, len(predictions) // SHOWN_PREDICTIONS)
    picked: list[dict[str, Any]] = predictions[step // 2 :: step][:SHOWN_PREDICTIONS]
    return picked


def render_quickstart(result: Result) -> str:
    """Return the table, a few predictions, where everything is, and how to go on."""
    steps, out, program = result["steps"], Path(result["out"]), find_program()
    evaluation, baseline = steps["evaluate"], steps["baseline"]
    rows = [("method", "accuracy", "95% interval", "test images")]
    for name, figures in (
        ("majority class", baseline["majority"]),
        ("logistic regression on raw pixels", baseline["raw_pixels"]),
        ("logistic regression on CNN codes", evaluation),
    ):
        accuracy = figures["accuracy"]
        rows.append((name, f"{accuracy['value']:.3f}", format_interval(accuracy), str(figures["n"])))
    difference = baseline["difference"]
    examples = [("image", "label", "prediction", "probability")]
    for example in result["examples"]:
        probability = "" if example["probability"] is None else f"{example['probability']:.2f}"
        examples.append((example["image"], example["label"], example["prediction"], probability))
    return (
        f"{format_table(rows)}\n"
        f"CNN codes against raw pixels, on the same images: {difference['value']:+z.3f}"
        f" {format_interval(difference)}\n"
        f"\nA few predictions on test images:\n{format_table(examples)}\n"
        f"\nDone in {format_seconds(result['seconds'])}. In {out}:\n{_list_files(result)}"
        f"\nGo on with your own pictures, one folder a class:\n"
        f"  {program} fit YOUR-FOLDER --holdout 0.25 -o yours.cnncodes\n"
        f"  {program} evaluate yours.cnncodes YOUR-FOLDER --holdout 0.25\n"
        f"  {program} predict yours.cnncodes NEW-PICTURES -o predictions.csv\n"
    )


def find_program() -> str:
    """Return what to type for this very ``cnncodes``: its path where the shell would not find it."""
    installed = Path(sys.executable).with_name("cnncodes")
    found = shutil.which("cnncodes")
    if not installed.exists() or (found is not None and Path(found).resolve() == installed.resolve()):
        return "cnncodes"
    here = Path.cwd()
    return shlex.quote(str(installed.relative_to(here) if installed.is_relative_to(here) else installed))


def _repeat(record: str) -> str:
    """Return the command that runs a record's recipe again, into a folder that is not there yet."""
    return f"{find_program()} run {shlex.quote(record)} -o {find_free_name(Path('again'))}"


def _list_files(result: Result) -> str:
    steps, record = result["steps"], result["record"]
    files = (
        (steps["codes"]["out"], "the codes, a Parquet dataset"),
        (steps["fit"]["out"], "the classifier"),
        (steps["evaluate"]["report"], "all figures, and the prediction of each test image"),
        (steps["predict"]["out"], "predictions as a table"),
        (os.path.join(result["out"], "memory"), "codes of the test images, not to make them twice"),
        (record, f"what was run; to repeat it: {_repeat(record)}"),
    )
    return format_table([(f"  {path}", what) for path, what in files]) + "\n"


RUN = Command(
    name="run",
    options=RunOptions,
    run=run_run,
    render=render_run,
    summary="Run a recipe: several commands from one TOML file, your own or one that is included.",
    example="cnncodes run fixed-extractor --data photos/ -o my-run --set fit.head=ridge",
)
QUICKSTART = Command(
    name="quickstart",
    options=QuickstartOptions,
    run=run_quickstart,
    render=render_quickstart,
    summary="See it all once, on pictures that come with cnncodes: start here.",
    example="cnncodes quickstart",
)
