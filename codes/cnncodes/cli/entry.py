"""From arguments to an exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from cnncodes.cli.launching import tell_launcher
from cnncodes.cli.parser import build_parser, parse
from cnncodes.cli.streams import prepare_streams, write_stdout
from cnncodes.commands import COMMANDS, Reporter
from cnncodes.commands.command import PROBLEMS, TOO_MANY_FAILURES, Command, Result, find_result
from cnncodes.commands.controls import escape_controls
from cnncodes.disk import explain_open_files
from cnncodes.ending import describe_interrupt, ending_when_asked, was_announced
from cnncodes.errors import CnnCodesError, ShortageError, UsageError
from cnncodes.machine import explain_shortage, find_shortage
from cnncodes.schema import from_arguments

DONE, FAILED, WRONG_USAGE, TOO_MANY = 0, 1, 2, 3

#: Of a command that a signal ended: hung up, interrupted, terminated.
SIGNALLED = (129, 130, 143)

#: Every command that can be typed.
ALL_COMMANDS = COMMANDS.joined(
    before={"quickstart": "cnncodes.recipes.command:QUICKSTART"},
    after={"run": "cnncodes.recipes.command:RUN"},
)


def main(arguments: Sequence[str] | None = None, *, began: float | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of the process's own.
    began : float, optional
        When the process did, by `time.perf_counter`; from then on a budget of time counts. [now]

    Returns
    -------
    int
        0 done; 1 failed, with one line on stderr; 2 wrong usage; 3 done, but more inputs failed than
        ``--max-failures`` allows, whether or not stdout took what is said of ``-o``; 129 hung up; 130
        interrupted; 143 terminated. A bug of ours shows its traceback.
    """
    prepare_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with ending_when_asked():
            return _run(given, began) if given else _show_help()
    except (Exception, KeyboardInterrupt) as error:
        ended = describe_interrupt(error)
        if ended is not None:
            return _leave(*ended, given)
        if isinstance(error, UsageError):
            return _complain(error, WRONG_USAGE)
        if isinstance(error, BrokenPipeError):
            # The reader of our output has gone (head, less): nothing is wrong, and there is nobody to tell.
            return FAILED
        shortage = None if isinstance(error, CnnCodesError) else find_shortage(error)
        if shortage is not None:  # wherever it comes, it is no bug of ours
            told = explain_shortage(shortage, *_advise_less(given))
            return _complain(ShortageError(f"the command cannot go on: {told}"), FAILED)
        too_many = explain_open_files(error)
        if too_many is not None:
            return _complain(
                ShortageError(f"the command cannot go on: {too_many} {_tell_kept(given)}"), FAILED
            )
        if isinstance(error, CnnCodesError | OSError):
            return _complain(error, FAILED)
        raise


def _advise_less(arguments: list[str]) -> list[str]:
    """Return what takes less memory where a command may be given a limit of it; nothing where not."""
    command = ALL_COMMANDS.get(arguments[0]) if arguments else None
    if command is None or not hasattr(command.options, "memory_limit"):
        return []
    return ["use -j 1 or, of stored codes, a lower --memory-limit"]


def _show_help() -> int:
    write_stdout(build_parser(ALL_COMMANDS).format_help())
    return WRONG_USAGE


def _run(arguments: list[str], began: float | None) -> int:
    try:
        command, values = parse(ALL_COMMANDS, arguments)
    except SystemExit as leaving:  # argparse's way out of --help and --version
        return int(leaving.code or 0)
    as_json, quiet = values.pop("json"), values.pop("quiet")
    options: Any = from_arguments(command.options, values)
    reporter = Reporter(quiet=quiet, typed=arguments, began=began)
    try:
        with reporter.passing_warnings():
            result = command.run(options, reporter)
    except (Exception, KeyboardInterrupt) as error:
        _show(command, find_result(error), as_json=as_json)
        raise
    if not result:
        return DONE
    status = FAILED if result.get(PROBLEMS) else TOO_MANY if result.get(TOO_MANY_FAILURES) else DONE
    try:
        _show(command, result, as_json=as_json)
    except OSError as error:
        if not result.get("out"):
            raise  # the result is all that there was to have
        _say(f"{result['out']} is written; what there is to say of it could not be")
        if status != TOO_MANY:
            raise
        if not isinstance(error, BrokenPipeError):
            _complain(error, status)
    return status


def _show(command: Command, result: Result | None, *, as_json: bool) -> None:
    if result:
        text = json.dumps(result, ensure_ascii=True) + "\n" if as_json else command.render(result)
        write_stdout(text)


def _leave(why: str, status: int, arguments: list[str]) -> int:
    kept = _tell_kept(arguments)
    sys.stderr.write(f"{'' if was_announced() else chr(10)}cnncodes: {why}. {kept}\n")
    return status


def _tell_kept(arguments: list[str]) -> str:
    command = ALL_COMMANDS.get(arguments[0]) if arguments else None
    resumes = command is not None and command.resumes
    return "What was written is kept; the same command goes on." if resumes else "No file is half written."


def _complain(error: Exception, status: int) -> int:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and not isinstance(error, CnnCodesError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        text = f"{error.strerror}{where}"
    tell_launcher(_say(text))
    return status


def _say(text: str) -> str:
    """Write a line to stderr, and return what it says."""
    text = escape_controls(text)
    sys.stderr.write(f"cnncodes: {text}\n")
    return text
