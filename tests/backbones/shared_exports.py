"""Published networks exported once a run, for all tests and for all processes that run them."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path


def share_folder(root: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder below `root`, made by whoever asks first while the others wait.

    Parameters
    ----------
    root : Path
        Of one run, and common to its processes.
    name : str
        What the folder is of: the same name, the same folder.
    make : callable
        Writes it. Where it fails, the next to ask tries again.
    """
    root.mkdir(exist_ok=True)
    folder = root / "".join(letter if letter.isalnum() else "-" for letter in name)
    done = folder.with_suffix(".done")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed
        if not done.exists():
            make(folder)
            for path in folder.iterdir():
                path.chmod(0o444)  # shared: who changes it takes a copy
            done.touch()
    return folder
