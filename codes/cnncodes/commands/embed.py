"""``cnncodes embed``: from images to a codes dataset."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.choices import BACKBONE, CHECKS, DECODE_MODES, DTYPES, REDUCTIONS, SHARD_IMAGES
from cnncodes.commands import common, inputs
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.holding import tell_holdout
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.tasks import delimiter_option
from cnncodes.errors import count
from cnncodes.schema import option

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone


@dataclass(frozen=True, kw_only=True)
class EmbedOptions(common.EmbeddingOptions, common.LayerOptions):
    """Options of ``cnncodes embed``."""

    src: str = option(common.HELP_SRC)
    out: str = option(
        "Folder of the codes dataset; run again, it goes on where it stopped.", short="-o", metavar="FOLDER"
    )
    backbone: str = option(common.HELP_BACKBONE, default=BACKBONE, metavar="NAME")
    precision: str | None = option(
        f"{common.HELP_PRECISION} [fp32]",
        default=None,
        metavar="PRECISION",
        check=common.check_precision,
    )
    provider: str = option(
        f"{common.HELP_PROVIDER} Several GPUs, A,B: cuda:0,cuda:1.",
        default="cpu",
        metavar="NAME",
        check=common.check_provider,
    )
    views: str = option(
        f"Views of each image: {common.HELP_VIEWS}.",
        default="center",
        metavar="PLAN",
        check=common.check_views,
    )
    random_state: int = option(
        common.HELP_RANDOM_VIEWS, default=0, metavar="N", check=common.check_views_state
    )
    reduce: str = option(
        "'mean' stores one row an image, the mean over its views; 'none' one a view.",
        default=REDUCTIONS[0],
        choices=REDUCTIONS,
    )
    split: str | None = option(
        "Only this part of the source: train, val, test or all.", default=None, metavar="PART"
    )
    label_delimiter: str | None = delimiter_option(
        "The labels are texts of several each, with this between them, which 'fit' divides. They are kept as"
        " they are; --holdout takes its share of all images, and not of each text."
    )
    decode: str = option(common.HELP_DECODE, default=DECODE_MODES[0], choices=DECODE_MODES)
    max_memory: str | int | None = option(
        "What the images that are decoded at the same time may take: 2G, 500M. One that takes more is decoded"
        " alone; one that takes more than the machine has left fails. [a quarter of the machine's]",
        default=None,
        metavar="SIZE",
        check=common.check_memory,
    )
    dtype: str = option("Precision of the stored codes.", default=DTYPES[0], choices=DTYPES)
    batch_size: int | str | None = option(
        "Views in one call of the network; 'auto' measures once what is fastest here. [CPU: 8, else 64]",
        default=None,
        metavar="N",
        check=common.check_batch_size,
    )
    n_jobs: int | str | None = option(  # type: ignore[assignment]  # what others take, and a word more
        f"{common.HELP_JOBS.rstrip('.')}; 'auto' measures once what is fastest here.",
        default=None,
        short="-j",
        metavar="N",
        check=common.check_automatic_jobs,
    )
    isolate: bool = option(
        "Decode in processes of their own, so that a picture which crashes the decoder, or has it hang, costs"
        " itself and not the job.",
        default=False,
    )
    decode_seconds: float | None = option(
        "With --isolate: give up a picture whose decoding takes longer. [60]",
        default=None,
        metavar="SECONDS",
        check=common.check_seconds,
    )
    shard_images: int = option(
        "Images in one file of the dataset: the most that a killed job does again.",
        default=SHARD_IMAGES,
        metavar="N",
        check=common.check_positive,
    )
    check: str = option(
        "By what a stored image counts as unchanged: size and time of its file (stat), or also its content,"
        " for which every file is read.",
        default=CHECKS[0],
        choices=CHECKS,
    )
    retry_failed: bool = option(
        "Try images again that could not be used before, although their files, and the limits they met, are"
        " as they were.",
        default=False,
    )
    remove_missing: bool = option(
        "Let any number of stored images go that the source lacks, or that are no pictures any more;"
        " otherwise more than ten and more than a tenth of them are an error, so are all of them, and more"
        " than ten of any number where some are no pictures any more. Renamed files do not count.",
        default=False,
    )


def run_embed(options: EmbedOptions, reporter: Reporter) -> Result:
    """Embed a source of images into a codes dataset."""
    from cnncodes.embedding import embed
    from cnncodes.store import Manifest

    # Texts of several labels are no classes to take a share of.
    by_class = options.label_delimiter is None
    source = inputs.open_images(options.src, options, by_class=by_class, unlisted="record")
    tell_holdout(options.src, options, source.records, reporter, by_class=by_class)
    split = None
    if options.split is not None:
        split = inputs.choose_split(options.split, (record.split for record in source.records), options.split)
    backbones = _open_backbones(options, reporter)
    shared = inspect.signature(embed).parameters  # of one name, and so of one meaning
    given = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if field.name in shared
    }
    summary = embed(
        **{**given, "src": source, "backbone": backbones, "split": split},
        on_progress=reporter.progress("embedding"),
        on_note=reporter.note,
    )
    failures = [(failure.key, failure.reason) for failure in summary.failures]
    result = {field.name: getattr(summary, field.name) for field in dataclasses.fields(summary)}
    return {
        **result,
        "seconds": round(summary.seconds, 3),
        "space": Manifest.read(Path(options.out)).space.to_dict(),
        "failures": [{"image": f.key, "stage": f.stage, "reason": f.reason} for f in summary.failures],
        TOO_MANY_FAILURES: judge_failures(failures, summary.images, options.max_failures, reporter),
    }


def _open_backbones(options: EmbedOptions, reporter: Reporter) -> list[Backbone]:
    """Return a session of the network for each provider that is named."""
    return [
        inputs.open_backbone(
            options.backbone,
            options.precision,
            reporter,
            layer=options.layer,
            pool=options.pool,
            provider=provider,
        )
        for provider in options.provider.split(",")
    ]


def render_embed(result: Result) -> str:
    """Say in two lines what was embedded."""
    counts = [f"{result['embedded']:,} of {result['images']:,} images embedded"]
    for name, word in (
        ("copies", "of them copies of others"),
        ("unchanged", "already there"),
        ("relabelled", "of them with another label, part or group now"),
        ("removed", "removed"),
        ("failed", "failed"),
        ("given_up", "of them with the codes from before given up"),
        ("out_of_reach", "of them out of reach or too large for the memory, whose codes from before stay"),
        ("still_failed", "of them as before and not tried again (--retry-failed tries them)"),
    ):
        if result[name]:
            counts.append(f"{result[name]:,} {word}")
    return (
        f"{', '.join(counts)}{_describe_rows(result)} in {format_seconds(result['seconds'])}"
        f"{_describe_runs(result)}.\n"
        f"Codes: {result['out']}\n"
    )


def _describe_rows(result: Result) -> str:
    if not result["rows"]:
        return ""
    text = f"; {count(result['rows'], 'row')} of {result['space']['code_size']} numbers"
    if result["rows"] < result["views"]:
        text += f", each the mean of an image's views ({result['views']:,} in all)"
    return text


def _describe_runs(result: Result) -> str:
    if not result["rows"] or result["views_run"] >= result["views"]:
        return ""
    return f"; the network ran {count(result['views_run'], 'time')}, since what is identical is run once"


EMBED = Command(
    name="embed",
    options=EmbedOptions,
    run=run_embed,
    render=render_embed,
    summary="Turn images into CNN codes, kept as a Parquet dataset.",
    example="cnncodes embed photos/ -o photos.codes --views flip",
    results=("out", "images", "embedded", "rows", "views", "views_run"),
    resumes=True,
)
