"""Opening the images that a command is given, and choosing the part of them to work on."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.commands.failures import check_limit
from cnncodes.commands.suspicious_labels import warn_of_labels
from cnncodes.commands.tasks import is_table
from cnncodes.errors import SourceError, UsageError, suggest
from cnncodes.schema import option

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.backbones import Backbone
    from cnncodes.commands.reporter import Reporter
    from cnncodes.images import ImageRecord, ImageSource

BACKBONE = "efficientnet-lite0"
DECODE_CHOICES = ("exact", "fast", "nvimgcodec", "nvimgcodec-cpu")
HELP_BACKBONE = "Network that makes the codes: a name from 'cnncodes models list', or a folder with a card."
HELP_PRECISION = (
    "What the network computes in: fp32, fp16 or int8, where it has a file of that; bf16, by OpenVINO; or"
    " 'auto', the fastest file that counts as equal to fp32."
)
HELP_PROVIDER = (
    "What the network runs on: cpu, cuda, cuda:1, tensorrt, openvino, …; 'auto' takes a GPU where one starts,"
    " else the CPU."
)
HELP_DECODE = (
    "'fast' decodes large JPEGs at a reduced scale: quicker, with slightly different codes. 'nvimgcodec'"
    " decodes JPEGs on an NVIDIA GPU, 'nvimgcodec-cpu' by the same library without one."
)
HELP_MEMORY = "Folder that keeps codes between runs, so that each image meets the network once."
HELP_SRC = (
    "Images: a folder of class folders (also below train/ val/ test/), a flat folder, one image,"
    " or a .csv or .parquet table."
)
HELP_VIEWS = (
    "center (1 view), flip (2), tencrop (10), multicrop (50), train:K (K random ones), or a .toml file;"
    " 'cnncodes views list' names all"
)
HELP_JOBS = "Images worked on at once; one for each core by default."
HELP_RANDOM_VIEWS = "Decides random views that are given by name."


def check_positive(number: int) -> None:
    """Raise `UsageError` unless a number is at least 1."""
    if number < 1:
        raise UsageError(f"must be at least 1. Got {number}.")


def check_jobs(number: int) -> None:
    """Raise `UsageError` unless a number of jobs is positive or -1."""
    if number < 1 and number != -1:
        raise UsageError(f"must be a positive whole number, or -1 for one a core. Got {number}.")


def check_seconds(seconds: float) -> None:
    """Raise `UsageError` unless a number of seconds is above 0."""
    if not 0 < seconds < 2**31:
        raise UsageError(f"must be above 0. Got {seconds}.")


def check_random_state(number: int) -> None:
    """Raise `UsageError` unless a number can decide what is drawn at random."""
    if not 0 <= number < 2**32:
        raise UsageError(f"must be a whole number from 0 to {2**32 - 1}. Got {number}.")


def check_risk(risk: float) -> None:
    """Raise `UsageError` unless a share of wrong answers can be kept below it."""
    if not 0 < risk < 1:
        raise UsageError(f"must be between 0 and 1. Got {risk}.")


def check_folds(number: int) -> None:
    """Raise `UsageError` unless a number of folds leaves something to train on."""
    if number < 2:
        raise UsageError(f"must be at least 2. Got {number}.")


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise UsageError(f"must be above 0 and below 1. Got {share}.")


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Options of every command that opens a source of images."""

    path_column: str = option(
        "Table: column with the images' paths or bytes.", default="image", metavar="NAME", empty=True
    )
    label_column: str = option("Table: column with the labels.", default="label", metavar="NAME", empty=True)
    split_column: str = option(
        "Table: column that says train, val or test.", default="split", metavar="NAME", empty=True
    )
    group_column: str = option(
        "Table: column that says what belongs together, such as a patient; it stays on one side of a split.",
        default="group",
        metavar="NAME",
        empty=True,
    )
    holdout: float | None = option(
        "Where the source has no parts: make this share of each class the part test, the rest train."
        " The same images are held out each time; equal files and groups stay together.",
        default=None,
        metavar="SHARE",
        check=_check_share,
    )
    n_jobs: int | None = option(
        HELP_JOBS,
        default=None,
        short="-j",
        metavar="N",
        check=check_jobs,
    )


