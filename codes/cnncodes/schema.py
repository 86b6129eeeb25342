"""One frozen dataclass a command: the single truth for the command line and recipes.

A command's options are a frozen dataclass whose fields are made by `option`. From it come the
argparse parser (`add_arguments`) and the check of values that came from TOML or from the shell
(`from_mapping`), which collects every problem before it complains. Python's functions have signatures of
their own; what they share with options, values and defaults, stands in `cnncodes.choices`.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from cnncodes.errors import UsageError, sentence, suggest
from cnncodes.plain import to_builtin

T = TypeVar("T")

_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a text or a list of texts",
    dict: "a dictionary",
    type(None): "nothing",
}


def option(
    help: str,
    *,
    default: Any = dataclasses.MISSING,
    short: str | None = None,
    off: str | None = None,
    metavar: str | None = None,
    choices: Collection[str] | None = None,
    check: Callable[[Any], object] | None = None,
    empty: bool = False,
    once: bool = False,
    share: bool = False,
) -> Any:
    """Make a dataclass field that is an option of a command.

    Parameters
    ----------
    help : str
        What it does, in a line that a newcomer understands.
    default : object, optional
        Without one the option is required, and positional on the command line; a list takes all that stand
        there.
    short : str, optional
        Short flag: ``"-o"``.
    off : str, optional
        For a boolean that is true by default: the flag that turns it off.
    metavar : str, optional
        What stands for the value in the help.
    choices : collection of str, optional
        The only values allowed.
    check : callable, optional
        Called with a value that is not None; raises `UsageError` if it cannot be right.
    empty : bool
        Whether an empty text may be meant: as a name it may, as a path it never is.
    once : bool
        Whether two values are refused, as where both may be meant. Of others the last one counts, so that
        what a script gives can be changed.
    share : bool
        Whether it is a share of 1, which a text from the shell may give in per cent, too.
    """
    metadata = {
        "help": help,
        "short": short,
        "off": off,
        "metavar": metavar or ("SHARE" if share else None),
        "choices": choices,
        "check": check,
        "empty": empty,
        "once": once,
        "share": share,
    }
    return dataclasses.field(default=default, metadata=metadata)


def option_fields(cls: type) -> list[dataclasses.Field[Any]]:
    """Return a command's options in the order of its help: its own, then those it shares with others."""
    shared = {
        field.name
        for base in cls.__mro__[1:]
        if dataclasses.is_dataclass(base)
        for field in dataclasses.fields(base)
    }
    return sorted(dataclasses.fields(cls), key=lambda field: field.name in shared)


@functools.cache
def field_types(cls: type) -> Mapping[str, tuple[type, ...]]:
    """Return for each option the plain types that it takes."""
    # Kept: hints are compiled from text, and every option of every command asks when a parser is made.
    types_by_name = {}
    for name, hint in typing.get_type_hints(cls).items():
        origin = typing.get_origin(hint)
        is_union = origin in (typing.Union, types.UnionType)
        # The one container there is: tuple[str, ...], an option that may be given several times.
        hints = typing.get_args(hint) if is_union else (hint,)
        types_by_name[name] = tuple(typing.get_origin(one) or one for one in hints)
    return types.MappingProxyType(types_by_name)


def flag(field: dataclasses.Field[Any]) -> str:
    """Return an option's name on the command line: ``--batch-size``, or ``SRC`` where positional."""
    if _is_positional(field):
        return _metavar(field)
    return field.metadata["off"] or "--" + field.name.replace("_", "-")


def _name_flags(field: dataclasses.Field[Any]) -> str:
    """Return all names of an option on the command line, since any may have been given."""
    return f"{flag(field)} ({field.metadata['short']})" if field.metadata["short"] else flag(field)


