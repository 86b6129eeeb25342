"""``cnncodes models quantize``: a file of less precision, made for the user's images, and what it costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.choices import BACKBONE
from cnncodes.commands import inputs
from cnncodes.commands.command import Command, Result
from cnncodes.commands.further_files import add_file, find_place
from cnncodes.commands.quantize_options import QuantizeOptions
from cnncodes.commands.quantized_classifier import quantize_classifier
from cnncodes.commands.quantizing import Made, choose_compared, describe_made, make_lesser
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.tables import format_interval
from cnncodes.errors import BackboneError, UsageError, count

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone
    from cnncodes.evaluation.precisions import PrecisionCost
    from cnncodes.images import ImageRecord


def run_quantize(options: QuantizeOptions, reporter: Reporter) -> Result:
    """Make a file of less precision, compare it with the one of fp32, and place it."""
    started = time.perf_counter()
    _check(options)
    if Path(options.name).is_file():
        return quantize_classifier(options, reporter)
    place = find_place(options.name, options.precision, options.out)
    full = inputs.open_backbone(options.name, "fp32", reporter)
    compared = choose_compared(options)
    made = make_lesser(full, options, reporter)
    cost = _measure(compared, full, made, options, reporter)
    facts = cost.describe(made.method, made.activations, made.images)
    card = add_file(place, made.backbone, facts)
    return {
        "out": str(place.out),
        "name": card.name,
        "classifier": False,
        "file": card.precisions[options.precision],
        **describe_made(full, made, cost, options.precision, started),
    }


def _check(options: QuantizeOptions) -> None:
    if options.precision == "bf16":
        raise BackboneError(
            "bf16 cannot be made: ONNX Runtime has no convolutions of bf16 on the CPU, so its codes could not"
            " be checked here. Choose --precision fp16 or int8."
        )
    if options.precision == "int8" and options.calibrate is None:
        raise UsageError(
            "--calibrate is missing: int8 needs images like those that the network is to meet, to measure the"
            " ranges of its values on."
        )
    if options.calibrate is None and options.compare is None:
        raise UsageError("--compare is missing: the codes are compared with those of fp32 on its images.")
    if options.precision != "int8" and options.activations != "auto":
        raise UsageError("--activations is for int8: leave it out.")


def _measure(
    records: list[ImageRecord], full: Backbone, made: Made, options: QuantizeOptions, reporter: Reporter
) -> PrecisionCost:
    from cnncodes.estimators.inputs import make_embedder
    from cnncodes.evaluation.precisions import measure_precision

    reporter.note(f"comparing codes, and a head's accuracy on them, on {len(records):,} images")
    ours, theirs = (
        make_embedder(one, "center", "exact", options.max_pixels) for one in (full, made.backbone)
    )
    return measure_precision(
        records,
        ours,
        theirs,
        calibrated=made.calibrated,
        n_jobs=options.n_jobs,
        on_progress=reporter.progress("comparing codes", "codes"),
    )


def render_quantize(result: Result) -> str:
    """Say where the file is, how fast and how close it is, and whether it counts as equal."""
    precision, sizes, times = result["precision"], result["bytes"], result["milliseconds"]
    full, own = times["fp32"], times[result["activations"]]
    tried = ", ".join(f"{name} {_show_time(value)} ms" for name, value in times.items())
    lines = [
        f"{result['name']}: {precision} ({result['activations']}) in {Path(result['out']) / result['file']}",
        f"  {result['method']}",
        f"  {sizes[precision] / 1e6:.1f} MB, fp32 {sizes['fp32'] / 1e6:.1f} MB; an image takes {tried}"
        f" on one core: {full / own:.1f} times as fast as fp32",
        f"  codes of {_describe_compared(result)}: cosine {result['cosine']:.4f} (median),"
        f" {result['worst_cosine']:.4f} (worst)",
        f"  {_describe_accuracy(result)}",
    ]
    return "\n".join(lines) + f"\nTook {format_seconds(result['seconds'])}.\n"


def _show_time(milliseconds: float) -> str:
    """Return a time with two digits that count: of a small network tenths would all be the same."""
    return f"{milliseconds:.1f}" if milliseconds >= 1 else f"{milliseconds:#.2g}"


def _describe_compared(result: Result) -> str:
    """Return of which images codes were compared, and whether the file was made for these very images."""
    images, calibrated = count(result["images"], "image"), result["calibrated"]
    if not calibrated:
        return images
    if calibrated == result["images"]:
        return f"the {images} that calibrated it"
    return f"{images}, of which {calibrated:,} calibrated it"


def _describe_accuracy(result: Result) -> str:
    from cnncodes.backbones.precisions import LEAST_IMAGES, WORST_CHANGE

    change: Any = result["change"]
    if change is None:
        enough = "" if result["classifier"] else ", two of each class"
        return f"no accuracy was compared: that needs labelled images{enough}; not offered as equal"
    points = {key: 100 * value if isinstance(value, float) else value for key, value in change.items()}
    verdict = "counts as equal to fp32"
    if not result["equal"]:
        few = f"fewer than {LEAST_IMAGES:,} images" if result["images"] < LEAST_IMAGES else ""
        low = f"the interval reaches {WORST_CHANGE * 100:.0f} point" if change["low"] <= WORST_CHANGE else ""
        verdict = f"not offered as equal: {' and '.join(filter(None, (few, low)))}"
    whose = "the classifier" if result["classifier"] else "a head"
    return (
        f"accuracy of {whose} {_share(result['reference'])} -> {_share(result['accuracy'])}, change"
        f" {points['value']:+z.2f} points {_interval(points)} on {change['n']:,} images: {verdict}"
    )


def _share(accuracy: dict[str, Any]) -> str:
    return f"{accuracy['value']:.3f} {format_interval(accuracy)}"


def _interval(points: dict[str, Any]) -> str:
    return f"[{points['low']:+z.2f}, {points['high']:+z.2f}]"


QUANTIZE = Command(
    "models quantize",
    QuantizeOptions,
    run_quantize,
    render_quantize,
    "Make an int8 or fp16 file of a network, and say what it costs (extra: report).",
    f"cnncodes models quantize {BACKBONE} --calibrate photos/",
    ("out", "name", "equal"),
)
