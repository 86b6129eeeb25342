"""What labels of a source mean: a class each, numbers to predict, or several labels an image."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cnncodes.disk import TABLES
from cnncodes.errors import UsageError
from cnncodes.schema import option

if TYPE_CHECKING:
    from cnncodes.evaluation.figures import Figure
    from cnncodes.evaluation.task_names import TaskName

#: What makes a source one of such, by what is to be predicted.
ADVICE: dict[TaskName, str] = {
    "classes": "leave --target, --regression and --label-delimiter out",
    "numbers": "give --target COLUMN or --regression",
    "labels": "give --label-delimiter",
}
_Options = TypeVar("_Options", bound=Any)


def delimiter_option(help: str) -> Any:
    """Make the option ``--label-delimiter``."""
    return option(help, default=None, metavar="TEXT")


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """Options that say what labels mean."""

    target: str | None = option(
        "Table: column with numbers to predict, instead of classes.",
        default=None,
        metavar="COLUMN",
        once=True,
    )
    regression: bool = option(
        "The labels are numbers to predict: of a table's label column, or names of folders.", default=False
    )
    label_delimiter: str | None = delimiter_option(
        "Several labels an image, or none: what divides them in its text, '|' for 'sea|sky'. Alone it means"
        " none of them."
    )


@dataclass(frozen=True)
class Meaning:
    """What labels mean; one class an image unless it is said otherwise.

    Attributes
    ----------
    regression : bool
        They are numbers.
    label_delimiter : str or None
        They are several, divided by that.

    Examples
    --------
    >>> Meaning().name, Meaning(regression=True).figure.name
    ('classes', 'mean absolute error')
    """

    regression: bool = False
    label_delimiter: str | None = None

    @property
    def name(self) -> TaskName:
        """What is predicted."""
        if self.regression:
            return "numbers"
        return "classes" if self.label_delimiter is None else "labels"

    @property
    def title(self) -> str:
        """What is predicted, as text says it."""
        from cnncodes.evaluation.task_names import TITLES

        return TITLES[self.name]

    @property
    def by_class(self) -> bool:
        """Whether each image has one class."""
        return self.name == "classes"

    @property
    def several(self) -> bool:
        """Whether an image has several labels."""
        return self.label_delimiter is not None

    @property
    def figure(self) -> Figure:
        """What ways to predict such are compared by."""
        from cnncodes.evaluation.figures import FIGURES
        from cnncodes.evaluation.task_names import COMPARED_BY

        return FIGURES[COMPARED_BY[self.name]]


#: One class an image.
CLASSES = Meaning()


def find_meaning(options: Any) -> Meaning:
    """Return what options such as `TaskOptions` say that labels mean."""
    return Meaning(options.regression or options.target is not None, options.label_delimiter)


def check_task(options: Any) -> None:
    """Raise `UsageError` where such options contradict each other, or ``--target`` the source."""
    meaning = find_meaning(options)
    if meaning.regression and meaning.several:
        numbers = "--regression" if options.target is None else "--target"
        raise UsageError(f"{numbers} is not for several labels an image: leave it or --label-delimiter out.")
    if options.target is not None:
        check_target(options.src)
        column = getattr(options, "label_column", options.target)
        if column not in (options.target, getattr(type(options), "label_column", None)):
            raise UsageError(
                f"--target {options.target} and --label-column {column} both name the column of what is to be"
                " predicted: give one of them."
            )


def check_target(src: str) -> None:
    """Raise `UsageError` unless a source is a table, of which ``--target`` names a column."""
    if not is_table(src):
        raise UsageError("--target names a column: expected a .csv, .tsv or .parquet table of images.")


def is_table(src: str | Path) -> bool:
    """Say whether a source is a table of images, or the folder of those of one data set."""
    return find_table(src) is not None


def find_table(src: str | Path) -> Path | None:
    """Return a source that is a table, of several of one data set the first; None where it is none."""
    from cnncodes.images.table_parts import find_parts

    path = Path(src)
    if os.path.isdir(path):
        return next((path / part.name for part in find_parts(path)), None)
    return path if path.suffix.lower() in TABLES else None


def read_target(options: _Options) -> _Options:
    """Return options that read labels from the column that ``--target`` names, where it is given."""
    return options if options.target is None else replace(options, label_column=options.target)


def check_given(model: str, name: TaskName, given: Mapping[str, tuple[bool, TaskName]]) -> None:
    """Raise `UsageError` where an option is given that is for something else than a model predicts.

    Parameters
    ----------
    model : str
        Its file.
    name : {"classes", "numbers", "labels"}
        What it predicts.
    given : mapping of str to (bool, {"classes", "numbers", "labels"})
        Of each option whether it is given, and what it is for.

    Examples
    --------
    >>> check_given("m", "numbers", {"--abstain": (False, "classes"), "--coverage": (True, "numbers")})
    """
    from cnncodes.evaluation.task_names import TITLES

    for flag, (is_given, what) in given.items():
        if is_given and what != name:
            said = ["one class an image" if one == "classes" else TITLES[one] for one in (what, name)]
            raise UsageError(f"{flag} is for {said[0]}: {model!r} predicts {said[1]}.")
