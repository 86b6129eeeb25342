"""Numbers that are told without looking at the picture."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_looks import draw_looks

from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.number_metadata import find_betraying_number_metadata, measure_number_betrayal


def draw(n: int = 200, seed: int = 0) -> tuple[list[Look], np.ndarray]:
    """Looks that say nothing of their numbers."""
    rng = np.random.default_rng(seed)
    looks = draw_looks(n, rng)
    return looks, rng.normal(size=n)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_where_nothing_is_betrayed_nothing_is_said(seed: int) -> None:
    looks, y = draw(seed=seed)
    assert find_betraying_number_metadata(looks, y, np.arange(len(y))) == []


@pytest.mark.parametrize("feature", ["width", pytest.param("n_bytes", marks=pytest.mark.slow)])
def test_what_betrays_a_number_is_named(feature: str) -> None:
    looks, y = draw()
    told = [
        dataclasses.replace(look, **{feature: int(200 + 30 * x)}) for look, x in zip(looks, y, strict=True)
    ]
    [finding] = find_betraying_number_metadata(told, y, np.arange(len(y)))
    names = {"n_bytes": "file size"}
    assert (finding.details["feature"], finding.severity) == (names.get(feature, feature), "warn")
    assert (
        finding.details["r2"]["low"] < finding.details["r2"]["value"] < 1 and "200 images" in finding.sentence
    )


def test_images_of_a_group_are_in_one_fold() -> None:
    looks, _ = draw(100)
    groups = np.arange(100) // 10
    y = np.random.default_rng(0).normal(size=10)[groups]
    own = [dataclasses.replace(look, width=300 + int(g)) for look, g in zip(looks, groups, strict=True)]
    apart, mixed = (
        measure_number_betrayal(own, y, ids, features=("width",)) for ids in (groups, np.arange(100))
    )
    assert apart is not None and mixed is not None
    assert apart.r2.value < 0.5 < mixed.r2.value


def test_nothing_is_measured_where_nothing_varies() -> None:
    looks, y = draw(20)
    assert measure_number_betrayal(looks[:1] * 20, y, np.arange(20)) is None
    assert measure_number_betrayal(looks, np.ones(20), np.arange(20)) is None
    assert measure_number_betrayal(looks, y, np.zeros(20, int)) is None
