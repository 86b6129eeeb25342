"""What doctor reads off the machine, what it makes of it, and how it says so."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from PIL import Image

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.cli import main
from cnncodes.commands.doctor import PARTS, find_runtime_problems, find_version, read_instructions
from cnncodes.errors import install_advice

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def shipped() -> Backbone:
    return load_backbone()


def look(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    status = main(["doctor", "--json", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (1 if found["problems"] else 0)
    return found


def add_distribution(folder: Path, name: str) -> None:
    (folder / f"{name.replace('-', '_')}-1.0.dist-info").mkdir()
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info" / "METADATA"
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


def test_instruction_sets_are_whole_words_of_the_flags(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 fma avx512f_x avx512_vnni\n")
    assert read_instructions(file) == ["avx2", "fma", "avx512_vnni"]


def test_arm_calls_its_flags_features(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nFeatures\t: fp asimd asimddp\n")
    assert read_instructions(file) == ["asimd", "asimddp"]


def test_where_the_system_does_not_say_nothing_is_claimed(tmp_path: Path) -> None:
    assert read_instructions(tmp_path / "missing") is None


def test_here_nothing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    found = look(capsys)
    assert found["ok"] and found["problems"] == [] == find_runtime_problems()
    assert found["cores"] >= 1
    [cpu] = [provider for provider in found["providers"] if provider["name"] == "CPUExecutionProvider"]
    assert cpu["starts"] and cpu["seconds"] > 0 and cpu["reason"] is None
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "No problem was found." in text and "CPUExecutionProvider starts" in text
    assert f"Threads       {found['lanes']} lane" in text and found["lanes"] == found["cores"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_one_core_and_its_lane_are_one(capsys: pytest.CaptureFixture[str]) -> None:
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usable)})
    try:
        assert main(["doctor"]) == 0
    finally:
        os.sched_setaffinity(0, usable)
    text = capsys.readouterr().out
    assert "1 usable core\n" in text and "1 lane of one thread" in text


def test_a_provider_that_runs_elsewhere_is_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert not [provider for provider in look(capsys)["providers"] if "Azure" in provider["name"]]


def test_two_runtimes_are_a_problem_in_the_words_of_the_first_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shipped: Backbone
) -> None:
    for name in ("onnxruntime", "onnxruntime-gpu"):
        add_distribution(tmp_path, name)
    monkeypatch.syspath_prepend(tmp_path)
    found = look(capsys)
    with pytest.raises(ImportError) as caught:
        Backbone(shipped.model_bytes(), shipped.card)
    assert found["problems"] == [str(caught.value)]
    assert not found["ok"] and found["providers"] == []
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert re.search(r"^Problem +onnxruntime and onnxruntime-gpu are installed together", text, re.MULTILINE)
    assert "No problem" not in text


def test_a_network_that_does_not_run_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    found = look(capsys, "--backbone", "efficientnet-light0")
    assert not found["ok"]
    [problem] = found["problems"]
    assert "no provider runs the network 'efficientnet-light0'" in problem
    assert "Did you mean 'efficientnet-lite0'?" in problem
    assert not any(provider["starts"] for provider in found["providers"])


# What onnxruntime-gpu 1.31 logs where CUDA's libraries are missing.
LOGGED = (
    "\x1b[1;31m2026-01-01 04:56:09.38 [E:onnxruntime:Default, provider_bridge_ort.cc:2458 operator()]"
    " /src/provider_bridge_ort.cc:2043 Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library"
    " /a/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file\n"
    "\x1b[m\x1b[0;93m2026-01-01 04:56:09 [W:onnxruntime:Default, a.cc:1 Create] Failed to create\x1b[m\n"
)
PRINTED = "*** EP Error ***\nEP Error /src/state.cc:1 Please install\n TensorRT\n when using ['T']\nFalling\n"


@pytest.fixture
def gpu_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that the runtime is the one for GPUs, on a machine without CUDA."""

    real = onnxruntime.InferenceSession

    def start(model: bytes, options: object, *, providers: list[tuple[str, dict[str, str]]]) -> object:
        [(provider, _)] = providers
        if provider == "CUDAExecutionProvider":
            os.write(2, LOGGED.encode())
        elif provider != "CPUExecutionProvider":
            print(PRINTED)
        return real(model, options, providers=["CPUExecutionProvider"])  # as the runtime does by itself

    names = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: names)
    monkeypatch.setattr("onnxruntime.InferenceSession", start)


