"""What figures of predicted numbers mean, in plain words."""

from __future__ import annotations

import math

from cnncodes.errors import count
from cnncodes.evaluation import RangeFigures
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.thresholds import FEW_IMAGES
from cnncodes.report.html import escape, name, plain_number, significant, significant_interval
from cnncodes.report.material import NumberMaterial
from cnncodes.report.percents import percent, percent_within
from cnncodes.report.words import COARSE, TOO_FEW, have_enough, list_common, say_interval, show_summary

#: From so many times on a per cent is hard to read.
_TIMES = 10.0


def write_summary(material: NumberMaterial) -> str:
    """Return the section that says it all in a few sentences, warnings first."""
    said = (describe_error(material), describe_ranges(material), describe_coverage(material))
    return show_summary(list_warnings(material), said)


def list_warnings(material: NumberMaterial) -> list[str]:
    """Return what makes the figures mean less than they seem to, as HTML."""
    found = list_common(material, material.evaluation.n)
    if material.evaluation.n < FEW_IMAGES:
        found.append(
            f"Fewer than {FEW_IMAGES} images are too few for these figures: one that is far off moves them"
            " all."
        )
    fitted = material.predictor.targets[0]
    if fitted is not None and material.target is not None and fitted != material.target:
        found.append(f"These are numbers of {name(material.target)}, and it was fitted to {name(fitted)}.")
    return found


def describe_error(material: NumberMaterial) -> str:
    """Say how far predictions are off, and what always one number would come to, as HTML."""
    figures = material.evaluation
    of = "" if material.target is None else f" of {name(material.target)}"
    text = (
        f"<strong>Predictions{of} are off by {significant(figures.mae.value)} on average</strong>"
        f"{_between(figures.mae)}, of {count(figures.n, 'image')}."
    )
    relative = figures.relative_mae
    if math.isnan(relative.value):
        why = figures.missing.get("relative_mae", "they do not vary")
        return f"{text} What always one number would come to cannot be said: {escape(why)}."
    text += (
        " Always to say the median of these numbers would be off by"
        f" {significant(figures.constant_mae.value)}: the error is {_relate(relative)}"
    )
    # Where resamples agree there is no interval, and nothing is called clear.
    if relative.high < 1:
        return f"{text}.{_describe_r2(figures.r2)}"
    judged = "clearly worse" if relative.low > 1 else "no gain" if relative.value > 1 else "no clear gain"
    return f"{text}, which is <strong>{judged}</strong>.{_describe_r2(figures.r2)}"


def _relate(relative: Estimate) -> str:
    if relative.value < _TIMES:
        share = percent_within(relative.value, relative.low, relative.high)
        return f"{share} of that{say_interval(relative.low, relative.high)}"
    return f"{significant(relative.value)} times that{_between(relative)}"


def _describe_r2(r2: Estimate) -> str:
    if not math.isfinite(r2.value):
        return ""
    if r2.value <= 0:
        return " By squared errors it is no better than always to say their mean."
    return f" By squared errors, {percent(r2.value)} of what their mean would have is gone (R2)."


def describe_ranges(material: NumberMaterial) -> str:
    """Say where errors are larger than elsewhere, and whether they lean to the middle, as HTML."""
    evaluation, ranges, mae = material.evaluation, material.ranges, material.evaluation.mae
    if len(ranges) < 2:
        return ""
    weak = [one for one in ranges if one.mae.low > mae.value]
    told = [one for one in weak if have_enough(evaluation, one)]
    if told:
        worst = max(told, key=lambda one: one.mae.value)
        text = (
            f"<strong>Errors are clearly larger than the rest {say_range(worst)}:</strong> there they are"
            f" {significant(worst.mae.value)} on average{_between(worst.mae)},"
            f" {count(worst.mae.n, 'image')}."
        )
    elif weak or not have_enough(evaluation):
        asked = "Whether errors are larger in a range of the true number"
        text = f"<strong>{asked} is not known: {TOO_FEW}.</strong>"
    else:
        text = "<strong>In no range of the true number errors are clearly larger than the rest.</strong>"
    first, last = ranges[0], ranges[-1]
    if have_enough(evaluation, first, last) and first.bias.low > 0 and last.bias.high < 0:
        text += (
            f" Small numbers are predicted too high ({say_range(first)} by"
            f" {significant(first.bias.value)} on average) and large ones too low ({say_range(last)} by"
            f" {significant(-last.bias.value)}): predictions lean to the middle."
        )
    return text


def describe_coverage(material: NumberMaterial) -> str:
    """Say whether intervals hold what they are meant to, as HTML."""
    figures = material.evaluation
    if figures.covered is None or figures.width is None or figures.coverage is None:
        return f"<strong>Predictions have no intervals.</strong> {escape(material.why_no_interval)}"
    covered, meant = figures.covered, percent(figures.coverage)
    if covered.high < figures.coverage:
        text = "<strong>Intervals are too narrow:</strong>"
    elif covered.low > figures.coverage and material.trained_on:
        text = "<strong>Intervals hold more than they are meant to, since images were trained on:</strong>"
    elif covered.low > figures.coverage:
        text = "<strong>Intervals are wider than they need be:</strong>"
    elif covered.low < figures.coverage - COARSE:
        text = "<strong>Whether intervals hold is not known: there are too few images.</strong>"
    else:
        text = "<strong>Intervals hold as far as these images can tell:</strong>"
    begin = "Those" if text.endswith(".</strong>") else "those"
    share = percent_within(covered.value, covered.low, covered.high)
    held = f"hold {share} of {count(covered.n, 'image')}"
    if covered.n == 1:
        held = "hold the one image" if covered.value else "do not hold the one image"
    return (
        f"{text} {begin} of {meant} are the prediction ± {significant(figures.width)}, and"
        f" {held}{say_interval(covered.low, covered.high)}."
    )


def say_range(one: RangeFigures) -> str:
    """Return in words which true numbers a range has, as HTML."""
    if one.low == one.high:
        return f"at {plain_number(one.low)}"
    return f"from {plain_number(one.low)} to {plain_number(one.high)}"


def _between(estimate: Estimate) -> str:
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return ""
    return f" (95 % interval: {significant_interval(estimate.low, estimate.high)})"
