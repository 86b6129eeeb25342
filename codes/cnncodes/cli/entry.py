"""From arguments to an exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from cnncodes.cli.parser import build_parser, parse
from cnncodes.commands import COMMANDS, Command, Reporter
from cnncodes.commands.command import TOO_MANY_FAILURES
from cnncodes.errors import CnnCodesError, UsageError
from cnncodes.recipes.command import QUICKSTART, RUN
from cnncodes.schema import from_arguments

DONE, FAILED, WRONG_USAGE, TOO_MANY, INTERRUPTED = 0, 1, 2, 3, 130

#: Every command that can be typed.
ALL_COMMANDS: dict[str, Command] = {QUICKSTART.name: QUICKSTART, **COMMANDS, RUN.name: RUN}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of the process's own.

    Returns
    -------
    int
        0 done; 1 failed, with one line on stderr; 2 wrong usage; 3 done, but more inputs failed than
        ``--max-failures`` allows; 130 interrupted. A bug of ours shows its traceback.
    """
    _tolerate_odd_names()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not given:
            build_parser(ALL_COMMANDS).print_help()
            return WRONG_USAGE
        return _run(given)
    except SystemExit as leaving:  # argparse's way out of --help and --version
        return int(leaving.code or 0)
    except UsageError as error:
        return _complain(error, WRONG_USAGE)
    except BrokenPipeError:
        # The reader of our output has gone (head, less): nothing is wrong, and there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (CnnCodesError, OSError) as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        sys.stderr.write("\ncnncodes: interrupted. What was written is kept; the same command goes on.\n")
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    command, values = parse(ALL_COMMANDS, arguments)
    as_json, quiet = values.pop("json"), values.pop("quiet")
    options: Any = from_arguments(command.options, values)
    result = command.run(options, Reporter(quiet=quiet))
    text = json.dumps(result, ensure_ascii=True) + "\n" if as_json else command.render(result)
    sys.stdout.write(text)
    sys.stdout.flush()
    return TOO_MANY if result.get(TOO_MANY_FAILURES) else DONE


def _complain(error: Exception, status: int) -> int:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and not isinstance(error, CnnCodesError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        text = f"{error.strerror}{where}"
    sys.stderr.write(f"cnncodes: {text}\n")
    return status


def _tolerate_odd_names() -> None:
    """Let file names that are no valid text pass through the output as the bytes they are."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape" if stream is sys.stdout else "backslashreplace")
