"""``cnncodes compare``: which of several classifiers is better, on the same labelled images."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands import common, inputs
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result, showing
from cnncodes.commands.compare_tables import render_compare
from cnncodes.commands.crossvalidating import keep_codes
from cnncodes.commands.failures import exceeds_limit, warn_of_failures
from cnncodes.commands.holding import tell_unused_holdout
from cnncodes.commands.outputs import check_json_name, check_output, write_report
from cnncodes.commands.prediction_files import is_prediction_file, read_predictions
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.reproducing import describe_comparison
from cnncodes.commands.seen_groups import count_seen_groups
from cnncodes.errors import ResultWarning, SourceError, UsageError, agree, count, name_some, sentence
from cnncodes.plain import to_plain
from cnncodes.schema import option

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.estimators.contents import Contents
    from cnncodes.evaluation import ClassifierComparison
    from cnncodes.images import ImageRecord


def _check_models(models: tuple[str, ...]) -> None:
    if len(models) < 2:
        raise UsageError(f"must be at least two, before the images. Got {', '.join(models)}.")
    twice = next((one for i, one in enumerate(models) if one in models[:i]), None)
    if twice is not None:
        raise UsageError(f"must differ. {twice!r} is there twice.")


@dataclass(frozen=True, kw_only=True)
class CompareOptions(common.EmbeddingOptions):
    """Options of ``cnncodes compare``."""

    models: tuple[str, ...] = option(
        "Two or more: classifiers that 'cnncodes fit' saved, or tables of the same images that 'cnncodes"
        " predict' wrote (with --top-k and the number of classes for log loss and Brier score, too).",
        metavar="MODEL",
        check=_check_models,
    )
    src: str = option("Labelled images: a folder of class folders, or a .csv or .parquet table.")
    split: str | None = option(
        "Part of the source to compare on; 'all' for every image. [test, if it has parts]",
        default=None,
        metavar="PART",
    )
    report: str | None = option(
        "File for all figures, .json.", default=None, short="-o", metavar="FILE", check=check_json_name
    )
    memory: str | None = option(common.HELP_MEMORY, default=None, metavar="FOLDER")


@dataclass(frozen=True, eq=False)
class _Said:
    """What a classifier said of the images: NaN and empty where it said nothing, and why.

    `trained` is what it was trained on, images and groups, and `contents` tell equal images: neither does a
    file of answers say.
    """

    labels: npt.NDArray[Any]
    proba: npt.NDArray[np.float64] | None
    classes: npt.NDArray[Any]
    silent: dict[int, str]
    trained_on: int
    trained: tuple[Contents, Contents] | None
    contents: Contents | None = None
    why_no_proba: str = ""


def run_compare(options: CompareOptions, reporter: Reporter) -> Result:
    """Let each classifier answer the same images, and compare each two of them."""
    from cnncodes.evaluation import compare_classifiers
    from cnncodes.images import draw_together

    check_output(options.report, (*options.models, options.src))
    _check_kinds(options.models)
    records, split = inputs.labelled_part(options.src, options, options.split, "test", reporter)
    tell_unused_holdout(options.src, options, reporter)
    with keep_codes(options.memory, needed=True) as memory:
        said = {
            name: _look_up(name, model, records, options.src)
            if is_prediction_file(model)
            else _ask(model, records, options, memory, reporter)
            for name, model in _name_models(options.models).items()
        }
    silent = {i: why for one in said.values() for i, why in one.silent.items()}
    read = [i for i in range(len(records)) if i not in silent]
    if not read:
        i, why = next(iter(silent.items()))
        raise SourceError(
            f"not one of the {len(records)} labelled images of {options.src!r} has an answer of all; the"
            f" first without is {records[i].key!r}: {sentence(why)}"
        )
    kept = [records[i] for i in read]
    labels = {str(record.label) for record in kept}
    _check_classes(said, labels)
    drawn = draw_together(kept, _list_contents(said, kept, read, options))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*unknown to the classifier", ResultWarning)  # told by name below
        found = compare_classifiers(
            [record.label for record in kept],
            {name: (one.labels if one.proba is None else one.proba)[read] for name, one in said.items()},
            {name: one.classes for name, one in said.items()},
            groups=drawn.groups,
        )
    _warn_classes(said, labels, read, reporter)
    result = {
        "src": options.src,
        "split": split,
        "n_different": drawn.n_different,
        **_describe(found, options.models, said, _count_seen_groups(said, kept, options, reporter)),
        "failed": len(silent),
        "report": options.report,
    }
    if options.report is not None:
        with showing(result):
            write_report(Path(options.report), {**result, "reproduce": describe_comparison(options, split)})
    _warn_silent(said, records, reporter)
    total, limit = len(records), options.max_failures
    result[TOO_MANY_FAILURES] = bool(silent) and exceeds_limit(len(silent), total, limit, reporter)
    return result


def _warn_silent(said: dict[str, _Said], records: list[ImageRecord], reporter: Reporter) -> None:
    """Warn of images that cannot be read, and of those that each table has no answer for."""
    failed = {
        i: why for name, one in said.items() if not is_prediction_file(name) for i, why in one.silent.items()
    }
    warn_of_failures([(records[i].key, why) for i, why in sorted(failed.items())], len(records), reporter)
    for name, one in said.items():
        if is_prediction_file(name) and one.silent:
            n, keys = len(one.silent), [records[i].key for i in sorted(one.silent)]
            reporter.warn(
                f"{n:,} of {len(records):,} images {agree(n, 'has')} no answer in {name} and"
                f" {agree(n, 'is')} left out: {name_some(keys)}"
            )


def _list_contents(
    said: dict[str, _Said], kept: list[ImageRecord], read: list[int], options: CompareOptions
) -> list[Any]:
    """Return what tells equal images: by who has read them, else by reading; None where they cannot be."""
    from cnncodes.embedding import run_lanes
    from cnncodes.images import hash_contents

    known = next((one.contents for one in said.values() if one.contents is not None), None)
    if known is not None:
        return [*known[read]]
    return [content or None for content in run_lanes(hash_contents, kept, options.n_jobs)]


def _count_seen_groups(
    said: dict[str, _Said], records: list[ImageRecord], options: CompareOptions, reporter: Reporter
) -> dict[str, int]:
    """Return by name of how many images each classifier knows others of their groups; warn of them."""
    seen = dict.fromkeys(said, 0)
    for name, one in said.items():
        if one.trained is not None and (n := count_seen_groups(options, records, *one.trained)):
            seen[name] = n
            reporter.warn(
                f"{name} was trained on other images of the groups that {n} of these {len(records)} images"
                f" {agree(n, 'is')} of: its figures flatter. Put each group into one part"
            )
    return seen


def _describe(
    found: ClassifierComparison, models: tuple[str, ...], said: dict[str, _Said], seen: dict[str, int]
) -> Result:
    result: Result = to_plain(found)
    for pair, of_pair in zip(result["pairs"], found.pairs, strict=True):
        pair |= {"clear": of_pair.clear, "sentence": of_pair.describe()}
        given = [f"{name}: {said[name].why_no_proba}" for name in (pair["first"], pair["second"])]
        why = "; ".join(text for text in given if not text.endswith(": "))
        for key, reason in pair["missing"].items():
            if why and "no probabilities" in reason:
                pair["missing"][key] = f"{reason} ({why})"
    for entry, model in zip(result["classifiers"], models, strict=True):
        name, one = entry["name"], said[entry["name"]]
        entry |= {"model": model, "trained_on": one.trained_on, "groups_trained_on": seen[name]}
        entry["failed"] = len(one.silent)
    return result


def _name_models(models: tuple[str, ...]) -> dict[str, str]:
    """Return the path of each model by its file's name, or by itself where two have the same."""
    names = [Path(model).name for model in models]
    return {
        model if names.count(name) > 1 else name: model for name, model in zip(names, models, strict=True)
    }


