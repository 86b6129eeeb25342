"""The parser, built from the commands' options."""

from __future__ import annotations

import argparse
import itertools
import shlex
from collections.abc import Mapping
from typing import Any, NoReturn

import cnncodes
from cnncodes.cli.streams import write_stdout
from cnncodes.commands import Command
from cnncodes.errors import UsageError, sentence, suggest
from cnncodes.schema import add_arguments, describe_options, field_types, find_problem, flag, option_fields

_DESCRIPTION = (
    "Turn images into CNN codes, train a classifier or regressor on them in seconds, and say how good it is."
)
_EPILOG = """\
start here:
  cnncodes quickstart                            see it all once, in under a minute
  cnncodes fit photos/ -o photos.cnncodes        photos/ holds one folder a class
  cnncodes evaluate photos.cnncodes test/        accuracy with its 95% interval
  cnncodes predict photos.cnncodes new/          a class and a probability for each image

exit status: 0 done, 1 failed, 2 wrong usage, 3 done but too many inputs failed (--max-failures),
129 hung up, 130 interrupted, 143 terminated; a second Ctrl-C or signal ends any command at once
"""

#: What groups of commands are about, for the help.
_GROUPS = {
    "models": "The networks at hand.",
    "codes": "Codes on disk: what they hold, whether they are sound, together, in part, or for other tools.",
    "views": "View plans: which crops, scales, mirrors and distortions of an image become codes.",
}

#: What the help of options says that take several values in one.
_LIST = "A,B"


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are `UsageError`."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving the program."""
        raise UsageError(f"{message[:1].lower()}{sentence(message[1:])} See '{self.prog} --help'.")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write a help or the version to stdout; argparse itself passes over what cannot be written."""
        write_stdout(message)


def build_parser(commands: Mapping[str, Command]) -> Parser:
    """Return the parser of some commands; ``command`` in its result names the one chosen."""
    parser = Parser(
        prog="cnncodes",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"cnncodes {cnncodes.__version__}")
    below = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    groups: dict[str, Any] = {}
    for name, command in commands.items():
        group, _, leaf = name.rpartition(" ")
        if group and group not in groups:
            summary = _GROUPS.get(group, f"About {group}.")
            outer = below.add_parser(group, help=summary, description=summary, allow_abbrev=False)
            groups[group] = outer.add_subparsers(
                title="commands", metavar="COMMAND", required=True, parser_class=Parser
            )
        _add_command(groups.get(group, below), leaf, command)
    return parser


def _add_command(below: Any, leaf: str, command: Command) -> None:
    parser = below.add_parser(
        leaf,
        help=command.summary.replace("%", "%%"),
        description=command.summary,  # argparse fills in the signs of options' help alone
        epilog=f"example:\n  {command.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_arguments(parser, command.options)
    parser.add_argument("--json", action="store_true", help="Print one machine-readable object on stdout.")
    parser.add_argument("--quiet", "-q", action="store_true", help="No progress and no notes on stderr.")
    parser.set_defaults(command=command.name)


def parse(commands: Mapping[str, Command], arguments: list[str]) -> tuple[Command, dict[str, Any]]:
    """Return the command chosen and what was given to it.

    Raises
    ------
    UsageError
        If the arguments fit no command; unknown names are answered with the nearest known one.
    """
    _check_names(commands, arguments)
    chosen = next((name for name in commands if arguments[: len(name.split())] == name.split()), None)
    if chosen is not None:  # the others are only loaded for a help that lists them
        commands = {chosen: commands[chosen]}
        _check_flags(commands[chosen], arguments)
    namespace, unknown = build_parser(commands).parse_known_args(arguments)
    values = vars(namespace)
    command = commands[values.pop("command")]
    if unknown:
        first = unknown[0]
        if first[:1] == "-":
            hint = _advise(command, first.split("=")[0])
        else:
            hint = _explain_surplus(command, arguments, first)
        raise UsageError(f"cnncodes {command.name}: unknown argument {first!r}. {hint}")
    return command, values


def _flags(command: Command) -> list[str]:
    own = [name for name, _ in describe_options(command.options) if name.startswith("--")]
    return [*own, "--json", "--quiet", "--help"]


def _advise(command: Command, given: str) -> str:
    """Return the sentence that helps with an option that a command has not."""
    return command.absent.get(given) or suggest(given, _flags(command))


def _explain_surplus(command: Command, arguments: list[str], surplus: str) -> str:
    """Return the sentences that help with an argument too many: patterns give several, too."""
    name, before, after = _find_list(command, arguments, surplus)
    if len(before) == 1:
        value = ",".join([*before, *after])
        joined = f"Several values of {name} are joined by commas: {name} {shlex.quote(value)}."
        return _find_fault(command, name, value) or joined
    joined = f" Several values of {name} are joined by commas." if name else ""
    if "SRC" not in dict(describe_options(command.options)):
        return f"It is one too many.{joined}"
    return (
        "It is one too many: a source is one folder or one table. Give the folder above those that are meant,"
        f" or a table that lists the images.{joined}"
    )


def _find_fault(command: Command, name: str, value: str) -> str:
    """Return what is wrong with a value of an option, as the option itself says; empty where nothing is."""
    field = next(field for field in option_fields(command.options) if flag(field) == name)
    problem = find_problem(field, field_types(command.options)[field.name], value)
    return f"{name} {problem}" if problem else ""


def _find_list(command: Command, arguments: list[str], surplus: str) -> tuple[str, list[str], list[str]]:
    """Return the option that takes a list and that an argument too many follows, with other values at most.

    With it come the values before that argument, and those from it on; an empty name where there is none.
    """
    lists = {name for name, text in describe_options(command.options) if _LIST in text}
    place = len(arguments) - 1 - arguments[::-1].index(surplus)
    start = place
    while start > 0 and not arguments[start - 1].startswith("-"):
        start -= 1
    name, _, value = arguments[start - 1].partition("=") if start else ("", "", "")
    if name not in lists:
        return "", [], []
    before = [*([value] if value else []), *arguments[start:place]]
    after = itertools.takewhile(lambda one: not one.startswith("-"), arguments[place:])
    return name, before, [*after]


def _check_flags(command: Command, arguments: list[str]) -> None:
    """Complain of an unknown flag before argparse does of what is missing because of it."""
    known = _flags(command)
    for given in (argument.split("=")[0] for argument in arguments):
        if given == "--":
            break
        if given.startswith("--") and given not in known:
            raise UsageError(
                f"cnncodes {command.name}: unknown argument {given!r}. {_advise(command, given)}"
            )


def _check_names(commands: Mapping[str, Command], arguments: list[str]) -> None:
    """Complain of an unknown command before argparse does, which knows no nearest name."""
    tops = {name.split(" ")[0] for name in commands}
    if not arguments or arguments[0].startswith("-"):
        return
    first = arguments[0]
    if first not in tops:
        raise UsageError(f"unknown command {first!r}. {suggest(first, tops)}")
    leaves = {name.split(" ")[1] for name in commands if name.startswith(f"{first} ")}
    if leaves and len(arguments) > 1 and not arguments[1].startswith("-") and arguments[1] not in leaves:
        raise UsageError(f"unknown command '{first} {arguments[1]}'. {suggest(arguments[1], leaves)}")
