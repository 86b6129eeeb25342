"""The page's section on answering only what is sure."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from made_reports import MakeMaterial

from cnncodes.estimators.abstention import AnswerRule, choose_rule
from cnncodes.estimators.answers import HeldOutAnswers
from cnncodes.evaluation import evaluate_abstention
from cnncodes.evaluation.abstaining import AbstentionFigures
from cnncodes.report import render_report
from cnncodes.report.abstaining import show_abstention

P = np.linspace(0.5, 1, 400, dtype=np.float32)


def evaluate(rule: AnswerRule, n: int = 400) -> AbstentionFigures:
    p = np.linspace(0.5, 1, n)
    return evaluate_abstention(
        np.where(p > 0.7, "cat", "dog"), np.column_stack([p, 1 - p]), ["cat", "dog"], rule
    )


@pytest.fixture
def rule() -> AnswerRule:
    return choose_rule(HeldOutAnswers(P, P > 0.7), risk=0.1)


def test_what_was_promised_and_what_came_is_said_drawn_and_listed(rule: AnswerRule) -> None:
    found = evaluate(rule)
    text = show_abstention(found)
    assert found.describe()[1:] in text and "at most 0.100" in text and f"about {rule.coverage:.3f}" in text
    heights = [float(y) for y in re.findall(r'class="measured" cx="[\d.]+" cy="([\d.]+)"', text)]
    assert len(heights) == len(found.points) == 11
    assert heights == sorted(heights, reverse=True)  # the surer, the more are right
    for point in found.points:
        assert f"<td>{point.threshold:.3f}</td><td>{point.accuracy.value:.3f}</td>" in text


def test_where_nothing_is_answered_the_page_says_why_and_has_no_numbers_that_are_none() -> None:
    none = choose_rule(HeldOutAnswers(P[:5], np.zeros(5, bool)), risk=0.01)
    text = show_abstention(evaluate(none))
    assert "No image was answered" in text and "nan" not in text and "inf" not in text


def test_a_chart_needs_two_points(rule: AnswerRule) -> None:
    found = dataclasses.replace(evaluate(rule), points=[])
    assert "<svg" not in show_abstention(found)


def test_the_section_is_on_the_page_where_it_is_asked_for(
    make_material: MakeMaterial, rule: AnswerRule
) -> None:
    material = make_material(["cat", "dog"] * 6)
    assert b'id="abstaining"' not in render_report(material)
    page = render_report(dataclasses.replace(material, abstention=evaluate(rule))).decode()
    assert '<a href="#abstaining">Abstaining</a>' in page and '<section id="abstaining"' in page
