"""The zoo: what is at hand, and that a name finds nothing outside its folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cnncodes.backbones import find_backbone, list_backbones, load_backbone, models_folder, user_models_folder
from cnncodes.errors import BackboneError

Place = Callable[..., Path]


def test_the_shipped_network_is_found_by_name(home: Path) -> None:
    assert list_backbones() == ["efficientnet-lite0"]
    assert find_backbone("efficientnet-lite0") == models_folder() / "efficientnet-lite0"


def test_an_unknown_name_brings_the_nearest(home: Path) -> None:
    with pytest.raises(
        BackboneError, match=r"unknown backbone 'efficientnet-light0'.*'efficientnet-lite0'\?"
    ):
        find_backbone("efficientnet-light0")


def test_the_users_own_are_listed_and_found(home: Path, place: Place) -> None:
    place(folder=home / "mine")
    assert list_backbones() == ["efficientnet-lite0", "mine"]
    assert find_backbone("mine") == home / "mine"
    assert load_backbone("mine").code_size == 3
    with pytest.raises(BackboneError, match="Did you mean 'mine'"):
        find_backbone("mime")


def test_the_users_own_do_not_replace_what_is_shipped(home: Path, place: Place) -> None:
    place(folder=home / "efficientnet-lite0")
    assert list_backbones() == ["efficientnet-lite0"]
    assert load_backbone("efficientnet-lite0").code_size == 1280


@pytest.mark.parametrize("as_type", [str, Path])
def test_a_folder_with_a_card_will_do(home: Path, place: Place, as_type: type) -> None:
    folder = place()
    assert find_backbone(as_type(folder)) == folder


def test_a_relative_folder_will_do(home: Path, place: Place) -> None:
    place(folder=Path("nets/mine").resolve())
    assert find_backbone("nets/mine").samefile("nets/mine")
    assert find_backbone(Path("nets/mine")).samefile("nets/mine")


def test_a_folder_without_a_card_is_no_backbone(home: Path, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="expected a folder with card.toml"):
        find_backbone(tmp_path)
    (tmp_path / "net.onnx").touch()
    with pytest.raises(BackboneError, match="expected a folder with card.toml"):
        find_backbone(tmp_path / "net.onnx")


@pytest.mark.parametrize("name", ["..", ".", "../outside", "", "sub/../../outside", "\0"])
def test_a_name_finds_nothing_outside_the_zoo(home: Path, place: Place, name: str) -> None:
    # A card above, beside and in the folder of models; none is reachable from the working folder.
    for folder in (home.parent, home.parent / "outside", home):
        place(folder=folder)
    with pytest.raises(BackboneError):
        find_backbone(name)


def test_hidden_folders_are_neither_listed_nor_found(home: Path, place: Place) -> None:
    place(folder=home / ".checkpoints")
    assert list_backbones() == ["efficientnet-lite0"]
    for path in ("nets/none", Path("none")):
        with pytest.raises(
            BackboneError, match=r"there is no folder '(nets/)?none': expected one with card\.toml"
        ):
            find_backbone(path)
    with pytest.raises(BackboneError, match="unknown backbone"):
        find_backbone(".checkpoints")


def test_the_users_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("CNNCODES_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_models_folder() == tmp_path / "cnncodes" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", "")
    assert user_models_folder() == Path.home() / ".local/share/cnncodes/models"
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "own"))
    assert user_models_folder() == tmp_path / "own" / "models"


def test_a_users_folder_that_is_not_there_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "nowhere"))
    assert list_backbones() == ["efficientnet-lite0"]


@pytest.mark.parametrize("kind", ["a file", "no name of a file"])
def test_a_users_folder_that_cannot_be_read_is_told_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    home = tmp_path / ("home" if kind == "a file" else "h" * 300)  # looked at, it is an error as of rights
    if kind == "a file":
        home.touch()
    monkeypatch.setenv("CNNCODES_HOME", str(home))
    assert list_backbones() == ["efficientnet-lite0"]
    assert find_backbone("efficientnet-lite0") == models_folder() / "efficientnet-lite0"
    text = r"unknown backbone 'mine'\. .*models', cannot be read: .*\. Mend it, or .* CNNCODES_HOME\.$"
    with pytest.raises(BackboneError, match=text):
        find_backbone("mine")


def test_a_name_that_means_a_folder_here_as_well_is_refused_with_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "efficientnet-lite0").mkdir()
    (tmp_path / "efficientnet-lite0" / "card.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackboneError, match=r"'efficientnet-lite0' could mean .*'./efficientnet-lite0'"):
        find_backbone("efficientnet-lite0")
    assert find_backbone("./efficientnet-lite0") == Path("efficientnet-lite0")
    monkeypatch.chdir(models_folder())  # where both are one
    assert find_backbone("efficientnet-lite0").name == "efficientnet-lite0"


def test_an_address_is_no_backbone_yet_and_a_path_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackboneError, match="'cnncodes models export torchvision:resnet18' makes one of it"):
        find_backbone("torchvision:resnet18")
    with pytest.raises(BackboneError, match=r"there is no folder '\./q2'"):
        find_backbone("./q2")
    (tmp_path / "net.onnx").write_bytes(b"a network")
    with pytest.raises(BackboneError, match=r"is no backbone.*'cnncodes models export net\.onnx' makes one"):
        find_backbone("net.onnx")


def test_a_saved_classifier_is_told_from_a_backbone(tmp_path: Path) -> None:
    path = tmp_path / "x-int8.cnncodes"
    path.write_bytes(b"")
    with pytest.raises(
        BackboneError, match="is a saved classifier, not a backbone: expected the name or folder"
    ):
        find_backbone(path)
