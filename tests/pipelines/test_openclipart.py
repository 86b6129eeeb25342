"""The embedded sample: what is in it, that nothing leaks, and that its script still makes it."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / "pipelines" / "samples"
SAMPLE = FOLDER / "openclipart.parquet"
CLASSES = {"animals", "buildings", "food", "people", "plants", "transportation"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_openclipart", FOLDER / "make_openclipart.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return pq.read_table(SAMPLE).to_pylist()


@pytest.fixture(scope="module")
def pixels(rows: list[dict[str, Any]]) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(Image.open(io.BytesIO(row["bytes"])).convert("RGB")) for row in rows]


def test_it_is_small(rows: list[dict[str, Any]]) -> None:
    assert SAMPLE.stat().st_size <= 6_000_000
    assert 1_000 <= len(rows) <= 1_300


def test_six_classes_in_two_parts_and_none_too_large(rows: list[dict[str, Any]]) -> None:
    counts = Counter(row["label"] for row in rows)
    assert set(counts) == CLASSES
    assert all(60 <= count <= 250 for count in counts.values())
    parts = Counter((row["label"], row["split"]) for row in rows)
    for label, count in counts.items():
        assert parts[label, "train"] + parts[label, "test"] == count
        assert parts[label, "test"] / count == pytest.approx(0.3, abs=0.02)


def test_keys_are_unique_and_sorted(rows: list[dict[str, Any]]) -> None:
    keys = [row["image"] for row in rows]
    assert keys == sorted(set(keys))
    assert all(row["image"].split("/")[0] == row["label"] for row in rows)


def test_every_picture_opens_is_small_and_shows_something(pixels: list[np.ndarray[Any, Any]]) -> None:
    for picture in pixels:
        assert max(picture.shape[:2]) <= 256 and min(picture.shape[:2]) >= 16
        assert picture.std() > 1


def test_no_picture_stands_in_it_twice_nor_nearly_so_in_both_parts(
    rows: list[dict[str, Any]], pixels: list[np.ndarray[Any, Any]], script: ModuleType
) -> None:
    digests = {hashlib.sha256(picture.tobytes()).digest() for picture in pixels}
    assert len(digests) == len(pixels)
    small = np.stack(
        [
            np.asarray(Image.fromarray(p).resize((16, 16), Image.Resampling.BOX), np.float32).reshape(-1)
            for p in pixels
        ]
    )
    test = np.array([row["split"] == "test" for row in rows])
    closest = min(np.abs(small[~test] - one).mean(axis=1).min() for one in small[test])
    # Encoding moved the thumbnails by a level or so since they were compared.
    assert closest > script.NEAR - 1


@pytest.mark.slow
def test_the_script_makes_the_same_pictures_again(
    rows: list[dict[str, Any]], script: ModuleType, tmp_path: Path
) -> None:
    if not script.ROOT.is_dir():
        pytest.skip("openclipart-png is not installed")
    made = tmp_path / "again.parquet"
    subprocess.run([sys.executable, FOLDER / "make_openclipart.py", "-o", made], check=True)
    again = pq.read_table(made).to_pylist()
    plain = [{k: v for k, v in row.items() if k != "bytes"} for row in rows]
    assert [{k: v for k, v in row.items() if k != "bytes"} for row in again] == plain


def test_the_script_leaves_out_what_is_unreadable_blank_twice_or_of_two_classes(
    script: ModuleType, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for label in script.CLASSES:
        (tmp_path / label).mkdir()
    drawn = [Image.fromarray(rng.integers(0, 256, (300, 40, 3), dtype=np.uint8)) for _ in range(3)]
    drawn[0].save(tmp_path / "animals" / "one.png")
    drawn[0].save(tmp_path / "animals" / "twin.png")
    drawn[1].save(tmp_path / "animals" / "both.png")
    drawn[1].save(tmp_path / "food" / "both.png")
    drawn[2].save(tmp_path / "food" / "other.png")
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(tmp_path / "food" / "blank.png")
    (tmp_path / "food" / "text.png").write_text("no picture")
    found = script.read_all(tmp_path)
    assert sorted(picture.key for picture in found) == ["animals/one.webp", "food/other.webp"]
    assert all(max(picture.image.size) == 256 for picture in found)
