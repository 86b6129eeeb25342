"""Sessions of ONNX Runtime: started as asked or not at all, and run with faults said in one line."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cnncodes.backbones.running.instructions import has_dot_products
from cnncodes.backbones.running.outside_weights import check_self_contained
from cnncodes.backbones.running.providers import NAMES, Provider, find_reason, parse_providers
from cnncodes.backbones.running.runtime import import_runtime
from cnncodes.errors import BackboneError, ProviderError, UsageError, sentence
from cnncodes.machine import explain_shortage, find_shortage
from cnncodes.output import hold_back

CPU = (NAMES["cpu"],)

#: Severities from which the runtime logs.
_ERRORS, _FATAL = 3, 4

#: What the runtime says of a graph that it does not take, and the same for who has the file.
_FAULTS = (
    (
        r"protobuf parsing failed|No graph was found in the protobuf",
        "it is no ONNX file, or one that is damaged or cut off. Export or fetch it again",
    ),
    (
        r"Opset (?P<opset>\d+) is under development.* is till opset (?P<known>\d+)",
        "it is of ONNX's operator set {opset}, and the installed ONNX Runtime knows up to {known}. Upgrade"
        " onnxruntime, or export the network with an older set",
    ),
    (
        r"Unsupported model IR version: (?P<version>\d+), max supported IR version: (?P<known>\d+)",
        "it is of ONNX's file format {version}, and the installed ONNX Runtime knows up to {known}. Upgrade"
        " onnxruntime, or export the network with an older onnx",
    ),
    (
        r"(?P<domain>[^\s:]+):(?P<operator>\w+)\(-?\d+\) is not a registered function/op",
        "it has the operator {operator!r} of {domain!r}, which the installed ONNX Runtime does not have."
        " Export the network with ONNX's own operators",
    ),
    (
        r"No Op registered for (?P<operator>\w+) with domain_version of (?P<opset>\d+)",
        "it has an operator {operator!r}, which ONNX's operator set {opset} does not have. Export the network"
        " with ONNX's own operators",
    ),
    (
        r'In Node, \("[^"]*", (?P<operator>\w+), .*No opset import for domain \'(?P<domain>[^\']*)\'',
        "it has the operator {operator!r} of {domain!r}, and does not say of which version. Export the"
        " network with ONNX's own operators",
    ),
)


def check_threads(threads: Any) -> None:
    """Raise `UsageError` unless a session can be asked for so many threads."""
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:  # 0 would mean all cores
        raise UsageError(f"threads must be a whole number of at least 1. Got {threads!r} instead.")


def in_one_line(error: Exception) -> str:
    """Return what an error says, without line breaks."""
    return " ".join(str(error).split())


#: The packages that bring providers, each in place of onnxruntime.
_MAKES = {
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "TensorrtExecutionProvider": "onnxruntime-gpu",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
    "DmlExecutionProvider": "onnxruntime-directml",
    "MIGraphXExecutionProvider": "onnxruntime-migraphx",
}


def _name_make(provider: Provider) -> str:
    make = _MAKES.get(provider.name)
    return f", this one with {make}, installed in place of onnxruntime" if make else ""


def check_images(images: Any) -> None:
    """Raise `UsageError` unless images are an array of uint8."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = getattr(images, "dtype", type(images).__name__)
        raise UsageError(f"images must be an array of uint8: the network normalises them itself. Got {kind}.")


def start_session(
    model: bytes, name: str, providers: Sequence[str | Provider], threads: int, *, precision: str = "fp32"
) -> Any:
    """Return a session of ONNX Runtime; each provider that is asked for has to start.

    Parameters
    ----------
    model : bytes
    name : str
        What errors call the graph.
    providers : sequence of str or Provider
    threads : int
        0 for all cores.
    precision : str
        What the graph computes in, for providers that would decide that by themselves.

    Raises
    ------
    BackboneError
        If it keeps weights in other files, or does not start; of a provider, the text has the reason that the
        runtime gives.
    """
    check_self_contained(model, name)
    runtime = import_runtime()
    wanted = parse_providers(tuple(providers))
    available = runtime.get_available_providers()
    for provider in wanted:
        if provider.name not in available:
            raise ProviderError(
                f"provider {provider.name!r} is not available; available: {', '.join(available)}. Others come"
                f" with other makes of ONNX Runtime{_name_make(provider)}: 'cnncodes doctor' says which is"
                " installed.",
                "the installed runtime does not have it",
            )
    if all(provider.is_cpu for provider in wanted):
        return _start(runtime, model, name, wanted, threads, precision)
    if hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()  # CUDA's libraries lie in wheels, where the loader does not look
    with hold_back() as said, _logging(runtime):
        try:
            session, error = _start(runtime, model, name, wanted, threads, precision), None
        except BackboneError as caught:
            session, error = None, caught
    missing = [p for p in wanted if session is None or p.name not in session.get_providers()]
    if missing:  # the runtime goes on with the CPU by itself, which is not what was asked for
        reason = find_reason("".join(said)) or (str(error) if error else "the runtime gives no reason")
        reason = reason.rstrip(".")
        raise ProviderError(
            f"provider {missing[0].name!r} was asked for and does not start: {sentence(reason)}", reason
        )
    return session


