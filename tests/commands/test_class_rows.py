"""What ``cnncodes predict`` says of a rule for answers, and of how many images it answered."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from cnncodes.commands.class_rows import tell_rule
from cnncodes.commands.predict import render_predict
from cnncodes.commands.reporter import Reporter
from cnncodes.estimators.abstention import choose_rule
from cnncodes.estimators.answers import HeldOutAnswers

PROBABILITY = np.linspace(0.5, 1, 200, dtype=np.float32)


def tell(answers: HeldOutAnswers, risk: float) -> str:
    said = io.StringIO()
    tell_rule(choose_rule(answers, risk), Reporter(said))
    return said.getvalue()


def test_a_rule_says_from_where_on_is_answered_and_how_many_of_how_many_wrongly() -> None:
    assert tell(HeldOutAnswers(PROBABILITY, PROBABILITY > 0.7), 0.1).endswith(
        "answered from a probability of 0.688 on: 62% of 200 held-out training images, 5 of these wrongly: at"
        " most 8.2% are, with 95% confidence\n"
    )


def test_of_groups_it_says_shares_since_a_part_of_a_group_is_no_number_of_images() -> None:
    groups = np.repeat(np.arange(80), [1, 4] * 40).astype(np.uint32)
    said = tell(HeldOutAnswers(PROBABILITY, PROBABILITY > 0.7, groups), 0.1)
    assert " of 200 held-out training images in 80 groups, " in said
    assert "% of these wrongly (each group counts as one image, its images as equal parts of it): at" in said


@pytest.mark.parametrize(
    ("failed", "answered", "said"),
    [
        (0, None, "373 images: "),
        (1, None, "373 images (1 could not be read): "),
        (1, 319, "373 images (1 could not be read), 319 answered and 53 left open: "),
        (0, 0, "373 images, 0 answered and 373 left open: "),
    ],
)
def test_what_could_not_be_read_is_told_apart_from_what_is_left_open(
    failed: int, answered: int | None, said: str
) -> None:
    result: dict[str, Any] = {"out": "p.csv", "images": 373, "failed": failed, "answered": answered}
    assert render_predict(result) == f"Predictions of {said}p.csv\n"