def find_problems(
    cls: type, mapping: Mapping[str, Any], *, deferred: Collection[str] = (), as_flags: bool = False
) -> list[str]:
    """Return everything that is wrong with values for a command's options, a sentence each.

    Parameters
    ----------
    cls : type
        The dataclass of options.
    mapping : mapping
        Values by option name.
    deferred : collection of str
        Options whose value will only be known later: present, and not looked at.
    as_flags : bool
        Whether the sentences name options as the command line spells them.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    problems = [f"unknown option {name!r}. {suggest(name, fields)}" for name in mapping if name not in fields]
    for name, field in fields.items():
        spelled = _name_flags(field) if as_flags else name
        if name in deferred:
            continue
        if name not in mapping:
            if field.default is dataclasses.MISSING:
                problems.append(f"{spelled} is missing: {field.metadata['help']}")
            continue
        problem = find_problem(field, field_types(cls)[name], to_builtin(mapping[name]))
        if problem:
            problems.append(f"{spelled} {problem}")
    return problems


def from_mapping(cls: type[T], mapping: Mapping[str, Any], *, as_flags: bool = False) -> T:
    """Build a command's options from values, after checking all of them.

    Raises
    ------
    UsageError
        With every problem in one text; an unknown name is answered with the nearest known one.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Options:
    ...     src: str = option("Images.")
    ...     batch_size: int = option("Views in a batch.", default=8)
    >>> from_mapping(Options, {"src": "photos", "batch_size": 4}).batch_size
    4
    """
    problems = find_problems(cls, mapping, as_flags=as_flags)
    if problems:
        raise UsageError(" ".join(map(sentence, problems)))
    wanted = field_types(cls)  # type: ignore[arg-type]
    return cls(**{name: _widen(to_builtin(value), wanted[name]) for name, value in mapping.items()})


def _widen(value: Any, wanted: tuple[type, ...]) -> Any:
    if _is_one_of_several(value, wanted):
        return (value,)
    if type(value) is list:
        return tuple(value)
    return float(value) if type(value) is int and int not in wanted else value


def _is_one_of_several(value: Any, wanted: tuple[type, ...]) -> bool:
    """Tell whether a value is one text where there may be several, and that can mean nothing else."""
    return type(value) is str and tuple in wanted and str not in wanted


def from_text(cls: type, name: str, text: str) -> Any:
    """Return the value that a text from the shell stands for, as far as it is one.

    A text that does not fit stays a text, so that `from_mapping` can say what was wrong with it.
    """
    wanted = field_types(cls).get(name, (str,))
    if bool in wanted and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        if kind in wanted:
            try:
                return kind(text)
            except ValueError:
                continue
    shares = [field.name for field in dataclasses.fields(cls) if field.metadata.get("share")]
    try:
        return read_share(text) if name in shares else text
    except ValueError:
        return text


def read_share(text: str) -> float:
    """Return the share that a text says, in per cent or not; raise `ValueError` where it says none.

    Examples
    --------
    >>> read_share("5%"), read_share("0.05")
    (0.05, 0.05)
    """
    if not text.endswith("%"):
        return float(text)
    return float(f"{text.removesuffix('%').rstrip()}e-2")  # divided by 100 it would be rounded twice


class _StoreOnce(argparse.Action):
    """Store a value, and refuse another one: of two targets one would be forgotten."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        before = getattr(namespace, self.dest, values)
        if before != values:
            raise argparse.ArgumentError(self, f"given twice, as {before!r} and {values!r}: give one of them")
        setattr(namespace, self.dest, values)


