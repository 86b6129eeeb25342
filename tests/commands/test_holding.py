"""Where ``--holdout`` does nothing, that is said; where nothing is left to evaluate on, it is a warning."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from cnncodes.cli import main
from cnncodes.commands.common import SourceOptions
from cnncodes.commands.holding import tell_holdout
from cnncodes.commands.inputs import open_images
from cnncodes.commands.reporter import Reporter


def hear(src: Path, parts: list[str], images: int) -> str:
    """Return what is said of a source of two classes with so many images of each in each part."""
    for place, part in enumerate(parts):
        for number in range(2 * images):
            path = src / part / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number, place, 0)).save(path)
    said, options = io.StringIO(), SourceOptions(holdout=0.5)
    records = open_images(str(src), options).records
    tell_holdout(str(src), options, records, Reporter(said))
    return said.getvalue()


@pytest.mark.parametrize(
    ("parts", "images", "said"),
    [
        ([""], 2, ""),
        (["train", "test"], 1, "--holdout 0.5 changes nothing: the source has parts already (test, train)\n"),
        (
            ["train", "val"],
            1,
            "warning: --holdout 0.5 held nothing out: the source has parts already (train, val)",
        ),
        ([""], 1, "warning: --holdout 0.5 held nothing out: each class needs at least two different images"),
    ],
)
def test_what_it_came_to_is_said(parts: list[str], images: int, said: str, tmp_path: Path) -> None:
    heard = hear(tmp_path / "photos", parts, images)
    assert said in heard and bool(said) == bool(heard)


def test_another_share_than_was_asked_for_is_said(tmp_path: Path) -> None:
    """Of four cameras one is the least that can be held out, and three are the most."""
    lines = ["image,label,group"]
    for number in range(40):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'ab'[number % 2]},{number // 10}")
    table = tmp_path / "photos.csv"
    table.write_text("\n".join(lines))
    for share, said in ((0.1, "10 of 40 images, 25%, are held out, and not 10%"), (0.25, ""), (0.9, "")):
        heard, options = io.StringIO(), SourceOptions(holdout=share, group_column="group")
        records = open_images(str(table), options).records
        assert tell_holdout(str(table), options, records, Reporter(heard))
        assert said in heard.getvalue() and bool(said) == bool(heard.getvalue())


def test_another_share_of_some_classes_is_said(tmp_path: Path) -> None:
    """Of 'rare' there is one camera, which is trained on; of 'odd' one of two is tested on."""
    lines = ["image,label,group"]
    for number in range(120):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
        label, group = ("usual", number)
        if number >= 80:
            label, group = ("rare", "one") if number < 90 else ("odd", f"of {number // 105}")
        lines.append(f"{number}.png,{label},{group}")
    table = tmp_path / "photos.csv"
    table.write_text("\n".join(lines))
    heard, options = io.StringIO(), SourceOptions(holdout=0.2, group_column="group")
    records = open_images(str(table), options).records
    assert tell_holdout(str(table), options, records, Reporter(heard))
    assert heard.getvalue().startswith(
        "of 2 classes another share than 20% is held out: 15 of 30 images of 'odd', 0 of 10 images of 'rare':"
    )
    heard = io.StringIO()
    tell_holdout(str(table), options, records, Reporter(heard), by_class=False)
    assert not heard.getvalue()


@pytest.mark.slow
def test_a_fit_on_what_was_held_out_calls_it_no_other_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(40):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    given = ["fit", str(tmp_path / "photos"), "--holdout", "0.25", "--head", "centroid"]
    for split in ("train", "test"):
        assert main([*given, "--split", split, "-o", str(tmp_path / f"{split}.cnncodes")]) == 0
        assert "held out" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"), [([], False), (["--set", "codes.holdout=0.5"], True), (["--quiet"], False)]
)
def test_that_it_changes_nothing_is_said_of_what_the_user_gave_alone(
    arguments: list[str], told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hear(tmp_path / "photos", ["train", "test"], 1)
    recipe = tmp_path / "own.toml"
    recipe.write_text(
        'name = "own"\ndescription = "Codes."\ndata = "photos"\n[[step]]\nid = "codes"\ncommand = "embed"\n'
        'src = "${data}"\nout = "${out}/c"\nsplit = "train"\nholdout = 0.25\nviews = "center"\n'
    )
    assert main(["run", str(recipe), "-o", str(tmp_path / "out"), *arguments]) == 0
    assert ("changes nothing" in capsys.readouterr().err) == told


def test_of_a_recipe_a_part_that_is_missing_is_said_nevertheless(tmp_path: Path) -> None:
    hear(tmp_path / "photos", ["train", "val"], 1)
    said, options = io.StringIO(), SourceOptions(holdout=0.5)
    records = open_images(str(tmp_path / "photos"), options).records
    tell_holdout(str(tmp_path / "photos"), options, records, Reporter(said, typed=["quickstart"]))
    assert "held nothing out" in said.getvalue()
