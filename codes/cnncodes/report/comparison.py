"""What ``cnncodes baseline`` found, read from its report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnncodes.errors import UsageError, sentence
from cnncodes.evaluation.baselines.rungs import Compared
from cnncodes.evaluation.figures import FIGURES, Figure
from cnncodes.evaluation.intervals import Estimate


@dataclass(frozen=True)
class Tried:
    """A way to predict.

    Attributes
    ----------
    title, group : str
    estimate : Estimate
        The figure that ways are compared by.
    beside : tuple of Estimate
        Those that stand beside it (`Figure.beside`).
    difference : Estimate or None
        The figure less that of the method that all are compared with; None for itself.
    describe_seconds, fit_seconds : float
        Of processors.
    """

    title: str
    group: str
    estimate: Estimate
    beside: tuple[Estimate, ...]
    difference: Estimate | None
    describe_seconds: float
    fit_seconds: float

    @property
    def cost(self) -> float:
        """Seconds of processors in all."""
        return self.describe_seconds + self.fit_seconds


@dataclass(frozen=True)
class Curve:
    """A learning curve.

    Attributes
    ----------
    points : tuple of (int, int, Estimate)
        Training images, draws, the figure.
    further : tuple of (int, Estimate)
        Training images that there are not, and the figure that they would give.
    verdict : str
    """

    points: tuple[tuple[int, int, Estimate], ...]
    further: tuple[tuple[int, Estimate], ...]
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Elsewhere(Compared):
    """What ways to predict are compared with, and how it stands to them.

    Attributes
    ----------
    beside : tuple of Estimate
        Those that stand beside it.
    difference, to_pixels : Estimate
        The figure less that of the method that all are compared with, and of raw pixels.
    verdict : str
        How it stands to the best way; empty where that is not defined.
    doubts : tuple of str
        What makes its figures mean less than they seem to.
    """

    beside: tuple[Estimate, ...]
    difference: Estimate
    to_pixels: Estimate
    verdict: str
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Ways to predict the same of images.

    Attributes
    ----------
    source : str
    figure : Figure
        What they are compared by.
    n, n_train : int
        Images that were tested and trained on.
    n_groups : int or None
        Groups of tested images that intervals draw; None where they draw images.
    n_different : int or None
        Tested images that differ, where some are equal.
    tried : tuple of Tried
    left_out : tuple of (str, str)
        Title and reason.
    compared_with : str
        A title.
    recommended : str or None
        Another, of the way to take; None where it is not known which.
    verdict : str
        Which to take.
    without_interval : str
        Which figures have no interval, and why; empty where all have one.
    curve : Curve or None
    trained_on, groups_trained_on, failed, unlabelled : int
        Test images that were trained on, or whose group was; images that cannot be read, and that have no
        label.
    doubts : tuple of str
        What else makes the figure mean less than it seems to.
    images : dict of str to (str, float or list of str)
        Key of each test image, and what is true of it.
    answers : dict of str to list
        What each way said of these images, in their order, by its title.
    compared : Elsewhere or None
    """

    source: str
    figure: Figure
    n: int
    n_train: int
    n_groups: int | None
    n_different: int | None
    tried: tuple[Tried, ...]
    left_out: tuple[tuple[str, str], ...]
    compared_with: str
    recommended: str | None
    verdict: str
    without_interval: str
    curve: Curve | None
    trained_on: int
    groups_trained_on: int
    failed: int
    unlabelled: int
    doubts: tuple[str, ...]
    images: Mapping[str, Any]
    answers: Mapping[str, Sequence[Any]]
    compared: Elsewhere | None = None


