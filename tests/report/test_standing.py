"""The estimator of a page is compared with the best of other ways on the same images, in pairs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from made_reports import MakeMaterial, MakeNumbers, estimate, make_errors, make_ladder

from cnncodes.evaluation import compare_paired, evaluate_numbers, evaluate_predictions
from cnncodes.report import read_comparison
from cnncodes.report.page import show_comparison

TRUTH = np.array(["cat", "dog"] * 40)


def answer(*wrong: range) -> Any:
    """Return the truth but for these images."""
    given = TRUTH.copy()
    for places in wrong:
        given[places] = np.where(TRUTH[places] == "cat", "dog", "cat")
    return given


@pytest.mark.parametrize(
    ("own", "best", "said"),
    [
        ((range(8),), (range(16),), "is clearly better than the best of the ways below, net, flip: logistic"),
        ((range(16),), (range(8),), "which is clearly worse"),
        ((range(8),), (range(4, 14),), "which is not clear"),
    ],
)
def test_a_classifier_is_compared_in_pairs(
    make_material: MakeMaterial, own: Any, best: Any, said: str
) -> None:
    predicted, others = answer(*own), answer(*best)
    figures = [evaluate_predictions(TRUTH, one, np.unique(TRUTH)) for one in (predicted, others)]
    lower, upper = sorted((one.accuracy for one in figures), key=lambda one: one.value)
    assert lower.high > upper.low  # intervals alone could not tell any of them
    material = make_material(TRUTH.tolist(), predicted=predicted, evaluation=figures[0])
    keys = [record.key for record in material.records]
    ladder = make_ladder(images=keys[::-1], labels=TRUTH[::-1].tolist())
    ladder["methods"] = [ladder["methods"][0], ladder["methods"][3]]
    ladder["methods"][1]["evaluation"]["accuracy"] = estimate(figures[1].accuracy.value, n=80)
    ladder["answers"] = {"net, flip: logistic": others[::-1].tolist()}

    page = show_comparison(make_with(material, ladder))["cost"]

    gap = compare_paired(TRUTH, predicted, others)
    assert (gap.low > 0 or gap.high < 0) == ("clearly" in said)
    shown = f"; in pairs the difference is {100 * gap.value:+.1f} points ["
    assert said in page and shown in page and "overlap" not in page


def test_equal_answers_have_no_difference(make_material: MakeMaterial) -> None:
    material = make_material(
        TRUTH.tolist(), predicted=answer(), evaluation=evaluate_predictions(TRUTH, answer(), np.unique(TRUTH))
    )
    ladder = make_ladder(images=[record.key for record in material.records], labels=TRUTH.tolist())
    ladder["methods"][3]["evaluation"]["accuracy"] = estimate(1.0, 0.0, n=80)
    ladder["answers"] = {"net, flip: logistic": TRUTH.tolist()}
    assert "in pairs the difference is +0.0 points." in show_comparison(make_with(material, ladder))["cost"]


def test_a_regressor_is_compared_in_pairs(make_numbers: MakeNumbers) -> None:
    truth, noise = np.arange(60.0), np.random.default_rng(0).normal(0, 15, 60)
    material = make_numbers(truth, predicted=truth + noise, evaluation=evaluate_numbers(truth, truth + noise))
    keys = [record.key for record in material.records]
    ladder = make_errors()
    error = float(np.abs(noise).mean())
    ladder |= {"images": keys, "labels": truth.tolist()}
    ladder["methods"] = ladder["methods"][:1]
    ladder["methods"][0]["evaluation"]["mae"] = {
        "value": 1.05 * error,
        "low": 0.8 * error,
        "high": 1.3 * error,
        "n": 60,
    }
    ladder["answers"] = {ladder["methods"][0]["title"]: (truth + 1.05 * noise).tolist()}
    page = show_comparison(make_with(material, ladder))["cost"]
    assert (
        "This report’s regressor is clearly better" in page and "in pairs the difference is -0.55 [-" in page
    )


def make_with(material: Any, ladder: Any) -> Any:
    """Return what a page shows with a ladder beside it."""
    return dataclasses.replace(material, comparison=read_comparison(ladder, "b.json"))
