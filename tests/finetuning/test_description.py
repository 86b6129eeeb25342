"""Where a training cannot go on, it is said what has changed; put back, it goes on."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import GOOD, make_backbone, write_images  # noqa: E402

import cnncodes  # noqa: E402
from cnncodes.errors import StoreError  # noqa: E402
from cnncodes.finetuning.task import Listeners  # noqa: E402

pytestmark = pytest.mark.slow  # torch

SHORT = {**GOOD, "epochs": 2, "freeze_epochs": 1}


def tune(source: Path, out: Path, said: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    listeners = Listeners((said if said is not None else []).append)
    settings = {"backbone": make_backbone(), "listeners": listeners, **SHORT, **changes}
    return cnncodes.finetune(source, out, **settings)


def stop(source: Path, out: Path) -> None:
    """Train until the second epoch, and leave the folder as an interrupt does."""

    def listen(history: Any) -> None:
        if len(history) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        tune(source, out, listeners=Listeners(epoch=listen))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with images in parts, tables of the same and of groups, and a training of each."""
    root = tmp_path_factory.mktemp("stopped")
    photos = write_images(root / "photos", 12, parts=("train", "val", "test"))
    paths = sorted(photos.glob("*/*/*.png"))
    columns = {
        "table.csv": ("split", lambda path: path.parts[-3]),
        "groups.csv": ("group", lambda path: path.stem),
    }
    for name, (column, find) in columns.items():
        rows = [f"{path.relative_to(root).as_posix()},{path.parent.name},{find(path)}" for path in paths]
        (root / name).write_text("\n".join([f"image,label,{column}", *rows]))
    for name in ("photos", *columns):
        stop(root / name, root / f"out of {name}")
    return root


@pytest.fixture
def root(stopped: Path, tmp_path: Path) -> Path:
    shutil.copytree(stopped, tmp_path / "root")
    return tmp_path / "root"


FIRST, LAST = "photos/train/dots/000.png", "photos/train/plain/011.png"


def relabel(root: Path) -> None:
    table = root / "table.csv"
    table.write_text(table.read_text().replace(f"{FIRST},dots", f"{FIRST},lines"))


def move(root: Path) -> None:
    table = root / "table.csv"
    table.write_text(table.read_text().replace(f"{FIRST},dots,train", f"{FIRST},dots,val"))


def regroup(root: Path) -> None:
    table = root / "groups.csv"
    table.write_text(table.read_text().replace(",000", ",").replace(",001", ",002"))


def rename(root: Path) -> None:
    (root / FIRST).rename(root / "photos/train/dots/zzz.png")


@pytest.mark.parametrize(
    ("source", "change", "said"),
    [
        ("table.csv", relabel, f"the label of 1 image, '{FIRST}', was 'dots' and is 'lines' now"),
        ("table.csv", move, f"the part of 1 image, '{FIRST}', was 'train' and is 'val' now"),
        (
            "groups.csv",
            regroup,
            "the images are the same, and in another order, or others of them are held out",
        ),
        ("photos", rename, "1 image is called otherwise: 'train/dots/000.png' is 'train/dots/zzz.png' now"),
        (
            "photos",
            lambda root: shutil.copy(root / LAST, root / FIRST),
            "1 image is another file than before: 'train/dots/000.png'",
        ),
        (
            "photos",
            lambda root: (root / FIRST).write_bytes(b""),
            "1 image is another file than before: 'train/dots/000.png'",
        ),
        (
            "table.csv",
            lambda root: (root / FIRST).unlink(),
            rf"1 image cannot be read any more: '{FIRST}' \(read: .*\)",
        ),
        ("photos", lambda root: (root / FIRST).unlink(), "1 image is gone from this training: 'train/dots/0"),
        (
            "photos",
            lambda root: (root / FIRST).rename(root / "photos/test/dots/new.png"),
            "1 image is gone from this training: 'train/dots/000.png'",
        ),
        (
            "photos",
            lambda root: shutil.copy(root / LAST, root / "photos/val/plain/new.png"),
            "1 image is new to it: 'val/plain/new.png'",
        ),
    ],
)
def test_it_names_the_images_that_are_others(
    source: str, change: Callable[[Path], Any], said: str, root: Path
) -> None:
    kept = root / "kept"
    shutil.copytree(root / "photos", kept)
    tables = {path: path.read_text() for path in root.glob("[!o]*.csv")}
    change(root)
    with pytest.raises(StoreError, match=rf"is the checkpoint of another training: {said}.*\. Put that back"):
        tune(root / source, root / f"out of {source}")
    shutil.rmtree(root / "photos")
    kept.rename(root / "photos")
    for path, text in tables.items():
        path.write_text(text)
    notes: list[str] = []
    tune(root / source, root / f"out of {source}", notes)
    assert any(line.startswith("going on after") for line in notes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_lr": 0.02}, r"base_lr \(--base-lr\) was 0.01 and is 0.02 now\. Put"),
        ({"head": "lda"}, r"head \(--head\) was 'logistic' and is 'lda' now\. Put"),
        ({"batch_size": 4}, r"batch_size \(--batch-size\) was not given and is 4 now\. Put"),
        ({"train_views": "center"}, r"train_views.mirror \(--train-views\) was True and is False now\. Put"),
        ({"random_state": 5}, r"random_state \(--random-state\) was 0 and is 5 now\. Put"),
        (
            {"epochs": 3, "patience": 2},
            r"epochs \(--epochs\) was 2 and is 3 now; patience \(--patience\) was 12 and is 2 now\. Put",
        ),
        (
            {"backbone": make_backbone({"layer2__bn__bias": np.ones(6, np.float32)})},
            r"backbone.sha256 \(--backbone\) was '\w+… and is '\w+… now\. Put",
        ),
    ],
)
def test_it_names_the_settings_that_are_others(changes: dict[str, Any], said: str, root: Path) -> None:
    with pytest.raises(StoreError, match=rf"the checkpoint of another training: {said}"):
        tune(root / "photos", root / "out of photos", **changes)


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def forge(path: Path) -> None:
    path.write_bytes(gzip.compress(json.dumps({"identity": "another"}).encode()))


@pytest.mark.parametrize("damage", [Path.unlink, spoil, forge])
def test_without_a_sound_description_it_goes_on_all_the_same(
    damage: Callable[[Path], None], root: Path
) -> None:
    path = root / "out of photos/state/training.json.gz"
    whole = path.read_bytes()
    damage(path)
    with pytest.raises(StoreError, match="another training, of other images, settings or weights, or by"):
        tune(root / "photos", root / "out of photos", base_lr=0.02)
    notes: list[str] = []

    def listen(history: Any) -> None:
        assert path.read_bytes() == whole  # mended

    tune(root / "photos", root / "out of photos", listeners=Listeners(notes.append, epoch=listen))
    assert any(line.startswith("going on after") for line in notes)
    assert not path.exists()


def test_of_one_that_is_done_it_names_the_settings_that_are_others(root: Path) -> None:
    tune(root / "photos", root / "out of photos")
    for changes, said in (
        (
            {"base_lr": 0.02, "keep": "head"},
            "base_lr .* was 0.01 and is 0.02 now; keep .* was 'better' and is",
        ),
        ({"device": "auto", "refit": False}, r"done: refit \(--no-refit\) was True and is False now\. Give"),
    ):
        with pytest.raises(StoreError, match=said):
            tune(root / "photos", root / "out of photos", **changes)
    (root / FIRST).unlink()
    with pytest.raises(StoreError, match=r"that is done: other images, labels or groups\. Give another"):
        tune(root / "photos", root / "out of photos")
