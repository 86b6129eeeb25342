"""What runs the network: ONNX Runtime's providers tried one by one, and the GPUs that the driver names."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from cnncodes.commands.command import Result
from cnncodes.errors import CnnCodesError

# Every GPU build lists them, but their library is a product of its own that nothing here asks for.
_NOT_NEEDED = ("TensorrtExecutionProvider", "NvTensorRTRTXExecutionProvider")
_COLOURS = re.compile("\x1b\\[[0-9;]*m")
_LOGGED = re.compile(r"\[E:onnxruntime[^\]]*\] ([^\n]+)")
_PRINTED = re.compile(r"EP Error:? (?!\*)(.+?)\s+(?:when )?using \[", re.DOTALL)
#: Wheels that hold what onnxruntime-gpu loads.
_LIBRARIES = re.compile(r"nvidia-(cublas|cuda-runtime|cudnn|cufft)(-cu\d+)?")


def try_providers(backbone: str) -> list[Result]:
    """Run one image through the network on each provider: that it is listed does not mean it starts."""
    from cnncodes.backbones.runtime import list_providers

    return [_try_provider(backbone, name) for name in list_providers()]


def find_provider_problems(backbone: str, providers: list[Result]) -> list[str]:
    """Return a line for each provider that is there in vain, or one if none runs the network."""
    failed = [provider for provider in providers if not provider["starts"]]
    if failed and len(failed) == len(providers):
        return [f"no provider runs the network {backbone!r}: {failed[-1]['reason']}"]
    return [
        f"{provider['name']} is there but does not start: {provider['reason']}"
        for provider in failed
        if provider["name"] not in _NOT_NEEDED
    ]


def _try_provider(backbone: str, provider: str) -> Result:
    import numpy as np

    from cnncodes.backbones import load_backbone

    started = time.perf_counter()
    error: Exception | None = None
    with _hold_back() as said:
        try:
            loaded: Any = load_backbone(backbone, providers=(provider,))
            loaded.run(np.zeros((1, loaded.frame.height, loaded.frame.width, 3), dtype=np.uint8))
        except (CnnCodesError, RuntimeError, OSError, ValueError) as caught:
            error = caught
    text = "".join(said)
    if error is None and not _PRINTED.search(text):  # else the runtime has gone on without it by itself
        seconds = round(time.perf_counter() - started, 3)
        return {"name": provider, "starts": True, "reason": None, "seconds": seconds}
    reason = find_reason(text) or " ".join(str(error).split())
    return {"name": provider, "starts": False, "reason": reason, "seconds": None}


def find_reason(text: str) -> str | None:
    """Return why a provider does not start, from what the runtime logged and printed meanwhile.

    Examples
    --------
    >>> find_reason("... [E:onnxruntime:Default, a.cc:1 Get] 1 : FAIL : Failed with error: libcublas: none")
    'libcublas: none'
    """
    text = _COLOURS.sub("", text)
    found = _PRINTED.findall(text) or _LOGGED.findall(text)
    if not found:
        return None
    reason = " ".join(found[-1].split())
    for mark in ("with error: ", "FAIL : "):
        reason = reason.rpartition(mark)[2]
    return reason


@contextlib.contextmanager
def _hold_back() -> Iterator[list[str]]:
    """Keep what the runtime prints and its compiled parts log; the list yielded holds it afterwards."""
    said: list[str] = []
    printed = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: said.append(printed.getvalue()))
        with contextlib.suppress(OSError):  # without a stderr there is nothing to keep from it
            kept = os.dup(2)
            stack.callback(os.close, kept)
            logged = stack.enter_context(tempfile.TemporaryFile())
            stack.callback(lambda: said.append(_read_all(logged)))
            os.dup2(logged.fileno(), 2)
            stack.callback(os.dup2, kept, 2)
        stack.enter_context(contextlib.redirect_stdout(printed))
        yield said


def _read_all(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def find_gpus() -> list[str]:
    """Return the NVIDIA GPUs, each with its driver, as the driver's own program names them."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
    rows = [line.rpartition(",") for line in done.stdout.splitlines() if line.strip()]
    return [f"{name.strip()} (driver {driver.strip()})" for name, _, driver in rows]


def find_gpu_libraries() -> dict[str, str]:
    """Return the versions of the installed wheels that hold CUDA's libraries."""
    found = ((str(one.metadata["Name"]).lower(), one.version) for one in importlib.metadata.distributions())
    return dict(sorted((name, version) for name, version in found if _LIBRARIES.fullmatch(name)))
