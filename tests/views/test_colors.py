"""Principal colours: exact, mergeable, true; jitter as one affine map."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageEnhance
from skimage import data

from cnncodes.errors import UsageError
from cnncodes.views.colors import ColorMoments, PrincipalColors, Tint
from cnncodes.views.components import find_components

PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


def moments_of(*pictures: np.ndarray) -> ColorMoments:
    moments = ColorMoments()
    for picture in pictures:
        moments.add(picture)
    return moments


def test_components_are_those_of_all_pixels_together():
    pictures = [data.chelsea(), data.coffee(), data.astronaut()]
    pixels = np.concatenate([picture.reshape(-1, 3) for picture in pictures]).astype(np.float64)
    covariance = np.cov(pixels.T, bias=True)
    colors = moments_of(*pictures).principal_colors()
    assert colors.n_images == 3
    assert colors.n_pixels == len(pixels)
    assert list(colors.variances) == sorted(colors.variances, reverse=True)
    rebuilt = sum(
        variance * np.outer(row, row)
        for variance, row in zip(colors.variances, colors.components, strict=True)
    )
    np.testing.assert_allclose(rebuilt, covariance, rtol=1e-8)
    np.testing.assert_allclose(
        np.array(colors.components) @ np.array(colors.components).T, np.eye(3), atol=1e-8
    )


@given(st.lists(PICTURES, min_size=1, max_size=6), st.integers(0, 6), st.randoms())
def test_order_and_workers_make_no_difference(pictures, cut, random):
    together = moments_of(*pictures)
    random.shuffle(pictures)
    first, second = moments_of(*pictures[:cut]), moments_of(*pictures[cut:])
    first.merge(second)
    assert vars(first) == vars(together)


def test_chunks_of_a_large_picture_make_no_difference():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (700, 1000, 3), dtype=np.uint8)
    exact = picture.reshape(-1, 3).astype(np.int64)
    moments = moments_of(picture)
    assert moments.sums == exact.sum(axis=0).tolist()
    assert moments.products == (exact.T @ exact).tolist()


def test_nothing_or_one_color_has_no_components():
    with pytest.raises(UsageError, match="no pixels"):
        ColorMoments().principal_colors()
    plain = np.full((5, 5, 3), 7, np.uint8)
    with pytest.raises(UsageError, match="all 50 pixels .* have one colour.*leave 'pca' out"):
        moments_of(plain, plain).principal_colors()


def test_one_grey_picture_has_one_direction():
    ramp = np.repeat(np.arange(50, dtype=np.uint8).reshape(5, 10, 1), 3, axis=2)
    colors = moments_of(ramp).principal_colors()
    np.testing.assert_allclose(colors.components[0], np.full(3, 3**-0.5), rtol=1e-9)
    assert colors.variances[1:] == pytest.approx((0, 0), abs=1e-9)
    assert len(set(np.round(colors.offset((0.5, 3.0, -2.0)), 6))) == 1


def test_components_need_no_blas_whose_builds_differ_in_the_last_bit(monkeypatch):
    moments = moments_of(data.chelsea(), data.coffee())
    expected = moments.principal_colors()

    def fail(*_: object) -> None:
        raise AssertionError("the last bits of this depend on the processor")

    monkeypatch.setattr(np.linalg, "eigh", fail)
    assert moments.principal_colors() == expected


#: The first component has two entries of one size, so that its sign hangs on more than the largest.
TIED = [[5.0, -3.0, 0.0], [-3.0, 5.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("picture", [data.chelsea(), data.coffee(), data.astronaut(), None])
def test_sums_that_differ_in_the_last_bits_have_the_same_components(picture):
    matrix = TIED if picture is None else np.cov(picture.reshape(-1, 3).T).tolist()
    expected, rng = find_components(matrix), np.random.default_rng(0)
    for _ in range(200):
        upper = [
            [
                value * (1 + steps * 2**-52)
                for value, steps in zip(row, rng.integers(-4, 5, 3).tolist(), strict=True)
            ]
            for row in matrix
        ]
        near = [[upper[min(i, j)][max(i, j)] for j in range(3)] for i in range(3)]
        assert find_components(near) == expected


@given(st.lists(PICTURES, min_size=1, max_size=3))
def test_components_are_eigenvectors_the_largest_entry_positive(pictures):
    covariance = np.cov(np.concatenate([p.reshape(-1, 3) for p in pictures]).T, bias=True)
    if not np.isfinite(covariance).all():
        return
    variances, components = find_components(covariance.tolist())
    np.testing.assert_allclose(
        variances, np.linalg.eigvalsh(covariance)[::-1], atol=1e-8 * variances[0] + 1e-9
    )
    np.testing.assert_allclose(np.array(components) @ np.array(components).T, np.eye(3), atol=1e-8)
    for variance, row in zip(variances, components, strict=True):
        np.testing.assert_allclose(
            covariance @ row, variance * np.array(row), atol=1e-8 * variances[0] + 1e-9
        )
        assert max(row) >= -min(row) and all(math.copysign(1, value) > 0 for value in row if value == 0)


def test_offsets_are_as_krizhevsky_has_them():
    colors = moments_of(data.chelsea()).principal_colors()
    alphas = (0.1, -0.2, 0.05)
    expected = np.array(colors.components).T @ (np.array(alphas) * np.sqrt(colors.variances))
    np.testing.assert_allclose(colors.offset(alphas), expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"variances": [1, 2]}, "must have the key 'components'"),
        ({"variances": [1, 2], "components": np.eye(3).tolist()}, "variances must be 3 numbers"),
        ({"variances": [1, 2, -3], "components": np.eye(3).tolist()}, "must not be negative"),
        ({"variances": [1, 2, 3], "components": [[1, 0, 0]]}, "components must be 3 lists"),
        ({"variances": [1, 2, 3], "components": [[1, 0, 0]] * 2 + [[2, 0, 0]]}, "vectors of length 1"),
        ({"variances": [1, 2, 3], "components": np.eye(3).tolist(), "n": 3}, "unknown key 'n'"),
    ],
)
def test_wrong_components_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        PrincipalColors.from_dict(values)


def test_components_survive_being_written_down():
    colors = moments_of(data.coffee()).principal_colors()
    assert PrincipalColors.from_dict(colors.to_dict()) == colors


PHOTO = Image.fromarray(data.coffee()).crop((100, 60, 324, 284))


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def test_no_change_is_no_change():
    assert Tint().apply(PHOTO) is PHOTO
    np.testing.assert_array_equal(levels(Tint(offset=(1e-9, 0, 0)).apply(PHOTO)), levels(PHOTO))


@pytest.mark.parametrize("factor", [0.0, 0.6, 1.4])
def test_each_change_is_pillows(factor):
    for tint, enhance in [
        (Tint(brightness=factor), ImageEnhance.Brightness),
        (Tint(contrast=factor), ImageEnhance.Contrast),
        (Tint(saturation=factor), ImageEnhance.Color),
    ]:
        # Pillow rounds its grey to whole levels first.
        assert np.abs(levels(tint.apply(PHOTO)) - levels(enhance(PHOTO).enhance(factor))).max() <= 1


def test_offset_is_added_to_every_pixel_and_clipped_once():
    shifted = levels(Tint(offset=(20.0, -30.0, 0.0)).apply(PHOTO))
    np.testing.assert_array_equal(shifted, np.clip(levels(PHOTO) + np.array([20, -30, 0]), 0, 255))
    # Brightened beyond white and darkened again: what a chain of steps would clip in between is kept.
    bright = Tint(brightness=2.0, offset=(-100.0, -100.0, -100.0)).apply(PHOTO)
    np.testing.assert_array_equal(levels(bright), np.clip(2 * levels(PHOTO) - 100, 0, 255))
