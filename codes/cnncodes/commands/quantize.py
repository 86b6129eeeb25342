"""``cnncodes models quantize``: a file of less precision, made for the user's images, and what it costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.command import Command, Result
from cnncodes.commands.further_files import add_file, find_place
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.errors import BackboneError, UsageError
from cnncodes.schema import option, to_plain

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone
    from cnncodes.evaluation.precisions import PrecisionCost
    from cnncodes.images import ImageRecord

#: Images that codes are compared on at most: the interval is below a point wide long before.
MOST_COMPARED = 10_000
_BATCH = 8


@dataclass(frozen=True, kw_only=True)
class QuantizeOptions(inputs.DecodingOptions):
    """Options of ``cnncodes models quantize``."""

    name: str = option("A name from 'cnncodes models list', or a folder with a card.")
    calibrate: str | None = option(
        "Images that the ranges of the network's values are measured on, like those it is to meet. Of a"
        " source with parts, 'train' is taken.",
        default=None,
        metavar="SRC",
    )
    out: str | None = option(
        "Folder for the network with its further file. [its own; for those that come with cnncodes, a copy in"
        " your folder of models]",
        default=None,
        short="-o",
        metavar="FOLDER",
    )
    precision: str = option(
        "int8 for CPUs, fp16 for GPUs; bf16 cannot be made.", default="int8", choices=("int8", "fp16", "bf16")
    )
    images: int = option("Images to calibrate on.", default=512, metavar="N", check=inputs.check_positive)
    activations: str = option(
        "Type of the 8-bit activations; 'auto' tries both and keeps the faster.",
        default="auto",
        choices=("auto", "uint8", "int8"),
    )
    compare: str | None = option(
        "Images that codes, and the accuracy of a head, are compared on; with labels, 2,000 or more of them."
        " [those of --calibrate]",
        default=None,
        metavar="SRC",
    )


def run_quantize(options: QuantizeOptions, reporter: Reporter) -> Result:
    """Make a file of less precision, compare it with the one of fp32, and place it."""
    from cnncodes.backbones.checking.verification import verify_precision

    started = time.perf_counter()
    _check(options)
    place = find_place(options.name, options.precision, options.out)
    full = inputs.open_backbone(options.name, "fp32", reporter)
    compared = _choose_compared(options)
    made = _quantize(options, full, reporter) if options.precision == "int8" else _halve(full)
    verify_precision(made.backbone, full)  # what 'models verify' would refuse is not written
    cost = _measure(compared, full, made.backbone, options, reporter)
    facts = cost.describe(made.method, made.activations, made.images)
    card = add_file(place, made.backbone, facts)
    return {
        "out": str(place.out),
        "name": card.name,
        "precision": options.precision,
        "file": card.precisions[options.precision],
        "activations": made.activations,
        "method": made.method,
        "calibrated_on": made.images,
        "bytes": {"fp32": len(full.model_bytes()), options.precision: len(made.backbone.model_bytes())},
        "milliseconds": made.milliseconds,
        **to_plain(cost),
        "seconds": round(time.perf_counter() - started, 3),
    }


@dataclass(frozen=True)
class _Made:
    """A network of less precision: how it was made, and milliseconds an image by the type of activations."""

    backbone: Backbone
    activations: str
    method: str
    images: int
    milliseconds: dict[str, float]


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


def _choose_compared(options: QuantizeOptions) -> list[ImageRecord]:
    """Return the images to compare codes on: labelled ones, where there are any."""
    from cnncodes.embedding.calibrating import choose_records

    source = inputs.open_images(str(options.compare or options.calibrate), options)
    labelled = [record for record in source.records if record.label is not None]
    return choose_records(labelled or source.records, MOST_COMPARED)


def _quantize(options: QuantizeOptions, full: Backbone, reporter: Reporter) -> _Made:
    from cnncodes.backbones.quantizing.quantization import ACTIVATIONS, quantize
    from cnncodes.backbones.running.timing import time_in_turns
    from cnncodes.embedding import training_records
    from cnncodes.embedding.calibrating import choose_records, cut_patches

    source = inputs.open_images(str(options.calibrate), options)
    records = choose_records(training_records(source), options.images)
    reporter.note(f"calibrating on {len(records):,} images of {options.calibrate}")
    patches, n_images = cut_patches(records, full.frame, max_pixels=options.max_pixels, n_jobs=options.n_jobs)
    kinds = ACTIVATIONS if options.activations == "auto" else (options.activations,)
    made = quantize(full, patches, kinds, on_progress=reporter.progress("calibrating", "patches"))
    batch = patches[:_BATCH]
    seconds = time_in_turns([full, *(one.backbone for one in made)], batch)
    names = ["fp32", *(one.activations for one in made)]
    milliseconds = {
        name: round(1000 * value / len(batch), 3) for name, value in zip(names, seconds, strict=True)
    }
    best = min(zip(seconds[1:], made, strict=True), key=lambda pair: pair[0])[1]
    return _Made(best.backbone, best.activations, best.method, n_images, milliseconds)


def _halve(full: Backbone) -> _Made:
    from cnncodes.backbones.quantizing.halving import METHOD, halve
    from cnncodes.backbones.running.timing import draw_noise, time_in_turns

    made = halve(full)
    batch = draw_noise(full.frame, _BATCH)
    seconds = time_in_turns([full, made], batch)
    milliseconds = {
        name: round(1000 * value / len(batch), 3)
        for name, value in zip(("fp32", "float16"), seconds, strict=True)
    }
    return _Made(made, "float16", METHOD, 0, milliseconds)


def _measure(
    records: list[ImageRecord], full: Backbone, made: Backbone, options: QuantizeOptions, reporter: Reporter
) -> PrecisionCost:
    from cnncodes.estimators.inputs import make_embedder
    from cnncodes.evaluation.precisions import measure_precision

    reporter.note(f"comparing codes, and a head's accuracy on them, on {len(records):,} images")
    ours, theirs = (make_embedder(one, "center", "exact", options.max_pixels) for one in (full, made))
    return measure_precision(
        records,
        ours,
        theirs,
        n_jobs=options.n_jobs,
        on_progress=reporter.progress("comparing codes", "codes"),
    )


def render_quantize(result: Result) -> str:
    """Say where the file is, how fast and how close it is, and whether it counts as equal."""
    precision, sizes, times = result["precision"], result["bytes"], result["milliseconds"]
    full, own = times["fp32"], times[result["activations"]]
    tried = ", ".join(f"{name} {value:.1f} ms" for name, value in times.items())
    lines = [
        f"{result['name']}: {precision} ({result['activations']}) in {result['out']}/{result['file']}",
        f"  {result['method']}",
        f"  {sizes[precision] / 1e6:.1f} MB, fp32 {sizes['fp32'] / 1e6:.1f} MB; an image takes {tried}"
        f" on one core: {full / own:.1f} times as fast as fp32",
        f"  codes of {result['images']:,} images: cosine {result['cosine']:.4f} (median),"
        f" {result['worst_cosine']:.4f} (worst)",
        f"  {_describe_accuracy(result)}",
    ]
    return "\n".join(lines) + f"\nTook {format_seconds(result['seconds'])}.\n"


def _describe_accuracy(result: Result) -> str:
    from cnncodes.backbones.precisions import LEAST_IMAGES, WORST_CHANGE

    change: Any = result["change"]
    if change is None:
        return "no accuracy was compared: that needs labelled images, two of each class; not offered as equal"
    points = {key: 100 * value if isinstance(value, float) else value for key, value in change.items()}
    verdict = "counts as equal to fp32"
    if not result["equal"]:
        few = f"fewer than {LEAST_IMAGES:,} images" if result["images"] < LEAST_IMAGES else ""
        low = f"the interval reaches {WORST_CHANGE * 100:.0f} point" if change["low"] <= WORST_CHANGE else ""
        verdict = f"not offered as equal: {' and '.join(filter(None, (few, low)))}"
    return (
        f"accuracy of a head {result['reference']['value']:.3f} -> {result['accuracy']['value']:.3f}, change"
        f" {points['value']:+.2f} points {_interval(points)} on {change['n']:,} images: {verdict}"
    )


def _interval(points: dict[str, Any]) -> str:
    return f"[{points['low']:+.2f}, {points['high']:+.2f}]"


QUANTIZE = Command(
    "models quantize",
    QuantizeOptions,
    run_quantize,
    render_quantize,
    "Make an int8 or fp16 file of a network, and say what it costs (extra: export).",
    f"cnncodes models quantize {inputs.BACKBONE} --calibrate photos/",
    ("out", "name", "equal"),
)
