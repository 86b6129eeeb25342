"""Classes that cannot be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from cnncodes.evaluation.checks.confusable import list_untold, report_untold
from cnncodes.evaluation.checks.finding import Finding


def find_confusable_classes(
    y: np.ndarray, proba: np.ndarray, classes: Sequence[str], groups: Any = None
) -> list[Finding]:
    return report_untold(y, classes, list_untold(y, proba, groups))


def make(sizes: list[int], alike: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes, of which the last two get the same or their own."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], sizes)
    logits = rng.normal(0, 1, (len(y), 3)) + 3 * np.eye(3)[np.minimum(y, 1) if alike else y]
    if alike:
        logits[:, 1:] = logits[:, 1:].max(axis=1, keepdims=True) + rng.normal(0, 0.1, (len(y), 2))
    logits += np.log(sizes)
    proba = np.exp(logits)
    return y, proba / proba.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("sizes", [[200, 200, 200], [200, 400, 40]])
def test_two_classes_that_are_one_are_named_with_their_interval(sizes: list[int]) -> None:
    [found] = find_confusable_classes(*make(sizes, alike=True), ["a", "b", "c"])
    assert (found.severity, found.n) == ("warn", sizes[1] + sizes[2])
    [pair] = found.details["pairs"]
    assert pair["classes"] == ["b", "c"]
    told = pair["told_right"]
    assert told["low"] <= 0.5 <= told["high"] < 0.75 and told["n"] == found.n


@pytest.mark.parametrize("sizes", [[200, 200, 200], [200, 400, 40]])
def test_classes_that_differ_are_not(sizes: list[int]) -> None:
    assert find_confusable_classes(*make(sizes, alike=False), ["a", "b", "c"]) == []


def test_too_few_images_are_no_proof() -> None:
    [found] = find_confusable_classes(*make([6, 6, 6], alike=True), ["a", "b", "c"])
    assert found.severity == "tell" and "too few images" in found.sentence


def test_a_class_of_few_images_beside_a_large_one_is_no_proof() -> None:
    y = np.repeat([0, 1], [60, 5])
    proba = np.full((65, 2), [0.95, 0.05])  # the rare class is never named, whatever its pictures
    [found] = find_confusable_classes(y, proba, ["a", "b"])
    assert (found.severity, found.certainty) == ("tell", "possible") and "too few images" in found.sentence


def test_a_class_without_images_is_in_no_pair() -> None:
    assert find_confusable_classes(np.zeros(3, np.int64), np.full((3, 2), 0.5), ["a", "b"]) == []


def test_many_pairs_that_are_not_told_apart_are_one_finding() -> None:
    y, proba = np.arange(400) % 4, np.full((400, 4), 0.25)
    [found] = find_confusable_classes(y, proba, ["a", "b", "c", "d"])
    assert found.sentence.startswith("None of the 4 classes is told apart from another: of the pair that")
    assert len(found.details["pairs"]) == 6 and "50% of 200 images are told right" in found.sentence
    sure = np.where(y[:, None] == 3, np.eye(4)[3], [1 / 3, 1 / 3, 1 / 3, 0])
    [found] = find_confusable_classes(y, sure, ["a", "b", "c", "d"])
    assert found.sentence.startswith("3 pairs of 3 classes ('a', 'b', 'c') are not told apart: of the pair")
    two = find_confusable_classes(y[y < 2], proba[y < 2], ["a", "b", "c", "d"])
    assert len(two) == 1 and two[0].sentence.startswith("The classes 'a' and 'b' are not told apart")


def test_a_head_that_learned_from_few_images_proves_nothing() -> None:
    # Of 28 images each, 61 % told right: seen in drawings of which more are told apart clearly.
    y = np.repeat([0, 1], 28)
    proba = np.full((56, 2), [0.6, 0.4])
    proba[28 + 12 :] = [0.4, 0.6]
    proba[:10] = [0.4, 0.6]
    [pair] = list_untold(y, proba)
    assert pair.told.low < 0.5 and pair.told.high < 0.75
    [found] = find_confusable_classes(y, proba, ["a", "b"])
    assert found.severity == "tell" and "too few images to know" in found.sentence


def test_images_of_few_groups_are_no_proof() -> None:
    """All images of a patient are told right, or none: a hundred of each class know what four know."""
    y, patients = np.repeat([0, 1], 100), np.repeat(np.arange(8), 25)
    proba = np.where((patients % 2 == 0)[:, None], np.eye(2)[y], np.eye(2)[1 - y])
    [alone] = find_confusable_classes(y, proba, ["a", "b"])
    [found] = find_confusable_classes(y, proba, ["a", "b"], patients)
    assert (alone.severity, found.severity) == ("warn", "tell") and "too few images" in found.sentence
    told = list_untold(y, proba, patients)[0].told
    assert (told.value, told.n) == (0.5, 200) and told.low < 0.25
    assert find_confusable_classes(y, proba, ["a", "b"], np.arange(200)) == [alone]


def test_the_more_pairs_of_classes_the_more_images_prove_that_two_are_one() -> None:
    """Of many pairs some look alike by chance."""
    for n_classes, severity in ((2, "warn"), (40, "tell")):
        y = np.repeat(np.arange(n_classes), 25)
        proba = np.eye(n_classes)[y]
        proba[:50, :2] = 0.5
        [found] = find_confusable_classes(y, proba, [str(k) for k in range(n_classes)])
        assert found.severity == severity and found.details["pairs"][0]["classes"] == ["0", "1"]
