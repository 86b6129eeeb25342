"""Sessions of ONNX Runtime: started as asked or not at all, and run with faults said in one line."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnncodes.backbones.runtime import import_runtime
from cnncodes.errors import BackboneError, UsageError

CPU = ("CPUExecutionProvider",)


def check_session(providers: Sequence[str], threads: int) -> None:
    """Raise `UsageError` unless providers and threads are such as a session can be asked for."""
    if isinstance(providers, str) or not providers:
        raise UsageError(f"providers must be a sequence of at least one name. Got {providers!r} instead.")
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:  # 0 would mean all cores
        raise UsageError(f"threads must be a whole number of at least 1. Got {threads!r} instead.")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def check_images(images: Any) -> None:
    """Raise `UsageError` unless images are an array of uint8."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = getattr(images, "dtype", type(images).__name__)
        raise UsageError(f"images must be an array of uint8: the network normalises them itself. Got {kind}.")


def start_session(model: bytes, name: str, providers: Sequence[str], threads: int) -> Any:
    """Return a session of ONNX Runtime; each provider that is asked for has to start.

    Raises
    ------
    BackboneError
        If it does not start; the text calls the graph by `name`.
    """
    runtime = import_runtime()
    available = runtime.get_available_providers()
    for provider in providers:
        if provider not in available:
            raise BackboneError(f"provider {provider!r} is not available; available: {', '.join(available)}.")
    if set(providers) - set(CPU) and hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()  # CUDA's libraries lie in wheels, where the loader does not look
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads take the core that another lane decodes on.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = runtime.InferenceSession(model, options, providers=list(providers))
    except Exception as error:  # ONNX Runtime raises a class of its own for each kind of fault
        raise BackboneError(f"{name} does not start: {_in_one_line(error)}") from error
    missing = [name for name in providers if name not in session.get_providers()]
    if missing:
        raise BackboneError(f"provider {missing[0]!r} was asked for and did not start.")
    return session


def run_session(
    session: Any, outputs: Sequence[str] | None, feeds: Mapping[str, Any], name: str
) -> list[Any]:
    """Return the outputs of a session, all of them where None are named.

    Raises
    ------
    BackboneError
        If it fails, for instance for want of memory; the text calls the graph by `name`.
    """
    try:
        found: list[Any] = session.run(outputs, dict(feeds), _make_options())
    except Exception as error:  # one class for each kind of fault, as when a session starts
        shapes = ", ".join(str(np.shape(value)) for value in feeds.values())
        raise BackboneError(f"{name} fails on images of shape {shapes}: {_in_one_line(error)}") from error
    return found


@functools.cache
def _make_options() -> Any:
    # Once: looking the runtime up takes longer than a small network.
    options = import_runtime().RunOptions()
    options.log_severity_level = 4  # what fails is raised, and need not be printed as well
    return options
