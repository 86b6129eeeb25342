"""``cnncodes views``: plans listed, shown and written, and what is said of those that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cnncodes import ViewPlan
from cnncodes.backbones import Card, find_backbone
from cnncodes.cli import main
from cnncodes.images import content_hash, decode
from cnncodes.views.names import AUGMENTATIONS, FIXED_PLANS

FRAME = Card.read(find_backbone("efficientnet-lite0") / "card.toml").frame


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with good and bad images and plans."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.chelsea()).save("cat.png")
    Image.new("RGB", (1, 5000), (9, 8, 7)).save("thin.png")
    Image.new("RGB", (3, 3), (9, 200, 7)).save("tiny.png")
    Path("text.png").write_text("no picture")
    Path("flat").mkdir()
    Image.new("RGB", (30, 30), (9, 200, 7)).save("flat/a.png")
    for part, level in (("train", 0), ("test", 100)):
        for label in ("a", "b"):
            folder = Path("parts", part, label)
            folder.mkdir(parents=True)
            pixels = np.random.default_rng(level).integers(level, level + 90, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "1.png")
    Path("new.toml").write_text("format = 2\n")
    Path("likely.toml").write_text('format = 1\ncrops = "none"\n[random]\ncount = 2\nflip = 1.5\n')
    Path("small.toml").write_text("format = 1\nshort_sides = [200]\n")
    Path("drawn-small.toml").write_text(
        'format = 1\ncrops = "none"\n[random]\ncount = 1\n'
        '[random.crop]\nkind = "scale"\nshort_sides = [200, 300]\nreference = 0\n'
    )
    Path("broken.toml").write_text("format = \n")
    return tmp_path


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["views", *arguments, "--json", "--quiet"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def show(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict[str, Any], np.ndarray]:
    found = run_json(capsys, "show", *arguments)
    return found, np.asarray(Image.open(found["out"]))


def patch(sheet: np.ndarray, view: dict[str, Any]) -> np.ndarray:
    left, top = view["corner"]
    return sheet[top : top + FRAME.height, left : left + FRAME.width]


def test_list_names_every_plan_and_augmentation(capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "list")
    assert {plan["name"]: plan["views"] for plan in found["plans"]} == {
        name: ViewPlan.parse(name).count for name in FIXED_PLANS
    }
    assert [item["name"] for item in found["augmentations"]] == ["train", *AUGMENTATIONS]
    assert main(["views", "list"]) == 0
    text = capsys.readouterr().out
    for name, augmentation in AUGMENTATIONS.items():
        assert f"\n{name}:N " in text and augmentation.describes in text


def test_what_the_list_composes_is_understood(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ViewPlan.parse("train:8")
    Path("plan.toml").write_text(ViewPlan.parse("train:8").to_toml())
    for item in run_json(capsys, "list")["composed"]:
        assert ViewPlan.parse(item["name"]).count >= 2


@pytest.mark.parametrize("plan", ["center", "tencrop", "center, train+rotation+lens+contrast:5"])
@pytest.mark.parametrize("ending", ["png", "webp"])
def test_the_sheet_shows_what_the_network_sees(
    pictures: Path, capsys: pytest.CaptureFixture[str], plan: str, ending: str
) -> None:
    found, sheet = show(capsys, "cat.png", "--plan", plan, "-o", f"out/sheet.{ending}")
    content = Path("cat.png").read_bytes()
    rendered = ViewPlan.parse(plan).render(decode(content), FRAME, content_hash(content))
    assert len(found["views"]) == len(rendered.views)
    for number, view in enumerate(found["views"]):
        np.testing.assert_array_equal(patch(sheet, view), rendered.pixels[rendered.index[number]])
        expected = json.loads(json.dumps(rendered.views[number].parameters()))
        assert {name: view[name] for name in expected} == expected


@pytest.mark.slow
def test_equal_views_name_the_first(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = show(capsys, "cat.png", "--plan", "multicrop")
    assert [view["equals"] for view in found["views"][:10]] == [
        None, None, 0, 1, None, None, None, 5, 6, None,
    ]  # fmt: skip
    assert found["distinct"] == 46
    assert main(["views", "show", "cat.png", "--plan", "multicrop"]) == 0
    assert capsys.readouterr().out == "50 views of cat.png, 46 of them distinct: cat-views.png\n"


def test_without_a_name_the_sheet_lies_here(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "elsewhere").mkdir()
    (pictures / "cat.png").rename("elsewhere/cat.png")
    assert main(["views", "show", "elsewhere/cat.png"]) == 0
    assert capsys.readouterr().out == "1 view of elsewhere/cat.png: cat-views.png\n"
    assert (pictures / "cat-views.png").is_file()
    assert [path.name for path in (pictures / "elsewhere").iterdir()] == ["cat.png"]


def test_a_renamed_image_keeps_its_views_and_the_random_state_changes_them(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "copy.png").write_bytes((pictures / "cat.png").read_bytes())
    (pictures / "plan.toml").write_text(ViewPlan.parse("train:3", random_state=4).to_toml())
    first, _ = show(capsys, "cat.png", "--plan", "train:3", "--random-state", "4")
    again, _ = show(capsys, "copy.png", "--plan", "train:3", "--random-state", "4")
    of_file, _ = show(capsys, "cat.png", "--plan", "plan.toml")
    other, _ = show(capsys, "cat.png", "--plan", "plan.toml", "--random-state", f"{2**64 - 1}")
    assert first["views"] == again["views"] == of_file["views"]
    assert first["plan_id"] == of_file["plan_id"] != other["plan_id"]
    assert first["views"] != other["views"]


def test_an_image_of_three_pixels_is_shown(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, sheet = show(capsys, "tiny.png", "--plan", "tencrop, train+rotation+lens:3")
    for view in found["views"]:
        assert (patch(sheet, view) == (9, 200, 7)).all()


def test_colours_are_frozen_from_the_part_train(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["views", "write", "center, pca:3", "--data", "parts", "-o", "plan.toml", "--quiet"]) == 0
    plan = ViewPlan.read("plan.toml")
    assert capsys.readouterr().out == f"Plan {plan.id}, 4 views of each image: plan.toml\n"
    assert plan.random is not None and plan.random.color.principal_colors is not None
    assert plan.random.color.principal_colors.n_images == 2
    from_file, _ = show(capsys, "cat.png", "--plan", "plan.toml")
    from_data, _ = show(capsys, "cat.png", "--plan", "center, pca:3", "--data", "parts")
    assert from_file["views"] == from_data["views"]
    assert len({tuple(view["color_offset"]) for view in from_file["views"][1:]}) == 3


def test_colours_of_one_image_are_enough(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = show(capsys, "cat.png", "--plan", "pca:2", "--data", "cat.png")
    assert found["plan"]["random"]["color"]["principal_colors"]["n_images"] == 1


def test_images_that_colours_leave_out_are_counted(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "parts" / "train" / "a" / "2.png").write_text("no picture")
    assert main(["views", "write", "pca:1", "--data", "parts", "--quiet"]) == 0
    assert "warning: 1 of 3 training images cannot be read and are left out" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["tencrop", "center, train+lens:8"])
def test_what_is_written_is_read_again(pictures: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["views", "write", name]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    (pictures / "plan.toml").write_text(captured.out)
    assert ViewPlan.read("plan.toml") == ViewPlan.parse(name)
    found = run_json(capsys, "write", "plan.toml", "-o", "again.toml")
    assert (found["id"], found["views"]) == (ViewPlan.parse(name).id, ViewPlan.parse(name).count)
    assert (pictures / "again.toml").read_text() == captured.out == found["toml"]


def test_a_plan_without_its_colours_is_written_with_a_warning(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["views", "write", "pca:2", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert "pca_std = 0.1" in captured.out
    [line] = captured.err.splitlines()
    assert line.startswith("cnncodes: warning: ") and "--data TRAINING_IMAGES" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["show", "cat.png", "--plan", "tencorp"], 2, "Did you mean 'tencrop'?"),
        (["show", "cat.png", "--plan", "rotatoin+lens:2"], 2, "Did you mean 'rotation'?"),
        (["show", "cat.png", "--plan", "rotation"], 2, "as in 'rotation:4'"),
        (["show", "cat.png", "--plan", ""], 2, "--plan is empty"),
        (
            ["show", "cat.png", "--plan", "new.toml"],
            2,
            "'new.toml' is a view plan of format 2; this version reads up to 1",
        ),
        (["show", "cat.png", "--plan", "likely.toml"], 2, "flip must be a number between 0 and 1. Got 1.5"),
        (["show", "cat.png", "--plan", "broken.toml"], 2, "cannot read the view plan 'broken.toml'"),
        (["show", "cat.png", "--plan", "missing.toml"], 2, "No such file or directory"),
        (
            ["show", "cat.png", "--plan", "small.toml"],
            2,
            "short side 200: every short side must be at least 224",
        ),
        (["show", "cat.png", "--plan", "drawn-small.toml"], 2, "every short side must be at least 224"),
        (
            ["show", "cat.png", "--plan", "train:5000"],
            2,
            "has room for 996 views of 224 x 224 pixels. Got 5000",
        ),
        (["show", "cat.png", "--plan", "train:600", "-o", "x.webp"], 2, "name a .png"),
        (["show", "cat.png", "--plan", "train:2", "--random-state", "-1"], 2, "must be a whole number"),
        (
            ["show", "cat.png", "--plan", "train:2", "--random-state", "x"],
            2,
            "--random-state must be a whole",
        ),
        (["show", "cat.png", "--plan", "pca:2"], 2, "give the training images with --data"),
        (["show", "cat.png", "--plan", "pca:2", "--data", "flat"], 2, "(1) have one colour"),
        (["show", "cat.png", "--plan", "pca:2", "--data", "text.png"], 2, "no training image can be read"),
        (["show", "cat.png", "--plan", "pca:2", "--data", "nowhere"], 1, "nowhere"),
        (["show", "cat.png", "--plan", "train:2", "--data", "flat"], 2, "the plan has no 'pca'"),
        (
            ["show", "thin.png", "--plan", "train:2"],
            1,
            "'thin.png' cannot be shown: views: the image is too na",
        ),
        (["show", "text.png"], 1, "'text.png' cannot be shown: decode: not an image of a known format"),
        (["show", "nothing.png"], 1, "'nothing.png' cannot be shown: read: No such file"),
        (["show", "flat"], 1, "'flat' cannot be shown: read: not a file but a folder"),
        (["show", "cat.png", "--max-pixels", "9"], 1, "cannot be shown: decode: "),
        (["show", "cat.png", "--backbone", "efficientnet-light0"], 1, "Did you mean 'efficientnet-lite0'?"),
        (
            ["show", "cat.png", "-o", "./flat/../cat.png"],
            2,
            "would be replaced, and the command reads 'cat.png'",
        ),
        (["show", "cat.png", "-o", "cat.jpg"], 2, "in a .png or .webp file. Got 'cat.jpg'"),
        (["show", "cat.png", "-o", "text.png/x.png"], 1, "cannot write text.png/x.png"),
        (["show", "cat.png", "-o", "folder.png"], 1, "cannot write folder.png: it is a folder"),
        (["show"], 2, "required: IMAGE"),
        (["show", "cat.png", "--plam", "flip"], 2, "Did you mean '--plan'?"),
        (["write", "rotatoin:2"], 2, "Did you mean 'rotation'?"),
        (["write", "center", "-o", "plan.json"], 2, "must end in .toml"),
        (["write", "center", "-o", "text.png/plan.toml"], 1, "cannot write text.png/plan.toml"),
        (["write", "center", "--data", "flat"], 2, "the plan has no 'pca'"),
        (["write"], 2, "required: PLAN"),
        (["shw"], 2, "Did you mean 'show'?"),
    ],
)
def test_bad_input_ends_in_one_line(
    pictures: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str
) -> None:
    Path("folder.png").mkdir()
    before = Path("cat.png").read_bytes()
    quiet = [] if "--plam" in arguments or len(arguments) == 1 else ["--quiet"]
    assert main(["views", *arguments, *quiet]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith("cnncodes: ") and message in line
    assert Path("cat.png").read_bytes() == before
    assert not list(Path().glob("*-views.png"))


def test_colours_are_computed_once(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["views", "write", "pca:1", "--data", "parts", "-o", "plan.toml", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["views", "write", "plan.toml", "--data", "flat"]) == 2
    assert "the plan holds its principal colours already" in capsys.readouterr().err


def test_parts_without_training_images_teach_no_colours(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "parts" / "train").rename("set-aside")
    assert main(["views", "write", "pca:1", "--data", "parts"]) == 1
    assert "'parts' has parts but no 'train'" in capsys.readouterr().err


def test_the_group_says_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["views", "--help"]) == 0
    assert "View plans: which crops" in capsys.readouterr().out
