"""How a difference of what has a unit is shown: no digits beyond what its interval says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnncodes.evaluation import (
    DataChecks,
    compare_classifiers,
    evaluate_multilabel,
    evaluate_numbers,
    evaluate_predictions,
)
from cnncodes.evaluation.figures import FIGURES
from cnncodes.evaluation.intervals import Estimate


@pytest.mark.parametrize(
    ("gap", "shown"),
    [
        ((7.824e-05, -0.007108, 0.007272), ("+0.0001", "-0.0071", "+0.0073")),
        ((-0.03414, -0.04064, -0.02247), ("-0.0341", "-0.0406", "-0.0225")),
        ((0.0, -0.00004, -0.00001), ("+0.000000", "-0.000040", "-0.000010")),
        ((1234.5, 1034.5, 1434.5), ("+1234", "+1034", "+1434")),
        ((2e9, 1e9, 3e9), ("+2e+09", "+1e+09", "+3e+09")),
        ((2e-9, 1e-9, 3e-9), ("+2e-09", "+1e-09", "+3e-09")),
        ((0.5, 0.5, 0.5), ("+0.5", "+0.5", "+0.5")),
        ((0.123456, math.nan, math.nan), ("+0.1235", "", "")),
    ],
)
def test_a_difference_has_no_digits_beyond_its_interval(
    gap: tuple[float, float, float], shown: tuple[str, str, str]
) -> None:
    assert FIGURES["mae"].show_gap(Estimate(*gap, 9), signed=(True, True)) == shown


def test_what_python_shows_of_results_is_a_line() -> None:
    y, proba = ["a", "b"] * 30, np.tile([[0.8, 0.2], [0.4, 0.6]], (30, 1))
    figures = evaluate_predictions(y, proba, ["a", "b"])
    assert repr(figures).startswith("<Evaluation: 60 images, accuracy 1.000 [0.940, 1.000], macro F1 1.000")
    several = evaluate_multilabel(np.eye(2, dtype=int), np.eye(2), np.eye(2), ["sea", "sky"])
    numbers = evaluate_numbers([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    compared = compare_classifiers(y, {"one": proba, "other": y}, ["a", "b"])
    for found, said in (
        (several, "<MultiLabelEvaluation: 2 images, mAP 1.000"),
        (numbers, "<NumberEvaluation: 3 images, R2 0.786 ["),
        (figures.calibration, "<Calibration: calibration error 0."),
        (compared, "<ClassifierComparison: 60 images, one: accuracy 1.000 [0.940, 1.000], other: accuracy"),
        (compared.pairs[0], "<Pair: one less other, "),
        (DataChecks(3, 2, ("a",), (), (), ()), "<DataChecks: 3 images, 0 findings>"),
    ):
        assert repr(found).startswith(said) and len(repr(found)) < 160 and str(found) == repr(found)