def _check_kinds(models: tuple[str, ...]) -> None:
    """Raise `UsageError` unless all are of one class an image; asked before labels are taken for classes."""
    from cnncodes.estimators.saved_card import CLASSIFIER
    from cnncodes.estimators.saving import read_kind

    for model in models:
        if not is_prediction_file(model) and read_kind(model) != CLASSIFIER:
            raise UsageError(
                f"{model} predicts numbers, or several labels an image, and classifiers of one class an image"
                " are compared: 'cnncodes evaluate' gives the figures of each."
            )


def _ask(
    model: str, records: list[ImageRecord], options: CompareOptions, memory: str | None, reporter: Reporter
) -> _Said:
    """Return what a saved classifier says of the images."""
    import numpy as np

    from cnncodes.estimators.predictor import Predictor
    from cnncodes.estimators.saving import load_predictor

    predictor = load_predictor(model).with_max_pixels(options.max_pixels)
    assert isinstance(predictor, Predictor)  # as its card says
    found = predictor.predict_records(
        records,
        n_jobs=options.n_jobs,
        memory=memory,
        on_progress=reporter.progress(f"predicting with {model}"),
    )
    seen = int(found.trained_on.sum())
    if seen:
        reporter.warn(f"{model} was trained on, or chosen by, {seen} of these images: its figures flatter")
    labels = np.array(["" if label is None else str(label) for label in found.labels])
    classes = np.array([str(name) for name in found.classes])
    silent = {i: failure.reason for i, failure in found.failures.items()}
    trained = predictor.trained, predictor.trained_groups
    return _Said(labels, found.proba, classes, silent, seen, trained, found.contents)


