"""The photos that networks are checked with: many, different, and cut as the package itself cuts."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.backbones import Frame
from cnncodes.backbones.checking.parity import MIN_IMAGES
from cnncodes.backbones.checking.photos import find_photos, load_photos
from cnncodes.images import decode
from cnncodes.views import ViewPlan

FRAMES = [Frame(224, 224, 256, "bicubic"), Frame(96, 128, 160, "bilinear")]


@pytest.mark.slow
@pytest.mark.parametrize("frame", FRAMES)
def test_there_are_enough_and_no_two_are_alike(frame: Frame) -> None:
    photos = load_photos(frame)
    assert photos.dtype == np.uint8 and photos.shape[1:] == (frame.height, frame.width, 3)
    assert len(np.unique(photos.reshape(len(photos), -1), axis=0)) == len(photos) >= MIN_IMAGES


def test_enough_of_them_are_in_colour() -> None:
    photos = load_photos(FRAMES[0]).astype(int)
    coloured = np.abs(photos[..., 0] - photos[..., 2]).mean(axis=(1, 2)) > 5
    assert coloured.sum() >= 8, "swapped channels show in coloured photos alone"


@pytest.mark.parametrize("frame", FRAMES)
def test_they_are_cut_as_the_center_view_is(frame: Frame) -> None:
    for path, photo in zip(find_photos(), load_photos(frame), strict=True):
        view = ViewPlan.parse("center").render(decode(path.read_bytes()), frame).pixels[0]
        assert np.array_equal(view, photo), path.name
