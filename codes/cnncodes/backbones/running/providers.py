"""Execution providers of ONNX Runtime: short names, settings that codes need, and why one does not start."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnncodes.errors import UsageError, suggest

CPU = "CPUExecutionProvider"

#: Short names of providers, in the order in which ``auto`` tries them.
NAMES = {
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "rocm": "MIGraphXExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": CPU,
}

#: What ``auto`` tries before the CPU. TensorRT builds an engine for minutes, and OpenVINO gains what the
#: processor decides: both are for those who ask, after `cnncodes bench`.
_AUTOMATIC = ("cuda", "rocm", "directml")

#: Run on a device of their own, where fixed shapes and large batches pay.
_DEVICES = (
    "CUDAExecutionProvider",
    "TensorrtExecutionProvider",
    "MIGraphXExecutionProvider",
    "DmlExecutionProvider",
)

#: A number after these means nothing.
_WITHOUT_NUMBERS = (CPU, "CoreMLExecutionProvider", "OpenVINOExecutionProvider")

#: What a network of a precision computes in where the provider decides that, not the file.
_OPENVINO_HINTS = {"fp32": "f32", "int8": "f32", "fp16": "f32", "bf16": "bf16"}

_COLOURS = re.compile("\x1b\\[[0-9;]*m")
_LOGGED = re.compile(r"\[E:onnxruntime[^\]]*\] ([^\n]+)")
_PRINTED = re.compile(r"EP Error:? (?!\*)(.+?)\s+(?:when )?using \[", re.DOTALL)
#: Where in its own source the runtime says it, and in which function.
_PLACE = re.compile(r".*\.(?:cc|h):\d+ (?:operator\(\) |[^()]*::\w+\([^()]*\) )?")
_CUDA_FAILURE = re.compile(r"(CUDA failure \d+: .+?) ; GPU=")


@dataclass(frozen=True)
class Provider:
    """An execution provider and its settings.

    Attributes
    ----------
    name : str
        ONNX Runtime's.
    options : dict of str to str
        Its settings, by ONNX Runtime's names; they go before those that codes need.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, said: Any) -> Provider:
        """Return the provider that is meant.

        Parameters
        ----------
        said : str, tuple or Provider
            ``"cuda"``, ``"cuda:1"`` for the second GPU, ONNX Runtime's own name, or one of these with a
            dict of settings: ``("cuda", {"gpu_mem_limit": 2**31})``.

        Raises
        ------
        UsageError
            If there is no such provider, or its settings are no table; if it has no devices that are counted
            or takes no settings, and some are given; if a setting would make wrong codes.

        Examples
        --------
        >>> Provider.parse("cuda:1")
        Provider(name='CUDAExecutionProvider', options={'device_id': '1'})
        """
        if isinstance(said, Provider):
            return said
        options: Any = {}
        if isinstance(said, tuple | list) and len(said) == 2:
            said, options = said
        if not isinstance(said, str) or not isinstance(options, Mapping):
            raise UsageError(
                f"a provider must be a name, or a name and a dict of settings. Got {said!r} instead."
            )
        short, colon, device = said.partition(":")
        name = NAMES.get(short.lower(), short)
        if not name.endswith("ExecutionProvider"):
            raise UsageError(f"unknown provider {said!r}. {suggest(short, [*NAMES, 'auto'])}")
        values = {str(key): _as_text(value) for key, value in options.items()}
        if colon and not device.isdecimal():
            raise UsageError(
                f"provider {said!r}: after the colon comes the number of a device, as in cuda:1."
            )
        if colon and name in _WITHOUT_NUMBERS:
            raise UsageError(f"provider {said!r}: {short} has no devices that are counted. Take {short}.")
        if name == CPU and values:
            raise UsageError(
                f"provider {short!r} takes no settings, since ONNX Runtime would ignore them. Got"
                f" {', '.join(values)}."
            )
        if _is_on(values.get("trt_cuda_graph_enable", "0")):
            raise UsageError(
                f"provider {short!r} takes no trt_cuda_graph_enable: TensorRT records one graph a session and"
                " would replay it on the first run's buffers for all. Take cuda with enable_cuda_graph."
            )
        return cls(name, {**({"device_id": device} if colon else {}), **values})

    @property
    def is_cpu(self) -> bool:
        """Whether it is ONNX Runtime's own, on the CPU, whose codes are the same to the bit."""
        return self.name == CPU

    @property
    def is_device(self) -> bool:
        """Whether it has a memory of its own, and wants large batches of one shape."""
        return self.name in _DEVICES

    @property
    def has_graphs(self) -> bool:
        """Whether CUDA graphs are asked for."""
        return _is_on(self.options.get("enable_cuda_graph", "0"))

    @property
    def device(self) -> int:
        """The number of its device."""
        number = self.options.get("device_id", "0")
        if not number.isdecimal():
            raise UsageError(f"device_id must be the number of a device. Got {number!r} for {self.name}.")
        return int(number)

    def settings(self, precision: str, threads: int, model: bytes) -> dict[str, str]:
        """Return what ONNX Runtime is told for a network of a precision: the user's settings, then ours."""
        ours: dict[str, str] = {}
        if self.name == NAMES["cuda"]:
            # Ten bits of mantissa are no fp32. Algorithms are chosen by rules: to time them all took seconds,
            # gained nothing on an H200, and what is chosen by its time may be another one in the next run.
            ours = {
                "use_tf32": "0",
                "cudnn_conv_algo_search": "HEURISTIC",
                "arena_extend_strategy": "kSameAsRequested",
            }
        elif self.name == NAMES["tensorrt"]:
            # Engines hold the weights and are kept by the names in the graph alone: another network of the
            # same architecture, as one that was fine-tuned, would be given this one's.
            engines = cache_folder() / "tensorrt" / hashlib.sha256(model).hexdigest()
            ours = {
                "trt_engine_cache_enable": "1",
                "trt_engine_cache_path": str(engines),
                "trt_timing_cache_enable": "1",
                "trt_fp16_enable": "1" if precision == "fp16" else "0",
            }
        elif self.name == NAMES["openvino"]:
            # Where the processor can, it would compute in bf16 by itself: other codes under the name of fp32.
            hints = {
                "INFERENCE_PRECISION_HINT": _OPENVINO_HINTS[precision],
                "INFERENCE_NUM_THREADS": str(threads),
                "NUM_STREAMS": "1",
            }
            ours = {"device_type": "CPU", "load_config": json.dumps({"CPU": hints})}
        return {**ours, **self.options}

    def __str__(self) -> str:
        device = self.options.get("device_id")
        return self.name if device is None else f"{self.name} (device {device})"


