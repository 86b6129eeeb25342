"""How ``cnncodes fit`` comes from its options to a fitted estimator: on stored codes, or on images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnncodes.choices import BACKBONE
from cnncodes.commands import inputs
from cnncodes.commands.command import TOO_MANY_FAILURES, Result
from cnncodes.commands.failures import exceeds_limit
from cnncodes.commands.holding import tell_holdout
from cnncodes.commands.multilabel import read_labelled, tell_empty
from cnncodes.commands.regression import name_target
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.suspicious_labels import warn_of_missing, warn_of_others, warn_of_several
from cnncodes.commands.tasks import find_meaning, read_target
from cnncodes.errors import BackboneError, SourceError, UnknownBackbone, UsageError

if TYPE_CHECKING:
    from cnncodes.commands.fit_options import FitOptions


def fit_codes(options: FitOptions, reporter: Reporter) -> tuple[Any, Any, Result]:
    """Return an estimator that is fitted on stored codes, the codes, and what the result says of them."""
    from cnncodes.store import Codes
    from cnncodes.views import ViewPlan

    if options.holdout is not None:
        raise UsageError("--holdout cannot be given with stored codes: give it to 'cnncodes embed'.")
    inputs.check_no_columns(options.src, options)
    codes = _open_codes(options, reporter)
    split = inputs.choose_split(options.split, codes.parts, "train")
    if split is not None:
        codes = codes.select(split=split)
    if options.layer is not None:
        codes = codes.select(layers=options.layer)
    if options.train_views is not None:
        codes = codes.select(views=options.train_views)
    if find_meaning(options).by_class:
        warn_of_missing(_list_labels(codes), reporter)
        warn_of_others(codes.rows.column("label").unique().to_pylist(), reporter)
    if find_meaning(options).several:
        warn_of_several(_list_labels(codes), options.label_delimiter, reporter)
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
    in_blocks = {} if isinstance(codes, Codes) else {"memory_limit": options.memory_limit}
    classifier.fit_codes(codes, **in_blocks)
    return classifier, codes, {"split": split, "failed": 0, TOO_MANY_FAILURES: False}


def _list_labels(codes: Any) -> list[str | None]:
    """Return the label of each image of stored codes, which may have several rows."""
    labels: list[str | None] = (
        codes.rows.group_by(["image", "label"]).aggregate([]).column("label").to_pylist()
    )
    return labels


def fit_images(options: FitOptions, reporter: Reporter) -> tuple[Any, Any, Result]:
    """Return an estimator that is fitted on images, their records, and what the result says of them."""
    from cnncodes.estimators.targets import read_targets

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
    target = name_target(options.target, options.src, options) if numbers else None
    if numbers:
        read_targets(records, target)  # before anything is loaded, and by the name of its column
    if options.cv is not None and not find_meaning(options).several:
        from cnncodes.evaluation.crossvalidation import check_divisible

        check_divisible(records, options.cv, regression=numbers)  # before a fit that nothing comes of
    if split is not None:
        known = records if split == "train" else None
        tell_holdout(options.src, options, known, reporter, by_class=find_meaning(options).by_class)
    classifier = _make_estimator(
        options,
        backbone=inputs.open_backbone(
            options.backbone or BACKBONE,
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
    classifier.fit_records(records, on_progress=progress, **({"target": target} if numbers else {}))
    failed = len(records) - classifier.n_images_
    too_many = exceeds_limit(failed, len(records), options.max_failures, reporter)
    return classifier, records, {"split": split, "failed": failed, TOO_MANY_FAILURES: too_many}


def _open_codes(options: FitOptions, reporter: Reporter) -> Any:
    """Read the codes, or only open them where they are to be read in blocks."""
    from cnncodes.estimators.streaming import choose_limit, open_to_fit
    from cnncodes.store import Codes, read_codes

    if not find_meaning(options).by_class:
        if options.memory_limit is not None:
            raise UsageError("--memory-limit is for classes: numbers are fitted with all codes in memory.")
        return read_codes(options.src)
    codes = open_to_fit(options.src, options.head or "logistic", options.memory_limit, options.n_jobs)
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
