"""Folders that stand for site-packages with less in them, and processes that see nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cnncodes


def make_site(folder: Path, *, without: tuple[str, ...]) -> Path:
    """Fill a folder with links to all that is installed but entries that start with these names."""
    folder.mkdir()
    for installed in map(Path, sys.path):
        if installed.name not in ("site-packages", "dist-packages") or not installed.is_dir():
            continue
        for entry in installed.iterdir():
            link = folder / entry.name
            if not entry.name.startswith((*without, "cnncodes")) and not link.exists():
                link.symlink_to(entry)
    (folder / "cnncodes").symlink_to(Path(cnncodes.__file__).parent)
    return folder


def run_python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with a folder in the place of site-packages."""
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=site.parent,
    )