@pytest.mark.usefixtures("gpu_runtime")
def test_a_gpu_that_does_not_start_is_a_problem_with_its_reason(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 1
    captured = capfd.readouterr()
    assert captured.err == ""
    found = json.loads(captured.out)
    reason = "libcublasLt.so.13: cannot open shared object file"
    # TensorRT is listed by every runtime for GPUs and asked for by nobody.
    assert found["problems"] == [f"CUDAExecutionProvider is there but does not start: {reason}"]
    assert [provider["starts"] for provider in found["providers"]] == [False, False, True]
    assert found["providers"][0]["reason"] == "Please install TensorRT"


@pytest.mark.usefixtures("gpu_runtime")
def test_a_gpu_that_was_asked_for_and_does_not_start_is_an_error_and_auto_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (64, 64)).save(photos / "a.png")
    embed = ["embed", str(photos), "-o", str(tmp_path / "c.codes"), "--provider"]
    assert main([*embed, "cuda"]) == 1
    captured = capfd.readouterr()
    assert captured.err == (
        "cnncodes: provider 'CUDAExecutionProvider' was asked for and does not start:"
        " libcublasLt.so.13: cannot open shared object file.\n"
    )
    assert not (tmp_path / "c.codes").exists()
    assert main([*embed, "auto"]) == 0
    said = capfd.readouterr().err
    assert (
        "auto: fp32 on CPUExecutionProvider (CUDAExecutionProvider does not start: libcublasLt.so.13" in said
    )


def test_the_gpu_part_says_what_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("cnncodes.commands.doctor.find_version", {"onnxruntime": "1.20"}.get)
    monkeypatch.setenv("PATH", str(tmp_path))
    [gpu] = [part for part in look(capsys)["parts"] if part["name"] == "gpu"]
    assert gpu["gpus"] == [] and gpu["missing"] == ["onnxruntime-gpu"]
    assert gpu["install"] == f"pip uninstall -y onnxruntime, then {install_advice('gpu')}"
    main(["doctor"])
    text = capsys.readouterr().out
    assert "no GPU that nvidia-smi knows" in text and gpu["install"] not in text
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 570.86.15'\n")
    program.chmod(0o755)
    main(["doctor"])
    text = capsys.readouterr().out
    assert "NVIDIA H200 (driver 570.86.15)" in text and gpu["install"] in text


def test_parts_name_what_their_extras_install() -> None:
    extras = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for part, (_, needed) in PARTS.items():
        assert set(needed) == {re.split(r"[\[=<>~!]", item)[0] for item in extras[part]}, part


def test_a_part_says_what_is_missing_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PARTS, "export", ("models export", ("numpy", "no-such-package")))
    [part] = [part for part in look(capsys)["parts"] if part["name"] == "export"]
    assert part["missing"] == ["no-such-package"]
    main(["doctor"])
    assert f"missing no-such-package: {install_advice('export')}" in capsys.readouterr().out


def test_plugins_of_pillow_are_named_with_what_they_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("pillow_heif", "pillow_jxl"):
        monkeypatch.setitem(sys.modules, module, None)  # as where it is not installed
    main(["doctor"])
    told = (
        "Plugins       HEIF is not read: pip install pillow-heif; JPEG XL is not read: pip install pillow-jxl"
    )
    assert told in capsys.readouterr().out
    monkeypatch.setattr("cnncodes.images.plugins.BROKEN", {})
    (tmp_path / "pillow_jxl.py").write_text("raise OSError('no libjxl')")
    add_distribution(tmp_path, "pillow-jxl-plugin")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "pillow_jxl")
    monkeypatch.setattr(Image, "OPEN", {name: one for name, one in Image.OPEN.items() if name != "JXL"})
    main(["doctor"])
    told = "JPEG XL is not read: pillow-jxl-plugin 1.0 does not work (OSError: no libjxl)"
    assert told in capsys.readouterr().out


def test_versions_are_those_installed() -> None:
    import numpy

    assert find_version("numpy") == numpy.__version__
    assert find_version("no-such-package") is None


def test_a_plugin_that_is_installed_and_does_not_work_is_a_problem_and_its_part_not_complete(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pillow_heif.py").write_text("raise ImportError('no libheif')")
    add_distribution(tmp_path, "pillow-heif")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "pillow_heif", raising=False)
    monkeypatch.setattr(Image, "OPEN", {name: one for name, one in Image.OPEN.items() if name != "HEIF"})
    monkeypatch.setattr("cnncodes.images.plugins.BROKEN", {})
    found = look(capsys)
    [problem] = found["problems"]
    assert problem.startswith("pillow-heif is installed and does not work (ImportError: no libheif)")
    [heic] = [part for part in found["parts"] if part["name"] == "heic"]
    assert heic["missing"] == [] and heic["broken"] == ["pillow-heif"]
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "HEIF): pillow-heif does not work\n" in text and "No problem" not in text
