"""``cnncodes finetune``: its options are those of `FineTuning`, and what it prints says what was gained."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from cnncodes.commands.finetune import FINETUNE, FinetuneOptions, estimate_left, render_finetune
from cnncodes.errors import UsageError
from cnncodes.finetuning.history import EpochFigures
from cnncodes.finetuning.settings import TEST_VIEWS, TRAIN_VIEWS, FineTuning
from cnncodes.recipes import read_recipe
from cnncodes.schema import describe_options, from_mapping

REPO = Path(__file__).resolve().parents[2]
ESTIMATE = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 1200}


def make_result(**changes: Any) -> dict[str, Any]:
    part = {"head": ESTIMATE, "tuned": {**ESTIMATE, "value": 0.85}, "difference": {**ESTIMATE, "value": 0.05}}
    return {
        "validation": part,
        "test": None,
        "verdict": "Fine-tuning was worth it.",
        "trained": 80,
        "head_trained": 100,
        "judged_trained": 80,
        "kept": "tuned",
        "is_trained": True,
        "seconds": 75.0,
        "classifier": "out/classifier.cnncodes",
        "backbone": "out/backbone",
        **changes,
    }


def test_every_setting_is_an_option() -> None:
    options = {field.name for field in dataclasses.fields(FinetuneOptions)}
    assert options >= {field.name for field in dataclasses.fields(FineTuning)}
    flags = [flag for flag, _ in describe_options(FinetuneOptions)]
    assert len(flags) == len(set(flags))


def test_the_defaults_are_those_of_python() -> None:
    options = FinetuneOptions(src="photos", out="tuned")
    assert (options.train_views, options.test_views) == (TRAIN_VIEWS, TEST_VIEWS)
    for field in dataclasses.fields(FineTuning):
        assert getattr(options, field.name) == field.default


def test_wrong_values_are_named_as_they_are_typed() -> None:
    with pytest.raises(
        UsageError, match=r"--base-lr is wrong: must be above 0 and at most 1,000,000\. Got -1\.0"
    ):
        from_mapping(FinetuneOptions, {"src": "a", "out": "b", "base_lr": -1.0}, as_flags=True)


def test_the_table_has_a_row_a_part() -> None:
    text = render_finetune(make_result())
    assert text.count("\nvalidation ") == 1 and "\ntest " not in text
    assert "0.800" in text and "0.850" in text and "+0.050" in text and "1,200" in text
    assert "Fine-tuning was worth it.\nTook 1 min 15 s." in text
    tested = render_finetune(make_result(test=make_result()["validation"]))
    assert "\ntest " in tested
    assert "learned from all 100 images" in tested and "the network from 80" in tested
    assert "learned from all" not in text
    again = render_finetune(make_result(trained=100))
    assert "judged by what 80 images had taught them; what is kept has learned from 100" in again
    assert "taught" not in render_finetune(make_result(head_trained=80))


def test_where_there_is_no_tuned_network_no_figure_speaks_of_one() -> None:
    none = {"head": ESTIMATE, "tuned": None, "difference": None}
    text = render_finetune(make_result(validation=none, is_trained=False, trained=0, kept="head"))
    assert "0.800" in text and "-             -" in text
    assert "the head was judged by what 80 images had taught it; what is kept has learned from 100." in text
    assert text.endswith("\nNetwork, as it was: out/backbone\n") and "Tuned network" not in text
    assert render_finetune(make_result()).endswith("\nTuned network: out/backbone\n")


def test_a_difference_without_an_interval_is_shown() -> None:
    same = {
        "head": ESTIMATE,
        "tuned": ESTIMATE,
        "difference": {"value": 0.0, "low": None, "high": None, "n": 9},
    }
    assert "+0.000" in render_finetune(make_result(validation=same))


def test_intervals_of_groups_are_said_to_be_such() -> None:
    grouped = {**make_result()["validation"], "n_groups": 6}
    said = "\nIntervals draw whole groups, of which there are 6: too few"
    assert said in render_finetune(make_result(validation=grouped))
    assert said in render_finetune(make_result(test=grouped))
    assert "groups" not in render_finetune(make_result())


def test_it_goes_on_where_it_stopped() -> None:
    assert FINETUNE.resumes


def test_the_recipe_of_the_documentation_can_be_run(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", (REPO / "docs/finetuning.md").read_text(), re.DOTALL)
    (tmp_path / "tuned.toml").write_text(text)
    assert [step.id for step in read_recipe(tmp_path / "tuned.toml").steps] == ["tune", "judge"]


def make_history(stage: str, *seconds: float, images: int = 50) -> list[EpochFigures]:
    """Return figures of epochs that took so long."""
    shares = 0.8, 0.7, 0.9, 0.0, -0.1, 0.1
    return [
        EpochFigures(stage, number, 0.5, 0.4, *shares, images, True, 0.001, 0.0001, taken)
        for number, taken in enumerate(seconds, 1)
    ]


@pytest.mark.parametrize(
    ("seconds", "again", "said"),
    [
        ((30.0,), True, ""),  # with all that the first steps make ready
        ((30.0, 5.0), False, ", about 50 s left of this stage at most"),
        ((30.0, 5.0, 6.0), False, ", about 45 s left of this stage at most"),
        ((5.0,) * 12, False, ""),
        ((3.0, 0.01), True, ""),  # below a second
        (
            (30.0, 2.5),
            True,
            ", about 25 s left of this stage at most, and 38 s to train once more if it is kept",
        ),
        ((5.0,) * 12, True, ", about 1 min 15 s to train once more if it is kept"),
    ],
)
def test_the_time_that_is_left_goes_by_the_fastest_epoch(
    seconds: tuple[float, ...], again: bool, said: str
) -> None:
    options = FinetuneOptions(src="photos", out="tuned", epochs=12)
    former = make_history("head", 0.1, 0.1)
    found = estimate_left([*former, *make_history("network", *seconds)], 12, options, again=again)
    assert found == said


def test_the_time_that_is_left_of_the_training_on_all_images_is_its_own() -> None:
    options = FinetuneOptions(src="photos", out="tuned", epochs=12)
    former = make_history("network", *[1.0] * 12)
    history = [*former, *make_history("network", 9.0, 7.0, images=0)]
    assert estimate_left(history, 8, options, again=True) == ", about 42 s left of this stage at most"
