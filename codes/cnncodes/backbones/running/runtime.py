"""Getting hold of ONNX Runtime, which comes in several packages that overwrite each other."""

from __future__ import annotations

import os
import sys
from typing import Any

from cnncodes.errors import BackendMissing, install_advice

#: Distributions that install the module ``onnxruntime``. The extras name the first two; others do as well.
DISTRIBUTIONS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
    "onnxruntime-cann",
    "onnxruntime-vitisai",
    "onnxruntime-training",
    "ort-nightly",
    "ort-nightly-gpu",
)


def find_distributions() -> list[str]:
    """Return the installed distributions that bring the module ``onnxruntime``; there should be one."""
    return [name for name in DISTRIBUTIONS if _brings_module(name)]


def _brings_module(name: str) -> bool:
    import importlib.metadata  # here, since a plain start has no need of it

    try:
        files = importlib.metadata.files(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    # Some of the names have come to stand for a plugin that lives beside the runtime.
    return files is None or any(file.as_posix() == "onnxruntime/__init__.py" for file in files)


#: Where modules were looked for as the runtime was found to be sound, and the module that it is.
_sound: tuple[tuple[str, ...], Any] | None = None


def import_runtime() -> Any:
    """Return the module ``onnxruntime``.

    Raises
    ------
    BackendMissing
        If it is not there, does not start, or several distributions bring it; the text says what to do.
    """
    global _sound
    if _sound == (tuple(sys.path), sys.modules.get("onnxruntime")):  # looking at packages takes milliseconds
        return _sound[1]
    found = find_distributions()
    if len(found) > 1:
        raise BackendMissing(
            f"{' and '.join(found)} are installed together and overwrite each other: pip uninstall -y"
            f" {' '.join(found)}, then {advise_runtime()}."
        )
    # It would report to its maker, and leave a device's number in the user's home: not from here.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        if (interrupt := _find_interrupt(error)) is not None:
            raise type(interrupt) from error
        raise BackendMissing(_explain(found, str(error))) from error
    if not hasattr(onnxruntime, "InferenceSession"):  # a folder left behind by an uninstall
        raise BackendMissing(_explain(found, "its files are gone"))
    _sound = (tuple(sys.path), onnxruntime)
    return onnxruntime


def list_providers() -> list[str]:
    """Return the execution providers that the installed runtime lists; that says little of which start."""
    # Azure's sends a network away to be run elsewhere; it is always listed and never meant here.
    return [name for name in import_runtime().get_available_providers() if "Azure" not in name]


def _find_interrupt(error: BaseException | None) -> KeyboardInterrupt | None:
    """Return an interrupt that is at the bottom: compiled modules turn it into a failed import."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def advise_runtime() -> str:
    """Return how to install a runtime where there is none."""
    return f"{install_advice('cpu')}, or {install_advice('gpu')} with an NVIDIA GPU"


def _explain(found: list[str], reason: str) -> str:
    if not found:
        return f"ONNX Runtime is not installed: {advise_runtime()}."
    return (
        f"{found[0]} is installed but does not start ({' '.join(reason.split())}): pip install"
        f" --force-reinstall --no-deps {found[0]}."
    )
