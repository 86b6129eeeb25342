"""Original networks: versions of their packages, and what is said where these are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sites import make_site, run_python

from cnncodes.backbones.exporting.originals import missing_export_extra, package_versions
from cnncodes.errors import BackendMissing, install_advice


def test_versions_come_without_their_local_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_net-2.6.0+cpu.dist-info").mkdir()
    metadata = tmp_path / "some_net-2.6.0+cpu.dist-info" / "METADATA"
    metadata.write_text("Metadata-Version: 2.1\nName: some-net\nVersion: 2.6.0+cpu\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert package_versions(("some-net",)) == {"some-net": "2.6.0"}


def test_a_missing_import_becomes_the_word_on_the_extra() -> None:
    with (
        pytest.raises(
            BackendMissing, match=rf"no_such_module is not installed.*{re.escape(install_advice('export'))}"
        ),
        missing_export_extra(),
    ):
        import no_such_module  # noqa: F401


@pytest.mark.parametrize(
    "command",
    [
        ["export", "efficientnet-lite0", "-o", "out"],
        pytest.param(["verify", "--parity"], marks=pytest.mark.slow),  # whose other checks come first
    ],
)
def test_without_torch_the_extra_is_named(tmp_path: Path, command: list[str]) -> None:
    site = make_site(tmp_path / "site", without=("torch", "efficientnet_lite"))
    name = [] if "export" in command else ["efficientnet-lite0"]
    done = run_python(site, "-m", "cnncodes", "models", *command, *name)
    assert (done.returncode, done.stdout) == (1, "")
    *warned, line = done.stderr.splitlines()
    assert line.startswith("cnncodes: ") and install_advice("export") in line
    assert all("no 8-bit dot products" in text for text in warned)  # on some machines
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "missing", ["torch", "onnxscript", "onnx_ir", "skimage", "efficientnet_lite_pytorch"]
)
def test_without_one_package_of_the_extra_it_is_named(tmp_path: Path, missing: str) -> None:
    site = make_site(tmp_path / "site", without=(missing,))
    done = run_python(site, "-m", "cnncodes", "models", "export", "efficientnet-lite0", "-o", "out")
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    [line] = done.stderr.splitlines()
    named = "scikit-image" if missing == "skimage" else missing
    assert line.startswith(f"cnncodes: {named} is not installed"), line
    assert install_advice("export") in line
    assert not (tmp_path / "out").exists()
