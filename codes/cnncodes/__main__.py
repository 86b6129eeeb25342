"""The command ``cnncodes``, also as ``python -m cnncodes``: signals are answered before all else loads."""

from __future__ import annotations

import os
import sys
import time

from cnncodes.ending import describe_interrupt, leave, running, watch
from cnncodes.machine import explain_shortage, find_shortage
from cnncodes.output import occupy_streams


def main() -> None:
    """Run the command line and end the process."""
    began = time.perf_counter()
    occupy_streams()
    try:
        watch()
    except RuntimeError as error:  # its thread does not start
        shortage = find_shortage(error)
        if shortage is None:
            raise
        sys.exit(f"cnncodes: the command cannot begin: {explain_shortage(shortage)}")
    from cnncodes.cli import main as run
    from cnncodes.cli.entry import SIGNALLED

    try:
        with running():
            status = run(began=began)
    except KeyboardInterrupt as error:  # after its last line
        status = (describe_interrupt(error) or ("", 1))[1]
    # Where torchrun has started several processes, threads of torch may still be letting go of tensors, which
    # aborts a process whose interpreter ends meanwhile.
    if status in SIGNALLED or os.environ.get("WORLD_SIZE", "1") != "1":
        leave(status)
    sys.exit(status)


if __name__ == "__main__":
    main()
