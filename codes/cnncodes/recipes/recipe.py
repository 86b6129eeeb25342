"""A recipe as read from TOML, checked whole before anything runs."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnncodes.commands import COMMANDS
from cnncodes.errors import UsageError, find_close, sentence, suggest
from cnncodes.schema import field_types, find_problems, from_text

#: ``${data}``, ``${out}`` and ``${step.field}``.
REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TOP = ("name", "description", "data", "step")
_STEP = ("id", "command")
#: Of the record of a run, ``run.json``.
RECORD_FORMAT = 2


@dataclass(frozen=True)
class Step:
    """One command of a recipe with its options, references not yet replaced."""

    id: str
    command: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A named, ordered list of steps.

    Parameters
    ----------
    name, description : str
    steps : tuple of Step
    data : str, optional
        Source of images where the user gives none.
    """

    name: str
    description: str
    steps: tuple[Step, ...]
    data: str | None = None


def read_recipe(path: Path) -> Recipe:
    """Read a recipe, or the recipe in the record of a run (a file that ends in ``.json``).

    `data` in a recipe is relative to its file; a record holds it absolute.

    Raises
    ------
    UsageError
        If it is no TOML, or not a recipe. The steps' options are looked at by `check_recipe`.
    """
    table = _read_record(path) if path.suffix.lower() == ".json" else _read_toml(path)
    problems = _check_table(table)
    if problems:
        raise UsageError(f"{path}: {' '.join(problems)}")
    steps = tuple(
        Step(step["id"], step["command"], {k: v for k, v in step.items() if k not in _STEP})
        for step in table["step"]
    )
    data = table.get("data")
    default = None if data is None else str(path.parent / data)
    return Recipe(table["name"], table["description"], steps, default)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no valid TOML: {error}") from error


def _read_record(path: Path) -> dict[str, Any]:
    """Return the recipe of a run's record, with the images that the run was made on."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no valid JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("recipe"), dict):
        raise UsageError(f"{path} is no record of a run: it has no recipe.")
    if record.get("format") != RECORD_FORMAT:
        raise UsageError(
            f"{path} is a record of format {record.get('format')!r}; this version repeats runs of format"
            f" {RECORD_FORMAT}."
        )
    data = record.get("data")
    return record["recipe"] if data is None else {**record["recipe"], "data": data}


def _check_table(table: Mapping[str, Any]) -> list[str]:
    problems = [f"unknown key {key!r}. {suggest(key, _TOP)}" for key in table if key not in _TOP]
    problems += _check_texts(table, ("name", "description"))
    name, data, steps = table.get("name"), table.get("data"), table.get("step")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        # The run's folder is called after it.
        problems.append(
            f"name must start with a letter or digit and hold only those, '-', '_' and '.'. Got {name!r}."
        )
    if data is not None and not isinstance(data, str):
        problems.append("data must be a text: the source of images, relative to the recipe's file.")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        return [*problems, "it must have at least one [[step]]."]
    for number, step in enumerate(steps, start=1):
        problems += [f"step {number}: {problem}" for problem in _check_texts(step, _STEP)]
    ids = [step["id"] for step in steps if isinstance(step.get("id"), str)]
    # Here, since settings and references could not tell two steps of one name apart.
    return problems + [
        f"the id {name!r} is used twice." for name in dict.fromkeys(ids) if ids.count(name) > 1
    ]


def _check_texts(table: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    problems = [f"{key} is missing." for key in keys if key not in table]
    wrong = [key for key in keys if key in table and not isinstance(table[key], str)]
    return problems + [f"{key} must be a text. Got {table[key]!r} instead." for key in wrong]


def change_settings(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Return the recipe with ``step.option=value`` settings applied.

    Raises
    ------
    UsageError
        If a setting is malformed or names no step. Whether its option exists, `check_recipe` says.
    """
    steps = {step.id: step for step in recipe.steps}
    for setting in settings:
        place, equals, value = setting.partition("=")
        name, dot, key = place.partition(".")
        if not (equals and dot and key):
            raise UsageError(f"--set must be step.option=value. Got {setting!r} instead.")
        if name not in steps:
            raise UsageError(f"--set {setting}: the recipe has no step {name!r}. {suggest(name, steps)}")
        step = steps[name]
        known = COMMANDS.get(step.command)
        parsed = from_text(known.options, key, value) if known else value
        steps[name] = replace(step, options={**step.options, key: parsed})
    return replace(recipe, steps=tuple(steps[step.id] for step in recipe.steps))


