"""What was trained elsewhere beside the methods of ``cnncodes baseline``: what is said of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main
from cnncodes.commands.report_answers import say_standing
from cnncodes.evaluation.figures import FIGURES
from cnncodes.evaluation.intervals import Estimate

#: Returns what is found beside a report of ``evaluate`` with these values, by how it answers; and the text.
Compare = Callable[..., tuple[dict[str, Any], str, str]]


@pytest.fixture
def compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compare:
    rng = np.random.default_rng(0)
    rows = []
    for part in ("train", "test"):
        for label in ("a", "b"):
            folder = tmp_path / "in" / part / label
            folder.mkdir(parents=True)
            for i in range(20):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
                rows.append({"image": f"{part}/{label}/{i}.png", "label": label})

    def run(answer: Callable[[str], str], *further: str, **values: Any) -> tuple[dict[str, Any], str, str]:
        tested = [{**row, "prediction": answer(row["label"])} for row in rows if row["image"][:4] == "test"]
        file = tmp_path / "report.json"
        file.write_text(json.dumps({"model": "tuned", "n": 40, "predictions": tested, **values}))
        command = ["baseline", str(tmp_path / "in"), "--only", "majority,pixels", "--compare", str(file)]
        assert main([*command, "-q", "--json", *further]) == 0
        told = capsys.readouterr()
        assert main([*command, "-q"]) == 0
        return json.loads(told.out), told.err, capsys.readouterr().out

    return run


def test_what_was_trained_on_the_test_images_is_said_to_flatter(compare: Compare) -> None:
    found, warned, shown = compare(str, trained_on=38, groups_trained_on=40)
    compared = found["compared"]
    assert (compared["trained_on"], compared["groups_trained_on"]) == (38, 40)
    seen, groups = compared["doubts"]
    assert seen == "tuned was trained on, or chosen by, 38 of these 40 test images: its figures flatter"
    assert groups == "40 of these 40 test images are of groups that tuned was trained on: its figures flatter"
    assert f"warning: {seen}\n" in warned and f"warning: {groups}\n" in warned
    assert f"{seen}.\n{groups}.\n" in shown


@pytest.mark.parametrize("values", [{}, {"trained_on": 0, "groups_trained_on": 0}])
def test_what_was_not_or_is_not_known_to_have_been_is_not(compare: Compare, values: dict[str, int]) -> None:
    found, warned, shown = compare(str, **values)
    assert found["compared"]["trained_on"] == values.get("trained_on")
    assert found["compared"]["doubts"] == [] and "flatter" not in warned + shown


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (str, "clearly better than"),
        (lambda label: "a", "not clearly different from"),
        (lambda label: "b" if label == "a" else "a", "clearly worse than"),
    ],
)
def test_how_it_stands_to_the_best_of_the_methods_is_said_below_the_verdict(
    compare: Compare, answer: Callable[[str], str], how: str
) -> None:
    found, _, shown = compare(answer)
    compared, best = found["compared"], found["best"]
    accuracy = next(one["evaluation"]["accuracy"] for one in found["methods"] if one["title"] == best)
    gap = compared["difference_to_best"]
    assert gap["value"] == pytest.approx(compared["accuracy"]["value"] - accuracy["value"])
    ends = f"{gap['value']:+.3f} [{gap['low']:.3f}, {gap['high']:.3f}]"
    assert compared["verdict"] == f"tuned is {how} the best of the methods tried here, {best}: {ends}."
    assert f"{found['verdict']}\n{compared['verdict']}\n" in shown
    assert found["recommended"] is None or found["recommended"] != "tuned"


def test_of_errors_the_lower_is_the_better() -> None:
    gap = Estimate(-2.0, -3.0, -1.0, 50)
    assert say_standing(FIGURES["mae"], "m", "ridge", gap, 50).startswith("m is clearly better than")
    gap = Estimate(2.0, 1.0, 3.0, 50)
    assert say_standing(FIGURES["mae"], "m", "ridge", gap, 50).startswith("m is clearly worse than")


def test_few_images_or_groups_tell_no_better_one() -> None:
    said = say_standing(FIGURES["accuracy"], "m", "ridge", Estimate(0.5, 0.2, 0.8, 50), 5)
    best = "the best of the methods tried here, ridge"
    assert said == f"Of so few test images it is not known how m stands to {best}: +0.500 [0.200, 0.800]."
    said = say_standing(FIGURES["accuracy"], "m", "ridge", Estimate(0.5, 0.2, 0.8, 50), 5, groups=True)
    assert said.startswith("Of so few groups of test images it is not known")


def test_without_an_interval_nothing_is_clear() -> None:
    nan = math.nan
    best = "the best of the methods tried here, ridge"
    same = say_standing(FIGURES["accuracy"], "m", "ridge", Estimate(0.0, nan, nan, 50), 50)
    assert same == f"m is not clearly different from {best}: +0.000."
    apart = say_standing(FIGURES["accuracy"], "m", "ridge", Estimate(1.0, nan, nan, 50), 50)
    assert apart == f"m differs from {best}, by +1.000, of which there is no interval."
    assert say_standing(FIGURES["accuracy"], "m", "ridge", Estimate(nan, nan, nan, 50), 50) == ""
