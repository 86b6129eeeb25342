"""Where a learning curve goes: a power law is met, what rises promises nothing, luck counts."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.evaluation.baselines.learning_curve import CurvePoint, LearningCurve
from cnncodes.evaluation.baselines.prospects import _predict, foresee
from cnncodes.evaluation.figures import FIGURES
from cnncodes.evaluation.intervals import Estimate


@pytest.mark.parametrize("exponent", [0.3, 0.7, 1.0])
def test_a_power_law_is_met(exponent: float) -> None:
    sizes = np.array([50.0, 100, 200, 400, 800])
    errors = 0.05 + 2 * sizes**-exponent
    found = _predict(sizes, errors[None], np.array([1600.0, 3200]))[0]
    np.testing.assert_allclose(found, 0.05 + 2 * np.array([1600.0, 3200]) ** -exponent, atol=2e-3)


def test_a_curve_that_rises_promises_nothing_and_no_error_is_below_zero() -> None:
    sizes, wanted = np.array([50.0, 100, 200]), np.array([400.0, 800])
    np.testing.assert_allclose(_predict(sizes, np.array([[0.1, 0.2, 0.3]]), wanted), 0.3)
    steep = _predict(sizes, np.array([[0.9, 0.3, 0.01]]), wanted)
    assert (steep >= 0).all()


@pytest.mark.parametrize(("key", "errors"), [("mae", [0.9, 2.0, 3.0]), ("accuracy", [0.1, 0.2, 0.3])])
@pytest.mark.parametrize("noise", [0.01, 2.0])
def test_where_errors_do_not_fall_nothing_is_extrapolated(
    key: str, errors: list[float], noise: float
) -> None:
    figure, sizes = FIGURES[key], np.array([50.0, 100, 200])
    measured = figure.to_error(np.array(errors))
    spread = measured + noise * np.linspace(-1, 1, 100)[:, None] * [1, 0, 0]
    luck = np.zeros(100)
    assert foresee(sizes, measured, spread, luck, figure, 40, 40) == []
    points = [CurvePoint(50 * 2**i, 5, Estimate(one, one, one, 40)) for i, one in enumerate(measured)]
    said = LearningCurve(points, [], True, figure).describe()
    assert said == "errors did not fall with more training images: nothing says that more labels would help"
    assert foresee(sizes, measured[::-1], spread[:, ::-1], luck, figure, 40, 40)


def test_the_luck_of_the_images_is_in_what_more_would_bring() -> None:
    sizes, errors = np.array([50.0, 100, 200]), np.array([0.3, 0.2, 0.15])
    drawn = np.repeat(1 - errors[None], 500, axis=0)
    luck = np.random.default_rng(0).normal(0, 0.02, 500)
    sure, [unsure, *_] = (
        foresee(sizes, 1 - errors, drawn, some, FIGURES["accuracy"], 400, 400) for some in (0 * luck, luck)
    )
    assert np.isnan(sure[0].gain.low) and sure[0].gain.value == unsure.gain.value
    assert unsure.gain.high - unsure.gain.low == pytest.approx(2 * 1.96 * 0.02, rel=0.1)


@pytest.mark.parametrize("key", ["accuracy", "mean_average_precision", "mae"])
@pytest.mark.parametrize("last", [0.2, 0.02])
def test_nothing_more_is_promised_than_there_is(key: str, last: float) -> None:
    figure, rng = FIGURES[key], np.random.default_rng(0)
    sizes, measured = np.array([50.0, 100, 200]), figure.to_error(np.array([0.4, 0.3, last]))
    drawn = np.clip(measured + rng.normal(0, 0.05, (500, 3)), 0, 1)
    for one in foresee(sizes, measured, drawn, rng.normal(0, 0.5, 500), figure, 30, 3):
        assert 0 <= one.estimate.low <= one.estimate.value <= one.estimate.high <= figure.largest
        low, high = one.gain.low + measured[-1], one.gain.high + measured[-1]
        assert -1e-12 <= low <= high <= figure.largest + 1e-12
