"""A saved classifier on a network of less precision: a second file, and what its answers lose."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.commands.command import Result
from cnncodes.commands.outputs import check_output
from cnncodes.commands.quantizing import choose_compared, describe_made, make_lesser
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import BackboneError, UsageError

if TYPE_CHECKING:
    from cnncodes.commands.quantize_options import QuantizeOptions


def quantize_classifier(options: QuantizeOptions, reporter: Reporter) -> Result:
    """Save a classifier's head with a network of less precision, and compare the two."""
    from cnncodes.estimators.archive import check_replaceable
    from cnncodes.estimators.classifier import ImageClassifier
    from cnncodes.estimators.loading import exchange_network, load
    from cnncodes.evaluation.precisions import measure_classifier

    started = time.perf_counter()
    path = Path(options.name)
    out = Path(options.out or path.with_name(f"{path.stem}-{options.precision}.cnncodes"))
    check_output(out, (options.name, options.calibrate, options.compare))
    check_replaceable(out)
    classifier = load(path)
    if not isinstance(classifier, ImageClassifier):
        raise UsageError(
            f"{options.name!r} predicts numbers, or several labels an image, and only the answers of a"
            " classifier of one class an image are compared here: quantise its network alone (NAME or"
            " FOLDER), and fit on that with --precision int8."
        )
    predictor = classifier.predictor_.with_max_pixels(options.max_pixels)
    full = predictor.embedder.backbone
    if full.precision != "fp32":
        raise BackboneError(
            f"the network of {options.name!r} is of {full.precision} already: take a classifier whose network"
            " is of fp32."
        )
    compared = choose_compared(options)
    made = make_lesser(full, options, reporter)
    lesser = predictor.with_backbone(made.backbone)
    reporter.note(f"comparing the classifier's answers on {len(compared):,} images")
    cost = measure_classifier(
        compared,
        predictor,
        lesser,
        calibrated=made.calibrated,
        n_jobs=options.n_jobs,
        on_progress=reporter.progress("comparing answers", "images"),
    )
    if cost.trained_on:
        reporter.warn(
            f"{cost.trained_on} of these images were trained on, or chosen by: the accuracies flatter; the"
            " change says less than that of new images would. Give others with --compare"
        )
    exchange_network(classifier, lesser).save(out)
    return {
        "out": str(out.parent),
        "name": path.name,
        "classifier": True,
        "file": out.name,
        **describe_made(full, made, cost, options.precision, started),
    }