def place_recipe(recipe: Recipe, data: str | None, out: str) -> Recipe:
    """Return the recipe with ``${out}`` replaced, and ``${data}`` where a source of images is given."""
    source = data if data is not None else recipe.data
    values = {"out": out} if source is None else {"out": out, "data": source}
    placed = [
        replace(step, options={key: _replace(value, values) for key, value in step.options.items()})
        for step in recipe.steps
    ]
    return replace(recipe, steps=tuple(placed), data=source)


def check_recipe(recipe: Recipe) -> None:
    """Check every step of a placed recipe: ids, commands, options and references, and its images.

    Raises
    ------
    UsageError
        With everything that is wrong in one text.
    """
    problems: list[str] = []
    if any(name == "data" for step in recipe.steps for name in _references(step.options)):
        problems.append("it works on your images: say where they are with --data.")
    fields: dict[str, tuple[str, ...] | None] = {}
    later = {step.id for step in recipe.steps}
    for step in recipe.steps:
        found = [*_check_id(step.id), *_check_command(step), *_check_references(step, fields, later)]
        problems += [f"step {step.id!r}: {problem}" for problem in found]
        command = COMMANDS.get(step.command)
        fields[step.id] = command.results if command else None
    if problems:
        raise UsageError(f"recipe {recipe.name!r}: " + " ".join(problems))


def _check_id(name: str) -> list[str]:
    if name in ("data", "out"):
        return [f"its id is reserved: ${{{name}}} has a meaning of its own."]
    if not _ID.fullmatch(name):
        return ["its id must be a letter, followed by letters, digits, '-' and '_' alone."]
    return []


def _check_command(step: Step) -> list[str]:
    """Return what is wrong with a step's command, and with its options, if need be as the nearest one's."""
    problems: list[str] = []
    name: str | None = step.command
    if name not in COMMANDS:
        problems = [f"unknown command {step.command!r}. {suggest(step.command, COMMANDS)}"]
        name = find_close(step.command, sorted(COMMANDS))
    if name is None:
        return problems
    command = COMMANDS[name]
    deferred = {key for key, value in step.options.items() if _references({key: value})}
    known = deferred & set(field_types(command.options))
    return problems + find_problems(command.options, step.options, deferred=known)


def _check_references(step: Step, fields: Mapping[str, tuple[str, ...] | None], later: set[str]) -> list[str]:
    """Return what is wrong with a step's references; `fields` has the results of earlier ones, if known."""
    problems = []
    for name in _references(step.options):
        owner, _, key = name.partition(".")
        if name == "data":  # which no source is given for
            continue
        if owner not in fields:
            why = (
                "runs later, or is this step itself"
                if owner in later
                else f"is unknown. {suggest(owner, fields)}"
            )
            problems.append(f"${{{name}}} refers to {owner!r}, which {sentence(why)}")
            continue
        results = fields[owner]
        if results is not None and key not in results:
            problems.append(f"${{{name}}}: the step {owner!r} has no result {key!r}. {suggest(key, results)}")
    return problems


def resolve_options(options: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Replace references to earlier steps by their results; a lone reference keeps its value's type."""
    values = {f"{step}.{key}": value for step, result in results.items() for key, value in result.items()}
    return {key: _replace(value, values) for key, value in options.items()}


def _replace(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_replace(item, values) for item in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole and whole[1] in values:
        return values[whole[1]]
    return REFERENCE.sub(lambda match: str(values.get(match[1], match[0])), value)


def _references(options: Mapping[str, Any]) -> list[str]:
    lists = (value if isinstance(value, list) else [value] for value in options.values())
    texts = [item for items in lists for item in items if isinstance(item, str)]
    return [match[1] for text in texts for match in REFERENCE.finditer(text)]
