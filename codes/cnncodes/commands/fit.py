"""``cnncodes fit``: train a classifier or regressor on images or on stored codes, and save it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnncodes.commands import common, inputs
from cnncodes.commands.command import Command, Result
from cnncodes.commands.controls import escape_controls
from cnncodes.commands.crossvalidating import keep_codes, render_folds, run_folds
from cnncodes.commands.few_images import warn_of_few, warn_of_few_numbers
from cnncodes.commands.fitting import fit_codes, fit_images
from cnncodes.commands.multilabel import (
    LabelFitOptions,
    check_labels,
    describe_labels,
    render_labels,
    warn_of_few_labels,
)
from cnncodes.commands.outputs import check_output
from cnncodes.commands.regression import (
    check_regression,
    describe_regressor,
    render_regression,
)
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.tasks import check_task, find_meaning
from cnncodes.errors import UsageError, sentence
from cnncodes.heads.names import HEADS, MULTILABEL_HEADS, REGRESSION_HEADS
from cnncodes.schema import option


@dataclass(frozen=True, kw_only=True)
class FitOptions(common.EmbeddingOptions, common.LayerOptions, LabelFitOptions):
    """Options of ``cnncodes fit``."""

    src: str = option(
        "Labelled images (a folder of class folders, a .csv or .parquet table), or a .codes dataset."
    )
    out: str = option("File of the saved classifier or regressor.", short="-o", metavar="FILE")
    head: str | None = option(
        "What is fitted to the codes; 'auto': the cheapest classifier that is as good as the best, by"
        f" cross-validation. For numbers: {', '.join(REGRESSION_HEADS)}. For several labels an image:"
        f" {', '.join(MULTILABEL_HEADS)}. [logistic; numbers: ridge]",
        default=None,
        choices=(*HEADS, *(name for name in REGRESSION_HEADS if name not in HEADS)),
    )
    target: str | None = option(
        "Table: column with numbers to predict, instead of classes.", default=None, metavar="COLUMN"
    )
    regression: bool = option(
        "The labels are numbers to predict: of a table's label column, of stored codes, or names of folders.",
        default=False,
    )
    train_views: str | None = option(
        f"Views of each training image: {common.HELP_VIEWS}. [flip; codes: all that are stored]",
        default=None,
        metavar="PLAN",
        check=common.check_views,
    )
    test_views: str | None = option(
        "Views of each image when predicting. [flip; codes: the fixed ones of those trained on]",
        default=None,
        metavar="PLAN",
        check=common.check_views,
    )
    aggregate: str = option(
        "What is averaged over an image's views when predicting; 'auto' means decision values, of numbers"
        " predictions, or codes where their means were trained on.",
        default="auto",
        choices=("auto", "decision", "probability", "prediction", "code"),
    )
    split: str | None = option(
        "Part of the source to train on; 'all' for every image. [train, if it has parts]",
        default=None,
        metavar="PART",
    )
    backbone: str | None = option(
        f"{common.HELP_BACKBONE} [{common.BACKBONE}; codes: the one that made them]",
        default=None,
        metavar="NAME",
    )
    precision: str | None = option(
        f"{common.HELP_PRECISION} [fp32; codes: that of the codes]",
        default=None,
        metavar="PRECISION",
        check=common.check_precision,
    )
    decode: str | None = option(
        f"{common.HELP_DECODE} [exact; codes: as they were made]", default=None, choices=common.DECODE_CHOICES
    )
    class_weight: str | None = option(
        "'balanced' gives rare classes the weight of frequent ones.", default=None, choices=("balanced",)
    )
    random_state: int = option(
        "Decides the folds of the cross-validation, and random views that are given by name.",
        default=0,
        metavar="N",
        check=common.check_random_state,
    )
    out_of_fold: bool = option(
        "For 'predict --abstain' with a head or --aggregate that has no answers to held-out images from its"
        " search: five more fits.",
        default=False,
    )
    cv: int | None = option(
        "Cross-validate, too: figures of images held out in so many folds, with a head fitted for each; of"
        " classes, numbers and several labels.",
        default=None,
        metavar="FOLDS",
        check=common.check_folds,
    )
    repeats: int = option(
        "Divisions into folds for --cv.", default=1, metavar="N", check=common.check_positive
    )
    memory: str | None = option(common.HELP_MEMORY, default=None, metavar="FOLDER")
    memory_limit: str | int | None = option(
        "What a fit on stored codes may take, as reckoned before: twelve copies of all codes in memory, or,"
        " where these are more, the process that reads them in blocks: 2G, 500M. [half of the machine's]",
        default=None,
        metavar="SIZE",
        check=common.check_memory,
    )
    include_backbone: bool = option(
        "Leave the network out of the saved file: smaller, but it must be at hand to predict.",
        default=True,
        off="--no-backbone",
    )
    on_error: str = option(
        "What to do with images that cannot be read.", default="skip", choices=("skip", "raise")
    )


def run_fit(options: FitOptions, reporter: Reporter) -> Result:
    """Fit the estimator that the options ask for, and save it."""
    from cnncodes.estimators.archive import check_replaceable

    check_output(options.out, (options.src,))
    check_replaceable(options.out)
    if options.repeats > 1 and options.cv is None:
        raise UsageError("--repeats says how often --cv divides the images: give --cv, too.")
    check_labels(options)
    check_regression(options)
    check_task(options)
    started = time.perf_counter()
    fit = fit_codes if inputs.is_codes(options.src) else fit_images
    found = None
    with keep_codes(options.memory, options.cv is not None) as memory:
        classifier, data, facts = fit(replace(options, memory=memory), reporter)
        seconds = time.perf_counter() - started
        if options.cv is not None:  # first: where no folds can be made nothing is written
            found = run_folds(classifier, data, options.cv, options.repeats, reporter)
        classifier.save(options.out, include_backbone=options.include_backbone)
    if find_meaning(options).by_class:
        warn_of_few(data, reporter)
        _tell_needless(options, classifier.head_, reporter)
    if find_meaning(options).regression:
        warn_of_few_numbers(classifier.n_images_, reporter)
    described = _describe(options, classifier)
    if find_meaning(options).several:
        warn_of_few_labels(described, reporter)
    reason = getattr(classifier.head_, "reason_", None)
    head = classifier.head_ if reason is None else classifier.head_.head_
    return {
        "out": options.out,
        "head": classifier.head,
        "chosen": head.scorer_.kind,
        "reason": reason,
        **described,
        "images": classifier.n_images_,
        "C": _plain(getattr(head, "C_", None)),
        "gamma": _plain(getattr(head, "gamma_", None)),
        "k": getattr(head, "k_", None),
        "scaling": getattr(head, "scaling_", None),
        "random_state": options.random_state,
        "space": classifier.space_.to_dict(),
        **facts,
        "cross_validation": found,
        "seconds": round(seconds, 3),
    }


def _describe(options: FitOptions, fitted: Any) -> Result:
    if find_meaning(options).regression:
        return describe_regressor(fitted)
    if find_meaning(options).several:
        return describe_labels(fitted)
    return {"classes": [str(name) for name in fitted.classes_]}


def _tell_needless(options: FitOptions, head: Any, reporter: Reporter) -> None:
    """Say where --out-of-fold had nothing to do."""
    has_answers = getattr(head, "held_out_", None) is not None
    if options.out_of_fold and options.aggregate in ("auto", "decision") and has_answers:
        reporter.note(
            "--out-of-fold changed nothing: this head has answers to held-out images from its search, and"
            " 'predict --abstain' goes by these"
        )


def _plain(value: Any) -> float | None:
    return None if value is None else float(value)


def name_classes(classes: Sequence[str]) -> str:
    """Return some names of classes for a terminal, long ones cut off; those with odd spaces are quoted."""
    quoted = [name if name == " ".join(name.split()) else repr(name) for name in classes[:8]]
    shown = [escape_controls(textwrap.shorten(name, 60, placeholder=" …")) for name in quoted]
    return ", ".join(shown) + (" …" if len(classes) > 8 else "")


def render_fit(result: Result) -> str:
    """Say what was trained, after a line of why, and how good that way of training was found to be."""
    from cnncodes.estimators.settings import say_settings

    found = render_folds(result["cross_validation"])
    if result["classes"] is None:
        return render_regression(result) + found
    if "thresholds" in result:
        return render_labels(result) + found
    chosen = say_settings(result["chosen"], result)
    names = name_classes(result["classes"])
    reason = "" if result["reason"] is None else f"auto {sentence(result['reason'])}\n"
    return (
        f"{reason}{result['chosen']}{chosen} trained on {result['images']:,} images of"
        f" {len(result['classes'])} classes"
        f" ({names}) in {format_seconds(result['seconds'])}.\nClassifier: {result['out']}\n{found}"
    )


FIT = Command(
    name="fit",
    options=FitOptions,
    run=run_fit,
    render=render_fit,
    summary="Train a classifier (or, of numbers, a regressor) on labelled images, or on codes, and save it.",
    example="cnncodes fit photos/ -o photos.cnncodes",
    results=("out", "images", "split", "cross_validation"),
)
