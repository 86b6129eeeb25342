"""What several labels an image change in ``cnncodes fit``: checks, the estimator, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.command import Result
from cnncodes.commands.few_images import FEW_SHOT
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.suspicious_labels import warn_of_several
from cnncodes.commands.tables import format_table
from cnncodes.errors import UsageError, agree
from cnncodes.plain import cut_names

if TYPE_CHECKING:
    from cnncodes.commands.fit_options import FitOptions
    from cnncodes.images import ImageRecord, ImageSource


def check_label_options(options: FitOptions) -> None:
    """Raise `UsageError` where an option does not go with several labels an image, or only with these."""
    if options.label_delimiter is None:
        if options.threshold is not None:
            raise UsageError("--threshold is for several labels an image: give --label-delimiter.")
        return
    given = {
        "--class-weight": options.class_weight is not None,
        "--memory-limit": options.memory_limit is not None,
        "--out-of-fold": options.out_of_fold,
    }
    for name in (name for name, is_given in given.items() if is_given):
        raise UsageError(f"{name} is not for several labels an image: leave it or --label-delimiter out.")


def read_labelled(
    src: str, options: Any, split: str | None, preferred: str, delimiter: str | None, reporter: Reporter
) -> tuple[list[ImageRecord], str | None]:
    """Return what `inputs.labelled_part` does, say what an empty cell means, and warn of names of labels."""
    source = inputs.open_images(src, options, by_class=False)
    return take_labelled(source, options, split, preferred, delimiter, reporter)


def take_labelled(
    source: ImageSource,
    options: Any,
    split: str | None,
    preferred: str,
    delimiter: str | None,
    reporter: Reporter,
) -> tuple[list[ImageRecord], str | None]:
    """Return what `read_labelled` does, of a source that is open."""
    found = inputs.take_part(source, source.name, options, split, preferred, reporter, by_class=False)
    warn_of_several([record.label for record in found[0]], delimiter, reporter)
    tell_empty(any(record.label is None for record in source.records), delimiter, reporter)
    return found


def tell_empty(are_empty: bool, delimiter: str | None, reporter: Reporter) -> None:
    """Say what an empty label means, where there are any."""
    if are_empty:
        reporter.note(
            "an empty label is of an image that nobody has labelled, which is left out: where none of the"
            f" labels applies write {(delimiter or '|')!r} alone"
        )


def describe_labels(classifier: Any) -> Result:
    """Return what a fitted classifier of several labels has."""
    names = [str(name) for name in classifier.classes_]
    held_out = classifier.head_.held_out_  # all images that count, unless none could be held out
    counts = None if held_out is None else held_out.y.sum(axis=0).astype(int).tolist()
    return {
        "classes": names,
        "label_delimiter": classifier.label_delimiter,
        "images_of_label": None if counts is None else dict(zip(names, counts, strict=True)),
        "thresholds": dict(zip(names, classifier.thresholds_.tolist(), strict=True)),
    }


def warn_of_few_labels(described: Result, reporter: Reporter) -> None:
    """Say in one line what so few images of a label cannot tell; of one alone the estimator says it."""
    counts = {name: n for name, n in (described["images_of_label"] or {}).items() if n > 1}
    few = [name for name, n in counts.items() if n <= FEW_SHOT]
    if few:
        least = min(few, key=lambda name: counts[name])
        reporter.warn(
            f"{len(few)} of {len(counts)} labels {agree(len(few), 'is')} on at most {FEW_SHOT} images (the"
            f" fewest, {counts[least]}: {least!r}): their probabilities and thresholds are made by so few"
            " that both are mostly chance"
        )


def render_labels(result: Result) -> str:
    """Say what was trained, and from which probability on each label is named."""
    from cnncodes.estimators.settings import say_settings

    chosen = say_settings(result["chosen"], result)
    rows = [("label", "images", "named from")]
    counts, thresholds = result["images_of_label"], result["thresholds"]
    for shown, (name, threshold) in zip(cut_names(list(thresholds)), thresholds.items(), strict=True):
        rows.append((shown, "-" if counts is None else str(counts[name]), f"{threshold:.3f}"))
    labels = "1 label" if len(rows) == 2 else f"{len(rows) - 1} labels"
    return (
        f"{result['chosen']}{chosen} trained on {result['images']:,} images with {labels} in"
        f" {format_seconds(result['seconds'])}.\n{format_table(rows)}\nClassifier: {result['out']}\n"
    )


def choose_delimiter(names: list[str], given: str | None) -> str:
    """Return what is to stand between labels in a text.

    Raises
    ------
    UsageError
        If a label contains it.
    """
    delimiter = given or "|"
    if found := [name for name in names if delimiter in name]:
        raise UsageError(
            f"the label {found[0]!r} contains {delimiter!r}, which is to divide labels: choose another"
            " --label-delimiter."
        )
    return delimiter


def join_labels(labels: list[str], delimiter: str) -> str:
    """Return the labels of an image as one text; of none the delimiter.

    Examples
    --------
    >>> join_labels(["sea", "sky"], "|"), join_labels([], "|")
    ('sea|sky', '|')
    """
    return delimiter.join(labels) or delimiter
