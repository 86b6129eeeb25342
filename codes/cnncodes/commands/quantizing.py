"""Networks of less precision for ``cnncodes models quantize``: made, timed, and what they are compared on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncodes.commands import inputs
from cnncodes.commands.command import Result
from cnncodes.commands.reporter import Reporter
from cnncodes.plain import to_plain

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone
    from cnncodes.commands.quantize_options import QuantizeOptions
    from cnncodes.evaluation.precisions import PrecisionCost
    from cnncodes.images import ImageRecord

#: Images that codes are compared on at most: the interval is below a point wide long before.
MOST_COMPARED = 10_000
_BATCH = 8


@dataclass(frozen=True)
class Made:
    """A network of less precision: how it was made, and milliseconds an image by the type of activations.

    `images` is how many it was calibrated on, `calibrated` are the hashes of their contents.
    """

    backbone: Backbone
    activations: str
    method: str
    images: int
    calibrated: frozenset[str]
    milliseconds: dict[str, float]


def describe_made(full: Backbone, made: Made, cost: PrecisionCost, precision: str, started: float) -> Result:
    """Return what is told of a network of less precision, wherever it was put; `started` is when work did."""
    return {
        "precision": precision,
        "activations": made.activations,
        "method": made.method,
        "calibrated_on": made.images,
        "bytes": {"fp32": len(full.model_bytes()), precision: len(made.backbone.model_bytes())},
        "milliseconds": made.milliseconds,
        **to_plain(cost),
        "seconds": round(time.perf_counter() - started, 3),
    }


def make_lesser(full: Backbone, options: QuantizeOptions, reporter: Reporter) -> Made:
    """Return a network of the precision that is asked for, verified against the one of fp32."""
    from cnncodes.backbones.checking.verification import verify_precision

    made = _quantize(options, full, reporter) if options.precision == "int8" else _halve(full)
    verify_precision(made.backbone, full)  # what 'models verify' would refuse is not written
    return made


def choose_compared(options: QuantizeOptions) -> list[ImageRecord]:
    """Return the images to compare codes on: labelled ones, where there are any."""
    from cnncodes.embedding.calibrating import choose_records

    source = inputs.open_images(str(options.compare or options.calibrate), options)
    labelled = [record for record in source.records if record.label is not None]
    return choose_records(labelled or source.records, MOST_COMPARED)


def _quantize(options: QuantizeOptions, full: Backbone, reporter: Reporter) -> Made:
    from cnncodes.backbones.quantizing.quantization import ACTIVATIONS, quantize
    from cnncodes.backbones.running.timing import time_in_turns
    from cnncodes.embedding import training_records
    from cnncodes.embedding.calibrating import choose_records, cut_patches

    source = inputs.open_images(str(options.calibrate), options)
    records = choose_records(training_records(source), options.images)
    reporter.note(f"calibrating on {len(records):,} images of {options.calibrate}")
    patches, contents = cut_patches(records, full.frame, max_pixels=options.max_pixels, n_jobs=options.n_jobs)
    kinds = ACTIVATIONS if options.activations == "auto" else (options.activations,)
    made = quantize(full, patches, kinds, on_progress=reporter.progress("calibrating", "patches"))
    batch = patches[:_BATCH]
    seconds = time_in_turns([full, *(one.backbone for one in made)], batch)
    names = ["fp32", *(one.activations for one in made)]
    milliseconds = {
        name: round(1000 * value / len(batch), 3) for name, value in zip(names, seconds, strict=True)
    }
    best = min(zip(seconds[1:], made, strict=True), key=lambda pair: pair[0])[1]
    return Made(
        best.backbone, best.activations, best.method, len(contents), frozenset(contents), milliseconds
    )


def _halve(full: Backbone) -> Made:
    from cnncodes.backbones.quantizing.halving import METHOD, halve
    from cnncodes.backbones.running.timing import draw_noise, time_in_turns

    made = halve(full)
    batch = draw_noise(full.frame, _BATCH)
    seconds = time_in_turns([full, made], batch)
    milliseconds = {
        name: round(1000 * value / len(batch), 3)
        for name, value in zip(("fp32", "float16"), seconds, strict=True)
    }
    return Made(made, "float16", METHOD, 0, frozenset(), milliseconds)
