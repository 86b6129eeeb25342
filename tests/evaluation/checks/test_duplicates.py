"""Groups of copies: equal ones, near ones, turned ones."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cnncodes.evaluation.checks.duplicate_findings import find_copies
from cnncodes.evaluation.checks.duplicates import DuplicateGroup, find_duplicates
from cnncodes.evaluation.checks.looking import Look, look_at
from cnncodes.evaluation.checks.neighbours import Neighbours, find_neighbours

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
#: Pillow's names of the ways of turning.
WAYS = (None, 0, 1, 3, 5, 2, 4, 6)


def gather() -> tuple[list[Look], Neighbours]:
    """Four photographs, an equal copy of the first, two near ones of the second; codes as near as can be."""
    photos = [Image.fromarray(getattr(data, name)()) for name in NAMES]
    cat = photos[1]
    small = cat.resize((cat.width // 2, cat.height // 2))
    cut = small.crop((8, 4, small.width, small.height))
    looks = [look_at(np.asarray(photo)) for photo in (*photos, photos[0], small, cut)]
    codes = np.abs(np.random.default_rng(0).normal(1, 0.2, (7, 64))).astype(np.float32)
    return looks, find_neighbours(codes, 5)


def test_copies_are_grouped_and_others_left_alone() -> None:
    looks, neighbours = gather()
    found = find_duplicates(looks, neighbours)
    assert found == [DuplicateGroup((0, 4), True), DuplicateGroup((1, 5, 6), False)]


def test_copies_whose_codes_are_far_are_known_by_their_thumbnails() -> None:
    looks, neighbours = gather()
    far = Neighbours(neighbours.index, np.zeros_like(neighbours.cosine))
    assert find_duplicates(looks, far) == find_duplicates(looks, neighbours)


@pytest.mark.parametrize("way", [2, 3, 4, 5, 6, 7])
def test_turned_copies_are_found_and_called_that(way: int) -> None:
    photos = [getattr(data, name)() for name in NAMES]
    cat = Image.fromarray(photos[1])
    copy = cat.crop((10, 5, cat.width, cat.height)).transpose(Image.Transpose(WAYS[way]))
    looks = [look_at(np.asarray(photo)) for photo in (*photos, photos[0], copy)]
    none = Neighbours(np.zeros((6, 0), np.int64), np.zeros((6, 0), np.float32))
    assert find_duplicates(looks, none) == [
        DuplicateGroup((0, 4), True, same=()),
        DuplicateGroup((1, 5), False, turned=True),
    ]


def test_a_copy_of_a_symmetric_picture_is_not_called_turned() -> None:
    half = np.asarray(Image.fromarray(data.chelsea()).resize((200, 100)))
    picture = np.concatenate([half, half[::-1]])
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    none = Neighbours(np.zeros((2, 0), np.int64), np.zeros((2, 0), np.float32))
    assert find_duplicates([look_at(picture), look_at(noisy)], none) == [DuplicateGroup((0, 1), False)]


def test_a_mirrored_small_picture_is_found_and_a_like_one_is_not() -> None:
    rng = np.random.default_rng(0)
    picture = np.asarray(Image.fromarray(rng.integers(0, 256, (7, 7), np.uint8)).resize((28, 28)))
    other = np.clip(picture + rng.normal(0, 25, picture.shape), 0, 255).astype(np.uint8)
    looks = [look_at(array) for array in (picture, picture[:, ::-1], other)]
    found = find_duplicates(looks, find_neighbours(np.ones((3, 4), np.float32), 2))
    assert found == [DuplicateGroup((0, 1), False, doubtful=True)]
    [finding] = find_copies(list("abc"), found, ["x"] * 3, ["train", "test", "test"])
    assert (finding.severity, finding.certainty) == ("tell", "possible")


def test_one_image_has_no_copy() -> None:
    look = look_at(np.zeros((9, 9), np.uint8))
    assert find_duplicates([look], find_neighbours(np.ones((1, 4), np.float32), 5)) == []
