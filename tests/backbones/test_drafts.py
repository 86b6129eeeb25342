"""What a user has to say of weights that say nothing: a draft that guesses nothing, and what it refuses."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from cnncodes.backbones import Frame
from cnncodes.backbones.exporting.drafts import Facts, facts_file, make_draft, read_facts
from cnncodes.errors import BackboneError, CardError

FACTS = Facts(
    "a network",
    "MIT",
    224,
    200,
    256,
    "bilinear",
    (0.0, 1.0),
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)
KEYS = [field.name for field in dataclasses.fields(Facts)]


def write(folder: Path, drop: tuple[str, ...] = (), **changes: Any) -> Path:
    values = {**dataclasses.asdict(FACTS), **changes}
    text = tomli_w.dumps({key: value for key, value in values.items() if key not in drop})
    (folder / "net.card.toml").write_text(text, encoding="utf-8")
    return folder / "net.onnx"


def test_what_was_filled_in_is_read(tmp_path: Path) -> None:
    assert read_facts(write(tmp_path), {}) == FACTS
    assert FACTS.frame == Frame(224, 200, 256, "bilinear")


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)])
def test_units_of_pixels_give_the_same_input(value_range: tuple[float, float]) -> None:
    least, greatest = value_range
    middle = (least + greatest) / 2
    mean, std = (middle, middle, least), (0.3, 0.2, 0.1)
    facts = dataclasses.replace(FACTS, value_range=value_range, mean=mean, std=std)
    pixels = np.linspace(0, 255, 30).reshape(10, 3)
    brought = least + pixels / 255 * (greatest - least)
    np.testing.assert_allclose(
        (pixels - facts.pixel_mean) / facts.pixel_std, (brought - mean) / std, rtol=1e-12, atol=1e-12
    )


def test_a_missing_file_becomes_a_draft_that_guesses_nothing(tmp_path: Path) -> None:
    weights = tmp_path / "net.onnx"
    known = {"height": 224, "width": 224, "description": 'say "net"\x7f'}
    with pytest.raises(BackboneError) as caught:
        read_facts(weights, known)
    draft = facts_file(weights)
    assert str(draft) in str(caught.value) and str(weights) in str(caught.value)
    assert "Fill in licence, resize, interpolation, value_range, mean, std, and run" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["net.card.toml"]
    with pytest.raises(CardError, match="not filled in yet: licence, resize, .* std"):
        read_facts(weights, known)
    text = draft.read_text(encoding="utf-8")
    for key in KEYS:
        assert (f"\n{key} = " in text) == (key in known or key == "channels")
    filled = text
    for key, value in dataclasses.asdict(FACTS).items():
        if key not in known:
            filled = filled.replace(f"# {key} =", tomli_w.dumps({key: value}).strip())
    draft.write_text(filled, encoding="utf-8")
    expected = dataclasses.replace(FACTS, width=224, description=known["description"])
    assert read_facts(weights) == expected


def test_each_unknown_key_is_explained_by_a_line() -> None:
    lines = make_draft("w.pth", {}).splitlines()
    for key in KEYS:
        at = lines.index(f"# {key} =" if key != "channels" else 'channels = "rgb"')
        assert lines[at - 1].startswith("# ") and lines[at - 1].endswith(".")
    assert [line for line in lines if line and not line.startswith("#")] == ['channels = "rgb"']


def test_without_a_word_channels_are_rgb_and_bgr_is_said(tmp_path: Path) -> None:
    assert read_facts(write(tmp_path, ("channels",)), {}).channels == "rgb"
    facts = read_facts(write(tmp_path, channels="bgr"), {})
    # In the network's own order, as its training has them: the first number is blue's.
    assert facts.channels == "bgr" and facts.pixel_mean == FACTS.pixel_mean


def test_a_file_of_the_users_is_never_written_to(tmp_path: Path) -> None:
    weights = tmp_path / "net.onnx"
    for text in ("", "# mine\n", "mean = 3\n", "no toml"):
        facts_file(weights).write_text(text)
        with pytest.raises(CardError, match=re.escape(str(facts_file(weights)))):
            read_facts(weights, {})
        assert facts_file(weights).read_text() == text


@pytest.mark.parametrize(
    ("drop", "changes", "words"),
    [
        (("mean", "std"), {}, "not filled in yet: mean, std."),
        ((), {"meen": [0.0, 0.0, 0.0]}, "unknown key 'meen'. Did you mean 'mean'?"),
        ((), {"height": 224.0}, "height must be a whole number. Got 224.0 instead."),
        ((), {"mean": [0.5, 0.5]}, "mean must be a list of 3 numbers. Got [0.5, 0.5] instead."),
        ((), {"value_range": "0..1"}, "value_range must be a list of 2 numbers"),
        ((), {"value_range": [1.0, 0.0]}, "value_range must go from less to more"),
        ((), {"mean": [123.7, 116.3, 103.5]}, "mean must lie in value_range, whose units it has: [123.7,"),
        ((), {"std": [0.2, 0.0, 0.2]}, "std must be positive"),
        ((), {"interpolation": "bicubical"}, "unknown interpolation 'bicubical'. Did you mean 'bicubic'?"),
        ((), {"resize": 100}, "a patch of 224 x 200 does not fit an image resized to 100"),
        (
            (),
            {"channels": "brg"},
            "channels must be 'rgb' or 'bgr', the order in which the network takes them",
        ),
        ((), {"licence": " "}, "licence must be one line of text. Got ' ' instead."),
    ],
)
def test_what_cannot_be_right_is_refused_by_name(
    tmp_path: Path, drop: tuple[str, ...], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(CardError, match=re.escape(words)) as caught:
        read_facts(write(tmp_path, drop, **changes), {})
    assert "net.card.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_what_cannot_be_read_or_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "net.card.toml").mkdir()
    with pytest.raises(CardError, match=r"net\.card\.toml' cannot be read"):
        read_facts(tmp_path / "net.onnx", {})
    with pytest.raises(BackboneError, match=r"could not be written to .*missing.net\.card\.toml' \(No such"):
        read_facts(tmp_path / "missing" / "net.onnx", {})
    (tmp_path / "other.card.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CardError, match="cannot be read"):
        read_facts(tmp_path / "other.onnx", {})