def parse_providers(said: Any) -> tuple[Provider, ...]:
    """Return the providers of a sequence of them, at least one.

    Raises
    ------
    UsageError
        If there is none, a string where a sequence is meant, "auto" in it, or one is there twice.
    """
    if isinstance(said, str) or not isinstance(said, Sequence) or not said:
        advice = f" For one give a list: [{said!r}]." if isinstance(said, str) and said else ""
        raise UsageError(f"providers must be a sequence of at least one name. Got {said!r} instead.{advice}")
    if "auto" in said:
        raise UsageError(f"'auto' stands alone, as providers='auto'. Got {said!r} instead.")
    found = tuple(Provider.parse(one) for one in said)
    check_different(found)
    return found


def check_different(providers: Sequence[Provider]) -> None:
    """Raise `UsageError` where a provider is named twice, unless it is on another device.

    Examples
    --------
    >>> check_different([Provider.parse("cuda:0"), Provider.parse("cuda:1")])
    """
    seen = set()
    for provider in providers:
        if (one := (provider.name, provider.device)) in seen:
            raise UsageError(
                f"provider {provider} is there twice. Name it once, or its devices: cuda:0, cuda:1."
            )
        seen.add(one)


def list_automatic(available: Sequence[str]) -> list[Provider]:
    """Return the providers that ``auto`` tries, best first, the CPU's last."""
    return [Provider(NAMES[short]) for short in (*_AUTOMATIC, "cpu") if NAMES[short] in available]


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``$CNNCODES_HOME/cache``, else the user's cache."""
    home = os.environ.get("CNNCODES_HOME")
    if home:
        return Path(home) / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnncodes"


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
    if failure := _CUDA_FAILURE.search(reason):
        return failure[1]
    reason = _PLACE.sub("", reason)
    for mark in ("with error: ", "FAIL : "):
        reason = reason.rpartition(mark)[2]
    return reason


def _is_on(value: str) -> bool:
    return value.lower() in ("1", "true")


def _as_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
