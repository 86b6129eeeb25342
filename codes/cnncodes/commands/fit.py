"""``cnncodes fit``: train a classifier or regressor on images or on stored codes, and save it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnncodes.commands import inputs
from cnncodes.commands.command import Command, Result
from cnncodes.commands.controls import escape_controls
from cnncodes.commands.crossvalidating import keep_codes, render_folds, run_folds
from cnncodes.commands.few_images import warn_of_few, warn_of_few_numbers
from cnncodes.commands.fit_options import FitOptions
from cnncodes.commands.fitting import fit_codes, fit_images
from cnncodes.commands.multilabel import (
    check_label_options,
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
from cnncodes.plain import cut_names


def run_fit(options: FitOptions, reporter: Reporter) -> Result:
    """Fit the estimator that the options ask for, and save it."""
    from cnncodes.estimators.archive import check_replaceable

    check_output(options.out, (options.src,))
    check_replaceable(options.out)
    if options.repeats > 1 and options.cv is None:
        raise UsageError("--repeats says how often --cv divides the images: give --cv, too.")
    check_label_options(options)
    check_regression(options)
    check_task(options)
    started = time.perf_counter()
    fit = fit_codes if inputs.is_codes(options.src) else fit_images
    found = None
    with keep_codes(options.memory, options.cv is not None) as memory:
        classifier, data, facts = fit(replace(options, memory=memory), reporter)
        seconds = time.perf_counter() - started
        if options.cv is not None:  # first: where no folds can be made nothing is written
            found = run_folds(classifier, data, options.cv, options.repeats, options.src, reporter)
        classifier.save(options.out, include_backbone=options.include_backbone)
    if find_meaning(options).by_class:
        warn_of_few(data, reporter)
        _tell_needless(options, classifier, data, reporter)
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


def _tell_needless(options: FitOptions, classifier: Any, data: Any, reporter: Reporter) -> None:
    """Say where --out-of-fold had nothing to do."""
    from cnncodes.estimators.aggregation import averages_scores

    views = 1 if getattr(data, "reduced", False) else classifier.train_plan_.count
    has_answers = getattr(classifier.head_, "held_out_", None) is not None
    if options.out_of_fold and averages_scores(options.aggregate, views) and has_answers:
        reporter.note(
            "--out-of-fold changed nothing: this head has answers to held-out images from its search, and"
            " 'predict --abstain' goes by these"
        )


def _plain(value: Any) -> float | None:
    return None if value is None else float(value)


def name_classes(classes: Sequence[str]) -> str:
    """Return some names of classes for a terminal, long ones cut; those with odd spaces are quoted."""
    quoted = [name if name == " ".join(name.split()) else repr(name) for name in classes[:8]]
    shown = map(escape_controls, cut_names(quoted, 60))
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
