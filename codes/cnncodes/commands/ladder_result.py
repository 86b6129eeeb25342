"""What ``cnncodes baseline`` found, as its JSON has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncodes.commands.command import Result
from cnncodes.commands.ladder_source import LadderSource
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.evaluation.baselines import Ladder, LearningCurve, Rung


def describe_baseline(options: Any, ladder: Ladder, source: LadderSource) -> Result:
    """Return what was found as plain values.

    Parameters
    ----------
    options : BaselineOptions
    ladder : Ladder
    source : LadderSource
        What it was climbed on.
    """
    from cnncodes.evaluation.intervals import explain_intervals

    task, figure = source.task, source.task.figure
    by_group = {rung.group: to_plain(rung.evaluation) for rung in reversed(ladder.rungs)}
    chosen, gap = ladder.cheapest_as_good()
    recommended = ladder.recommend(chosen, gap)
    return {
        "src": options.src,
        "task": task.title,
        "target": options.target,
        "figure": {"key": figure.key, "name": figure.name, "higher_is_better": figure.higher},
        "n": len(ladder.test),
        "n_train": len(ladder.train),
        "n_groups": ladder.n_groups,
        "n_different": ladder.drawn.n_different,
        "unlabelled": source.unlabelled,
        "failed": len(ladder.failures),
        "trained_on": ladder.seen_images,
        "groups_trained_on": ladder.seen_groups,
        "doubts": source.doubts,
        "trivial": by_group.get(task.trivial),
        "majority": by_group.get("majority"),
        "raw_pixels": by_group.get("pixels"),
        "methods": [_describe_rung(rung, len(ladder.train) + len(ladder.test)) for rung in ladder.rungs],
        "left_out": [to_plain(one) for one in ladder.left_out],
        "compared_with": ladder.compared_with,
        "best": ladder.best().title,
        "recommended": None if recommended is None else recommended.title,
        "gap": to_plain(gap),
        "missing": explain_intervals({"gap": gap}),
        "verdict": ladder.describe_choice(chosen, gap),
        "curve": None if ladder.curve is None else _describe_curve(ladder.curve),
        "compare": options.compare,
        "difference": None,
        "seconds": round(ladder.seconds, 3),
        "plot": options.plot,
        "report": options.report,
    }


def _describe_curve(curve: LearningCurve) -> Result:
    found: Result = {name: to_plain(getattr(curve, name)) for name in ("points", "further", "complete")}
    return {**found, "verdict": curve.describe()}


def _describe_rung(rung: Rung, n_images: int) -> Result:
    from cnncodes.evaluation.intervals import explain_intervals

    return {
        "title": rung.title,
        "group": rung.group,
        "head": rung.head,
        "evaluation": to_plain(rung.evaluation),
        "difference": None if rung.difference is None else to_plain(rung.difference),
        "missing": explain_intervals({"difference": rung.difference}),
        "describe_cpu_seconds": round(rung.describe_seconds, 3),
        "fit_cpu_seconds": round(rung.fit_seconds, 3),
        "cpu_milliseconds_per_image": round(1000 * rung.describe_seconds / n_images, 3),
        "seconds": round(rung.seconds, 3),
        "shared": rung.shared,
    }
