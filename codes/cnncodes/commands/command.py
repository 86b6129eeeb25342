"""What a command is: options, a function, and what it leaves behind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnncodes.commands.reporter import Reporter

Result = dict[str, Any]

#: Key of a result that is true where more inputs failed than allowed: exit status 3.
TOO_MANY_FAILURES = "too_many_failures"
#: Key of a result that lists, a line each, what is wrong although the command is done: exit status 1.
PROBLEMS = "problems"
#: Attribute of an error that holds a result which was there already.
_FOUND = "cnncodes_result"
#: Keys of a result that name what it is to be written to.
_WRITTEN = ("report", "plot")


@dataclass(frozen=True)
class Command:
    """A command, the same for Python, the command line and recipes.

    Parameters
    ----------
    name : str
        As it is typed: ``"embed"``, ``"models list"``.
    options : type
        Frozen dataclass whose fields are made by `cnncodes.schema.option`.
    run : callable
        Takes the options and a `Reporter` and returns a result of plain values that JSON can hold; of an
        empty one, as of a process that helped another, nothing is printed.
    render : callable
        Turns the result into what is printed on stdout.
    summary, example : str
        For the help.
    results : tuple of str
        Keys of the result that a later step of a recipe may refer to.
    resumes : bool
        Whether the same command goes on where an interrupted one stopped.
    absent : dict of str to str
        Options of commands like it that it has not, and why, in a sentence.
    """

    name: str
    options: type
    run: Callable[[Any, Reporter], Result]
    render: Callable[[Result], str]
    summary: str
    example: str
    results: tuple[str, ...] = ()
    resumes: bool = False
    absent: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def showing(result: Result, *, written: bool = False) -> Iterator[None]:
    """Have a result shown although what follows, as a rule writing it, fails or is interrupted."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        unwritten = {} if written else {key: None for key in _WRITTEN if key in result}
        setattr(error, _FOUND, {**result, **unwritten})
        raise


def find_result(error: BaseException) -> Result | None:
    """Return the result that was there when an error came, where there was any; see `showing`."""
    found: Result | None = getattr(error, _FOUND, None)
    return found
