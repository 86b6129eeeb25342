"""What a job runs on: settings that are given, measured or left open, and several sessions of one network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.embedding import count_lanes, tuning
from cnncodes.embedding.engine import Engine
from cnncodes.errors import BackendMissing, SpaceMismatch, UsageError


@pytest.fixture
def backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backbone:
    from small_convolutions import write_convolutions

    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tuning, "_SECONDS", 0.01)
    monkeypatch.setattr(tuning, "_MOST_SECONDS", 0.3)
    return load_backbone(write_convolutions(tmp_path / "net"))


def pictures() -> list[Any]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (40 + 3 * number, 50, 3), dtype=np.uint8) for number in range(70)]


def test_what_is_left_open_is_one_lane_a_core_and_small_batches(backbone: Backbone) -> None:
    engine = Engine.make(backbone)
    assert (engine.batch_size, engine.lanes) == (8, count_lanes(None))
    made = Engine.make(backbone, 3, 5, "2G")
    assert (made.backbones, made.batch_size, made.lanes, made.budget.limit) == ((backbone,), 3, 5, 2**31)


def test_auto_settles_what_is_asked_for_and_no_more(backbone: Backbone) -> None:
    notes: list[str] = []
    assert Engine.make(backbone, "auto", 1).tuned(notes.append).lanes == 1
    assert Engine.make(backbone, 5, "auto").tuned(notes.append).batch_size == 5
    assert [note.startswith("auto: batch ") for note in notes] == [True, True]


def test_nothing_is_measured_before_there_is_work(backbone: Backbone, tmp_path: Path) -> None:
    notes: list[str] = []
    auto: dict[str, Any] = {"backbone": backbone, "batch_size": "auto", "n_jobs": 1, "on_note": notes.append}
    (tmp_path / "a.png").write_bytes(b"")
    embed([tmp_path / "a.png"], tmp_path / "y.codes", **auto)
    assert len(notes) == 1 and "measured now" in notes[0]
    embed([tmp_path / "a.png"], tmp_path / "y.codes", **auto)  # it failed, and is as it was
    assert len(notes) == 1


@pytest.mark.parametrize("size", [0, -1, True, "fast", 1.5])
def test_a_wrong_batch_size_is_refused(backbone: Backbone, size: Any) -> None:
    with pytest.raises(UsageError, match="batch_size must be at least 1, or 'auto'"):
        Engine.make(backbone, size)


@pytest.mark.parametrize("given", [7, ["efficientnet-lite0"]])
def test_what_is_no_backbone_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="backbone must be a name, a folder, a Backbone"):
        Engine.make(given)


def test_no_backbone_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="backbone is empty: give a name"):
        Engine.make([])


def test_sessions_of_several_networks_are_refused(backbone: Backbone) -> None:
    with pytest.raises(UsageError, match="sessions of one network"):
        Engine.make([backbone, load_backbone()])


def test_several_sessions_give_the_codes_of_one(backbone: Backbone, tmp_path: Path) -> None:
    """As several GPUs do: lanes hand their views over, and batches are gathered."""
    twins = [backbone, Backbone(backbone.model_bytes(), backbone.card)]
    embed(pictures(), tmp_path / "one.codes", backbone=backbone, views="flip")
    embed(pictures(), tmp_path / "two.codes", backbone=twins, views="flip", batch_size=16)
    one, two = read_codes(tmp_path / "one.codes"), read_codes(tmp_path / "two.codes")
    assert one.space == two.space and len(one.X) == 140
    np.testing.assert_array_equal(one.X, two.X)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, pixels in enumerate(pictures()[:9]):
        Image.fromarray(pixels).save(folder / f"{number}.{'png' if number == 4 else 'jpg'}")
    (folder / "cut-off.jpg").write_bytes((folder / "0.jpg").read_bytes()[:-200])
    return folder


def test_nvimgcodec_has_a_space_of_its_own_and_without_a_gpu_the_codes_of_exact(
    backbone: Backbone, photos: Path, tmp_path: Path
) -> None:
    if not (find_spec("nvidia") and find_spec("nvidia.nvimgcodec")):
        pytest.skip("nvidia-nvimgcodec-cu13 is not installed")
    twins = [backbone, Backbone(backbone.model_bytes(), backbone.card)]
    for decode in ("exact", "nvimgcodec-cpu"):
        embed(photos, tmp_path / decode, backbone=twins, decode=decode, n_jobs=3, views="flip")
    exact, other = read_codes(tmp_path / "exact"), read_codes(tmp_path / "nvimgcodec-cpu")
    assert exact.to_arrow() == other.to_arrow()
    assert exact.failures["image"].to_pylist() == other.failures["image"].to_pylist() == ["cut-off.jpg"]
    assert "nvImageCodec cannot decode it" in other.failures["reason"][0].as_py()
    assert other.manifest.space.decoding == "nvimgcodec-cpu"
    with pytest.raises(SpaceMismatch, match=r"decoding: 'nvimgcodec-cpu' \(stored\) against 'exact' \(now\)"):
        embed(photos, tmp_path / "nvimgcodec-cpu", backbone=backbone, views="flip")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"decode": "nvimgcodec-cpu", "isolate": True}, UsageError, "isolated: it has one decoder"),
        ({"decode": "nvimgcodec"}, BackendMissing, r"nvImageCodec.* does not (load|start)"),
    ],
)
def test_a_decoder_that_cannot_be_had_is_said_before_anything_is_written(
    backbone: Backbone, photos: Path, tmp_path: Path, options: Any, error: type[Exception], match: str
) -> None:
    if Path("/dev/nvidiactl").exists() and error is BackendMissing:
        pytest.skip("there is a GPU")
    with pytest.raises(error, match=match):
        embed(photos, tmp_path / "x.codes", backbone=backbone, **options)
    assert not (tmp_path / "x.codes").exists()
