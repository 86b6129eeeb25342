"""How the estimator of a page stands to the best of other ways to predict the same of the same images."""

from __future__ import annotations

import math

from cnncodes.evaluation.baselines.number_task import NumberTask
from cnncodes.evaluation.baselines.tasks import ClassTask, Task, resample, subtract
from cnncodes.evaluation.intervals import Estimate, count_drawn
from cnncodes.report.comparison import Comparison, Tried
from cnncodes.report.html import show_interval
from cnncodes.report.material import Material, NumberMaterial, Subject

#: By their figures. Of several labels a ladder keeps names alone, and mAP is of probabilities.
_TASKS: dict[str, type[Task]] = {task.figure.key: task for task in (ClassTask, NumberTask)}


def find_best(comparison: Comparison) -> Tried:
    """Return the way with the best figure, of equals the cheapest."""
    sign = comparison.figure.sign
    return max(comparison.tried, key=lambda one: (sign * one.estimate.value, -one.cost))


def measure_gap(material: Subject, comparison: Comparison) -> Estimate | None:
    """Return the figure of a page's estimator less that of the best way, paired; None without its answers.

    Parameters
    ----------
    material : Subject
        Of the images that the ways were tested on.
    comparison : Comparison
    """
    answers = comparison.answers.get(find_best(comparison).title)
    if answers is None or not isinstance(material, Material | NumberMaterial):
        return None
    task = _TASKS[comparison.figure.key]()
    of_best = dict(zip(comparison.images, answers, strict=True))
    labels = [record.label for record in material.records]
    truth, keys = task.read(labels), [record.key for record in material.records]
    drawn = [
        resample(
            task,
            truth,
            task.read_answers(
                [
                    {"image": key, "label": label, "prediction": one}
                    for key, label, one in zip(keys, labels, said, strict=True)
                ]
            ),
            groups=material.drawn.groups,
            random_state=0,
        )
        for said in (task.list_plain(material.predicted), [of_best[key] for key in keys])
    ]
    units = count_drawn(len(truth), material.drawn.groups)
    return subtract(task.figure, drawn[0], drawn[1], len(truth), units)


def judge_own(comparison: Comparison, own: Estimate, gap: Estimate | None) -> tuple[bool, str]:
    """Say whether a page's own estimator is clearly better than all ways, and how it stands to the best.

    Parameters
    ----------
    comparison : Comparison
    own : Estimate
        The figure of the page's estimator on the same images.
    gap : Estimate or None
        What `measure_gap` gave; without it intervals are compared, which tell less.
    """
    figure, best = comparison.figure, find_best(comparison)
    of_own, of_best = (
        f"{figure.show(one.value)}{f' ({show_interval(figure, one)})' if math.isfinite(one.low) else ''}"
        for one in (own, best.estimate)
    )
    lower, upper = (own, best.estimate) if own.value < best.estimate.value else (best.estimate, own)
    apart = lower.high < upper.low if gap is None else gap.low > 0 or gap.high < 0
    above = (upper is own) == figure.higher
    in_pairs = "" if gap is None else f"; in pairs the difference is {figure.say_gap(gap, signed=True)}"
    model = f"this report’s {figure.model}"
    if apart and above:
        said = f"{model} is clearly better than the best of the ways below, {best.title}"
        return True, f"{said[0].upper()}{said[1:]}: {of_own} against {of_best}, on the same images{in_pairs}."
    how = ""
    if apart:
        how = f", which is clearly worse{in_pairs}"
    elif gap is not None:
        how = f"{in_pairs}{', which is not clear' if math.isfinite(gap.low) else ''}"
    elif math.isfinite(lower.high) and math.isfinite(upper.low):
        how = ": their intervals overlap, so that which is better is not clear"
    return False, f"On the same images the best of the ways below has {of_best} and {model} {of_own}{how}."
