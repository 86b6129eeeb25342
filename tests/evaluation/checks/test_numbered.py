"""All checks of numbers, and what they say where there is nothing to check."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cnncodes.evaluation.checks.labelled import Labelled
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.numbered import find_in_numbers

LOOK = Look("", 300, 400, 5000, "JPEG", "RGB", np.zeros((64, 64), np.uint8), (9.0, 9.0, 9.0), 50.0, 50.0)


def draw(n: int = 60) -> Labelled:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(n, 10)).astype(np.float32)
    numbers = codes[:, 0] / np.linalg.norm(codes, axis=1) + rng.normal(0, 0.05, n)
    return Labelled([f"{i:02}" for i in range(n)], [LOOK] * n, codes, numbers, np.arange(n))


def why_not(images: Labelled) -> dict[str, str]:
    return {one.check: one.why for one in find_in_numbers(images, 0)[1]}


def test_a_wrong_number_is_found_and_classes_are_not_checked() -> None:
    images = draw()
    images.labels[4] += 3
    findings, left_out = find_in_numbers(images, 0)
    assert [finding.images[0] for finding in findings] == ["04"]
    assert [(one.check, one.why) for one in left_out] == [("classes", "the labels are numbers.")]


@pytest.mark.parametrize(
    ("change", "check", "text"),
    [
        ({"labels": np.full(60, 2.5)}, "labels", "all 60 numbers are 2.5."),
        ({"labels": (np.arange(60) < 9).astype(float)}, "labels", "more than half of the numbers are 0"),
        ({"groups": np.zeros(60, int)}, "labels", "of 5 groups .* there are 60, of 1."),
        ({"groups": np.arange(60) % 7}, "metadata", "of 10 groups .* there are 60, of 7."),
        ({"codes": np.ones((60, 10), np.float32)}, "labels", "too little of the numbers .* on 60 images"),
    ],
)
def test_what_cannot_be_checked_is_said(change: dict[str, np.ndarray], check: str, text: str) -> None:
    import re

    assert re.search(text, why_not(dataclasses.replace(draw(), **change))[check])


def test_few_images_and_none_are_said() -> None:
    assert "that takes 30 images with numbers" in why_not(draw(1))["labels"]
    assert why_not(draw().take(np.empty(0, np.int64)))["metadata"] == "no image has a number."