def _look_up(name: str, path: str, records: list[ImageRecord], src: str) -> _Said:
    """Return what a file of answers says of the images; `name` is what it is called."""
    import numpy as np

    found = read_predictions(path)
    places = [found.rows.get(record.key) for record in records]
    if all(place is None for place in places):
        other = next(iter(found.rows), "none")
        raise SourceError(
            f"{path} answers none of the images of {src!r}: it names {other!r}, the images are such as"
            f" {records[0].key!r}. Predict the same source that is compared on."
        )
    silent = {i: f"it has no answer in {name}" for i, place in enumerate(places) if place is None}
    rows = [0 if place is None else place for place in places]
    proba = None if found.proba is None else found.proba[rows]
    labels = np.asarray(found.labels[rows])
    return _Said(labels, proba, found.classes, silent, 0, None, why_no_proba=found.why_no_proba)


def _check_classes(said: dict[str, _Said], labels: set[str]) -> None:
    """Raise `UsageError` where a file names no class of the images: nothing in it can be right."""
    for name, one in said.items():
        if is_prediction_file(name) and labels.isdisjoint(one.classes.tolist()):
            raise UsageError(
                f"no answer of {name} is a class of these images: it says"
                f" {name_some(one.classes.tolist(), 3)}, and the labels are {name_some(sorted(labels), 3)}."
                " Write both in the same way."
            )


def _warn_classes(said: dict[str, _Said], labels: set[str], read: list[int], reporter: Reporter) -> None:
    """Warn of classes that a saved classifier does not know, and of answers of a file that are no class."""
    for name, one in said.items():
        if is_prediction_file(name):  # which names no class that was never answered
            foreign = [str(label) for label in one.labels[read] if label not in labels]
            if foreign:
                n = len(foreign)
                reporter.warn(
                    f"{count(n, 'answer')} of {name} {agree(n, 'is')} of no class here, and"
                    f" count{'s' * (n == 1)} as wrong: {name_some(sorted(set(foreign)))}"
                )
        elif unknown := sorted(labels - set(one.classes.tolist())):
            reporter.warn(f"{name} does not know {name_some(unknown)}: these images count as wrong")


COMPARE = Command(
    name="compare",
    options=CompareOptions,
    run=run_compare,
    render=render_compare,
    summary="Say which of several classifiers is better on the same images, and whether that is sure.",
    example="cnncodes compare logistic.cnncodes svm.cnncodes test-photos/",
    results=("report", "n", "split", "pairs"),
)
