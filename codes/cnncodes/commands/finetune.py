"""``cnncodes finetune``: train the network itself, from the classical head on."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncodes.choices import BACKBONE, DECODE_MODES
from cnncodes.commands import common, inputs
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.figures import say_groups
from cnncodes.commands.holding import tell_holdout
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.suspicious_labels import warn_of_labels
from cnncodes.commands.tables import format_interval, format_table
from cnncodes.finetuning.setting_checks import KEEP
from cnncodes.finetuning.settings import TEST_VIEWS, TRAIN_VIEWS, WEIGHT_HELP, FineTuning
from cnncodes.heads.names import LINEAR
from cnncodes.schema import option

if TYPE_CHECKING:
    from cnncodes.finetuning.history import EpochFigures

#: What stages are called.
_STAGES = {"start": "the head as it is", "head": "stage 1 (head)", "network": "stage 2 (backbone and head)"}
#: Why it has no options for other tasks.
_CLASSES_ALONE = (
    "Fine-tuning is for classes, one an image: numbers and several labels an image are for a head on the"
    " codes ('cnncodes fit')."
)


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions(common.EmbeddingOptions, FineTuning):
    """Options of ``cnncodes finetune``."""

    src: str = option(
        "Labelled images: a folder of class folders, or a .csv or .parquet table. Of parts, 'train' is"
        " trained on, 'val' says when to stop, and 'test' tells what it was worth."
    )
    out: str = option(
        "Folder for the classifier, the tuned network and the log.", short="-o", metavar="FOLDER"
    )
    backbone: str = option(common.HELP_BACKBONE, default=BACKBONE, metavar="NAME")
    head: str = option(
        "Classical head that it starts from and is compared with.",
        default="logistic",
        choices=LINEAR,
    )
    train_views: str = option(
        f"Views of each training image, of which an epoch takes one: {common.HELP_VIEWS}. The head is trained"
        " on the fixed ones.",
        default=TRAIN_VIEWS,
        metavar="PLAN",
        check=common.check_views,
    )
    test_views: str = option(
        "Views of each image when predicting.", default=TEST_VIEWS, metavar="PLAN", check=common.check_views
    )
    keep: str = option(
        "Which classifier is saved; 'better': the tuned network where its gain on the validation images is"
        " clear (95 % interval above 0, exact test below 5 %), else the head.",
        default="better",
        choices=KEEP,
    )
    decode: str = option(common.HELP_DECODE, default=DECODE_MODES[0], choices=DECODE_MODES)
    class_weight: str | None = option(WEIGHT_HELP, default=None, choices=("balanced",))


def run_finetune(options: FinetuneOptions, reporter: Reporter) -> Result:
    """Fine-tune a network, compare it with its head, and save the better one."""
    from cnncodes.finetuning.world import World

    if World.find().is_first:
        return _finetune(options, reporter)
    silent = Reporter(io.StringIO(), quiet=True)  # the first process says everything once
    with silent.passing_warnings():
        return _finetune(options, silent)


def _finetune(options: FinetuneOptions, reporter: Reporter) -> Result:
    from cnncodes.finetuning.request import Request
    from cnncodes.finetuning.running import run_finetuning
    from cnncodes.finetuning.task import Listeners

    source = inputs.open_images(options.src, options)
    warn_of_labels([record for record in source.records if record.label is not None], reporter)
    tell_holdout(options.src, options, source.records, reporter)
    backbone = inputs.open_backbone(options.backbone, None, reporter)
    settings = {field.name: getattr(options, field.name) for field in dataclasses.fields(FineTuning)}
    request = Request(
        backbone=backbone,
        head=options.head,
        train_views=options.train_views,
        test_views=options.test_views,
        decode=options.decode,
        max_pixels=options.max_pixels,
        keep=options.keep,
        n_jobs=options.n_jobs,
    )
    held_out = not any(record.split == "val" for record in source.records)
    again = held_out and options.refit and options.keep != "head"
    tell = _tell(reporter, options, again=again)
    listeners = Listeners(reporter.note, reporter.progress, tell, reporter.warn)
    result = run_finetuning(source, options.out, request, FineTuning(**settings), listeners)
    if not result:
        return result  # of a process that helped the first one
    if result.get("already"):
        reporter.note(f"{options.out} holds this very fine-tuning, done: nothing was trained")
    failures = list(result["failed"].items())
    total = sum(record.label is not None for record in source.records)
    too_many = judge_failures(failures, total, options.max_failures, reporter)
    return {**result, TOO_MANY_FAILURES: too_many}


def _tell(
    reporter: Reporter, options: FinetuneOptions, *, again: bool
) -> Callable[[Sequence[EpochFigures]], None]:
    """Return what says in a line how each epoch went, and whether all images may be trained on after it."""
    from cnncodes.evaluation.intervals import Estimate
    from cnncodes.finetuning.comparison import say_points

    def tell(history: Sequence[EpochFigures]) -> None:
        one = history[-1]
        total = _count_epochs(history, options)
        if not one.images and one.stage == "start":
            return  # of a training on all images
        text = _STAGES[one.stage] + (", all images" if not one.images else "")
        text += f", epoch {one.epoch}/{total}: " if total else ": "
        if one.stage != "start":
            text += f"loss {one.loss:.4f}, "
        if one.images:
            text += (
                f"validation loss {one.validation_loss:.4g}, accuracy {one.accuracy:.3f} [{one.low:.3f},"
                f" {one.high:.3f}]"
            )
        if one.stage == "start" and one.gain:
            text += f" (the head itself: {one.accuracy - one.gain:.3f})"
        if one.images and one.stage != "start":
            gain = say_points(Estimate(one.gain, one.gain_low, one.gain_high, one.images))
            text += f" ({gain} beside the head), "
        if one.stage != "start":
            text += f"rate {one.rate:.1e}"
        if one.stage == "network" and total is not None:
            text += f" / {one.backbone_rate:.1e}" + estimate_left(history, total, options, again=again)
        text += f", {one.verdict}" if one.verdict else ""
        reporter.note(text + (", kept so far" if one.kept and one.images and one.stage != "start" else ""))

    return tell


def _count_epochs(history: Sequence[EpochFigures], options: FinetuneOptions) -> int | None:
    """Return how many epochs the stage at work has at most; of a training on all images, exactly."""
    from cnncodes.finetuning.history import count_epochs

    one = history[-1]
    if one.images:
        return {"head": options.freeze_epochs, "network": options.epochs}.get(one.stage)
    return count_epochs([former for former in history if former.images]).get(one.stage)


def estimate_left(
    history: Sequence[EpochFigures], total: int, options: FinetuneOptions, *, again: bool
) -> str:
    """Return in words how long the stage at work may take yet, and the training on all images after it.

    By the fastest of its epochs: the first ones take several times as long, as they make ready what all use.
    After one alone nothing is said.
    """
    one = history[-1]
    kind = one.stage, bool(one.images)
    own = [former.seconds for former in history if (former.stage, bool(former.images)) == kind]
    if len(own) < 2:
        return ""
    fastest = min(own)
    left = fastest * (total - one.epoch)
    more = fastest * total / (1 - options.validation) if again and one.images else 0.0
    said = [f"{format_seconds(left)} left of this stage at most"] if left >= 1 else []
    said += [f"{format_seconds(more)} to train once more if it is kept"] if more >= 1 else []
    return f", about {', and '.join(said)}" if said else ""


def render_finetune(result: Result) -> str:
    """Return the table of both classifiers, and in words whether it was worth it."""
    rows = [("images", "head alone", "95% interval", "fine-tuned", "95% interval", "difference", "n")]
    for part in ("validation", "test"):
        found = result[part]
        if found is not None:
            rows.append((part, *_format_part(found)))
    table, of_all = format_table(rows) + _say_groups(result), _say_learned(result)
    network = "Tuned network" if result["is_trained"] else "Network, as it was"
    return (
        f"{table}\n\n{of_all}{result['verdict']}\nTook {format_seconds(result['seconds'])}.\n"
        f"Classifier: {result['classifier']}\n{network}: {result['backbone']}\n"
    )


def _format_part(found: Result) -> tuple[str, str, str, str, str, str]:
    """Return the columns of a comparison; of the head's alone where there is no tuned network."""
    head, tuned, difference = (found[key] for key in ("head", "tuned", "difference"))
    of_head = f"{head['value']:.3f}", format_interval(head)
    if tuned is None:
        return *of_head, "-", "-", "-", f"{head['n']:,}"
    gain = f"{difference['value']:+z.3f} {format_interval(difference)}"
    return *of_head, f"{tuned['value']:.3f}", format_interval(tuned), gain, f"{head['n']:,}"


