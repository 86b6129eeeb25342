"""Codes in two dimensions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.decomposition import PCA

from cnncodes.plots import layout
from cnncodes.plots.layout import lay_out


def draw_groups(count: int, size: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    groups = np.arange(count) % 3
    return (rng.standard_normal((count, size)) + 8 * np.eye(3, size)[groups]).astype(np.float32), groups


def test_what_is_alike_lies_together_within_the_unit_square() -> None:
    codes, groups = draw_groups(90)
    found = lay_out(codes)
    assert found.places.shape == (90, 2) and "t-SNE" in found.method
    assert found.places.min() >= 0 and found.places.max() <= 1
    distances = np.linalg.norm(found.places[:, None] - found.places[None], axis=2) + 9 * np.eye(90)
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.95


def test_the_same_codes_give_the_same_map() -> None:
    codes, _ = draw_groups(40)
    assert (lay_out(codes).places == lay_out(codes).places).all()


def test_its_steps_are_told_of_and_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[int, int, int]] = []
    codes, _ = draw_groups(60)
    units: list[str] = []

    def watch(_what: str, unit: str = "images") -> Callable[[int, int, int], object]:
        units.append(unit)
        return lambda *numbers: told.append(numbers)

    lay_out(codes, watch)
    assert units == ["steps"]
    done = [numbers[0] for numbers in told]
    assert len(done) > 5 and done == sorted(done) and told[-1][:2] == (1000, 1000)
    assert all(total == 1000 for _, total, _ in told) and capsys.readouterr().out == ""


def test_many_codes_have_principal_components_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "TSNE_IMAGES", 50)
    monkeypatch.setattr(layout, "_ROWS", 20)
    codes, _ = draw_groups(51)
    found = lay_out(codes)
    assert "more than 50 images" in found.method and "t-SNE" not in found.method
    centred = codes - codes.mean(axis=0)
    first = np.linalg.svd(centred, full_matrices=False)[0][:, 0]
    assert abs(np.corrcoef(first, found.places[:, 0])[0, 1]) > 0.999
    places, shares = layout._find_first(codes, 2)
    theirs = PCA(2, svd_solver="full").fit(codes)
    np.testing.assert_allclose(np.abs(places), np.abs(theirs.transform(codes)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(shares, theirs.explained_variance_ratio_, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10])
def test_few_codes_have_a_place_too(count: int) -> None:
    found = lay_out(draw_groups(count)[0])
    assert found.places.shape == (count, 2) and np.isfinite(found.places).all()


def test_equal_codes_lie_in_one_place() -> None:
    found = lay_out(np.ones((12, 4), np.float32))
    assert (found.places == 0.5).all() and "equal" in found.method


def test_codes_of_one_number_lie_on_a_line() -> None:
    found = lay_out(np.arange(5, dtype=np.float32)[:, None])
    assert np.ptp(found.places[:, 0]) == pytest.approx(1) and not np.ptp(found.places[:, 1])
