"""The options of ``cnncodes fit``."""

from __future__ import annotations

from dataclasses import dataclass

from cnncodes.choices import BACKBONE, DECODE_MODES
from cnncodes.commands import common
from cnncodes.commands.tasks import delimiter_option
from cnncodes.heads.names import HEADS, MULTILABEL_HEADS, REGRESSION_HEADS
from cnncodes.schema import option


def _check_threshold(threshold: str | float) -> None:
    from cnncodes.heads.multilabel.scorers import check_threshold

    check_threshold(threshold)


@dataclass(frozen=True, kw_only=True)
class LabelFitOptions:
    """Options of ``cnncodes fit`` for several labels an image."""

    label_delimiter: str | None = delimiter_option(
        "Several labels an image, or none: what divides them in its text, '|' for 'sea|sky'. Alone it means"
        " none of them."
    )
    threshold: str | float | None = option(
        "Several labels: the probability from which on one is named, for all; or 'f1', for each label the"
        " one with the best F1 on held-out images. [f1]",
        default=None,
        metavar="P",
        share=True,
        check=_check_threshold,
    )


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
        "Table: column with numbers to predict, instead of classes.",
        default=None,
        metavar="COLUMN",
        once=True,
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
        f"{common.HELP_BACKBONE} [{BACKBONE}; codes: the one that made them]",
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
        f"{common.HELP_DECODE} [exact; codes: as they were made]", default=None, choices=DECODE_MODES
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
        " classes, numbers and several labels. Where no folds can be made nothing is saved.",
        default=None,
        metavar="FOLDS",
        check=common.check_folds,
    )
    repeats: int = option(
        "Divisions into folds for --cv, no two alike; few groups may have fewer.",
        default=1,
        metavar="N",
        check=common.check_positive,
    )
    memory: str | None = option(common.HELP_MEMORY, default=None, metavar="FOLDER")
    memory_limit: str | int | None = option(
        "What a fit on stored codes may take, as reckoned before: with all codes in memory six copies of them"
        " and five a thread (-j), beside about 0.45 GB of Python and its libraries; where that is more, the"
        " whole process, which reads them in blocks: 2G, 500M. [half of the machine's]",
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
        "What to do with images that cannot be read: leave them out, or end once the 1,024 images that the"
        " first is among have been tried; codes in --memory stay.",
        default="skip",
        choices=("skip", "raise"),
    )
