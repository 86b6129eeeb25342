"""What ``cnncodes baseline`` found, as its JSON has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncodes.commands.command import Result
from cnncodes.commands.ladder_source import LadderSource
from cnncodes.errors import sentence
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.evaluation.baselines import Ladder, LearningCurve, Rung
    from cnncodes.evaluation.figures import Figure


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
    methods = [_describe_rung(rung, figure, len(ladder.train) + len(ladder.test)) for rung in ladder.rungs]
    curve = None if ladder.curve is None else _describe_curve(ladder.curve)
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
        "methods": methods,
        "left_out": [to_plain(one) for one in ladder.left_out],
        "compared_with": ladder.compared_with,
        "best": ladder.best().title,
        "recommended": None if recommended is None else recommended.title,
        "gap": to_plain(gap),
        "missing": explain_intervals({"gap": gap}),
        "verdict": ladder.describe_choice(chosen, gap),
        "curve": curve,
        "without_interval": say_without_interval(methods, curve, figure),
        "compare": options.compare,
        "compared": None,
        "difference": None,
        "seconds": round(ladder.seconds, 3),
        "plot": options.plot,
        "report": options.report,
    }


def say_without_interval(methods: list[Result], curve: Result | None, figure: Figure) -> str:
    """Say which figures of methods and of the curve have no interval, and why; nothing where all have one."""
    from cnncodes.evaluation.intervals import NO_INTERVAL

    names = {figure.key: f"the {figure.name} of", **{key: f"the {name} of" for key, name in figure.beside}}
    found = {
        text: [str(i) for i, one in enumerate(methods, start=1) if key in one["missing"]]
        for key, text in {**names, "difference": "the difference of"}.items()
    }
    points = [] if curve is None else [*curve["points"], *curve["further"]]
    with_sizes = [f"{point['images']:,}" for point in points if "estimate" in point["missing"]]
    said = [f"{text} {_list(items)}" for text, items in found.items() if items]
    if with_sizes:
        said.append(f"the {figure.name} with {_list(with_sizes)} training images")
    if not said:
        return ""
    return f"No interval of {'; of '.join(said)}: {sentence(NO_INTERVAL.removeprefix('no interval, since '))}"


def _list(names: list[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if names[:-1] else []), names[-1]])


def _describe_curve(curve: LearningCurve) -> Result:
    points = [_describe_point(point, "estimate") for point in curve.points]
    further = [_describe_point(point, "estimate", "gain") for point in curve.further]
    return {"points": points, "further": further, "complete": curve.complete, "verdict": curve.describe()}


def _describe_point(point: Any, *estimates: str) -> Result:
    from cnncodes.evaluation.intervals import explain_intervals

    missing = explain_intervals({name: getattr(point, name) for name in estimates})
    return {**to_plain(point), "missing": missing}


def _describe_rung(rung: Rung, figure: Figure, n_images: int) -> Result:
    from cnncodes.evaluation.intervals import explain_intervals

    shown = {key: getattr(rung.evaluation, key) for key in (figure.key, *(key for key, _ in figure.beside))}
    return {
        "title": rung.title,
        "group": rung.group,
        "head": rung.head,
        "evaluation": to_plain(rung.evaluation),
        "difference": None if rung.difference is None else to_plain(rung.difference),
        "missing": explain_intervals({**shown, "difference": rung.difference}),
        "describe_cpu_seconds": round(rung.describe_seconds, 3),
        "fit_cpu_seconds": round(rung.fit_seconds, 3),
        "cpu_milliseconds_per_image": round(1000 * rung.describe_seconds / n_images, 3),
        "seconds": round(rung.seconds, 3),
        "shared": rung.shared,
    }
