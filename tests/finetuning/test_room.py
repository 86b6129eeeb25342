"""What a fine-tuning takes on disk is known before it trains, and a disk that has too little is refused."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import BODY, GOOD, SIDE, WEIGHTS, write_images  # noqa: E402
from written_graphs import write_backbone, write_dotted  # noqa: E402

import cnncodes  # noqa: E402
from cnncodes.backbones import Backbone  # noqa: E402
from cnncodes.errors import ResultWarning, StoreError  # noqa: E402
from cnncodes.finetuning.room import Room, check_room  # noqa: E402
from cnncodes.finetuning.task import Listeners  # noqa: E402

pytestmark = pytest.mark.slow  # torch


@pytest.fixture(scope="module")
def wide() -> Backbone:
    """A network of four megabytes, nearly all of them trained."""
    body = BODY.replace("code = Flatten(pooled)", "flat = Flatten(pooled)")
    body += """
        long = MatMul(flat, head__first__weight)
        longer = Relu(long)
        code = MatMul(longer, head__second__weight)
    """
    weights = {**WEIGHTS, "head__first__weight": (6, 8192), "head__second__weight": (8192, 128)}
    return write_backbone(write_dotted(body, weights, 128), side=SIDE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("photos"), 40, parts=("train",))


@pytest.mark.parametrize("changes", [{}, {"ema": 0.5}, {"optimizer": "sgd"}, {"refit": False}])
def test_it_takes_what_was_said(
    changes: dict[str, Any], wide: Backbone, photos: Path, tmp_path: Path
) -> None:
    out, said, sizes = tmp_path / "out", [], []

    def measure(history: Any) -> None:
        sizes.append(sum(path.stat().st_size for path in out.rglob("*") if path.is_file()))

    changed = {**GOOD, "keep": "tuned", "base_lr": 1e-6, "epochs": 4, **changes}
    summary = cnncodes.finetune(
        photos, out, backbone=wide, listeners=Listeners(said.append, epoch=measure), **changed
    )
    assert summary["is_trained"], summary["verdict"]
    assert max(one["epoch"] for one in summary["again"] or [{"epoch": 4}]) > 1
    found = re.search(r"on disk it takes (\d+) MB at most", "\n".join(said))
    assert found is not None
    assert 0.7 * int(found[1]) < max(sizes) / 1e6 < int(found[1]) + 1, (sizes, found[0])


def test_a_disk_with_too_little_room_is_refused_before_the_work(
    wide: Backbone, photos: Path, small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("16m")
    with pytest.raises(StoreError, match=r"has 1\d MB for .* at least 1\d MB and at most 4\d MB: 0 MB"):
        cnncodes.finetune(photos, disk / "out", backbone=wide, **GOOD)
    assert not list(disk.iterdir())


def test_a_disk_that_may_have_too_little_room_is_warned_of(
    wide: Backbone, photos: Path, small_disk: Callable[[str], Path]
) -> None:
    """A network of which no epoch is kept does not train once more."""
    disk = small_disk("38m")
    with pytest.warns(ResultWarning, match="has 39 MB for this fine-tuning, which takes 4. MB at most"):
        cnncodes.finetune(photos, disk / "out", backbone=wide, **{**GOOD, "base_lr": 1e6, "epochs": 1})


def test_what_there_is_and_what_it_takes_are_told_apart(tmp_path: Path) -> None:
    """A tenth of the last digit is lacking."""
    lacking = shutil.disk_usage(tmp_path).free + 10_000_000
    room = Room(lacking, lacking, 0, 0, 0, False)
    with pytest.raises(StoreError) as found:
        check_room(room, tmp_path)
    has, least = re.findall(r"(?:has|at least) ([\d.]+ .B)", str(found.value))
    assert has != least


def test_what_is_there_already_counts_as_room(tmp_path: Path) -> None:
    (tmp_path / "features.bin").write_bytes(bytes(10_000_000))
    free = shutil.disk_usage(tmp_path).free
    room = Room(free + 5_000_000, 0, 0, 0, 0, False)
    assert check_room(room, tmp_path) == ""
    assert "at most" in check_room(dataclasses.replace(room, features=free + 10**9), tmp_path)
