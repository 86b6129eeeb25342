"""Benchmarks: each says what it is for and what it needs, with NumPy and Pillow alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"

#: Runs a script where only Python's own modules, NumPy, Pillow, cnncodes and its neighbours can be imported.
BARE = """
import runpy, sys
class Bare:
    allowed = {*sys.stdlib_module_names, "numpy", "PIL", "cnncodes", NEIGHBOURS}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in self.allowed:
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Bare())
sys.argv = [SCRIPT, "--help"]
sys.path.insert(0, FOLDER)
runpy.run_path(SCRIPT, run_name="__main__")
"""


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_help_needs_nothing_more_and_names_what_a_run_needs(script: Path) -> None:
    neighbours = ", ".join(repr(path.stem) for path in FOLDER.glob("*.py"))
    code = BARE.replace("NEIGHBOURS", neighbours).replace("SCRIPT", repr(str(script)))
    code = code.replace("FOLDER", repr(str(FOLDER)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "usage: " in done.stdout and ("Needs " in done.stdout or "Debian" in done.stdout)


def test_embed_says_where_other_programs_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from embed import doubt

    assert doubt([0.97, 1.02], load=0.9, cores=2) == ""
    assert "a load of 1.10 on 2 cores" in doubt([0.97], load=1.1, cores=2)
    assert "1.05 of the limit" in doubt([0.97, 1.05], load=0.1, cores=2)


def test_memory_says_in_one_line_what_it_lacks() -> None:
    script = str(FOLDER / "memory.py")
    code = f"import runpy, sys; sys.modules['onnx'] = None; runpy.run_path({script!r}, run_name='__main__')"
    given = ["--images", "2", "--network", "tiny", "--large", "0"]
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "onnx is not installed. Needs scikit-image (extra test); --network tiny: onnx (extra export).\n"
    )


@pytest.mark.slow
@pytest.mark.heavy
def test_the_quality_of_fine_tuning_is_measured_to_the_end(tmp_path: Path) -> None:
    """Ten ways and seeds one after the other in one folder: what one leaves must not stop the next."""
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    pytest.importorskip("matplotlib")
    figures, curves = tmp_path / "figures.json", tmp_path / "curves.png"
    small = ["--data", "sample", "--quick", "--seeds", "2", "--epochs", "1", "--unfreeze", "last:1"]
    given = [*small, "--views", "flip", "--json", str(figures), "--plot", str(curves)]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "finetune.py"), "quality", *given],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(figures.read_text())
    assert len(result["runs"]) == 10 and all(run["accuracy"]["n"] == result["test"] for run in result["runs"])
    assert curves.stat().st_size > 10_000
    assert "| staged, a fifth held out |" in done.stdout
