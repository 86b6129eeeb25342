"""``cnncodes fit``: train a classifier or regressor on images or on stored codes, and save it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnncodes.commands import common, inputs
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result
from cnncodes.commands.controls import escape_controls
from cnncodes.commands.crossvalidating import keep_codes, render_folds, run_folds
from cnncodes.commands.failures import exceeds_limit
from cnncodes.commands.few_images import warn_of_few, warn_of_few_numbers
from cnncodes.commands.holding import tell_holdout
from cnncodes.commands.multilabel import (
    LabelFitOptions,
    check_labels,
    describe_labels,
    read_labelled,
    render_labels,
    tell_empty,
    warn_of_few_labels,
)
from cnncodes.commands.outputs import check_output
from cnncodes.commands.regression import (
    check_regression,
    describe_regressor,
    name_target,
    render_regression,
)
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.suspicious_labels import warn_of_others
from cnncodes.commands.tasks import check_task, find_meaning, read_target
from cnncodes.errors import BackboneError, SourceError, UnknownBackbone, UsageError, sentence
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
        "What a fit on stored codes may take: 2G, 500M. Where all codes in memory would take more they are"
        " read in blocks. [half of the machine's]",
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
    fit = _fit_codes if inputs.is_codes(options.src) else _fit_images
    found = None
    with keep_codes(options.memory, options.cv is not None) as memory, reporter.passing_warnings():
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


def _fit_codes(options: FitOptions, reporter: Reporter) -> tuple[Any, Any, Result]:
    from cnncodes.store import Codes
    from cnncodes.views import ViewPlan

    if options.holdout is not None:
        raise UsageError("--holdout cannot be given with stored codes: give it to 'cnncodes embed'.")
    codes = _open_codes(options, reporter)
    split = inputs.choose_split(options.split, codes.parts, "train")
    if split is not None:
        codes = codes.select(split=split)
    if options.layer is not None:
        codes = codes.select(layers=options.layer)
    if options.train_views is not None:
        codes = codes.select(views=options.train_views)
    if find_meaning(options).by_class:
        warn_of_others(codes.rows.column("label").unique().to_pylist(), reporter)
    if find_meaning(options).several:
        tell_empty(codes.rows.column("label").null_count > 0, options.label_delimiter, reporter)
    plan = ViewPlan.from_dict(codes.plan)
    classifier = _make_estimator(
        options,
        backbone=_open_for(codes.space, options, reporter),
        train_views=plan,
        test_views=options.test_views or _fixed_views(plan),
        decode=options.decode or codes.space.decoding,
    )
    reporter.note(f"fitting {classifier.head} on the codes in {options.src}")
    with reporter.passing_warnings():
        in_blocks = {} if isinstance(codes, Codes) else {"memory_limit": options.memory_limit}
        classifier.fit_codes(codes, **in_blocks)
    return classifier, codes, {"split": split, "failed": 0, TOO_MANY_FAILURES: False}


def _open_codes(options: FitOptions, reporter: Reporter) -> Any:
    """Read the codes, or only open them where they are to be read in blocks."""
    from cnncodes.estimators.streaming import choose_limit, open_to_fit
    from cnncodes.store import Codes, read_codes

    if not find_meaning(options).by_class:
        if options.memory_limit is not None:
            raise UsageError("--memory-limit is for classes: numbers are fitted with all codes in memory.")
        return read_codes(options.src)
    with reporter.passing_warnings():
        codes = open_to_fit(options.src, options.head or "logistic", options.memory_limit)
    if isinstance(codes, Codes):
        return codes
    what = f"all codes in memory would take more than {choose_limit(options.memory_limit) / 2**20:,.0f}M"
    if options.cv is not None:
        raise UsageError(f"--cv needs them, and {what}: leave it out, or raise --memory-limit.")
    reporter.note(f"{what}: reading them in blocks")
    return codes


def _open_for(space: Any, options: FitOptions, reporter: Reporter) -> Any:
    """Load the network that made codes, or another one that is asked for, with the same layers."""
    from cnncodes.backbones.graphs.picks import was_picked

    try:
        return inputs.open_backbone(
            options.backbone or space.backbone,
            options.precision or space.precision,
            reporter,
            layer=space.layer if was_picked(space.layer) else None,
        )
    except UnknownBackbone as error:
        if options.backbone is not None:
            raise
        raise BackboneError(
            f"the codes in {options.src!r} were made with the backbone {space.backbone!r}, which is none of"
            " those at hand: say where its folder is with --backbone FOLDER."
        ) from error


def _fixed_views(plan: Any) -> Any:
    """Return a plan without its random views, which are for training; ``flip`` where it has no others."""
    if plan.random is None:
        return plan
    return "flip" if plan.crops == "none" else replace(plan, random=None)


def _fit_images(options: FitOptions, reporter: Reporter) -> tuple[Any, Any, Result]:
    if options.memory_limit is not None:
        raise UsageError("--memory-limit is for stored codes: give them, or leave it out.")
    numbers = find_meaning(options).regression
    options = read_target(options)
    read: Any = inputs.labelled_part
    given: dict[str, Any] = {"by_class": not numbers}
    if find_meaning(options).several:
        read, given = read_labelled, {"delimiter": options.label_delimiter}
    records, split = read(options.src, options, options.split, "train", reporter=reporter, **given)
    if len({record.label for record in records}) < 2 and find_meaning(options).by_class:
        raise SourceError(
            f"{options.src!r} holds one class only, {records[0].label!r}: a classifier needs at least two."
        )
    if split is not None:
        tell_holdout(options.src, options, len(records), reporter)
    classifier = _make_estimator(
        options,
        backbone=inputs.open_backbone(
            options.backbone or common.BACKBONE,
            options.precision,
            reporter,
            layer=options.layer,
            pool=options.pool,
        ),
        train_views=options.train_views or "flip",
        test_views=options.test_views or "flip",
        decode=options.decode or "exact",
    )
    reporter.note(f"fitting {classifier.head} on {len(records):,} images of {options.src}")
    progress = reporter.progress("embedding")
    with reporter.passing_warnings():
        named = {"target": name_target(options.target, options.src, options)} if numbers else {}
        classifier.fit_records(records, on_progress=progress, **named)
    failed = len(records) - classifier.n_images_
    too_many = exceeds_limit(failed, len(records), options.max_failures, reporter)
    return classifier, records, {"split": split, "failed": failed, TOO_MANY_FAILURES: too_many}


def _make_estimator(options: FitOptions, **settings: Any) -> Any:
    from cnncodes import estimators  # of which only the one that is asked for is loaded

    settings |= {
        "aggregate": options.aggregate,
        "max_pixels": options.max_pixels,
        "on_error": options.on_error,
        "random_state": options.random_state,
        "n_jobs": options.n_jobs,
        "memory": options.memory,
        "out_of_fold": options.out_of_fold or None,
    }
    if find_meaning(options).regression:
        return estimators.ImageRegressor(head=options.head or "ridge", **settings)
    if find_meaning(options).several:
        del settings["out_of_fold"]
        settings |= {"label_delimiter": options.label_delimiter, "threshold": options.threshold or "f1"}
        return estimators.ImageMultiLabelClassifier(head=options.head or "logistic", **settings)
    return estimators.ImageClassifier(
        head=options.head or "logistic", class_weight=options.class_weight, **settings
    )


def name_classes(classes: Sequence[str]) -> str:
    """Return some names of classes for a terminal, long ones cut off."""
    shown = [escape_controls(textwrap.shorten(name, 60, placeholder=" …")) for name in classes[:8]]
    return ", ".join(shown) + (" …" if len(classes) > 8 else "")


def render_fit(result: Result) -> str:
    """Say what was trained, after a line of why, and how good that way of training was found to be."""
    found = render_folds(result["cross_validation"])
    if result["classes"] is None:
        return render_regression(result) + found
    if "thresholds" in result:
        return render_labels(result) + found
    settings = [(name, result[name]) for name in ("C", "gamma", "k")]
    if result["chosen"] == "lda" and result["C"] is not None:
        settings = [("shrinkage", 1 / (1 + result["C"]))]
    chosen = "".join(f", {name}={value:.3g}" for name, value in settings if value is not None)
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
