"""Frames: what cannot be cut is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cnncodes.backbones import Frame
from cnncodes.errors import CardError


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((224, 224, 223), "224 x 224 does not fit an image resized to 223"),
        ((60000, 32, 60000), "must be at most 4096 pixels. Got 60000, 32 and 60000 instead"),
        ((32, 32, 4097), "must be at most 4096 pixels"),
        ((224, 300, 256), "does not fit"),
        ((0, 224, 256), "0 x 224"),
        ((224, 224, 256, "bicubik"), "Did you mean 'bicubic'?"),
        ((224, 224, 256, "bicubic", "corner"), "crop must be 'center'"),
    ],
)
def test_a_frame_that_cannot_be_cut_is_refused(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(CardError, match=re.escape(words)):
        Frame(*arguments)
