"""What the JSON of a baseline says in words."""

from __future__ import annotations

from cnncodes.commands.ladder_result import say_without_interval
from cnncodes.evaluation.figures import FIGURES


def test_figures_without_an_interval_are_named_once_with_the_reason() -> None:
    methods = [{"missing": {}}, {"missing": {"mae": "-", "difference": "-"}}, {"missing": {"mae": "-"}}]
    curve = {
        "points": [{"images": size, "missing": {"estimate": "-"}} for size in (567, 1134)],
        "further": [{"images": 2268, "missing": {"estimate": "-", "gain": "-"}}],
    }
    assert say_without_interval(methods, curve, FIGURES["mae"]) == (
        "No interval of the mean absolute error of 2 and 3; of the difference of 2; of the mean absolute"
        " error with 567, 1,134 and 2,268 training images: nearly all resamples agree, as where answers are"
        " equally good on all images, or there is one image or group."
    )
    assert say_without_interval(methods[:1], None, FIGURES["mae"]) == ""
    said = say_without_interval([{"missing": {"r2": "-"}}], None, FIGURES["mae"])
    assert said.startswith("No interval of the R2 of 1: nearly")
