"""Compiles the package's one library in C where that can be done; without it Pillow does the same, slower."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("codes", "cnncodes", "views")


def compile_library(folder: Path, target: Path) -> str | None:
    """Compile a folder's files in C to a shared library; return why that was not done, or None.

    Parameters
    ----------
    folder : Path
    target : Path
        Replaced only by a library that is complete.
    """
    if os.name != "posix" or platform.machine() not in ("x86_64", "AMD64"):
        return f"it is for x86-64 and POSIX, and this is {platform.machine()}, {platform.system()}"
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    sources = sorted(folder.glob("_*.[ch]"))
    # Which sources a library is of: one that was left behind by another version is not used.
    content = b"".join(source.read_bytes() for source in sources)
    mark = f'-DSOURCE="{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    command = [*shlex.split(os.environ.get("CC", "cc")), "-O3", "-shared", "-fPIC", "-ffp-contract=off", mark]
    command += ["-o", str(unfinished), *(str(source) for source in sources if source.suffix == ".c"), "-lm"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
        unfinished.replace(target)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        return f"{command[0]} failed: {said.strip().splitlines()[0]}"
    finally:
        unfinished.unlink(missing_ok=True)
    return None


class LibraryHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the library into the wheel, or into the tree of an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; a wheel with the library is one for this platform."""
        folder = Path(self.root, FOLDER)
        target = folder / "_views.library"  # .so would be a module of Python's
        reason = compile_library(folder, target)
        for path in folder.glob("*.library"):  # only now: whoever runs from this tree has one all the while
            if reason is not None or path != target:
                path.unlink()
        if reason is not None:
            self.app.display_warning(
                f"The library that resizes and warps pictures is not compiled: {reason}. Pillow will."
            )
            return
        build_data["artifacts"].append(f"/{target.relative_to(self.root).as_posix()}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
