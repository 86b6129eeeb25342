"""``views gain``, and views on the way from ``embed`` to ``fit``, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes import load, read_codes
from cnncodes.cli import main
from cnncodes.views import ViewPlan


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for label, low in (("dark", 0), ("light", 130)):
        (folder / label).mkdir()
        for i in range(4):
            pixels = rng.integers(low, low + 110, (40 + 8 * i, 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def codes(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("codes") / "x.codes"
    assert main(["embed", str(photos), "-o", str(out), "--views", "tencrop, train:2", "-j", "1", "-q"]) == 0
    return out


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def complaint(capsys: pytest.CaptureFixture[str], status: int, *arguments: str | Path) -> str:
    """Run what must fail; its one line."""
    assert main([*map(str, arguments), "-q"]) == status
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1, captured
    return captured.err


@pytest.mark.slow
def test_the_table_names_views_cost_and_interval(codes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, "views", "gain", codes, "--head", "ridge", "--folds", 2)
    tested = [gain["tested_on"] for gain in result["gains"]]
    assert tested[:3] == ["center", "flip", "tencrop"] and result["n"] == 8
    assert main(["views", "gain", str(codes), "--head", "ridge", "--folds", "2"]) == 0
    captured = capsys.readouterr()
    header, first, *_ = captured.out.splitlines()
    assert header.split()[:4] == ["trained", "on", "tested", "on"] and "95% interval" in header
    assert first.split()[:5] == ["flip", "center", "2", "/", "1"]
    assert "On 8 images" in captured.out
    assert "scoring: " in captured.err


def test_gain_says_what_it_cannot_do(
    codes: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Did you mean 'flip'" in complaint(capsys, 2, "views", "gain", codes, "--train-views", "filp")
    assert "at least 2" in complaint(capsys, 2, "views", "gain", codes, "--folds", "1")
    assert "does not exist" in complaint(capsys, 1, "views", "gain", tmp_path / "none")
    assert "no codes dataset" in complaint(capsys, 1, "views", "gain", photos)
    main(["embed", str(photos), "-o", str(tmp_path / "m.codes"), "--views", "flip", "--reduce", "mean", "-q"])
    capsys.readouterr()
    assert "--reduce none" in complaint(capsys, 2, "views", "gain", tmp_path / "m.codes")


@pytest.mark.slow
def test_the_summary_counts_rows_and_runs(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = photos / "dark"
    result = run(capsys, "embed", few, "-o", tmp_path / "x.codes", "--views", "multicrop")
    assert (result["rows"], result["views"]) == (200, 200) and result["views_run"] < 200
    assert len(read_codes(tmp_path / "x.codes")) == 200
    assert main(["embed", str(few), "-o", str(tmp_path / "y.codes"), "--views", "multicrop", "-q"]) == 0
    out = capsys.readouterr().out
    assert "200 rows" in out and f"the network ran {result['views_run']} times" in out


def test_views_come_from_a_file_and_their_state_from_an_option(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ViewPlan.parse("center, rotation:1", random_state=5)
    (tmp_path / "plan.toml").write_text(plan.to_toml())
    run(capsys, "embed", photos, "-o", tmp_path / "a.codes", "--views", tmp_path / "plan.toml")
    run(
        capsys, "embed", photos, "-o", tmp_path / "b.codes", "--views", "center, rotation:1",
        "--random-state", 5,
    )  # fmt: skip
    a, b = (read_codes(tmp_path / name) for name in ("a.codes", "b.codes"))
    assert ViewPlan.from_dict(a.plan) == ViewPlan.from_dict(b.plan) == plan
    np.testing.assert_array_equal(a.X, b.X)


@pytest.mark.slow
def test_fit_chooses_among_stored_views(
    codes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "fit", codes, "-o", tmp_path / "all.cnncodes")
    whole = load(tmp_path / "all.cnncodes")
    assert whole.train_views == ViewPlan.parse("tencrop, train:2")
    assert whole.test_views == ViewPlan.parse("tencrop")  # random views are for training
    run(
        capsys, "fit", codes, "-o", tmp_path / "few.cnncodes", "--train-views", "train:1",
        "--aggregate", "probability",
    )  # fmt: skip
    few = load(tmp_path / "few.cnncodes")
    assert (few.train_views, few.test_views) == (ViewPlan.parse("train:1"), ViewPlan.parse("flip"))
    assert few.aggregate == "probability"
    assert "no view 'random/2'" in complaint(
        capsys, 2, "fit", codes, "-o", tmp_path / "x.cnncodes", "--train-views", "train:3"
    )
