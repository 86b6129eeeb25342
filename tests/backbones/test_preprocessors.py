"""How images are fed, as transformers' configurations have it; what these leave out is not guessed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cnncodes.backbones import Frame
from cnncodes.backbones.exporting.preprocessors import read_preprocessor
from cnncodes.errors import BackboneError

#: As ResNet's and many others have it.
CROPPED: dict[str, Any] = {
    "do_resize": True,
    "size": {"shortest_edge": 256},
    "resample": 2,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 192},
    "do_rescale": True,
    "rescale_factor": 0.00392156862745098,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}
#: As ViT's has it: no crop.
SQUEEZED = {**CROPPED, "size": {"height": 224, "width": 224}, "do_center_crop": None, "crop_size": None}
#: As ConvNeXt's has it.
CONVNEXT = {**CROPPED, "size": {"shortest_edge": 224}, "do_center_crop": None, "crop_pct": 0.875}


@pytest.mark.parametrize(
    ("config", "frame"),
    [
        (CROPPED, Frame(224, 192, 256, "bilinear")),
        ({**CROPPED, "crop_size": 224, "resample": 3}, Frame(224, 224, 256, "bicubic")),
        ({**CROPPED, "resample": 1}, Frame(224, 192, 256, "lanczos")),
        (CONVNEXT, Frame(224, 224, 256, "bilinear")),
    ],
)
def test_sizes_are_read(config: dict[str, Any], frame: Frame) -> None:
    facts = read_preprocessor(config, "a net", "MIT")
    assert facts.frame == frame
    assert (facts.description, facts.licence) == ("a net", "MIT")


def test_the_normalisation_is_read() -> None:
    facts = read_preprocessor(CROPPED, "a net", "MIT")
    assert facts.value_range == (0.0, 1.0)
    assert facts.pixel_mean == pytest.approx((123.675, 116.28, 103.53))
    plain = read_preprocessor({**CROPPED, "do_rescale": False, "do_normalize": False}, "a net", "MIT")
    assert plain.value_range == (0.0, 255.0)
    assert (plain.pixel_mean, plain.pixel_std) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


NEEDED = [key for key in CROPPED if key != "do_center_crop"]


@pytest.mark.parametrize("key", NEEDED)
def test_what_is_missing_is_not_guessed(key: str) -> None:
    config = {name: value for name, value in CROPPED.items() if name != key}
    with pytest.raises(BackboneError, match=f"^{key} is missing"):
        read_preprocessor(config, "a net", "MIT")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"do_resize": False}, "do_resize is false: pictures of any size enter"),
        ({"do_center_crop": False}, "size is {'shortest_edge': 256} and do_center_crop is false"),
        ({"resample": 0}, "resample is 0: expected one of [1, 2, 3], Pillow's filters."),
        ({"do_flip_channel_order": True}, "do_flip_channel_order is True, which no frame has"),
        ({"rescale_offset": True}, "rescale_offset is True"),
        ({"rescale_factor": "1/255"}, "rescale_factor must be a positive number. Got '1/255' instead."),
        ({"image_mean": [0.5]}, "image_mean must be a list of 3 numbers. Got [0.5] instead."),
        ({"crop_size": {"height": 224}}, "crop_size must have a height and a width"),
        ({"crop_size": "224"}, "crop_size must have a height and a width. Got '224' instead."),
        ({"size": {"shortest_edge": "256"}}, "shortest_edge of size must be a whole number"),
        ({"size": {"height": 224, "width": 336}, "do_center_crop": False}, "squeezes pictures to 224 x 336"),
        (SQUEEZED, "squeezes pictures to 224 x 224 whatever their shape, which no frame does"),
        ({"size": {"height": 240, "width": 240}}, "squeezes pictures to 240 x 240"),  # DeiT's, then cut
        ({**CONVNEXT, "size": {"shortest_edge": 384}}, "squeezes pictures to 384 x 384"),
        ({"size": 256}, "size is 256, which leaves open whether that is the shorter side or both"),
        ({"size": {"shortest_edge": 100}}, "does not fit an image resized to 100"),
        ({"image_mean": [123.0, 116.0, 103.0]}, "mean must lie in value_range"),
    ],
)
def test_what_no_frame_has_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BackboneError, match=re.escape(words)):
        read_preprocessor({**CROPPED, **changes}, "a net", "MIT")
