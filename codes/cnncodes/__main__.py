"""``python -m cnncodes`` is the command ``cnncodes``."""

from __future__ import annotations

import sys

from cnncodes.cli import main

if __name__ == "__main__":
    sys.exit(main())
