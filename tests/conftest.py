"""Settings that all tests share, and the networks that several of them need."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each process of several has its share of the cores: threads of torch that wait for one another spin, and
    # take three times the work.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Time limits an example would measure how busy the machine is. Each run draws other examples: several runs of
# few try as many as one of many. HYPOTHESIS_EXAMPLES=100 is the number of hypothesis itself.
settings.register_profile(
    "cnncodes",
    deadline=None,
    print_blob=True,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "40")),
)
settings.load_profile("cnncodes")


@pytest.fixture(scope="session", autouse=True)
def _no_wait_for_disks() -> Iterator[None]:
    """Write without waiting until the disk has it: no test cuts the power. Processes of their own do wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: os.fstat(handle) and None)
        yield


@pytest.fixture(scope="session")
def shared_export(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that gives the folder of a published network's export, made once in a run.

    For tests that need such a network, or look at what an export gave; only to be read. Those that take long
    are slim (slim_networks.py) where they are not asked for whole.
    """
    from shared_exports import share_folder

    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # of this run, too, and of all its processes

    def find(address: str, random_state: int | None = None, whole: bool = False) -> Path:
        from slim_networks import find_slim

        from cnncodes.backbones.exporting.export import export_backbone
        from cnncodes.backbones.exporting.sources import find_original

        def make(folder: Path) -> None:
            export_backbone((find_original if whole else find_slim)(address, random_state), folder)

        return share_folder(root / "exports", f"{address} {random_state} {whole}", make)

    return find


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Give a function that makes a disk of a size, such as ``"400k"``, and returns its folder."""
    folder = tmp_path / "disk"

    def make(size: str) -> Path:
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
        except FileNotFoundError:
            mounted = False
        if not mounted:
            pytest.skip("only root may mount a small disk")
        return folder

    yield make
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def _obeys_rights() -> Iterator[None]:
    """Have this thread obey the rights of files although it may be of root, whom none keeps out."""
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root reads everything")
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    held = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable ones, twice 32
    if libc.capget(header, held) != 0:
        pytest.skip("capabilities cannot be read")
    fewer = (ctypes.c_uint32 * 6)(*held)
    fewer[0] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, fewer) == 0
    yield
    assert libc.capset(header, held) == 0