def read_comparison(report: Any, name: str) -> Comparison:
    """Read what ``cnncodes baseline`` wrote as JSON.

    Parameters
    ----------
    report : object
        What the JSON holds.
    name : str
        Of its file, for errors.

    Raises
    ------
    UsageError
        If it is something else.
    """
    try:
        if not report["methods"]:
            raise ValueError("there is no method")
        figure = FIGURES[report["figure"]["key"]]
        return Comparison(
            source=str(report["src"]),
            figure=figure,
            n=int(report["n"]),
            n_train=int(report["n_train"]),
            n_groups=None if report["n_groups"] is None else int(report["n_groups"]),
            n_different=None if report["n_different"] is None else int(report["n_different"]),
            tried=tuple(_read_method(row, figure) for row in report["methods"]),
            left_out=tuple((str(row["title"]), str(row["reason"])) for row in report["left_out"]),
            compared_with=str(report["compared_with"]),
            recommended=None if report["recommended"] is None else str(report["recommended"]),
            verdict=str(report["verdict"]),
            without_interval=str(report["without_interval"]),
            curve=None if report["curve"] is None else _read_curve(report["curve"]),
            trained_on=int(report["trained_on"]),
            groups_trained_on=int(report["groups_trained_on"]),
            failed=int(report["failed"]),
            unlabelled=int(report["unlabelled"]),
            doubts=tuple(map(str, report["doubts"])),
            images=dict(zip(map(str, report["images"]), report["labels"], strict=True)),
            answers={
                str(title): _read_answers(said, report["images"]) for title, said in report["answers"].items()
            },
            compared=_read_elsewhere(report, figure),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        wrong = f"It lacks {error}" if isinstance(error, KeyError) else f"Got {type(error).__name__}: {error}"
        raise UsageError(
            f"{name!r} is no report that 'cnncodes baseline -o' of this version wrote: make it again."
            f" {sentence(wrong)}"
        ) from error


def _read_answers(said: Sequence[Any], images: Sequence[Any]) -> list[Any]:
    if len(said) != len(images):
        raise ValueError(f"{len(said)} answers to {len(images)} images")
    return list(said)


def _read_method(row: Mapping[str, Any], figure: Figure) -> Tried:
    seconds = [_read_seconds(row[key]) for key in ("describe_cpu_seconds", "fit_cpu_seconds")]
    difference = row["difference"]
    estimate, beside = _read_figures(row["evaluation"], figure)
    return Tried(
        str(row["title"]),
        str(row["group"]),
        estimate,
        beside,
        None if difference is None else _read_estimate(difference),
        *seconds,
    )


def _read_elsewhere(report: Mapping[str, Any], figure: Figure) -> Elsewhere | None:
    row = report.get("compared")
    if row is None:
        return None
    estimate, beside = _read_figures(row, figure)
    seconds = row["cpu_seconds"]
    return Elsewhere(
        str(row["name"]),
        estimate,
        None if seconds is None else _read_seconds(seconds),
        beside=beside,
        difference=_read_estimate(row["difference"]),
        to_pixels=_read_estimate(report["difference"]),
        verdict=str(row["verdict"]),
        doubts=tuple(map(str, row["doubts"])),
    )


def _read_seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"seconds must be finite and at least 0, not {seconds}")
    return seconds


def _read_figures(row: Mapping[str, Any], figure: Figure) -> tuple[Estimate, tuple[Estimate, ...]]:
    """Return the figure that ways are compared by, and those beside it."""
    estimate, *beside = (_read_estimate(row[key]) for key in (figure.key, *(key for key, _ in figure.beside)))
    if not math.isfinite(estimate.value):
        raise ValueError(f"a figure ({figure.name}) must be a number")
    return estimate, tuple(beside)


def _read_curve(values: Mapping[str, Any]) -> Curve:
    points = tuple(
        (int(row["images"]), int(row["draws"]), _read_estimate(row["estimate"])) for row in values["points"]
    )
    further = tuple((int(row["images"]), _read_estimate(row["estimate"])) for row in values["further"])
    sizes = [*(point[0] for point in points), *(point[0] for point in further)]
    if not points or min(sizes) < 1:
        raise ValueError("a learning curve needs a point, and each at least one image")
    return Curve(points, further, str(values["verdict"]))


def _read_estimate(values: Mapping[str, Any]) -> Estimate:
    value, low, high = (
        math.nan if values[key] is None else float(values[key]) for key in ("value", "low", "high")
    )
    return Estimate(value, low, high, int(values["n"]))
