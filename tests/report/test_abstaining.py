"""The page's section on answering only what is sure."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from made_reports import MakeMaterial

from cnncodes.estimators.abstention import AnswerRule, choose_rule
from cnncodes.estimators.answers import HeldOutAnswers
from cnncodes.estimators.novelty import NoveltyScale
from cnncodes.evaluation import evaluate_abstention
from cnncodes.evaluation.abstaining import AbstentionFigures
from cnncodes.heads.scoring import l2_normalized
from cnncodes.report import render_report
from cnncodes.report.abstaining import show_abstention
from cnncodes.report.words import list_warnings

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


@pytest.mark.parametrize("asked", [True, False])
def test_images_unlike_those_of_training_are_told_before_the_promise(
    make_material: MakeMaterial, rule: AnswerRule, asked: bool
) -> None:
    material = make_material(["cat", "dog"] * 6)
    size = material.codes.shape[1]
    elsewhere = np.eye(size, dtype=np.float32)[:1] - l2_normalized(material.codes).mean(axis=0)
    distances = np.linspace(0.001, 0.01, 99, dtype=np.float32)
    spread = np.ones(1, np.float32)
    scale = NoveltyScale(elsewhere, np.empty((0, size), np.float32), spread, distances)
    predictor = dataclasses.replace(material.predictor, scale=scale, same_views=True)
    material = dataclasses.replace(
        material, predictor=predictor, abstention=evaluate(rule) if asked else None
    )
    said = [one for one in list_warnings(material) if one.startswith("12 of 12 images are farther")]
    assert len(said) == asked and all('href="#abstaining"' in one for one in said)
    views = dataclasses.replace(predictor, same_views=False)  # whose codes are farther away anyway
    assert not any("farther" in one for one in list_warnings(dataclasses.replace(material, predictor=views)))
