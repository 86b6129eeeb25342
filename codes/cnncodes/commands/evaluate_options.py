"""The options of ``cnncodes evaluate``."""

from __future__ import annotations

from dataclasses import dataclass

from cnncodes.commands import common
from cnncodes.commands.outputs import check_report_name
from cnncodes.commands.tasks import delimiter_option
from cnncodes.schema import option


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(common.EmbeddingOptions):
    """Options of ``cnncodes evaluate``."""

    model: str = option("Saved classifier or regressor, as 'cnncodes fit' wrote it.")
    src: str = option(
        "Labelled images: a folder of class folders, or a .csv or .parquet table; or codes of such, as"
        " 'cnncodes embed' stored them (no page)."
    )
    split: str | None = option(
        "Part of the source to evaluate on; 'all' for every image. [test, if it has parts]",
        default=None,
        metavar="PART",
    )
    report: str | None = option(
        "File for all figures: .json, with each image's prediction, or .html, a page to look at, with"
        " mistakes (of numbers the largest errors), maps of what decided, and a map of the codes.",
        default=None,
        short="-o",
        metavar="FILE",
        check=check_report_name,
    )
    train: str | None = option(
        "Page: training images, to show those nearest to each image: a folder or table, or none. What"
        " their codes"
        " cost --memory saves. [the part train of SRC, if it has one]",
        default=None,
        metavar="SRC",
    )
    checks: str = option(
        "Page: whether the data are checked, test and training images: copies, suspected labels or numbers,"
        " leaks. 'auto' does it for up to 5,000 images; more take minutes.",
        default="auto",
        choices=("auto", "always", "never"),
    )
    baseline: str | None = option(
        "Page: report (.json) of 'cnncodes baseline' on the same images, to show how good against cost, and"
        " the learning curve.",
        default=None,
        metavar="FILE",
    )
    top_k: int = option(
        "For the top-k accuracy: the class is among the K most probable; at most one less than there are"
        " classes.",
        default=5,
        metavar="K",
        check=common.check_positive,
    )
    target: str | None = option(
        "Table: column with the numbers, of a regressor. [the one that it was fitted to]",
        default=None,
        metavar="COLUMN",
        once=True,
    )
    label_delimiter: str | None = delimiter_option(
        "What divides several labels of an image. [the one that the classifier was fitted with]"
    )
    abstain: float | None = option(
        "Say, too, what 'predict --abstain RISK' comes to here: how many images are answered, how many of the"
        " answers are wrong, against what was promised, and accuracy against coverage.",
        default=None,
        metavar="RISK",
        share=True,
        check=common.check_risk,
    )
    memory: str | None = option(common.HELP_MEMORY, default=None, metavar="FOLDER")