def add_arguments(parser: argparse.ArgumentParser, cls: type) -> None:
    """Add a command's options to a parser; what the user did not give stays out of the namespace."""
    for field in option_fields(cls):
        metadata = field.metadata
        help_text = metadata["help"].replace("%", "%%")
        shared: dict[str, Any] = {"help": help_text, "default": argparse.SUPPRESS}
        if _is_positional(field):
            nargs = "+" if field_types(cls)[field.name] == (tuple,) else None
            parser.add_argument(field.name, metavar=_metavar(field), help=help_text, nargs=nargs)
            continue
        flags = [*([metadata["short"]] if metadata["short"] else []), flag(field)]
        if field.default is dataclasses.MISSING:
            shared["required"] = True
        if field_types(cls)[field.name] == (bool,):
            action = "store_false" if metadata["off"] else "store_true"
            parser.add_argument(*flags, dest=field.name, action=action, **shared)
            continue
        if field_types(cls)[field.name] == (tuple,):
            shared["action"] = "append"
        elif metadata["once"]:
            shared["action"] = _StoreOnce
        elif field.default not in (None, dataclasses.MISSING) and metadata["short"] != "-o":
            shared["help"] += f" [{field.default}]".replace("%", "%%")
        parser.add_argument(*flags, dest=field.name, metavar=_metavar(field), **shared)


def from_arguments(cls: type[T], values: Mapping[str, Any]) -> T:
    """Build a command's options from what argparse found."""
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    given = {
        name: from_text(cls, name, value) if isinstance(value, str) else value
        for name, value in values.items()
        if name in names
    }
    return from_mapping(cls, given, as_flags=True)


def to_arguments(options: Any) -> list[str]:
    """Return what would be typed to get these options: the positional ones, then those that differ.

    Parameters
    ----------
    options : dataclass instance

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Options:
    ...     src: str = option("Images.")
    ...     batch_size: int = option("Images at once.", default=8)
    ...     fast: bool = option("Hurry.", default=False)
    >>> to_arguments(Options("photos/", fast=True)), to_arguments(Options("-x", batch_size=4))
    (['photos/', '--fast'], ['--batch-size', '4', '--', '-x'])
    """
    positional, flags = [], []
    for field in option_fields(type(options)):
        value = getattr(options, field.name)
        values = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
        if _is_positional(field):
            positional += values
        elif value != field.default and isinstance(value, bool):
            flags.append(flag(field))
        elif value != field.default:
            for text in values:
                flags += [f"{flag(field)}={text}"] if text.startswith("-") else [flag(field), text]
    if any(text.startswith("-") for text in positional):
        return [*flags, "--", *positional]
    return [*positional, *flags]


def describe_options(cls: type) -> list[tuple[str, str]]:
    """Return each option's flag and help, for documentation."""
    return [(flag(field), field.metadata["help"]) for field in option_fields(cls)]


def _is_positional(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.metadata["short"] is None


def _metavar(field: dataclasses.Field[Any]) -> str:
    if field.metadata["choices"] and not field.metadata["metavar"]:
        return "{" + ",".join(field.metadata["choices"]) + "}"
    return field.metadata["metavar"] or field.name.upper()


def find_problem(field: dataclasses.Field[Any], wanted: Iterable[type], value: Any) -> str | None:
    """Return what is wrong with the value of an option of those types, in words that follow its name."""
    wanted = tuple(wanted)
    value = (value,) if _is_one_of_several(value, wanted) else value
    fits = type(value) in wanted or (type(value) is int and float in wanted)
    if tuple in wanted:
        fits = isinstance(value, list | tuple) and all(type(item) is str for item in value)
    if not fits:
        names = " or ".join(_NAMES.get(kind, kind.__name__) for kind in wanted if kind is not type(None))
        return f"must be {names}. Got {value!r} instead."
    if value is None:
        return None
    texts = value if isinstance(value, list | tuple) else [value]
    if "" in texts and not field.metadata["empty"]:
        return "is empty. Was a variable meant that is not set?"
    choices = field.metadata["choices"]
    if choices and value not in choices:
        return (
            f"must be one of {', '.join(choices)}. Got {value!r} instead. {_guess(value, choices)}".rstrip()
        )
    if field.metadata["check"]:
        try:
            field.metadata["check"](value)
        except UsageError as error:
            return f"is wrong: {error}"
    return None


def _guess(value: str, choices: Collection[str]) -> str:
    return suggest(value, choices).split(" Known:")[0] if "Did you mean" in suggest(value, choices) else ""
