"""``codes info``, ``codes verify`` and ``codes repair`` through the command line."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import embed
from cnncodes.cli import main
from cnncodes.images import ImageRecord, ImageSource
from cnncodes.store import CodesWriter, Space, StoredViews
from cnncodes.store.locking import WriterLock
from cnncodes.views import ViewPlan


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    pictures = [np.full((40, 40, 3), level, np.uint8) for level in (0, 120, 255)]
    embed(pictures, tmp_path / "three.codes", views="flip")
    return tmp_path / "three.codes"


def test_info_counts_and_names(codes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "info", str(codes)]) == 0
    text = capsys.readouterr().out
    assert "images   3\n" in text and "rows     6, one a view\n" in text
    assert "network  efficientnet-lite0, fp32, layer global average pooling\n" in text
    assert main(["codes", "info", str(codes), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["images"], found["rows"], found["complete"]) == (3, 6, True)
    assert found["layers"] == {"code": 1280}


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        ("flip", "views    2 an image (flip): 256/center, 256/center/mirror\n"),
        ("center, train:1", "views    2 an image: 256/center, random/0\n"),
        ("tencrop", "256/top-left/mirror, 256/top-right/mirror, 256/bottom-left/mirror and 2 more\n"),
    ],
)
def test_info_names_the_views(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plan: str, line: str
) -> None:
    out = tmp_path / "one.codes"
    embed([np.zeros((40, 40, 3), np.uint8)], out, views=plan)
    assert main(["codes", "info", str(out)]) == 0
    assert line in capsys.readouterr().out
    assert main(["codes", "info", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["views"]) == found["rows"]


def test_info_of_codes_that_do_not_say_how_views_were_cut_shows_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = Space("net", "00" * 32, "pool", 3, "bicubic 256 -> 224", "exact")
    with CodesWriter.open(tmp_path / "x.codes", space, StoredViews(ViewPlan.parse("flip").to_dict())):
        pass
    assert main(["codes", "info", str(tmp_path / "x.codes")]) == 0
    text = capsys.readouterr().out
    assert "views    names unknown; --json has the plan\n" in text and "images   0\n" in text


def test_verify_ends_with_1_and_every_problem(codes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "verify", str(codes)]) == 0
    assert "is sound: 1 shard compared" in capsys.readouterr().out
    (codes / "data" / "other.parquet").write_bytes(b"x")
    (codes / "data" / "part-00000.parquet").unlink()
    assert main(["codes", "verify", str(codes)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "is missing" in lines[0] and "data/other.parquet" in lines[1]


def test_repair_ends_with_1_where_a_shard_is_at_fault_and_says_what_to_do(
    codes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["codes", "repair", str(codes)]) == 0
    assert "is sound; nothing was changed. 'codes verify' looks" in capsys.readouterr().out
    shard = codes / "data" / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-9])
    assert main(["codes", "repair", str(codes)]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"The manifest of {codes} is sound; nothing was changed. These of its shards are not:"
    assert re.match(
        r"data/part-00000\.parquet, 3 images, is damaged: .* or delete it and run the same", second
    )
    assert main(["codes", "repair", str(codes), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["repaired"] and found["problems"] == [second] and found["faults"][0]["images"] == 3


def test_embed_says_how_often_the_network_ran_after_the_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    for name in "ab":
        Image.new("RGB", (40, 40)).save(tmp_path / "photos" / f"{name}.png")
    assert main(["embed", str(tmp_path / "photos"), "-o", str(tmp_path / "x.codes"), "-q"]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert re.search(r" in [\d.]+ m?s; the network ran 1 time, since what is identical is run once\.$", line)


def test_failures_that_nobody_knows_are_not_none(codes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (codes / "failures.parquet").unlink()
    assert main(["codes", "info", str(codes)]) == 0
    assert "failed   unknown ('codes verify')\n" in capsys.readouterr().out
    assert main(["codes", "info", str(codes), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["failures"] is None
    assert main(["codes", "verify", str(codes)]) == 1
    assert "failures.parquet is missing" in capsys.readouterr().out


def test_a_folder_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "info", str(tmp_path)]) == 1
    assert "is no codes dataset" in capsys.readouterr().err


def test_info_says_that_somebody_writes_rather_than_that_the_job_did_not_finish(
    codes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = codes / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    lock = WriterLock(codes)
    assert main(["codes", "info", str(codes)]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith(f"codes    {codes}, being written now by this very process, {os.getpid()} on host")
    lock.release()
    assert main(["codes", "info", str(codes)]) == 0
    assert "INCOMPLETE: its job did not finish" in capsys.readouterr().out


def test_names_of_classes_neither_steer_the_terminal_nor_break_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "red\x1b[31m\nimages   9"
    record = ImageRecord("a", np.zeros((40, 40, 3), np.uint8), name)
    embed(ImageSource("x", None, (record,)), tmp_path / "x.codes")
    assert main(["codes", "info", str(tmp_path / "x.codes")]) == 0
    assert "labels   red\\x1b[31m\\nimages   9 1\n" in capsys.readouterr().out


def test_images_whose_codes_are_kept_are_told_apart_from_those_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes, photos = tmp_path / "x.codes", tmp_path / "photos"
    photos.mkdir()
    for level in (0, 120, 255):
        Image.new("RGB", (40, 40), (level, 0, 0)).save(photos / f"{level}.png")
    assert main(["embed", str(photos), "-o", str(codes)]) == 0
    for file in photos.iterdir():
        file.write_bytes(b"")
    assert main(["embed", str(photos), "-o", str(codes)]) == 1
    capsys.readouterr()
    assert main(["codes", "info", str(codes)]) == 0
    assert "failed   3 that keep their codes from before ('codes verify')\n" in capsys.readouterr().out
    assert main(["codes", "verify", str(codes)]) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("3 images whose codes are stored can be decoded no more, '0.png' for one")
    assert main(["embed", str(photos), "-o", str(codes), "--remove-missing", "--max-failures", "5"]) == 0
    assert "3 failed, 3 of them with the codes from before given up" in capsys.readouterr().out


def test_repair_says_what_the_former_manifest_said_otherwise(
    codes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((codes / "manifest.json").read_text())
    (codes / "manifest.json").write_text(json.dumps(manifest | {"dtype": "float32"}))
    (codes / "data" / "part-00007.parquet").write_bytes(b"junk")
    assert main(["codes", "repair", str(codes)]) == 0
    said = capsys.readouterr().out
    assert "dtype: 'float32' (the former manifest.json) against 'float16' (the shards)." in said
    assert "left-out/: part-00007.parquet, images unknown: is damaged" in said
    assert "put these back" in said and "Run the same" not in said


def test_verify_tells_machines_of_a_damaged_manifest_too(
    codes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (codes / "manifest.json").write_text("{")
    assert main(["codes", "verify", str(codes), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["sound"] and "manifest.json is damaged: it is no JSON" in found["problems"][0]
    assert main(["codes", "verify", str(codes)]) == 1
    assert "codes repair" in capsys.readouterr().out
