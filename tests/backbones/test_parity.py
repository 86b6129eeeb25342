"""Parity: it holds for the same network, and fails for whatever is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.backbones.checking.parity import MIN_IMAGES, Parity, compare_codes
from cnncodes.errors import UsageError

N, SIZE = 20, 64


def sample(seed: int = 0, n_images: int = N) -> np.ndarray:
    return np.abs(np.random.default_rng(seed).normal(size=(n_images, SIZE)))


def test_equal_codes_hold_exactly() -> None:
    parity = compare_codes(sample(), sample())
    assert parity.holds
    assert parity.images == N and parity.relative_error == 0
    assert parity.cosine == pytest.approx(1, abs=1e-12)


def test_rounding_holds() -> None:
    assert compare_codes(sample().astype(np.float32), sample()).holds


@pytest.mark.parametrize(
    "codes",
    [
        np.roll(sample(), 1, axis=0),
        np.roll(sample(), 1, axis=1),
        sample() * 1.01,
        sample() * 0.5,
        -sample(),
        sample() + 0.01,
        np.zeros((N, SIZE)),
        np.full((N, SIZE), np.nan),
        np.where(np.arange(SIZE) == 3, np.inf, sample()),
    ],
    ids=["images", "values", "scaled", "halved", "negative", "moved", "zeros", "nan", "inf"],
)
def test_other_codes_fail(codes: np.ndarray) -> None:
    assert not compare_codes(codes, sample()).holds


def test_the_worst_image_counts() -> None:
    codes = sample()
    codes[7] = codes[8]
    parity = compare_codes(codes, sample())
    assert not parity.holds
    assert parity.relative_error > 0.5


def test_the_figures_are_those_of_the_definition() -> None:
    reference = sample()
    codes = reference.copy()
    centred = reference[4] - reference.mean(axis=0)
    codes[4] += 1e-3 * np.linalg.norm(centred) * np.eye(SIZE)[0]
    assert compare_codes(codes, reference).relative_error == pytest.approx(1e-3)


@given(st.floats(10, 1e5), st.integers(0, 100))
def test_a_shared_offset_hides_nothing(offset: float, seed: int) -> None:
    reference = offset + sample(seed)
    wrong = offset + np.roll(sample(seed), 1, axis=0)
    norms = np.linalg.norm(wrong, axis=1) * np.linalg.norm(reference, axis=1)
    if offset >= 1e3:  # the raw cosine would have let them pass
        assert ((wrong * reference).sum(axis=1) / norms).min() > 0.9999
    assert not compare_codes(wrong, reference).holds
    assert compare_codes(reference, reference).holds


def test_each_limit_counts_by_itself() -> None:
    assert Parity(16, 1e-3, 0.9999).holds
    for figures in ((15, 0, 1), (16, 1.01e-3, 1), (16, 0, 0.99989), (16, float("nan"), 1)):
        assert not Parity(*figures).holds, figures


@pytest.mark.parametrize("n_images", [1, 2, MIN_IMAGES - 1])
def test_too_few_images_prove_nothing(n_images: int) -> None:
    codes = sample(n_images=n_images)
    assert not compare_codes(codes, codes).holds
    assert compare_codes(sample(n_images=MIN_IMAGES), sample(n_images=MIN_IMAGES)).holds


def test_one_image_many_times_proves_nothing() -> None:
    codes = np.repeat(sample(n_images=1), N, axis=0)
    assert not compare_codes(codes, codes).holds


@pytest.mark.parametrize(
    "codes", [sample(n_images=1), sample()[:, :1], sample()[:-1], sample()[0], sample()[:0]]
)
def test_codes_of_another_shape_are_refused(codes: np.ndarray) -> None:
    with pytest.raises(UsageError, match="shape"):
        compare_codes(codes, sample())
    with pytest.raises(UsageError, match="shape"):
        compare_codes(sample()[:0], sample()[:0])


def test_figures_as_plain_values() -> None:
    assert set(compare_codes(sample(), sample()).to_dict()) == {"images", "relative_error", "cosine"}
