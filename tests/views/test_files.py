"""Plans as TOML files: what cannot be one is refused by name."""

from __future__ import annotations

import json
import tomllib

import pytest

from cnncodes import ViewPlan
from cnncodes.errors import UsageError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format = 2\n", "is a view plan of format 2; this version reads up to 1. Install a newer one"),
        ("crops = 'five'\n", "is no view plan: expected 'format = 1'"),
        ("format = true\n", "is no view plan"),
        ("format = 1\ncrops = 'fiv'\n", "is wrong: unknown crops 'fiv'. Did you mean 'five'"),
        ("format = 1\n[random]\ncount = 2\nflip = 1.5\n", "flip must be a number between 0 and 1. Got 1.5"),
        ("format = 1\n[random]\ncount = 2\n[random.geometri]\n", "unknown key 'geometri' in random"),
        ("format = \n", "cannot read the view plan"),
        ("\0", "cannot read the view plan"),
        (f"format = {'[' * 100_000}", "cannot read the view plan"),
    ],
)
def test_wrong_files_are_refused(tmp_path, text, message):
    file = tmp_path / "plan.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as caught:
        ViewPlan.parse(str(file))
    assert "plan.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_or_a_folder_is_refused(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"format = 1 # \xe9")
    for path in (tmp_path / "latin.toml", tmp_path):
        with pytest.raises(UsageError, match="cannot read the view plan"):
            ViewPlan.parse(path)


@pytest.mark.parametrize("name", ["center", "multicrop", "center, train+pca+lens:2"])
def test_what_a_file_holds_is_a_plan_from_python_too(name):
    plan = ViewPlan.parse(name)
    held = json.loads(json.dumps(tomllib.loads(plan.to_toml())))
    assert held["format"] == 1
    assert ViewPlan.from_dict(held) == plan and held["format"] == 1


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (2, "a view plan of format 2; this version reads up to 1. Install a newer one"),
        ("1", "format = 1'.* Got '1' instead"),
        (None, "Got None instead"),
        (0, "Got 0 instead"),
    ],
)
def test_other_formats_are_refused_from_python_too(number, message):
    with pytest.raises(UsageError, match=message):
        ViewPlan.from_dict({"format": number, "crops": "five"})


def test_whole_numbers_do_for_numbers(tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text("format = 1\ncrops = 'none'\n[random]\ncount = 1\n[random.geometry]\nrotation = 15\n")
    assert ViewPlan.read(file) == ViewPlan.parse("rotation:1")
    assert ViewPlan.read(file).id == ViewPlan.parse("rotation:1").id
