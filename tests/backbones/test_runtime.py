"""ONNX Runtime missing, doubled, damaged or of another make, each in a process where it really is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from sites import make_site, run_python

from cnncodes.backbones.running.runtime import find_distributions, import_runtime
from cnncodes.errors import install_advice

CODE = """
import json
from cnncodes import load_backbone
from cnncodes.cli import main
from cnncodes.errors import BackendMissing
try:
    found = list(load_backbone().run(__import__("numpy").zeros((1, 32, 32, 3), "uint8")).shape)
except BackendMissing as error:
    found = str(error)
print(json.dumps(found))
status = main(["doctor", "--json"])
print(status)
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return make_site(tmp_path / "site", without=("onnxruntime",))


def add_module(site: Path) -> None:
    (site / "onnxruntime").symlink_to(Path(onnxruntime.__file__).parent)


def add_distribution(site: Path, name: str, version: str = "1.99.0", *, files: str | None = None) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if files is not None:
        (folder / "RECORD").write_text(f"{files},,\n")


def run(site: Path) -> tuple[Any, dict[str, Any]]:
    """Return what the first use of a backbone gave or said, and what doctor found."""
    done = run_python(site, "-c", CODE)
    assert done.returncode == 0, done.stderr
    said, found, status = done.stdout.splitlines()
    assert status == ("1" if json.loads(found)["problems"] else "0")
    return json.loads(said), json.loads(found)


def test_one_runtime_works(site: Path) -> None:
    add_module(site)
    add_distribution(site, "onnxruntime")
    said, found = run(site)
    assert said == [1, 1280]
    assert found["ok"] and found["problems"] == []
    starts = {provider["name"]: provider["starts"] for provider in found["providers"]}
    assert starts["CPUExecutionProvider"]
    assert found["versions"]["onnxruntime"] == "1.99.0"


def test_without_a_runtime_both_extras_are_offered(site: Path) -> None:
    said, found = run(site)
    assert said.startswith("ONNX Runtime is not installed: ")
    assert install_advice("cpu") in said and install_advice("gpu") in said
    assert not found["ok"] and found["problems"] == [said] and found["providers"] == []
    assert found["versions"]["onnxruntime"] is None


def test_a_folder_left_behind_is_no_runtime(site: Path) -> None:
    (site / "onnxruntime" / "capi").mkdir(parents=True)
    said, found = run(site)
    assert said.startswith("ONNX Runtime is not installed: ")
    assert found["problems"] == [said]


@pytest.mark.parametrize("second", ["onnxruntime-gpu", "onnxruntime-openvino"])
def test_two_runtimes_are_named_with_what_to_do(site: Path, second: str) -> None:
    add_module(site)
    for name in ("onnxruntime", second):
        add_distribution(site, name, files="onnxruntime/__init__.py")
    said, found = run(site)
    assert said.startswith(f"onnxruntime and {second} are installed together and overwrite each other")
    assert f"pip uninstall -y onnxruntime {second}, then" in said
    assert not found["ok"] and found["problems"] == [said] and found["providers"] == []
    assert found["versions"][second] == "1.99.0"


def test_two_runtimes_that_do_not_even_start_are_still_named(site: Path) -> None:
    for name in ("onnxruntime", "onnxruntime-gpu"):
        add_distribution(site, name)
    said, found = run(site)
    assert said.startswith("onnxruntime and onnxruntime-gpu are installed together")
    assert found["problems"] == [said]


def test_a_runtime_of_another_make_works_and_is_named(site: Path) -> None:
    add_module(site)
    add_distribution(site, "onnxruntime-openvino", "1.23.0")
    said, found = run(site)
    assert said == [1, 1280]
    assert found["ok"]
    assert found["versions"]["onnxruntime-openvino"] == "1.23.0"


def test_a_package_beside_the_runtime_is_no_second_one(site: Path) -> None:
    add_module(site)
    add_distribution(site, "onnxruntime")
    add_distribution(site, "onnxruntime-qnn", files="onnxruntime_qnn/__init__.py")
    said, found = run(site)
    assert said == [1, 1280]
    assert found["ok"] and "onnxruntime-qnn" not in found["versions"]


def test_a_runtime_without_metadata_works(site: Path) -> None:
    add_module(site)
    said, found = run(site)
    assert said == [1, 1280]
    assert found["ok"]


def test_files_that_another_uninstall_took_along_are_noticed(site: Path) -> None:
    add_distribution(site, "onnxruntime-gpu")
    said, found = run(site)
    assert said.startswith("onnxruntime-gpu is installed but does not start (")
    assert "pip install --force-reinstall --no-deps onnxruntime-gpu" in said
    assert found["problems"] == [said]


def test_a_runtime_that_fails_to_load_says_why(site: Path) -> None:
    add_distribution(site, "onnxruntime-gpu")
    (site / "onnxruntime").mkdir()
    (site / "onnxruntime" / "__init__.py").write_text(
        "raise ImportError('libcudart.so.12: cannot open shared\\nobject file')"
    )
    said, found = run(site)
    assert (
        "onnxruntime-gpu is installed but does not start (libcudart.so.12: cannot open shared object" in said
    )
    assert found["problems"] == [said]


@pytest.mark.parametrize(
    "lines",
    [
        "raise KeyboardInterrupt",
        # As compiled modules do it.
        "try:\n    raise KeyboardInterrupt\nexcept BaseException as e:\n    raise ImportError('x') from e",
    ],
)
def test_an_interrupt_while_it_loads_is_no_damage(site: Path, lines: str) -> None:
    (site / "onnxruntime").mkdir()
    (site / "onnxruntime" / "__init__.py").write_text(lines)
    done = run_python(site, "-m", "cnncodes", "doctor")
    assert (done.returncode, done.stdout) == (130, "")
    assert "interrupted" in done.stderr and "Traceback" not in done.stderr


def test_here_exactly_one_is_installed() -> None:
    assert len(find_distributions()) == 1
    assert import_runtime() is onnxruntime
