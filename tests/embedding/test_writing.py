"""Every image of a job is written, has failed, or is said to be lost."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes import CodeExtractor, embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder, engine
from cnncodes.embedding.decoding_worker import DecodingWorker
from cnncodes.errors import InternalError
from cnncodes.images import ImageRecord, ImageSource
from cnncodes.store import Manifest

sys.path.append(str(Path(__file__).parents[1] / "backbones"))
import written_graphs
from small_backbones import write_backbone


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return load_backbone(write_backbone(tmp_path_factory.mktemp("small"), "mean"))


def draw(path: Path, level: int, size: tuple[int, int] = (30, 30)) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size, (level, 0, 0)).save(path, "PNG")
    return path


def test_what_no_lane_hands_over_is_an_error_and_the_same_command_goes_on(
    tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        draw(tmp_path / "photos" / f"{number:02}.png", number)
    whole = Embedder.embed

    def lose(embedder: Embedder, records: Sequence[ImageRecord], *claim: Any) -> Any:
        results = whole(embedder, records, *claim)
        return [result for result in results if result.key != "29.png"]

    source, out = tmp_path / "photos", tmp_path / "x.codes"
    with monkeypatch.context() as patch:
        patch.setattr(Embedder, "embed", lose)
        with pytest.raises(InternalError, match="'29.png'.* the same command goes on"):
            embed(source, out, backbone=backbone, n_jobs=2, shard_images=8)
    manifest = Manifest.read(out)
    assert manifest.shards and not manifest.complete
    summary = embed(source, out, backbone=backbone)
    assert 0 < summary.unchanged <= 29 and summary.unchanged + summary.embedded == 40
    assert Manifest.read(out).complete and len(set(read_codes(out).images)) == 40


def test_an_image_that_waits_for_another_in_vain_is_an_error(tmp_path: Path, backbone: Backbone) -> None:
    # A source that is made by hand may have two images of one key: nobody tells which of them has ended.
    images = [("a", b"no picture"), ("a", draw(tmp_path / "b.png", 1)), ("c", b"no picture")]
    source = ImageSource("by hand", None, tuple(ImageRecord(*image) for image in images))
    with pytest.raises(InternalError, match="lost between reading and writing: 'c'"):
        embed(source, tmp_path / "x.codes", backbone=backbone, n_jobs=1)
    assert not Manifest.read(tmp_path / "x.codes").complete


def test_a_file_that_changes_while_it_is_read_loses_none_of_its_copies(
    tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_THREADS", 1)
    monkeypatch.setattr(engine, "_WORTH", 2)
    photos = tmp_path / "photos"
    for number in range(40):  # enough for groups
        draw(photos / f"{number:02}.png", number)
    draw(photos / "00.png", 99, (1500, 1000))  # too large for a group
    shutil.copy(photos / "00.png", photos / "01.png")
    other = draw(tmp_path / "other.png", 98, (1500, 1000))
    ask_all = DecodingWorker.ask_all

    def ask_and_change(worker: DecodingWorker, *args: Any) -> Any:
        answers = ask_all(worker, *args)
        if any(record.key == "00.png" for record in args[0].records):
            other.replace(photos / "00.png")
        return answers

    with monkeypatch.context() as patch:
        patch.setattr(DecodingWorker, "ask_all", ask_and_change)
        summary = embed(photos, tmp_path / "x.codes", backbone=backbone, n_jobs=2, max_memory="1G")
    assert summary.embedded == 38
    assert [(failure.key, failure.stage) for failure in summary.failures] == [
        ("00.png", "read"),
        ("01.png", "read"),
    ]
    assert embed(photos, tmp_path / "x.codes", backbone=backbone, n_jobs=1).embedded == 2


@pytest.mark.parametrize(
    ("line", "level", "reason"),
    [
        ("scaled = Mul(means, steep)", 255, r"reaches 80000, more than float16 holds"),
        ("scaled = Sqrt(means)", 90, "gave a code that is not finite"),
    ],
)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_one_code_that_cannot_be_stored_costs_no_other_of_its_batch(
    tmp_path: Path, line: str, level: int, reason: str, dtype: str
) -> None:
    body = f"means = GlobalAveragePool(pixels) {line} code = Flatten(scaled)"
    weights = {"steep": np.float32(40_000.0)} if "steep" in line else {}
    steep = written_graphs.write_backbone(written_graphs.write_model(body, weights, code_size=3))
    for number, one in enumerate((130, 140, level, 150, 160)):
        Image.new("RGB", (40, 40), (one, one, one)).save(tmp_path / f"{number}.png")
    summary = embed(tmp_path, tmp_path / "x.codes", backbone=steep, dtype=dtype, n_jobs=1)
    fits = dtype == "float32" and level == 255
    assert [failure.key for failure in summary.failures] == ([] if fits else ["2.png"])
    assert fits or re.search(reason, summary.failures[0].reason)
    codes = read_codes(tmp_path / "x.codes")
    good = [tmp_path / str(name) for name in codes.images]
    expected = CodeExtractor(steep).fit_transform(good)
    assert len(codes) == 4 + fits
    np.testing.assert_array_equal(codes.X, expected.astype(dtype))


def test_means_of_views_are_rounded_once(tmp_path: Path, backbone: Backbone) -> None:
    pictures = list(written_graphs.noise(40, 40, 44))
    for dtype in ("float16", "float32"):
        embed(pictures, tmp_path / dtype, backbone=backbone, views="tencrop", reduce="mean", dtype=dtype)
    half, single = (read_codes(tmp_path / dtype).X for dtype in ("float16", "float32"))
    np.testing.assert_array_equal(half, single.astype(np.float16))
