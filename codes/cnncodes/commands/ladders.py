"""What ``cnncodes baseline`` says: the table of methods, which to take, would more labels help."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cnncodes.commands.command import Result
from cnncodes.commands.figures import say_groups
from cnncodes.commands.reporter import format_seconds
from cnncodes.commands.series import say_small
from cnncodes.commands.tables import format_interval, format_share, format_table
from cnncodes.errors import count, sentence
from cnncodes.plain import cut_front

if TYPE_CHECKING:
    from cnncodes.evaluation import Estimate
    from cnncodes.evaluation.figures import Figure


def render_baseline(result: Result) -> str:
    """Return the table of figures and costs, what to take, and the difference where a report was given."""
    from cnncodes.evaluation.figures import FIGURES

    figure = FIGURES[result["figure"]["key"]]
    left = f", {result['unlabelled']:,} without a label left out" if result["unlabelled"] else ""
    text = (
        f"{format_table(_tabulate(result, figure))}\n\nTrained on {count(result['n_train'], 'image')},"
        f" measured on {result['n']:,}{left}, in {format_seconds(result['seconds'])}. Differences are to"
        f" {result['compared_with']!r}, on the same images{'' if figure.higher else '; below 0 is better'}.\n"
    )
    if any(one["head"] for one in result["methods"]):
        text += (
            "Intervals are by the draw of test images alone: which training images there are, and what folds"
            " chose by them, is luck besides.\n"
        )
    text += f"{result['without_interval']}\n" if result["without_interval"] else ""
    if groups := say_groups(result).strip():
        text += f"{groups}\n"
    text += "".join(f"Left out: {one['title']}: {sentence(one['reason'])}\n" for one in result["left_out"])
    if small := say_small(result["near_copies"], "test image"):
        text += f"{small}.\n"
    text += f"{result['verdict']}\n" if result["verdict"] else ""
    compared = result["compared"]
    text += f"{compared['verdict']}\n" if compared is not None and compared["verdict"] else ""
    text += _say_curve(result["curve"], figure)
    if result["difference"] is not None:
        shown = " ".join(_show_gap(read_estimate(result["difference"]), figure))
        text += f"{result['compare']} against raw pixels, on the same images: {shown}\n"
    if compared is not None:
        text += "".join(f"{sentence(doubt)}\n" for doubt in compared["doubts"])
    for key, name in (("plot", "Plot"), ("report", "Report")):
        text += f"{name}: {result[key]}\n" if result[key] else ""
    return text


def _tabulate(result: Result, figure: Figure) -> list[tuple[str, ...]]:
    names = (figure.name, *(name for _, name in figure.beside))
    named = [cell for name in names for cell in (name, "95% interval")]
    rows = [("", "method", *named, "difference", "95% interval", "CPU: images", "fit")]
    for number, method in enumerate(result["methods"], start=1):
        cells = [*_show(read_estimate(method["evaluation"][figure.key]), figure)]
        for key, _ in figure.beside:
            share = method["evaluation"][key]
            cells += [format_share(share["value"]), format_interval(share)]
        difference = method["difference"]
        rows.append(
            (
                str(number),
                method["title"],
                *cells,
                *(("reference", "") if difference is None else _show_gap(read_estimate(difference), figure)),
                f"{method['describe_cpu_seconds']:.1f} s",
                f"{method['fit_cpu_seconds']:.1f} s",
            )
        )
    if result["compared"] is not None:
        rows.append(_tell_compared(result["compared"], figure))
    return rows


def _tell_compared(compared: Result, figure: Figure) -> tuple[str, ...]:
    """Return the row of what was trained elsewhere: all of its seconds, where they are known, as of a fit."""
    cells = [*_show(read_estimate(compared[figure.key]), figure)]
    for key, _ in figure.beside:
        cells += [format_share(compared[key]["value"]), format_interval(compared[key])]
    gap, seconds = read_estimate(compared["difference"]), compared["cpu_seconds"]
    cost = "-" if seconds is None else f"{seconds:.1f} s"
    return ("", cut_front(compared["name"]), *cells, *_show_gap(gap, figure), "-", cost)


def _show(estimate: Estimate, figure: Figure) -> tuple[str, str]:
    """Return a value and its interval as cells."""
    if math.isnan(estimate.value):
        return "-", "-"
    return figure.show(estimate.value), figure.show_interval(estimate) or "-"


def _show_gap(gap: Estimate, figure: Figure) -> tuple[str, str]:
    """Return a difference and its interval as cells."""
    if math.isnan(gap.value):
        return "-", "-"
    value, low, high = figure.show_gap(gap, signed=(True, False))
    return value, f"[{low}, {high}]" if low else "-"


def read_estimate(plain: Result) -> Estimate:
    """Return an estimate from JSON, whose null is NaN."""
    from cnncodes.evaluation import Estimate

    value, low, high = (math.nan if plain[key] is None else plain[key] for key in ("value", "low", "high"))
    return Estimate(value, low, high, plain["n"])


def _say_curve(curve: Result | None, figure: Figure) -> str:
    """Return the learning curve as a table, and what more labels would bring."""
    if curve is None:
        return ""
    rows = [("training images", "draws", figure.name, "95% interval")]
    for point in (*curve["points"], *curve["further"]):
        draws = str(point.get("draws", "extrapolated"))
        rows.append((f"{point['images']:,}", draws, *_show(read_estimate(point["estimate"]), figure)))
    verdict = curve["verdict"]
    return f"\n{format_table(rows)}\n{verdict[0].upper()}{verdict[1:]}.\n"
