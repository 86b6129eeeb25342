"""Numbers that are far from what heads predict that have not seen the image."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.evaluation.checks.number_errors import (
    LEAST_R2,
    find_number_issues,
    find_suspected_numbers,
    predict_numbers,
    rate_errors,
)


def draw(n: int = 200, noise: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(n, 20)).astype(np.float32)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    return codes, 10 * codes[:, 0] + rng.normal(0, noise, n)


@pytest.mark.parametrize("slip", [1.0, 1000.0])
@pytest.mark.parametrize("seed", range(3))
def test_planted_errors_come_first_whatever_their_size(seed: int, slip: float) -> None:
    codes, numbers = draw(seed=seed)
    numbers[:5] += 6 * slip * np.sign(-numbers[:5])
    found = predict_numbers(codes, numbers, np.arange(len(numbers)), random_state=seed)
    assert found.r2 > 0.5 and set(find_number_issues(found)[:5]) == set(range(5))
    assert len(find_number_issues(found)) <= 15


def test_where_all_are_right_few_are_named() -> None:
    codes, numbers = draw(400)
    found = predict_numbers(codes, numbers, np.arange(400))
    assert len(find_number_issues(found)) <= 12 and found.r2 > 0.95


def test_an_image_is_predicted_by_heads_that_saw_neither_it_nor_its_group() -> None:
    codes, numbers = draw(60)
    codes[30:], numbers[30:] = codes[:30], numbers[:30] + 50  # copies that disagree
    grouped = predict_numbers(codes, numbers, np.tile(np.arange(30), 2))
    np.testing.assert_allclose(grouped.prediction[:30], grouped.prediction[30:])


def test_what_codes_do_not_tell_has_no_r2() -> None:
    codes, numbers = draw()
    shuffled = np.random.default_rng(1).permutation(numbers)
    assert predict_numbers(codes, shuffled, np.arange(200)).r2 < LEAST_R2


def test_the_finding_says_number_and_prediction() -> None:
    codes, numbers = draw()
    numbers[7] = 400
    found = predict_numbers(codes, numbers, np.arange(200))
    [finding] = find_suspected_numbers([f"{i:03}" for i in range(200)], numbers, found)
    assert (finding.check, finding.severity, finding.n) == ("labels", "tell", 200)
    assert finding.images[0] == "007" and "the first has 400 and" in finding.sentence
    assert finding.details["numbers"][0]["number"] == 400
    deviations = [row["deviations"] for row in finding.details["numbers"]]
    assert deviations == sorted(deviations, reverse=True) and rate_errors(found).max() == deviations[0]
