"""What ``cnncodes baseline`` says: the table of methods, which to take, would more labels help."""

from __future__ import annotations

from cnncodes.commands.command import Result
from cnncodes.commands.reporter import format_seconds
from cnncodes.commands.tables import format_interval, format_table


def render_baseline(result: Result) -> str:
    """Return the table of accuracies and costs, what to take, and the difference where a report was given."""
    rows = [("", "method", "accuracy", "95% interval", "difference", "95% interval", "CPU: images", "fit")]
    for number, method in enumerate(result["methods"], start=1):
        accuracy, difference = method["evaluation"]["accuracy"], method["difference"]
        rows.append(
            (
                str(number),
                method["title"],
                f"{accuracy['value']:.3f}",
                format_interval(accuracy),
                "reference" if difference is None else f"{difference['value']:+z.3f}",
                "" if difference is None else format_interval(difference),
                f"{method['describe_cpu_seconds']:.1f} s",
                f"{method['fit_cpu_seconds']:.1f} s",
            )
        )
    trained, tested = f"{result['n_train']:,}", f"{result['n']:,}"
    text = (
        f"{format_table(rows)}\n\nTrained on {trained} images, measured on {tested}, in"
        f" {format_seconds(result['seconds'])}. Differences are to {result['compared_with']!r}, on the same"
        " images.\n"
    )
    text += "".join(f"Left out: {one['title']}: {one['reason']}.\n" for one in result["left_out"])
    text += f"{result['verdict']}\n" if result["verdict"] else ""
    text += _say_curve(result["curve"])
    if result["difference"] is not None:
        difference = result["difference"]
        text += (
            f"{result['compare']} against raw pixels, on the same images: {difference['value']:+z.3f}"
            f" {format_interval(difference)}\n"
        )
    for key, name in (("plot", "Plot"), ("report", "Report")):
        text += f"{name}: {result[key]}\n" if result[key] else ""
    return text


def _say_curve(curve: Result | None) -> str:
    """Return the learning curve as a table, and what more labels would bring."""
    if curve is None:
        return ""
    rows = [("training images", "draws", "accuracy", "95% interval")]
    for point in (*curve["points"], *curve["further"]):
        accuracy, draws = point["accuracy"], str(point.get("draws", "extrapolated"))
        rows.append((f"{point['images']:,}", draws, f"{accuracy['value']:.3f}", format_interval(accuracy)))
    verdict = curve["verdict"]
    return f"\n{format_table(rows)}\n{verdict[0].upper()}{verdict[1:]}.\n"
