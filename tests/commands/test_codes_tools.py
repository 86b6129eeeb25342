"""``codes merge``, ``select`` and ``convert`` through the command line and recipes, on real codes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cnncodes import embed, read_codes
from cnncodes.cli import main
from cnncodes.commands import Reporter
from cnncodes.commands.selecting import read_keys
from cnncodes.errors import UsageError
from cnncodes.recipes import read_recipe
from cnncodes.recipes.running import run_recipe
from cnncodes.store.locking import WriterLock


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with photos in two parts, one broken, and the codes of each part and of all."""
    root, rng = tmp_path_factory.mktemp("made"), np.random.default_rng(0)
    for number in range(6):
        folder = root / "photos" / ("train" if number < 4 else "test") / ("daisy" if number % 2 else "poppy")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    (root / "photos" / "train" / "daisy" / "broken.png").write_text("no picture")
    for name, split in (("all", None), ("train", "train"), ("test", "test")):
        embed(root / "photos", root / f"{name}.codes", views="flip", split=split)
    return root


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def equal(one: Path, other: Path) -> bool:
    a, b = read_codes(one), read_codes(other)
    return bool(a.to_arrow().equals(b.to_arrow()) and a.failures.equals(b.failures))


def test_parts_are_merged_into_the_whole(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "all.codes")
    result = run(capsys, "codes", "merge", str(made / "train.codes"), str(made / "test.codes"), "-o", out)
    assert (result["images"], result["rows"], result["failures"], result["shared"]) == (6, 12, 1, 0)
    assert equal(Path(out), made / "all.codes")
    assert main(["codes", "verify", out]) == 0
    capsys.readouterr()
    assert main(["codes", "merge", str(made / "train.codes"), out, "-o", str(tmp_path / "more.codes")]) == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "6 images, 12 rows of 2 datasets, 1 failure; 4 in several of them are kept once, in "
    )
    summary = embed(made / "photos", out, views="flip")  # and goes on
    assert (summary.embedded, summary.unchanged, summary.failed) == (0, 6, 1)


def test_a_part_is_what_embedding_it_wrote(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "test.codes"
    result = run(capsys, "codes", "select", str(made / "all.codes"), "--split", "test", "-o", str(out))
    assert (result["images"], result["rows"], result["failures"]) == (2, 4, 0)
    assert equal(out, made / "test.codes")
    assert main(["codes", "select", str(made / "all.codes"), "--views", "center", "-o", f"{out}2"]) == 0
    assert capsys.readouterr().out.startswith("6 images, 6 rows of 1,280 numbers, 1 failure, in ")
    embed(made / "photos", tmp_path / "center.codes", views="center")
    assert equal(Path(f"{out}2"), tmp_path / "center.codes")
    assert embed(made / "photos", f"{out}2", views="center").embedded == 0


def test_images_of_a_list_and_labels(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list").write_bytes("\ufefftrain/daisy/1.png\r\n\ntrain/daisy/broken.png\n".encode())
    out = str(tmp_path / "out")
    result = run(
        capsys, "codes", "select", str(made / "all.codes"), "--images", str(tmp_path / "list"), "-o", out
    )
    assert (result["images"], result["failures"]) == (1, 1)
    words = ["--label", "daisy", "--label", "poppy", "--split", "train", "-o", f"{out}2"]
    assert main(["codes", "select", str(made / "all.codes"), *words]) == 0
    assert "images of" in (captured := capsys.readouterr()).err and "failed are left out (1)" in captured.err
    assert sorted(set(read_codes(f"{out}2").y)) == ["daisy", "poppy"]


def test_codes_are_converted(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(
        capsys, "codes", "convert", str(made / "all.codes"), "--to", "npy", "-o", str(tmp_path / "npy")
    )
    assert (result["rows"], result["files"]) == (12, 1)
    codes = read_codes(made / "all.codes")
    matrix = np.load(tmp_path / "npy" / "img_emb" / "img_emb_0.npy")
    assert matrix.dtype == np.float16
    np.testing.assert_array_equal(matrix, codes.X)
    meta = pd.read_parquet(tmp_path / "npy" / "metadata" / "metadata_0.parquet")
    assert meta["image_path"].tolist() == codes.images.tolist()
    assert all((made / "photos" / name).is_file() for name in meta["image_path"])
    assert (
        main(["codes", "convert", str(made / "all.codes"), "-t", "csv", "-o", str(tmp_path / "x.csv")]) == 0
    )
    captured = capsys.readouterr()
    assert captured.out.startswith("12 rows as csv, in ") and "no row (1)" in captured.err
    frame = pd.read_csv(tmp_path / "x.csv")
    np.testing.assert_array_equal(frame.filter(regex="^code_").to_numpy(np.float32), codes.X)


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ("merge all.codes -o out", 2, "CODES is wrong: two datasets or more are needed. Got 1."),
        ("merge all.codes all.codes -o out", 2, "is the same dataset as all.codes. Give each once."),
        ("merge all.codes test.codes -o all.codes", 2, "cannot write to all.codes: it is, or lies in,"),
        (
            "merge all.codes test.codes -o train.codes",
            1,
            "train.codes exists already, and nothing is replaced.",
        ),
        ("merge all.codes none.codes -o out", 1, "none.codes does not exist."),
        ("select all.codes -o out", 2, "nothing says what to select: give --split,"),
        ("select all.codes --split val -o out", 1, "these codes have no split 'val'. Known: test, train."),
        ("select all.codes --label roses -o out", 1, "these codes have no label 'roses'."),
        (
            "select all.codes --views tencorp -o out",
            2,
            "unknown view plan 'tencorp'. Did you mean 'tencrop'?",
        ),
        ("select all.codes --views tencrop -o out", 2, "the codes hold no view '256/top-left'."),
        ("select all.codes --layers low -o out", 2, "these codes have no layer 'low'. Known: code."),
        ("select all.codes --images none -o out", 2, "cannot read the list of images 'none': No such file"),
        ("select all.codes --label daisy -o all.codes/x", 2, "which is read. Give another name with -o."),
        ("convert all.codes --to xls -o out", 2, "--to (-t) must be one of npy, csv. Got 'xls' instead."),
        ("convert all.codes --to csv -o out", 2, "csv is one file, whose name must end in .csv. Got 'out'."),
        ("convert all.codes --to npy -o photos", 1, "photos exists already, and nothing is replaced."),
        ("convert photos --to npy -o out", 1, "photos is no codes dataset"),
    ],
)
def test_a_bad_input_is_one_line(
    made: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    status: int,
    text: str,
) -> None:
    monkeypatch.chdir(made)
    before = sorted(made.rglob("*"))
    assert main(["codes", *words.split()]) == status
    captured = capsys.readouterr()
    assert captured.out == "" and text in captured.err and captured.err.count("\n") == 1
    assert sorted(made.rglob("*")) == before


def test_without_parts_embed_and_select_end_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "photos" / "a.png")
    embed(tmp_path / "photos", tmp_path / "x.codes")
    assert main(["embed", "photos", "--split", "train", "-o", "y.codes"]) == 1
    assert main(["codes", "select", "x.codes", "--split", "train", "-o", "y.codes"]) == 1
    assert "these codes have no split 'train'. Known: none." in capsys.readouterr().err


