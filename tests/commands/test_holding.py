"""Where ``--holdout`` does nothing, that is said; where nothing is left to evaluate on, it is a warning."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

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
    tell_holdout(str(src), options, sum(record.split == "train" for record in records), Reporter(said))
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
        ([""], 1, "warning: --holdout 0.5 held nothing out: no class has two different images"),
    ],
)
def test_what_it_came_to_is_said(parts: list[str], images: int, said: str, tmp_path: Path) -> None:
    heard = hear(tmp_path / "photos", parts, images)
    assert said in heard and bool(said) == bool(heard)
