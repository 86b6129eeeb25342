"""The options of ``cnncodes predict``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.commands import common
from cnncodes.commands.tasks import delimiter_option
from cnncodes.errors import UsageError
from cnncodes.schema import option, read_share

SUFFIXES = (".csv", ".parquet")


def _check_out(path: str) -> None:
    if Path(path).suffix.lower() not in SUFFIXES:
        advice = " As JSON they go to stdout, by --json." if Path(path).suffix.lower() == ".json" else ""
        raise UsageError(f"must end in {' or '.join(SUFFIXES)}. Got {path!r}.{advice}")


def _check_priors(priors: tuple[str, ...]) -> None:
    parse_priors(tuple(priors), {})


def parse_priors(priors: tuple[str, ...], classes: dict[str, Any]) -> Any:
    """Return shares by class from texts such as ``cat=0.9``; None where there are none.

    Parameters
    ----------
    priors : tuple of str
    classes : dict of str to object
        Each class by its text; one that is not there stays its text.

    Raises
    ------
    UsageError
        If a text is none such, or a class is given twice.

    Examples
    --------
    >>> parse_priors(("1=90%", "a=b=0.1"), {"1": 1})
    {1: 0.9, 'a=b': 0.1}
    """
    if priors in ((), ("estimate",)):
        return priors[0] if priors else None
    found: dict[Any, float] = {}
    for text in priors:
        name, _, share = text.rpartition("=")
        try:
            number = read_share(share)
        except ValueError:
            number = -1.0
        if not name or number < 0:
            raise UsageError(f"must be CLASS=SHARE, as in cat=0.9, or estimate alone. Got {text!r}.")
        if classes.get(name, name) in found:
            raise UsageError(f"{name!r} is given twice.")
        found[classes.get(name, name)] = number
    return found


@dataclass(frozen=True, kw_only=True)
class PredictOptions(common.EmbeddingOptions):
    """Options of ``cnncodes predict``."""

    model: str = option("Saved classifier or regressor, as 'cnncodes fit' wrote it.")
    src: str = option(f"{common.HELP_SRC[:-1]}; or the codes of such, as 'cnncodes embed' stored them.")
    out: str | None = option(
        "File for the predictions, .csv or .parquet; without it they go to stdout as CSV.",
        default=None,
        short="-o",
        metavar="FILE",
        check=_check_out,
    )
    top_k: int = option("Classes named for each image.", default=1, metavar="K", check=common.check_positive)
    abstain: float | None = option(
        "Leave the class empty where it is not sure: of those named, at most this share is wrong, with 95 %"
        " confidence for images like those trained on (0.05, or 5%, is a twentieth). Adds the column"
        " 'answered', which does not regard --novelty: take what is answered and has a novelty below 0.95.",
        default=None,
        metavar="RISK",
        share=True,
        check=common.check_risk,
    )
    coverage: float | None = option(
        "Numbers: share of truths that the columns 'low' and 'high' are to enclose, of images like those"
        " trained on. [0.9]",
        default=None,
        share=True,
        check=common.check_risk,
    )
    novelty: bool = option(
        "Add the column 'novelty', from 0 to 1: the share of training images that are less unusual. One in"
        " twenty images like those trained on has 0.95 or more. Answers are given all the same, also by"
        " --abstain.",
        default=False,
    )
    priors: tuple[str, ...] = option(
        "Share of a class among these images, where it is another one than in training; may be given for each"
        " class, the others share the rest. 'estimate': those that are most likely by these images.",
        default=(),
        metavar="CLASS=SHARE",
        check=_check_priors,
    )
    label_delimiter: str | None = delimiter_option(
        "What is to stand between several labels of an image in the column 'labels'. [the one that the"
        " classifier was fitted with, else |]"
    )
    split: str | None = option("Only this part of the source.", default=None, metavar="PART")
    memory: str | None = option(common.HELP_MEMORY, default=None, metavar="FOLDER")
