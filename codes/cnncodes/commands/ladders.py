"""What ``cnncodes baseline`` says: the table of methods, which to take, would more labels help."""

from __future__ import annotations

from cnncodes.commands.command import Result
from cnncodes.commands.reporter import format_seconds
from cnncodes.commands.tables import format_interval, format_table

#: Share of right answers that matters: where a larger one is not clear, there are too few test images.
_TELLING = 0.03


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
                "reference" if difference is None else f"{difference['value']:+.3f}",
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
    text += _say_verdict(result) + _say_curve(result["curve"])
    if result["difference"] is not None:
        difference = result["difference"]
        text += (
            f"{result['compare']} against raw pixels, on the same images: {difference['value']:+.3f}"
            f" {format_interval(difference)}\n"
        )
    for key, name in (("plot", "Plot"), ("report", "Report")):
        text += f"{name}: {result[key]}\n" if result[key] else ""
    return text


def _say_verdict(result: Result) -> str:
    """Say which method to take."""
    best, chosen, gap = result["best"], result["recommended"], result["gap"]
    if len(result["methods"]) < 2:
        return ""
    if best == chosen:
        return f"Best, and nothing cheaper is as good on these images: {best}.\n"
    far = f"{100 * gap['value']:.1f} points {_points(gap)}"
    if gap["value"] > _TELLING:
        return (
            f"These {result['n']:,} test images are too few to tell the best here, {best}, from much cheaper"
            f" ones: {chosen} is {far} below it. Test on more images.\n"
        )
    return (
        f"Cheapest of those that are not clearly below the best: {chosen}. The best here, {best}, is {far}"
        " above it, and was chosen on these very images, which flatters it.\n"
    )


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


def _points(gap: Result) -> str:
    low, high = gap["low"], gap["high"]
    return "" if low is None else f"[{100 * low:+.1f}, {100 * high:+.1f}]"
