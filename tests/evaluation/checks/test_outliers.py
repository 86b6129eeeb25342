"""Images far from all others, and such as show nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation.checks.looking import look_at
from cnncodes.evaluation.checks.neighbours import find_neighbours
from cnncodes.evaluation.checks.outliers import find_damaged_images, find_outliers, find_outlying_images


def make(n: int, far: int, seed: int = 0) -> np.ndarray:
    """Codes around one direction, the first `far` of them around others."""
    rng = np.random.default_rng(seed)
    codes = rng.normal(0, 0.3, (n, 100)) + np.eye(100)[0] * 5
    codes[:far] = rng.normal(0, 1, (far, 100))
    return codes.astype(np.float32)


def test_the_farthest_come_first() -> None:
    codes = make(200, 3)
    keys = [f"image {i}" for i in range(200)]
    [found] = find_outlying_images(keys, find_neighbours(codes, 5))
    assert set(found.images) == set(keys[:3]) and found.n == 200 and found.severity == "tell"


def test_a_pair_of_outliers_does_not_hide_itself() -> None:
    codes = make(200, 2)
    codes[1] = codes[0]
    assert set(find_outliers(find_neighbours(codes, 5)).tolist()) == {0, 1}


@given(st.integers(0, 50))
def test_images_that_are_all_alike_have_hardly_any(seed: int) -> None:
    assert len(find_outliers(find_neighbours(make(300, 0, seed), 5))) <= 3


def test_equal_codes_and_few_images_have_none() -> None:
    assert find_outlying_images(["a"] * 40, find_neighbours(np.ones((40, 8), np.float32), 5)) == []
    assert find_outlying_images(["a"] * 10, find_neighbours(make(10, 1), 5)) == []


def test_one_colour_and_tiny_pictures_are_named() -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (200, 200, 3), np.uint8) for _ in range(5)]
    pictures += [np.full((200, 200, 3), 40, np.uint8), rng.integers(0, 256, (4, 200, 3), np.uint8)]
    found = find_damaged_images(list("abcdefg"), [look_at(picture) for picture in pictures])
    assert [(f.details["kind"], f.images, f.severity) for f in found] == [
        ("flat", ("f",), "warn"),
        ("tiny", ("g",), "warn"),
    ]


def test_where_all_pictures_are_small_none_is_tiny() -> None:
    rng = np.random.default_rng(0)
    looks = [look_at(rng.integers(0, 256, (28, 28), np.uint8)) for _ in range(9)]
    assert find_damaged_images(list("abcdefghi"), looks) == []
