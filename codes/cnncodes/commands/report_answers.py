"""Answers from a report of ``cnncodes evaluate``, for ``cnncodes baseline --compare``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands.command import Result
from cnncodes.commands.tasks import ADVICE
from cnncodes.disk import parse_json
from cnncodes.errors import UsageError, agree, count
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.evaluation.baselines import Ladder, Task
    from cnncodes.evaluation.figures import Figure
    from cnncodes.evaluation.intervals import Estimate
    from cnncodes.evaluation.task_names import TaskName
    from cnncodes.images import ImageRecord

#: What a report is about, by a figure that only such a one has; and what it calls the truth.
_ABOUT: dict[str, tuple[TaskName, str]] = {"mae": ("numbers", "target"), "hamming_loss": ("labels", "labels")}
_CLASSES: tuple[TaskName, str] = ("classes", "label")


@dataclass(frozen=True)
class EvaluatedReport:
    """What a report of ``cnncodes evaluate`` says of images.

    Attributes
    ----------
    name : str
        The model that it is about.
    rows : list of dict
        One for each image.
    cpu_seconds : float or None
        What fine-tuning it took; None where that is not known.
    n : int
        Images that could be read as it was evaluated.
    trained_on, groups_trained_on : int or None
        Those of them that it was trained on, or whose group was; None where that is not known.
    """

    name: str
    rows: list[Result]
    cpu_seconds: float | None
    n: int
    trained_on: int | None
    groups_trained_on: int | None

    def list_doubts(self) -> list[str]:
        """Return what makes its figures mean less than they seem to."""
        these = f"of {'this' if self.n == 1 else 'these'} {count(self.n, 'test image')}"
        found = []
        if seen := self.trained_on:
            found.append(f"{self.name} was trained on, or chosen by, {seen:,} {these}: its figures flatter")
        if seen := self.groups_trained_on:
            groups = f"{agree(seen, 'is')} of groups that {self.name} was trained on"
            found.append(f"{seen:,} {these} {groups}: its figures flatter")
        return found


def read_evaluated(path: str, test: list[ImageRecord], task: Task) -> EvaluatedReport:
    """Return what a report says of the test images, in their order.

    Raises
    ------
    UsageError
        If it is no such report, or about something else.
    """
    from cnncodes.evaluation.task_names import TITLES

    try:
        report = parse_json(Path(path).read_text(encoding="utf-8"))
        about, truth = next((names for key, names in _ABOUT.items() if key in report), _CLASSES)
        by_key: dict[str, Result] = {row["image"]: row for row in report["predictions"]}
        found = {key: (row.get(truth), row["prediction"])[0] for key, row in by_key.items()}
        seconds = report.get("reproduce", {}).get("training_cpu_seconds")
        name, cpu_seconds = str(report.get("model", path)), None if seconds is None else float(seconds)
        n = int(report.get("n", len(by_key)))
        seen, seen_groups = (_read_count(report.get(key)) for key in ("trained_on", "groups_trained_on"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path!r} is no report of 'cnncodes evaluate'.") from error
    if about != task.name:
        raise UsageError(
            f"the report {path!r} is about {TITLES[about]}, and this ladder about {task.title}:"
            f" {ADVICE[about]}."
        )
    expected = task.list_plain(task.read([record.label for record in test]))
    if found != dict(zip((record.key for record in test), expected, strict=True)):
        raise UsageError(f"the report {path!r} is about other images or labels: evaluate on the same part.")
    rows = [by_key[record.key] for record in test]
    return EvaluatedReport(name, rows, cpu_seconds, n, seen, seen_groups)


def _read_count(value: Any) -> int | None:
    return None if value is None else int(value)


def compare_evaluated(ladder: Ladder, truth: Any, report: EvaluatedReport, random_state: int) -> Result:
    """Return the report's model as a row of the ladder, and its paired differences to others.

    They are to raw pixels and to the best method, on the images that can be read.

    Raises
    ------
    UsageError
        If raw pixels were not tried, or the model has no answer to an image, and its task needs one.
    """
    from cnncodes.evaluation.baselines.tasks import resample, subtract
    from cnncodes.evaluation.intervals import count_drawn

    pixels = next((rung.drawn for rung in ladder.rungs if rung.group == "pixels"), None)
    if pixels is None:
        raise UsageError(
            "--compare is against raw pixels, which were left out: give --only pixels, or more time."
        )
    task, groups = ladder.task, ladder.drawn.groups
    given = task.read_answers([report.rows[i] for i in ladder.test])
    drawn = resample(task, truth, given, groups=groups, random_state=random_state)
    evaluation = task.evaluate(truth, given, groups=groups, random_state=random_state)
    n, units = len(truth), count_drawn(len(truth), groups)
    reference = next(rung.drawn for rung in ladder.rungs if rung.title == ladder.compared_with)
    best = ladder.best()
    to_best = subtract(task.figure, drawn, best.drawn, n, units)
    keys = (task.figure.key, *(key for key, _ in task.figure.beside))
    return {
        "compared": {
            "name": report.name,
            **{key: to_plain(getattr(evaluation, key)) for key in keys},
            "n": n,
            "difference": to_plain(subtract(task.figure, drawn, reference, n, units)),
            "difference_to_best": to_plain(to_best),
            "verdict": say_standing(
                task.figure, report.name, best.title, to_best, units, groups=ladder.n_groups is not None
            ),
            "cpu_seconds": report.cpu_seconds,
            "trained_on": report.trained_on,
            "groups_trained_on": report.groups_trained_on,
            "doubts": report.list_doubts(),
        },
        "difference": to_plain(subtract(task.figure, drawn, pixels, n, units)),
    }


def say_standing(
    figure: Figure, name: str, best: str, gap: Estimate, units: int, *, groups: bool = False
) -> str:
    """Say how a model stands to the best of the methods; nothing where their difference is not defined.

    Parameters
    ----------
    figure : Figure
    name, best : str
        Of the model, and of the method.
    gap : Estimate
        The model's figure less that of the method, on the same images.
    units : int
        What a resample draws as many of.
    groups : bool
        Whether that is groups.
    """
    from cnncodes.evaluation.thresholds import FEW_GROUPS

    if math.isnan(gap.value):
        return ""
    best = f"the best of the methods tried here, {best}"
    value, low, high = figure.show_gap(gap, signed=(True, False))
    shown = f"{value} [{low}, {high}]" if low else value
    if units < FEW_GROUPS:
        few = "groups of test images" if groups else "test images"
        return f"Of so few {few} it is not known how {name} stands to {best}: {shown}."
    if not low and gap.value:
        return f"{name} differs from {best}, by {shown}, of which there is no interval."
    if low and (gap.low > 0 or gap.high < 0):
        how = "better" if (gap.low > 0) == figure.higher else "worse"
        return f"{name} is clearly {how} than {best}: {shown}."
    return f"{name} is not clearly different from {best}: {shown}."