@contextlib.contextmanager
def _logging(runtime: Any) -> Iterator[None]:
    """Have the runtime log errors while a session starts, and nothing afterwards.

    On a GPU it logs each algorithm that cuDNN tries and rejects, hundreds of lines; what fails is raised.
    """
    runtime.set_default_logger_severity(_ERRORS)
    try:
        yield
    finally:
        runtime.set_default_logger_severity(_FATAL)


def _start(
    runtime: Any, model: bytes, name: str, wanted: Sequence[Provider], threads: int, precision: str
) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS
    # Spinning threads take the core that another lane decodes on.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # x86 without VNNI adds pairs of 8-bit products in 16 bits, which overflow: the exact way is asked for.
    # Not where it has them: with AMX the runtime would take it all the same, and twice the time.
    if not has_dot_products():
        options.add_session_config_entry("session.x64quantprecision", "1")
    said = [(provider.name, provider.settings(precision, threads, model)) for provider in wanted]
    try:
        return runtime.InferenceSession(model, options, providers=said)
    except Exception as error:  # ONNX Runtime raises a class of its own for each kind of fault
        raise BackboneError(f"{name} does not start: {explain_fault(error)}") from error


def explain_fault(error: Exception) -> str:
    """Return in one line why a graph does not start, in the runtime's words where no better are known."""
    said = in_one_line(error)
    if shortage := find_shortage(error):
        return f"{explain_shortage(shortage)} The runtime says: {said or type(error).__name__}"
    for pattern, meaning in _FAULTS:
        found = re.search(pattern, said)
        if found:
            return meaning.format_map(found.groupdict()) + "."
    return said


def run_session(
    session: Any,
    outputs: Sequence[str] | None,
    feeds: Mapping[str, Any],
    name: str,
    *,
    shrinks: bool = False,
) -> list[Any]:
    """Return the outputs of a session, all of them where None are named.

    With `shrinks`, which is for the CPU, memory that it keeps of larger batches is given back afterwards.

    Raises
    ------
    BackboneError
        If it fails, for instance for want of memory; the text calls the graph by `name`.
    """
    try:
        found: list[Any] = session.run(outputs, dict(feeds), make_options(shrinks=shrinks))
    except Exception as error:  # one class for each kind of fault, as when a session starts
        shapes = ", ".join(str(np.shape(value)) for value in feeds.values())
        raise _explain_run(error, name, shapes) from error
    return found


def _explain_run(error: Exception, name: str, shapes: object) -> BackboneError:
    """Return the error of a network that failed, which says first where memory was short."""
    said = in_one_line(error)
    if find_shortage(error) == "memory":
        return BackboneError(
            f"there is not enough memory for {name} to run on images of shape {shapes}: take smaller batches"
            " (--batch-size 1) or fewer lanes (-j 1), or raise the limit that this process has (ulimit -v, or"
            f" a container's). The runtime says: {said}"
        )
    return BackboneError(f"{name} fails on images of shape {shapes}: {said}")


@functools.lru_cache(maxsize=32)
def make_options(graph: int = -1, *, shrinks: bool = False) -> Any:
    """Return how a session is run: what fails is raised, and not logged as well.

    Parameters
    ----------
    graph : int
        Where CUDA graphs are asked for, the one of its own that the run's buffers have; -1 is none. ONNX
        Runtime would take one for all runs of a session, and write into the buffers of the first.
    shrinks : bool
        Whether memory on the CPU is given back afterwards that the run did not need.
    """
    # Once: looking the runtime up takes longer than a small network.
    options = import_runtime().RunOptions()
    options.log_severity_level = _FATAL
    options.add_run_config_entry("gpu_graph_id", str(graph))
    if shrinks:
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