def copy_unfinished(made: Path, folder: Path) -> str:
    """Return codes whose job did not come to its end."""
    import shutil

    shutil.copytree(made / "test.codes", folder / "half.codes")
    manifest = folder / "half.codes" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "complete": False}))
    return str(folder / "half.codes")


def ways_to_use(half: str, made: Path) -> list[list[str]]:
    return [
        ["merge", half, str(made / "train.codes")],
        ["select", half, "--label", "daisy"],
        ["convert", half, "--to", "npy"],
    ]


def test_codes_that_are_being_written_are_said_to_be_so(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = copy_unfinished(made, tmp_path)
    lock = WriterLock(Path(half))
    for number, words in enumerate(ways_to_use(half, made)):
        assert main(["codes", *words, "-o", str(tmp_path / str(number)), "-q"]) == 0
        said = f"{half} was being written by this very process, {os.getpid()} on host"
        error = capsys.readouterr().err
        assert said in error and "images may be missing" in error and "did not come" not in error
    lock.release()


def test_an_unfinished_job_is_warned_of(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = copy_unfinished(made, tmp_path)
    for number, words in enumerate(ways_to_use(half, made)):
        assert main(["codes", *words, "-o", str(tmp_path / str(number)), "-q"]) == 0
        assert "half.codes did not come to its end: images may be missing" in capsys.readouterr().err
    assert not read_codes(tmp_path / "0").complete and not read_codes(tmp_path / "1").complete


def test_lists_of_images(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("a b.png\r\nü\n\n x \n".encode())
    assert read_keys(tmp_path / "a") == ["a b.png", "ü", " x "]
    (tmp_path / "b").write_bytes(b"\n\r\n")
    with pytest.raises(UsageError, match="names none. Give names a line each"):
        read_keys(tmp_path / "b")
    (tmp_path / "c").write_bytes(b"a\n\xff\n")
    with pytest.raises(UsageError, match="is not UTF-8 text: invalid start byte at byte 2"):
        read_keys(tmp_path / "c")
    with pytest.raises(UsageError, match="cannot read the list of images .*: Is a directory"):
        read_keys(tmp_path)


RECIPE = """
name = "together"
description = "Two parts made into one, and taken apart again."
data = "photos"

[[step]]
id = "train"
command = "embed"
src = "${data}"
split = "train"
out = "${out}/train.codes"
max_failures = 1

[[step]]
id = "test"
command = "embed"
src = "${data}"
split = "test"
out = "${out}/test.codes"

[[step]]
id = "all"
command = "codes merge"
codes = ["${train.out}", "${test.out}"]
out = "${out}/all.codes"

[[step]]
id = "part"
command = "codes select"
codes = "${all.out}"
split = ["test"]
out = "${out}/part.codes"

[[step]]
id = "csv"
command = "codes convert"
codes = "${part.out}"
to = "csv"
out = "${out}/part.csv"
"""


def test_a_recipe_merges_selects_and_converts(made: Path, tmp_path: Path) -> None:
    (made / "together.toml").write_text(RECIPE)
    recipe = read_recipe(made / "together.toml")
    result = run_recipe(recipe, Reporter(quiet=True), out=tmp_path / "run")
    assert result["steps"]["all"]["images"] == 6 and result["steps"]["csv"]["rows"] == 2
    assert equal(tmp_path / "run" / "part.codes", tmp_path / "run" / "test.codes")
    record = read_recipe(tmp_path / "run" / "run.json")  # references in lists are kept
    assert record.steps[2].options["codes"] == ["${train.out}", "${test.out}"]


def test_a_reference_in_a_list_is_checked(made: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(RECIPE.replace('"${test.out}"]', '"${tset.out}", "${train.outt}"]'))
    with pytest.raises(UsageError) as caught:
        run_recipe(read_recipe(tmp_path / "wrong.toml"), Reporter(quiet=True), out=tmp_path / "run")
    assert "${tset.out} refers to 'tset', which is unknown. Did you mean 'test'?" in str(caught.value)
    assert "the step 'train' has no result 'outt'" in str(caught.value)
