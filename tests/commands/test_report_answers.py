"""What was trained elsewhere beside the methods of ``cnncodes baseline``: what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnncodes.cli import main

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
