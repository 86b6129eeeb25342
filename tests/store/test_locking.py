"""The lock of a dataset writes nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnncodes.errors import StoreError
from cnncodes.store.locking import WriterLock, find_writer


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_as_it_was(tmp_path: Path) -> None:
    """A folder from a stranger may hold one."""
    precious, folder = tmp_path / "precious.txt", tmp_path / "x.codes"
    precious.write_text("precious")
    folder.mkdir()
    (folder / ".lock").symlink_to(precious)
    with pytest.raises(StoreError, match="is a link, or no ordinary file"):
        WriterLock(folder)
    assert precious.read_text() == "precious"


@pytest.mark.timeout(20)
def test_a_lock_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    assert find_writer(tmp_path) is None
    with pytest.raises(StoreError, match="no ordinary file"):
        WriterLock(tmp_path)