@dataclass(frozen=True, kw_only=True)
class DecodingOptions(SourceOptions):
    """Options of commands that decode images with a limit of the user's."""

    max_pixels: int | None = option(
        "Refuse images with more pixels than this, lest a small file fill the memory. [89478485]",
        default=None,
        metavar="N",
        check=check_positive,
    )


@dataclass(frozen=True, kw_only=True)
class FailureOptions(SourceOptions):
    """Options of commands that go on where an image cannot be read."""

    max_failures: str | int | float = option(
        "Unreadable images that are still a success: a number, or a share as in 1% or 0.01.",
        default="1%",
        metavar="N",
        check=check_limit,
    )


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions(FailureOptions, DecodingOptions):
    """Options of every command that sends images through the network."""


@dataclass(frozen=True, kw_only=True)
class LayerOptions:
    """Options of commands that make codes of other layers than the network's own."""

    layer: str | None = option(
        "Make codes of this layer, or of several, A,B, side by side; 'cnncodes models show NAME --layers'"
        " lists them. Extra: export. [the network's own code]",
        default=None,
        metavar="NAME",
    )
    pool: str | None = option(
        "How the places of such a layer become one vector; stored codes keep theirs. [mean]",
        default=None,
        choices=("mean", "max", "both"),
    )


def open_backbone(
    name: str,
    precision: str | None,
    reporter: Reporter,
    *,
    layer: str | None = None,
    pool: str | None = None,
    provider: str = "cpu",
) -> Backbone:
    """Load a network as `load_backbone` does; what it warns of, and what ``auto`` chose, is said."""
    from cnncodes.backbones import load_backbone

    chosen = provider if provider == "auto" else (provider,)
    with reporter.passing_warnings():
        backbone = load_backbone(name, precision=precision, layer=layer, pool=pool, providers=chosen)
    if "auto" in (provider, precision):
        reasons = f" ({'; '.join(backbone.passed_over)})" if backbone.passed_over else ""
        reporter.note(f"auto: {backbone.precision} on {backbone.providers[0]}{reasons}")
    return backbone


def check_provider(name: str) -> None:
    """Raise `UsageError` if there is no such provider; several are separated by commas."""
    from cnncodes.backbones.running.providers import parse_providers

    if name != "auto":
        parse_providers(name.split(","))


def check_batch_size(size: int | str) -> None:
    """Raise `UsageError` unless a batch size is a positive number, or is to be found out."""
    if size != "auto" and (isinstance(size, str) or size < 1):
        raise UsageError(f"must be at least 1, or auto. Got {size}.")


def check_memory(memory: str | int) -> None:
    """Raise `UsageError` unless it is an amount of memory."""
    from cnncodes.embedding.memory import parse_bytes

    parse_bytes(memory)


def check_automatic_jobs(number: int | str) -> None:
    """Raise `UsageError` unless a number of jobs is one, or is to be found out."""
    if isinstance(number, str):
        if number != "auto":
            raise UsageError(f"must be a positive whole number, -1 for one a core, or auto. Got {number}.")
    else:
        check_jobs(number)


def check_precision(name: str) -> None:
    """Raise `UsageError` if there is no such precision."""
    from cnncodes.backbones.precisions import CHOICES

    if name not in CHOICES:
        raise UsageError(f"unknown precision {name!r}. {suggest(name, CHOICES)}")


def check_views(name: str) -> None:
    """Raise `UsageError` if no plan has that name."""
    from cnncodes.views import ViewPlan

    ViewPlan.parse(name)


def open_images(src: str, reading: SourceOptions, *, by_class: bool = True) -> ImageSource:
    """Open a source of images; one image file is a source of one.

    `by_class` is false where its labels are numbers to predict.
    """
    from cnncodes.images import open_source
    from cnncodes.images.holdout import hold_out

    path = Path(src)
    if is_codes(path):
        raise UsageError(f"{src!r} is a codes dataset; give the images, or the table that lists them.")
    if path.is_file() and path.suffix.lower() not in (".csv", ".parquet", ".tsv"):
        return dataclasses.replace(open_source([path]), name=src)
    source = open_source(
        path,
        path_column=reading.path_column,
        label_column=reading.label_column,
        split_column=reading.split_column,
        group_column=reading.group_column,
    )
    return source if reading.holdout is None else hold_out(source, reading.holdout, by_class=by_class)