def _say_groups(result: Result) -> str:
    """Return how many groups of the images that judge the intervals draw, where these have any."""
    return say_groups(result["test"] or result["validation"])


def _say_learned(result: Result) -> str:
    """Return who has learned from how many images, where that differs."""
    given, trained, judged = (result[key] for key in ("head_trained", "trained", "judged_trained"))
    if given == judged:
        return ""
    if not result["is_trained"]:
        return (
            f"On the validation images the head was judged by what {judged:,} images had taught it; what is"
            f" kept has learned from {given:,}.\n"
        )
    if result["test"] is not None and given > trained:
        return (
            f"The head that the test images judge has learned from all {given:,} images, as 'cnncodes fit'"
            f" has it; the network from {trained:,} of them.\n"
        )
    kept = given if result["kept"] == "head" else trained
    if kept == judged:
        return ""
    return (
        f"On the validation images both were judged by what {judged:,} images had taught them; what is kept"
        f" has learned from {kept:,}.\n"
    )


FINETUNE = Command(
    name="finetune",
    options=FinetuneOptions,
    run=run_finetune,
    render=render_finetune,
    summary="Train the network itself on, from the classical head, and keep the better of the two"
    " (extra: finetune).",
    example="cnncodes finetune photos/ -o tuned",
    results=("out", "classifier", "backbone", "kept"),
    resumes=True,
    absent=dict.fromkeys(("--target", "--regression", "--label-delimiter"), _CLASSES_ALONE),
)
