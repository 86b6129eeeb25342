"""Options that commands have in common, and what is asked of their values."""

from __future__ import annotations

from dataclasses import dataclass

from cnncodes.choices import POOLS
from cnncodes.commands.failures import check_limit
from cnncodes.errors import UsageError, suggest
from cnncodes.schema import option

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
    " a .csv or .parquet table, or the folder of the .parquet tables of one data set."
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
        raise UsageError(f"must be above 0 and below {2**31}. Got {seconds}.")


def check_random_state(number: int, most: int = 2**32 - 1) -> None:
    """Raise `UsageError` unless a number can decide what is drawn at random."""
    if not 0 <= number <= most:
        raise UsageError(f"must be a whole number from 0 to {most}. Got {number}.")


def check_views_state(number: int) -> None:
    """Raise `UsageError` unless a number can decide random views, which take more than other draws do."""
    check_random_state(number, 2**64 - 1)


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
        "Table: column that says what belongs together, such as a patient or photos in series; it stays on"
        " one side of a split.",
        default="group",
        metavar="NAME",
        empty=True,
    )
    holdout: float | None = option(
        "Where the source has no parts: make this share of each class, 0.2 or 20%, the part test, the rest"
        " train. The same images are held out each time; equal files and groups stay together.",
        default=None,
        share=True,
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
        "Unreadable images that are still a success: a number, or a share as in 1% or 0.01;"
        " 100% (not 1.0) allows all.",
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
        " lists them. Extra: report. [the network's own code]",
        default=None,
        metavar="NAME",
    )
    pool: str | None = option(
        "How the places of such a layer become one vector; stored codes keep theirs. [mean]",
        default=None,
        choices=POOLS,
    )


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
    """Raise `UsageError` unless it is an amount of memory, of 1M at least."""
    from cnncodes.embedding.memory import parse_budget

    parse_budget(memory)


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
