"""Photos in series: folds divide them, unless a group keeps them together, and their figures are too good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main

SERIES, FRAMES = 8, 3
SAID = "24 of 24 images looked at have a near copy among the others"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures of own colour and texture, three frames of each, with tables; and as many alone."""
    made = tmp_path_factory.mktemp("series")
    rows = []
    for i in range(SERIES * FRAMES):
        series, frame = divmod(i, FRAMES)
        for name, seed in (("frames", series), ("alone", 100 + i)):
            rng = np.random.default_rng(seed)
            small = rng.integers(0, 160, (9, 9, 3)) + rng.integers(0, 90, 3)
            photo = Image.fromarray(small.astype(np.uint8)).resize((110, 100), Image.Resampling.BICUBIC)
            (made / name / "ab"[series % 2]).mkdir(parents=True, exist_ok=True)
            photo.crop((2 * frame, 0, 104 + frame, 100)).save(made / name / "ab"[series % 2] / f"{i:02}.png")
        rows.append((f"frames/{'ab'[series % 2]}/{i:02}.png", series, frame))
    meanings = {
        "class": lambda series: "ab"[series % 2],
        "number": lambda series: series + 0.5,
        "labels": lambda series: ["dark", "light|odd", "light", "dark|odd"][series % 4],
    }
    for name, label in meanings.items():
        lines = [f"{path},{label(series)},{series}" for path, series, _ in rows]
        (made / f"{name}.csv").write_text("\n".join(["image,label,specimen", *lines]))
    return made


def fit(capsys: pytest.CaptureFixture[str], source: Path, out: Path, *options: str) -> tuple[str, str]:
    asked = ["fit", str(source), "-o", str(out), "--cv", "2", "-q", "--head", "ridge", *options]
    capsys.readouterr()
    assert main([*asked, "--train-views", "center", "--test-views", "center"]) == 0
    return capsys.readouterr()  # type: ignore[return-value]  # a named tuple


OF_EACH_KIND = pytest.mark.parametrize(
    ("table", "meaning"),
    [("class", []), ("number", ["--regression"]), ("labels", ["--label-delimiter", "|"])],
)


@OF_EACH_KIND
def test_folds_of_frames_are_told(
    folder: Path,
    tmp_path: Path,
    small_network: str,
    table: str,
    meaning: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, asked = folder / f"{table}.csv", [*meaning, "--backbone", small_network]
    out, err = fit(capsys, source, tmp_path / "m", *asked)
    assert f"{SAID} (photos in series?): where these show one thing, figures are too good." in out
    assert (
        err.count(SAID) == 1 and "frames/a/00.png" in err and f"'cnncodes check {source}' lists them" in err
    )
    out, err = fit(capsys, source, tmp_path / "m", *asked, "--json")
    near = json.loads(out)["cross_validation"]["near_copies"]
    assert (near["looked_at"], near["with"], len(near["examples"])) == (24, 24, 3)
    out, err = fit(capsys, source, tmp_path / "m", *asked, "--group-column", "specimen")
    assert "near copy" not in out + err


def test_folds_of_pictures_that_are_there_once_are_not(
    folder: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = fit(capsys, folder / "alone", tmp_path / "m", "--backbone", small_network, "--json")
    near = json.loads(out)["cross_validation"]["near_copies"]
    assert near == {"looked_at": 24, "too_small": 0, "with": 0, "examples": []} and "near copy" not in err


@pytest.fixture(scope="module")
def small(folder: Path) -> Path:
    """The frames, of 40 pixels a side."""
    for path in (folder / "frames").glob("*/*.png"):
        (folder / "small" / path.parent.name).mkdir(parents=True, exist_ok=True)
        Image.open(path).resize((40, 40)).save(folder / "small" / path.parent.name / path.name)
    return folder / "small"


def test_pictures_that_are_too_small_to_be_looked_at_are_said_below_the_figures_of_folds(
    small: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = fit(capsys, small, tmp_path / "m", "--backbone", small_network)
    assert "Near copies were not looked for in 24 of 24 images: pictures below 48 pixels.\n" in out
    assert "ear copies" not in err
    out, err = fit(capsys, small, tmp_path / "m", "--backbone", small_network, "--json")
    near = json.loads(out)["cross_validation"]["near_copies"]
    assert (near["looked_at"], near["too_small"], near["with"]) == (0, 24, 0)


def test_pictures_that_are_too_small_to_be_looked_at_are_said_by_baseline_and_its_page(
    small: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "b.html"
    asked = ["baseline", str(small), "--backbones", small_network, "-q", "--only", "codes"]
    assert main([*asked, "-o", str(page)]) == 0
    out, err = capsys.readouterr()
    said = "test images: pictures below 48 pixels.\n"
    assert "\nNear copies were not looked for in " in out and said in out and "ear copies" not in err
    assert "Near copies were not looked for in " in page.read_text()


def test_stored_codes_hold_no_pictures_to_look_at(
    folder: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = tmp_path / "c.codes"
    assert main(["embed", str(folder / "frames"), "-o", str(codes), "--backbone", small_network, "-q"]) == 0
    capsys.readouterr()
    assert main(["fit", str(codes), "-o", str(tmp_path / "m"), "--cv", "2", "-q", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cross_validation"]["near_copies"] is None


@OF_EACH_KIND
def test_a_baseline_whose_held_out_images_have_copies_is_told(
    folder: Path,
    tmp_path: Path,
    small_network: str,
    table: str,
    meaning: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = tmp_path / "b.html"
    asked = ["baseline", str(folder / f"{table}.csv"), *meaning, "--backbones", small_network, "-q", "--json"]
    assert main([*asked, "--only", "codes", "-o", str(page)]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    n = found["n"]
    assert (found["near_copies"]["looked_at"], found["near_copies"]["with"]) == (n, n)
    assert f"{n} of {n} test images looked at have a near copy among the training images" in err
    assert "Give pictures of one thing one group (--group-column)" in found["doubts"][-1]
    assert "near copy among the training images" in page.read_text()
    assert main([*asked, "--only", "codes", "--group-column", "specimen"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["near_copies"]["with"] == 0 and "near copy" not in err
    guess = {"class": "majority", "number": "median", "labels": "shares"}[table]
    assert main([*asked, "--only", guess]) == 0  # that looks at no image
    assert json.loads(capsys.readouterr().out)["near_copies"] is None


def test_copies_in_parts_that_somebody_made_are_to_be_put_into_one(
    folder: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    header, *rows = (folder / "class.csv").read_text().splitlines()
    parts = [f"{row},{'test' if i % FRAMES == 1 else 'train'}" for i, row in enumerate(rows)]
    (folder / "parts.csv").write_text("\n".join([f"{header},split", *parts]))
    asked = ["baseline", str(folder / "parts.csv"), "--only", "codes", "--backbones", small_network, "-q"]
    assert main(asked) == 0
    assert "Put pictures of one thing into one part" in capsys.readouterr().err


def test_check_warns_and_strict_is_1(
    folder: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["check", str(folder / "class.csv"), "--backbone", small_network, "-q", "--strict"]
    assert main(asked) == 1
    assert "These are 24 of 24 images, in series perhaps" in capsys.readouterr().out
    main([*asked, "--group-column", "specimen"])
    assert "in series perhaps" not in capsys.readouterr().out
