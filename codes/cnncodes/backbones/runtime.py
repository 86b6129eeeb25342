"""Getting hold of ONNX Runtime, which comes in two packages that overwrite each other."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

from cnncodes.errors import BackendMissing

DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")
NO_RUNTIME = (
    "ONNX Runtime is not installed: pip install 'cnncodes[cpu]', or 'cnncodes[gpu]' with an NVIDIA GPU."
)
BOTH_RUNTIMES = (
    "onnxruntime and onnxruntime-gpu are both installed and overwrite each other: pip uninstall -y"
    " onnxruntime onnxruntime-gpu, then pip install 'cnncodes[cpu]' or 'cnncodes[gpu]'."
)


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def check_distributions(is_installed: Callable[[str], bool] = _is_installed) -> None:
    """Raise `BackendMissing` unless exactly one distribution of ONNX Runtime is installed."""
    found = [name for name in DISTRIBUTIONS if is_installed(name)]
    if not found:
        raise BackendMissing(NO_RUNTIME)
    if len(found) > 1:
        raise BackendMissing(BOTH_RUNTIMES)


def import_runtime() -> Any:
    """Return the module ``onnxruntime``.

    Raises
    ------
    BackendMissing
        If it is not there, or both of its distributions are; the text says what to do.
    """
    try:
        import onnxruntime
    except ImportError as error:
        check_distributions()
        raise BackendMissing(f"ONNX Runtime is installed but does not start: {error}.") from error
    if not hasattr(onnxruntime, "InferenceSession"):  # a folder left behind by an uninstall
        raise BackendMissing(NO_RUNTIME)
    if all(_is_installed(name) for name in DISTRIBUTIONS):
        raise BackendMissing(BOTH_RUNTIMES)
    return onnxruntime
