"""Recipes: found by name, checked whole before anything runs, references replaced in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnncodes.cli import main
from cnncodes.errors import UsageError
from cnncodes.recipes import Recipe, Step, find_recipe, list_recipes, read_recipe
from cnncodes.recipes.recipe import change_settings, check_recipe, place_recipe, resolve_options

EMBED = Step("codes", "embed", {"src": "${data}", "out": "${out}/a.codes"})
FIT = Step("fit", "fit", {"src": "${codes.out}", "out": "${out}/a.cnncodes"})


def problems_of(*steps: Step) -> str:
    with pytest.raises(UsageError) as caught:
        check_recipe(place_recipe(Recipe("r", "", steps), "photos", "run"))
    return str(caught.value)


@pytest.mark.parametrize("name", ["quickstart", "fixed-extractor"])
def test_the_recipes_that_come_along_are_right(name: str) -> None:
    assert name in list_recipes()
    recipe = read_recipe(find_recipe(name))
    assert recipe.name == name
    check_recipe(place_recipe(recipe, "photos", "run"))


def test_data_and_out_are_replaced_before_references_to_steps() -> None:
    placed = place_recipe(Recipe("r", "", (EMBED, FIT)), "photos", "run")
    check_recipe(placed)
    assert placed.steps[0].options == {"src": "photos", "out": "run/a.codes"}
    assert placed.steps[1].options["src"] == "${codes.out}"


def test_a_lone_reference_keeps_its_type_and_others_become_text() -> None:
    options = {"a": "${x.n}", "b": "n=${x.n}", "c": 2}
    assert resolve_options(options, {"x": {"n": 3}}) == {"a": 3, "b": "n=3", "c": 2}


def test_every_problem_of_every_step_is_named() -> None:
    text = problems_of(
        Step("codes", "embde", {}),
        Step("fit", "fit", {"src": "${last.out}", "out": "x", "haed": "ridge"}),
        Step("last", "embed", {"src": "a", "out": "${fit.uot}", "shard_images": "many"}),
        Step("again", "doctor", {"backbone": "${nowhere.out}"}),
        Step("data", "doctor", {}),
    )
    assert "unknown command 'embde'. Did you mean 'embed'?" in text
    assert "refers to 'last', which runs later" in text
    assert "unknown option 'haed'. Did you mean 'head'?" in text
    assert "no result 'uot'. Did you mean 'out'?" in text
    assert "shard_images must be a whole number. Got 'many' instead." in text
    assert "refers to 'nowhere', which is unknown" in text
    assert "step 'data': its id is reserved" in text


def test_missing_images_and_an_unknown_command_hide_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("""name = "bad"
description = "d"
[[step]]
id = "codes"
command = "embed"
src = "${data}"
out = "${out}/a.codes"
vews = "flip"
[[step]]
id = "fit"
command = "fitt"
haed = "${nope.out}"
[[step]]
id = "judge"
command = "zzzz"
model = "${fit.out}"
src = "${gone.out}"
[[step]]
id = "again"
command = "evaluate"
model = "${judge.out}"
src = "x"
""")
    assert main(["run", str(file), "-o", str(tmp_path / "run")]) == 2
    text = capsys.readouterr().err
    assert "recipe 'bad': it works on your images: say where they are with --data. step" in text
    assert "step 'codes': unknown option 'vews'. Did you mean 'views'?" in text
    assert "step 'fit': unknown command 'fitt'. Did you mean 'fit'?" in text
    for problem in (
        "unknown option 'haed'",
        "src is missing",
        "out is missing",
        "${nope.out} refers to 'nope'",
    ):
        assert f"step 'fit': {problem}" in text
    assert "step 'judge': unknown command 'zzzz'. Known:" in text
    assert "step 'judge': ${gone.out} refers to 'gone', which is unknown" in text
    assert "step 'again'" not in text and "has no result" not in text  # nobody knows those of 'zzzz'
    assert not (tmp_path / "run").exists()


def test_two_steps_of_one_id_are_refused(tmp_path: Path) -> None:
    step = '[[step]]\nid = "a"\ncommand = "doctor"\n'
    (tmp_path / "r.toml").write_text(f'name = "r"\ndescription = "d"\n{step}{step}')
    with pytest.raises(UsageError, match="the id 'a' is used twice"):
        read_recipe(tmp_path / "r.toml")


def test_an_id_is_a_word() -> None:
    text = problems_of(Step("my step", "doctor", {}))
    assert "step 'my step': its id must be a letter" in text
    assert "twice" not in text and "reserved" not in text


def test_a_step_cannot_refer_to_itself() -> None:
    assert "or is this step itself" in problems_of(Step("a", "embed", {"src": "${a.out}", "out": "x"}))


def test_a_recipe_that_needs_images_says_so() -> None:
    with pytest.raises(UsageError, match="--data"):
        check_recipe(place_recipe(Recipe("r", "", (EMBED,)), None, "run"))


def test_settings_change_options_with_their_type() -> None:
    changed = change_settings(Recipe("r", "", (EMBED, FIT)), ["codes.batch_size=4", "fit.head=ridge"])
    assert changed.steps[0].options["batch_size"] == 4
    assert changed.steps[1].options["head"] == "ridge"


@pytest.mark.parametrize(
    ("setting", "words"),
    [("fit", "step.option=value"), ("fti.head=ridge", "Did you mean 'fit'"), ("fit.=1", "step.o")],
)
def test_a_wrong_setting_is_refused(setting: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        change_settings(Recipe("r", "", (EMBED, FIT)), [setting])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "no valid TOML"),
        ("nmae = 'x'", "Did you mean 'name'"),
        ("name = 'x'\ndescription = 'y'", "at least one"),
        ("name = 'x'\ndescription = 'y'\n[[step]]\nid = 'a'", "step 1: command is missing"),
        ("name = 'x'\ndescription = 'y'\n[[step]]\nid = 'a'\ncommand = 3", "command must be a text. Got 3"),
        ("description = 'y'", "name is missing"),
        ("name = 'x'", "description is missing"),
        ("name = 'x'\ndescription = 3", "description must be a text. Got 3"),
        ("name = '../../evil'\ndescription = 'y'", "name must start with a letter or digit"),
        ("name = '..'\ndescription = 'y'", "name must start with a letter or digit"),
        ("name = \"x\\n\"\ndescription = 'y'", "name must start with a letter or digit"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_recipe(file)


def test_names_and_files_that_do_not_exist() -> None:
    with pytest.raises(UsageError, match="Did you mean 'quickstart'"):
        find_recipe("quickstrat")
    with pytest.raises(UsageError, match="no recipe file"):
        find_recipe("nowhere/at-all.toml")


def test_the_data_of_a_recipe_is_relative_to_its_file(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text("name='x'\ndescription='y'\ndata='photos'\n[[step]]\nid='a'\ncommand='doctor'\n")
    assert read_recipe(file).data == str(tmp_path / "photos")
