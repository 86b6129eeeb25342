"""What docs/views.md says of views is so, and each has its contact sheet."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import ViewPlan
from cnncodes.cli import main
from cnncodes.views import ColorJitter, Geometry, PrincipalColors, RandomCrop, RandomViews
from cnncodes.views.files import PLAN_FORMAT
from cnncodes.views.names import AUGMENTATIONS, FIXED_PLANS
from cnncodes.views.resizing import resize
from cnncodes.views.sampling import sample
from cnncodes.views.warp_library import Look

PAGE = Path(__file__).resolve().parents[2] / "docs" / "views.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def described(heading: str) -> dict[str, str]:
    """Return the keys of one of the reference's tables, with their defaults."""
    table = TEXT.split(f"\n{heading}:\n\n", 1)[1].split("\n\n", 1)[0]
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    return {key: row[1] for row in rows for key in re.findall("`([a-z0-9_]+)`", row[0])}


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that holds the page's ``photos``."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for label, colour in (("daisy", (250, 240, 120)), ("poppy", (220, 30, 30))):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for number in range(2):
            pixels = np.clip(np.array(colour) + rng.integers(-30, 30, (48, 60, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:03d}.png")
    return tmp_path


def test_its_commands_run_one_after_another(photos: Path) -> None:
    lines = "".join(blocks("sh")).splitlines()
    assert lines
    for line in lines:
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    assert (photos / "turned.png").is_file()


def test_its_python_runs(photos: Path) -> None:
    [source] = blocks("python")
    names: dict[str, object] = {}
    exec(compile(source, str(PAGE), "exec"), names)
    plan = names["plan"]
    assert isinstance(plan, ViewPlan)
    assert (plan.count, plan.columns) == (3, ("angle", "k1", "k2"))
    assert (photos / "turned.codes" / "manifest.json").is_file()


def test_its_plan_is_one(tmp_path: Path) -> None:
    [text] = blocks("toml")
    file = tmp_path / "plan.toml"
    file.write_text(text, encoding="utf-8")
    assert ViewPlan.read(file).count == 24


def test_its_names_are_plans() -> None:
    table = TEXT.split("## Plans by name\n", 1)[1].split("\n\nIn Python", 1)[0]
    names = [
        name for line in table.splitlines()[3:] for name in re.findall("`([^`]+)`", line.split(" | ")[0])
    ]
    assert set(names) > set(FIXED_PLANS) | {"plan.toml", "train:8"}
    for name in set(names) - {"plan.toml"}:
        ViewPlan.parse(name)


def test_every_view_has_its_sheet() -> None:
    sheets = re.findall(r"^!\[.*\]\((.*)\)$", TEXT, re.MULTILINE)
    files = {path.name for path in (PAGE.parent / "images" / "views").iterdir()}
    assert {Path(sheet).name for sheet in sheets} == files and len(sheets) == len(files)
    for name in (*FIXED_PLANS, *AUGMENTATIONS, "train", "composed"):
        assert f"{name}.webp" in files
    assert sum((PAGE.parent / sheet).stat().st_size for sheet in sheets) < 2_200_000


@pytest.mark.parametrize(
    ("heading", "cls"),
    [
        ("At the top", ViewPlan),
        ("In `[random]`", RandomViews),
        ("In `[random.crop]`", RandomCrop),
        ("In `[random.color]`", ColorJitter),
        ("In `[random.geometry]`", Geometry),
    ],
)
def test_every_key_stands_there_with_its_default(heading: str, cls: type) -> None:
    found = described(heading)
    if cls is ViewPlan:
        assert found.pop("format") == "needed"
    fields = {field.name: field for field in dataclasses.fields(cls)}
    assert sorted(found) == sorted(fields)
    for name, default in found.items():
        if default == "needed":
            assert fields[name].default is dataclasses.MISSING
        elif default == "none":
            assert fields[name].default in (None, dataclasses.MISSING)
        else:
            written = tomllib.loads(f"value = {default.strip('`')}")["value"]
            value = fields[name].default
            assert (list(value) if isinstance(value, tuple) else value) == written, name


def test_the_format_is_this_versions() -> None:
    assert f"| `format` | needed | {PLAN_FORMAT} |" in TEXT


def test_warps_and_sizes_have_the_kernels_that_it_says() -> None:
    """Halfway between pixels, Keys' kernel weighs the outer two of four by a / 8 each."""
    assert "with a = -1, where" in TEXT and "`resize` has a = -0.5" in TEXT
    line = np.full((9, 9, 3), 80, np.uint8)
    line[:, 4] = 160  # neither kernel leaves the range
    look = Look(((0, 9), (0, 9)))
    warped = sample(Image.fromarray(line), look, (9, 9), (1, 0, 0.5, 0, 1, 0, 0, 0))[4, 2]
    resized = resize(Image.fromarray(line), (1, 9), "bicubic", (2.5, 0, 3.5, 9))
    assert warped.tolist() == [80 - 80 // 8] * 3
    assert resized[4, 0].tolist() == [80 - 80 // 16] * 3


@pytest.mark.parametrize("sheet", ["center", "tencrop"])
def test_the_sheets_are_those_of_today(sheet: str) -> None:
    """WebP is kept with loss: the picture must be the same, not each bit."""
    spec = importlib.util.spec_from_file_location("make_views", PAGE.parent / "make_views.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    colors = PrincipalColors((1.0, 1.0, 1.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    drawn = np.asarray(script.draw(sheet, colors), dtype=float)
    kept = np.asarray(
        Image.open(PAGE.parent / "images" / "views" / f"{sheet}.webp").convert("RGB"), dtype=float
    )
    assert drawn.shape == kept.shape
    assert np.abs(drawn - kept).mean() < 4
