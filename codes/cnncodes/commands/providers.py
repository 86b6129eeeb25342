"""What runs the network: ONNX Runtime's providers tried one by one, and the GPUs that the driver names."""

from __future__ import annotations

import re
import subprocess
import time
from typing import Any

from cnncodes.commands.command import Result
from cnncodes.errors import CnnCodesError, ProviderError

# Every GPU build lists them, but their library is a product of its own that nothing here asks for.
_NOT_NEEDED = ("TensorrtExecutionProvider", "NvTensorRTRTXExecutionProvider")
#: Wheels that hold what onnxruntime-gpu loads.
_LIBRARIES = re.compile(r"nvidia-(cublas|cuda-runtime|cudnn|cufft)(-cu\d+)?")


def try_providers(backbone: str) -> list[Result]:
    """Run one image through the network on each provider: that it is listed does not mean it starts."""
    from cnncodes.backbones.running.runtime import list_providers

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
    from cnncodes.output import hold_back

    started = time.perf_counter()
    try:
        with hold_back():  # a provider that fails at its first image logs that too
            loaded: Any = load_backbone(backbone, providers=(provider,))
            loaded.run(np.zeros((1, loaded.frame.height, loaded.frame.width, 3), dtype=np.uint8))
    except (CnnCodesError, RuntimeError, OSError, ValueError) as error:
        said = error.reason if isinstance(error, ProviderError) else str(error)
        reason = " ".join(said.split()).rstrip(".")
        return {"name": provider, "starts": False, "reason": reason, "seconds": None}
    seconds = round(time.perf_counter() - started, 3)
    return {"name": provider, "starts": True, "reason": None, "seconds": seconds}


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
    import importlib.metadata

    found = ((str(one.metadata["Name"]).lower(), one.version) for one in importlib.metadata.distributions())
    return dict(sorted((name, version) for name, version in found if _LIBRARIES.fullmatch(name)))
