"""What figures of several labels an image mean, in plain words."""

from __future__ import annotations

import math

import numpy as np

from cnncodes.errors import agree, count
from cnncodes.evaluation import LabelFigures
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.thresholds import FEW_IMAGES
from cnncodes.report.html import escape, interval, name, number
from cnncodes.report.material import LabelMaterial
from cnncodes.report.percents import percent_within
from cnncodes.report.words import (
    TOO_FEW,
    have_enough,
    list_common,
    list_few_groups,
    list_names,
    say_interval,
    show_summary,
)


def write_summary(material: LabelMaterial) -> str:
    """Return the section that says it all in a few sentences, warnings first."""
    said = (describe_order(material), describe_naming(material), describe_labels(material))
    return show_summary(list_warnings(material), said)


def list_warnings(material: LabelMaterial) -> list[str]:
    """Return what makes the figures mean less than they seem to, as HTML."""
    evaluation = material.evaluation
    found = list_common(material, evaluation.n)
    unknown = [one.name for one in evaluation.per_label if not one.known]
    if unknown:
        found.append(
            f"The classifier does not know {list_names(unknown)}: it never names {agree(len(unknown), 'it')}."
        )
    small = [one.name for one in evaluation.per_label if 0 < one.recall.n < FEW_IMAGES]
    if small:
        which = "that label" if len(small) == 1 else "those labels"
        found.append(
            f"Fewer than {FEW_IMAGES} images have {list_names(small)}: too few to judge {which}, and the"
            f" mean average precision is too high for {agree(len(small), 'it')}: its interval holds the truth"
            " less often than in 95 of 100 cases."
        )
    lacking = [one.name for one in evaluation.per_label if 0 < evaluation.n - one.recall.n < FEW_IMAGES]
    if lacking:
        found.append(
            f"Fewer than {FEW_IMAGES} images lack {list_names(lacking)}: average precision goes by so few"
            " alone there, and its interval holds the truth less often than in 95 of 100 cases."
        )
    if everywhere := [one.name for one in evaluation.per_label if one.recall.n == evaluation.n]:
        found.append(
            f"All images have {list_names(everywhere)}: average precision is 1 there, whatever is predicted,"
            " and raises the mean."
        )
    if evaluation.without_positives:
        names = list_names(evaluation.without_positives)
        found.append(f"No image has {names}: not in the mean average precision.")
    return found + list_few_groups(evaluation.per_label, evaluation.n_groups)


def describe_order(material: LabelMaterial) -> str:
    """Say how well probabilities order the images, beside chance, as HTML."""
    found = material.evaluation.mean_average_precision
    if math.isnan(found.value):
        why = material.evaluation.missing.get("mean_average_precision", "not known")
        return f"<strong>There is no mean average precision:</strong> {escape(why)}."
    shares = material.truth.mean(axis=0)
    chance = float(shares[shares > 0].mean())
    return (
        f"<strong>Mean average precision is {number(found.value)}</strong>{_between(found)}, of"
        f" {count(found.n, 'image')} and {int((shares > 0).sum()):,} labels: how well probabilities order the"
        f" images. Chance would have {number(chance)}{_judge(found, chance)}."
    )


def describe_naming(material: LabelMaterial) -> str:
    """Say how good the labels that are named are, beside the same ones for every image, as HTML."""
    evaluation, parts = material.evaluation, []
    micro, macro = score_constant(material.truth)
    for title, found, constant in (
        ("Micro F1", evaluation.micro_f1, micro),
        ("macro F1", evaluation.macro_f1, macro),
    ):
        if not material.truth.any() and not math.isnan(found.value):
            parts.append(f"{title} is {number(found.value)}, as no image has a label")
        elif not math.isnan(found.value):
            parts.append(
                f"{title} is {number(found.value)}{_between(found)}; the same labels for every image would"
                f" have {number(constant)} at most{_judge(found, constant)}"
            )
    exact = evaluation.subset_accuracy
    wrong = float((material.truth != material.named).sum(axis=1).mean())
    named = ". ".join(f"{part[:1].upper()}{part[1:]}" for part in parts)
    share = percent_within(exact.value, exact.low, exact.high)
    return (
        f"{named}{'. ' if named else ''}<strong>Of {share} of the images all labels are right"
        f"</strong>{say_interval(exact.low, exact.high)}; an image has {wrong:.2f} wrong or missing"
        " ones on average."
    )


def score_constant(truth: np.ndarray) -> tuple[float, float]:
    """Return the greatest micro and macro F1 of who names the same labels for every image.

    For macro F1 these are all labels; for micro F1 the most frequent ones.

    Examples
    --------
    >>> score_constant(np.array([[True, False], [True, False]]))
    (1.0, 1.0)
    """
    shares = -np.sort(-truth.mean(axis=0))
    micro = (2 * np.cumsum(shares) / (np.arange(1, len(shares) + 1) + shares.sum())).max()
    occurring = shares[shares > 0]
    macro = (2 * occurring / (1 + occurring)).mean() if len(occurring) else math.nan
    return float(micro), float(macro)


def describe_labels(material: LabelMaterial) -> str:
    """Say which labels chance would order as well, and which is the worst, as HTML."""
    occurring = [one for one in material.evaluation.per_label if one.recall.n and one.known]
    if not occurring:
        return ""
    n = material.evaluation.n
    weak = [one.name for one in occurring if not _beats_chance(one, n)]
    if not have_enough(material.evaluation):
        text = f"<strong>Whether labels are ordered better than by chance is not known: {TOO_FEW}.</strong>"
    elif weak:
        text = f"<strong>Not clearly better than chance:</strong> {list_names(weak)}."
    else:
        which = "label" if have_enough(*occurring) else "label of enough groups"
        text = f"<strong>Every {which} is ordered clearly better than by chance.</strong>"
    worst = min(occurring, key=lambda one: _gain(one, n))
    return f"{text} Nearest to chance is {_describe(worst, n)}."


def _beats_chance(one: LabelFigures, n: int) -> bool:
    """Whether a label's average precision is clearly above that of a random order.

    Where all resamples have the same, which is no interval, the order is perfect: chance has that one time of
    the ways to choose so many images.
    """
    found, count = one.average_precision, one.recall.n
    if math.isnan(found.low):
        return found.value == 1.0 and math.comb(n, count) > 40
    return found.low > count / n


def _gain(one: LabelFigures, n: int) -> float:
    """Return how much of the way from chance to 1 an average precision has gone."""
    share = one.recall.n / n
    return (one.average_precision.value - share) / (1 - share) if share < 1 else 0.0


def _describe(one: LabelFigures, n: int) -> str:
    return (
        f"{name(one.name)}: average precision {number(one.average_precision.value)}, chance"
        f" {number(one.recall.n / n)}, {count(one.recall.n, 'image')}"
    )


def _judge(found: Estimate, chance: float) -> str:
    """Say where a figure is not clearly above what chance has; without an interval, where it is not above."""
    least = found.value if math.isnan(found.low) else found.low
    return "" if least > chance else ": <strong>no clear gain</strong>"


def _between(estimate: Estimate) -> str:
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return ""
    return f" (95 % interval: {interval(estimate.low, estimate.high)})"