def is_codes(path: str | Path) -> bool:
    """Tell whether a path is a codes dataset."""
    # Shards without a manifest are one that is damaged, as opening it says.
    names = (file.name for file in Path(path).glob("data/part-*.parquet"))
    return (Path(path) / "manifest.json").is_file() or any(
        re.fullmatch(r"part-\d{5,}\.parquet", n) for n in names
    )


def choose_split(wanted: str | None, present: Iterable[str | None], preferred: str) -> str | None:
    """Return the part to work on: the one wanted, else `preferred` if the source has parts at all.

    Parameters
    ----------
    wanted : str or None
        ``"all"`` means every image.
    present : iterable of str or None
        The part of each image.
    preferred : str
        What is taken where nothing was said.

    Raises
    ------
    SourceError
        If the source has no such part.

    Examples
    --------
    >>> choose_split(None, ["train", "test"], "test"), choose_split(None, [None], "test")
    ('test', None)
    """
    parts = {part for part in present if part is not None}
    if wanted == "all":
        return None
    if wanted is None:
        if parts and preferred not in parts:
            raise SourceError(
                f"the source has parts ({', '.join(sorted(parts))}) but no {preferred!r}: say which with"
                " --split, or give --split all for every image."
            )
        return preferred if parts else None
    if wanted not in parts:
        found = f"its parts are {', '.join(sorted(parts))}" if parts else "it has no parts at all"
        advice = "Give --split all for every image" + ("." if parts else ", or --holdout 0.25 to make parts.")
        raise SourceError(f"the source has no part {wanted!r}: {found}. {advice}")
    return wanted


def labelled_part(
    src: str,
    reading: SourceOptions,
    split: str | None,
    preferred: str,
    reporter: Reporter,
    *,
    by_class: bool = True,
) -> tuple[list[ImageRecord], str | None]:
    """Return the labelled images of one part of a source, and the part's name; warn of those left out.

    `by_class` is false where its labels are numbers to predict.

    Raises
    ------
    SourceError
        If there are none.
    """
    source = open_images(src, reading, by_class=by_class)
    return take_part(source, src, reading, split, preferred, reporter, by_class=by_class)


def take_part(
    source: ImageSource,
    src: str,
    reading: SourceOptions,
    split: str | None,
    preferred: str,
    reporter: Reporter,
    *,
    by_class: bool = True,
) -> tuple[list[ImageRecord], str | None]:
    """Return what `labelled_part` does, of a source that is open."""
    from cnncodes.images import tell_omitted

    found, records, part = list_labelled(source, src, reading, split, preferred)
    for text in tell_omitted(found, by_part=part is not None):
        reporter.warn(text)
    if by_class:
        warn_of_labels(records, reporter)
    return records, part


def list_labelled(
    source: ImageSource, src: str, reading: SourceOptions, split: str | None, preferred: str
) -> tuple[list[ImageRecord], list[ImageRecord], str | None]:
    """Return the images that may be meant by a part of a source, its labelled ones, and the part's name.

    Raises
    ------
    SourceError
        If there are none that are labelled.
    """
    part = choose_split(split, (record.split for record in source.records), preferred)
    found = [record for record in source.records if part is None or record.split in (part, None)]
    records = [record for record in found if record.label is not None and part in (None, record.split)]
    if not records:
        where = f" in its part {part!r}" if part else ""
        raise SourceError(f"{src!r} holds no labelled images{where}: {_say_unlabelled(src, reading, found)}")
    return found, records, part


def _say_unlabelled(src: str, reading: SourceOptions, found: list[ImageRecord]) -> str:
    """Return why, or what was expected."""
    from cnncodes.images.table_files import read_table

    column = reading.label_column
    if found and is_table(src) and column in read_table(Path(src), {column}).names:
        return f"all {len(found):,} cells of its column {column!r} are empty."
    return f"expected one folder a class, or a table with a column {column!r}."


def count_trained(trained_on: npt.NDArray[np.bool_], readable: int, reporter: Reporter) -> int:
    """Return how many of the images to evaluate on were trained on, and warn if any."""
    count = int(trained_on.sum())
    if count:
        reporter.warn(
            f"{count} of these {readable} images {'was' if count == 1 else 'were'} trained on: the"
            " figures flatter. Evaluate on others (--split, --holdout)"
        )
    return count
