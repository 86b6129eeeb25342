"""What the figures mean, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnncodes.errors import agree, count
from cnncodes.estimators.novelty import say_unlike
from cnncodes.evaluation import Evaluation, LabelFigures, MultiLabelEvaluation, NumberEvaluation, RangeFigures
from cnncodes.evaluation.metrics import ClassFigures
from cnncodes.evaluation.thresholds import FEW_GROUPS, FEW_IMAGES
from cnncodes.images import are_copies_alone, say_equal
from cnncodes.report.html import escape, name, number, paragraph, section
from cnncodes.report.material import Material, Subject
from cnncodes.report.percents import percent, percent_range, percent_within

#: With fewer images in all, every figure is uncertain.
_FEW = 100
#: Weak classes that are named.
_NAMED = 5
#: Distance between probability and share of right answers that matters to nobody.
_NEGLIGIBLE = 0.01
#: Distance that must be excluded before probabilities, or intervals of numbers, are called trustworthy.
COARSE = 0.15
#: Why intervals tell nothing; of images without groups, equal ones are a group.
TOO_FEW = "there are too few groups, or different images"
_UNKNOWN = "Whether probabilities can be trusted is not known"
_TRUSTED = "Probabilities can be trusted as far as these images can tell"


def write_summary(material: Material) -> str:
    """Return the section that says it all in a few sentences, warnings first."""
    evaluation = material.evaluation
    said = (describe_accuracy(evaluation), describe_classes(evaluation), describe_trust(evaluation))
    return show_summary(list_warnings(material), said)


def show_summary(warnings: Sequence[str], said: Sequence[str]) -> str:
    """Return the section of a summary, which is HTML: a box with warnings first, where there are any."""
    items = "".join(f"<li>{text}</li>" for text in warnings)
    box = (
        '<div class="warnings" role="note" aria-label="Warnings"><h3>Before you believe it</h3>\n<ul>'
        f"{items}</ul></div>"
    )
    return section("summary", "Summary", box if items else "", *(paragraph(text) for text in said if text))


def list_warnings(material: Material) -> list[str]:
    """Return what makes the figures mean less than they seem to, as HTML, a sentence or two each."""
    evaluation = material.evaluation
    found = list_common(material, evaluation.n)
    unknown = [figures for figures in evaluation.per_class if not figures.known]
    if unknown:
        wrong = sum(figures.recall.n for figures in unknown)
        found.insert(
            int(material.trained_on > 0),
            f"The classifier does not know {list_names([one.name for one in unknown])}: whatever is of"
            f" {agree(len(unknown), 'it')} counts as wrong, {count(wrong, 'image')}.",
        )
    scale = None if material.abstention is None else material.predictor.usual_scale
    unlike = "" if scale is None else say_unlike(scale.rate(material.codes), len(scale.distances))
    if unlike:
        found.append(f'{unlike} <a href="#abstaining">Look at what came of it</a>')
    small = [figures for figures in evaluation.per_class if 0 < figures.recall.n < FEW_IMAGES]
    if small:
        found.append(
            f"Of {list_names([one.name for one in small])} there are fewer than {FEW_IMAGES} images:"
            f" too few to judge {agree(len(small), 'that')} {'class' if len(small) == 1 else 'classes'}."
        )
    return found + list_few_groups(evaluation.per_class, evaluation.n_groups)


def list_few_groups(of_each: Sequence[ClassFigures | LabelFigures], n_groups: int | None) -> list[str]:
    """Say, as HTML, whose images are of too few groups, where all together are of enough."""
    few = [one.name for one in of_each if one.n_groups is not None and 0 < one.n_groups < FEW_GROUPS]
    if not few or n_groups is None or n_groups < FEW_GROUPS:
        return []
    return [
        f"The images of {list_names(few)} are of fewer than {FEW_GROUPS} groups: the intervals of"
        f" {agree(len(few), 'it')} are too narrow, or mean nothing."
    ]


def list_common(material: Subject, n: int) -> list[str]:
    """Return what makes the figures of any estimator mean less, as HTML; `n` images could be read."""
    found = []
    if material.trained_on:
        found.append(
            f"{material.trained_on:,} of {count(n, 'image')} {agree(material.trained_on, 'was')} trained on,"
            " or chosen by: the figures flatter. Evaluate on others."
        )
    if material.groups_trained_on:
        found.append(
            f"{material.groups_trained_on:,} of {count(n, 'image')}"
            f" {agree(material.groups_trained_on, 'is')} of groups that were trained on: the"
            " figures flatter. Put each group into one part."
        )
    if material.failed:
        found.append(f"{count(material.failed, 'image')} could not be used: not in the figures.")
    if not isinstance(material.data, str):
        for finding in material.data.checks.warnings:
            if finding.check == "groups" and material.groups_trained_on:
                continue  # said above, by the images that it is about
            found.append(f'{escape(finding.sentence)} <a href="#data">Look at the data</a>')
    if material.drawn.n_different is not None:
        found.append(f"{say_equal(n, material.drawn.n_different)}.")
    groups = material.evaluation.n_groups
    if groups is not None and groups < FEW_GROUPS:
        noun = "different image" if are_copies_alone(groups, material.drawn.n_different) else "group"
        found.append(
            f"There {agree(groups, 'is')} only {count(groups, noun)}: intervals are too narrow, or mean"
            " nothing."
        )
    if n < _FEW:
        found.append(
            f"There {agree(n, 'is')} only {count(n, 'image')}, so every figure is"
            " uncertain: see its interval."
        )
    return found


def describe_accuracy(evaluation: Evaluation) -> str:
    """Say how many images are classified rightly, as HTML."""
    accuracy = evaluation.accuracy
    share = percent_within(accuracy.value, accuracy.low, accuracy.high)
    said = f"{share} of {count(evaluation.n, 'image')} are classified rightly"
    if evaluation.n == 1:
        said = f"The one image is classified {'rightly' if accuracy.value else 'wrongly'}"
    text = f"<strong>{said}</strong>{say_interval(accuracy.low, accuracy.high)}."
    most = max(figures.recall.n for figures in evaluation.per_class)
    tied = [figures for figures in evaluation.per_class if figures.recall.n == most]
    of = f"one of the {len(tied)} most frequent classes" if len(tied) > 1 else name(tied[0].name)
    of = "one and the same class" if len(tied) == len(evaluation.per_class) > 1 else of
    more = ", <strong>which is more</strong>" if most / evaluation.n > accuracy.value else ""
    return f"{text} Always to answer {of} would be right for {percent(most / evaluation.n)}{more}."


def say_interval(low: float, high: float) -> str:
    """Return the interval of a share in brackets; nothing where it is not known."""
    if not np.isfinite([low, high]).all():
        return ""
    return f" (95 % interval: {percent_range(low, high)})"


def describe_classes(evaluation: Evaluation) -> str:
    """Say which classes are found less often than the others, and what is mistaken most, as HTML."""
    occurring = [figures for figures in evaluation.per_class if figures.recall.n and figures.known]
    if not occurring:
        return "None of the classes that the classifier knows occurs."
    worst = sorted(occurring, key=lambda figures: figures.recall.value)
    weak = [figures for figures in worst if figures.recall.high < evaluation.accuracy.value]
    told = [figures for figures in weak if have_enough(evaluation, figures)]
    if worst[0].recall.value == 1:
        known = "" if all(figures.known for figures in evaluation.per_class) else " that the classifier knows"
        text = f"<strong>Of every class{known} all images are found.</strong>"
    elif told:
        shown = "; ".join(_describe_recall(figures) for figures in told[:_NAMED])
        more = f"; and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
        text = f"<strong>Clearly weaker than the rest:</strong> {shown}{more}."
    elif weak or not have_enough(evaluation):
        text = (
            f"<strong>Whether a class is weaker than the rest is not known: {TOO_FEW}.</strong> The least"
            f" often found is {_describe_recall(worst[0])}."
        )
    else:
        text = (
            "<strong>No class is clearly weaker than the rest.</strong> The least often found is"
            f" {_describe_recall(worst[0])}."
        )
    return text + _describe_mistake(evaluation)


def have_enough(
    *of: Evaluation | MultiLabelEvaluation | NumberEvaluation | ClassFigures | LabelFigures | RangeFigures,
) -> bool:
    """Say whether images, where they have groups, have enough of them for intervals to be believed."""
    return all(one.n_groups is None or one.n_groups >= FEW_GROUPS for one in of)


def _describe_recall(figures: ClassFigures) -> str:
    recall = figures.recall
    return (
        f"{name(figures.name)}, of which {percent(recall.value)} are found"
        f" ({round(recall.value * recall.n):,} of {recall.n:,})"
    )


def _describe_mistake(evaluation: Evaluation) -> str:
    pairs = list_mistakes(evaluation)
    if not pairs:
        return " There is not one mistake."
    most = pairs[0][2]
    tied = [
        f"{name(evaluation.per_class[true].name)} taken for {name(name_column(evaluation, given))}"
        for true, given, images in pairs
        if images == most
    ]
    if len(tied) == 1:
        of = evaluation.per_class[pairs[0][0]].recall.n
        return f" The most frequent mistake: {tied[0]}, {most:,} of {of:,}."
    more = f"; and {len(tied) - _NAMED:,} more" if len(tied) > _NAMED else ""
    return f" The most frequent mistakes, {count(most, 'image')} each: {'; '.join(tied[:_NAMED])}{more}."


def name_column(evaluation: Evaluation, column: int) -> str:
    """Return the name of a column of the confusion matrix."""
    names = [figures.name for figures in evaluation.per_class]
    return names[column] if column < len(names) else "no class"


def list_mistakes(evaluation: Evaluation) -> list[tuple[int, int, int]]:
    """Return row, column and number of images of each cell of the confusion matrix off its diagonal.

    Most images first; empty cells are left out.
    """
    counts = np.array(evaluation.confusion)
    np.fill_diagonal(counts, 0)
    rows, columns = np.nonzero(counts)
    order = np.argsort(-counts[rows, columns], kind="stable")
    return [(int(rows[i]), int(columns[i]), int(counts[rows[i], columns[i]])) for i in order]


def describe_trust(evaluation: Evaluation) -> str:
    """Say whether probabilities can be believed, as HTML."""
    found = evaluation.calibration
    if found is None:
        why = evaluation.missing.get("calibration_error", "they cannot be measured")
        return f"<strong>{_UNKNOWN}:</strong> {escape(why)}."
    error = found.error
    if not error.low > 0 or error.value < _NEGLIGIBLE:
        judged = "no more than chance alone may show" if not error.low > 0 else "too little to matter"
        few = error.high > COARSE
        begin = f"{_UNKNOWN}: there are too few images.</strong> The" if few else f"{_TRUSTED}:</strong> the"
        most = "may be as much as" if few else "is unlikely to be above"
        return (
            f"<strong>{begin} distance between probability and share of right answers,"
            f" {number(found.plain)} on average, is {judged}. The true distance {most}"
            f" {number(error.high)}."
        )
    counts = np.array([part.n for part in found.bins])
    excess = np.array([part.probability - part.accuracy for part in found.bins])
    sure = float(np.average(excess, weights=counts))
    how = "too high" if sure > error.value / 2 else "too low" if sure < -error.value / 2 else "off both ways"
    return (
        f"<strong>Probabilities are {how}:</strong> on average they are {number(error.value)} away from the"
        f" share of right answers (95 % interval: {number(error.low)} to {number(error.high)})."
    )


def list_names(names: Sequence[str]) -> str:
    """Return the first of some names of classes or labels, and how many there are besides, as HTML."""
    shown = ", ".join(map(name, names[:_NAMED]))
    return shown + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
