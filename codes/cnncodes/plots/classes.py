"""Plots of how good a classifier is: what it takes for what, class by class, and its probabilities."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

from cnncodes.errors import UsageError, count, sentence
from cnncodes.evaluation.figures import FIGURES
from cnncodes.plots.axes import check_result, choose_colors, show_names, take_axes, write_title

if TYPE_CHECKING:
    from cnncodes.evaluation import Evaluation

#: Classes up to which each cell of a confusion matrix has its number, and each row its name.
_NUMBERED, _NAMED = 20, 60
#: What is plotted.
_RESULT = ("confusion", "the evaluation of `evaluate_predictions`")


def plot_confusion(evaluation: Evaluation, *, ax: Any = None) -> Any:
    """Plot the confusion matrix: numbers of images, coloured by their share of the true class.

    Parameters
    ----------
    evaluation : Evaluation
        What `cnncodes.evaluation.evaluate_predictions` gave. Up to 20 classes cells have their numbers, up to
        60 rows and columns their names.
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If something else is given, or `ax` is none.
    BackendMissing
        If Matplotlib is not installed.

    Examples
    --------
    >>> from cnncodes.evaluation import evaluate_predictions
    >>> figures = evaluate_predictions(["cat", "cat", "dog"], ["cat", "dog", "dog"], ["cat", "dog"])
    >>> axes = plot_confusion(figures)
    >>> [text.get_text() for text in axes.texts], axes.get_ylabel()
    (['1', '1', '1'], 'true class')
    """
    import numpy as np

    check_result(evaluation, *_RESULT)
    counts = np.array(evaluation.confusion)
    names = show_names(figures.name for figures in evaluation.per_class)
    if counts[:, -1].any():
        names.append("no class")
    counts = counts[:, : len(names)]
    of_class = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(of_class, 1)
    side = min(10.0, 3.0 + 0.32 * len(counts))
    axes = take_axes(ax, (side + 0.8, side))
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    axes.figure.colorbar(picture, ax=axes, shrink=0.8, label="share of the true class")
    picture.colorbar.ax.tick_params(labelsize="small")
    if len(counts) <= _NUMBERED:
        for row, column in np.argwhere(counts):
            color = "white" if shares[row, column] > 0.55 else "black"
            said = f"{counts[row, column]:,}"
            axes.text(column, row, said, ha="center", va="center", fontsize="small", color=color)
    if len(counts) <= _NAMED:
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize="small")
        axes.set_yticks(range(len(counts)), names[: len(counts)], fontsize="small")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    write_title(axes, *_list_accuracy(evaluation), within=ax is not None)
    return axes


def plot_classes(evaluation: Evaluation, *, most: int = 30, ax: Any = None) -> Any:
    """Plot the share of each class's images that were found, with 95 % intervals, the least found on top.

    Parameters
    ----------
    evaluation : Evaluation
        What `cnncodes.evaluation.evaluate_predictions` gave.
    most : int
        Classes that are shown; of more those with the least recall.
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If `most` is no whole number of at least 1, something else is given, or `ax` is none.
    BackendMissing
        If Matplotlib is not installed.

    Examples
    --------
    >>> from cnncodes.evaluation import evaluate_predictions
    >>> figures = evaluate_predictions(["cat", "cat", "dog"], ["cat", "dog", "dog"], ["cat", "dog"])
    >>> [label.get_text() for label in plot_classes(figures).get_yticklabels()]
    ['cat (2)', 'dog (1)']
    """
    check_result(evaluation, *_RESULT)
    if not isinstance(most, Integral) or isinstance(most, bool) or most < 1:
        raise UsageError(f"most must be a whole number of at least 1. Got {most!r} instead.")
    occurring = [figures for figures in evaluation.per_class if figures.recall.n]
    shown = sorted(occurring, key=lambda figures: figures.recall.value)[:most]
    axes = take_axes(ax, (6.4, 1.2 + 0.28 * len(shown)))
    colors = choose_colors(axes)
    for row, figures in enumerate(shown):
        found = figures.recall
        if found.low <= found.high:  # it has an interval
            axes.plot([found.low, found.high], [row, row], "-", color=colors.data, alpha=0.5, linewidth=3)
        axes.plot([found.value], [row], "o", color=colors.data)
    short = show_names(figures.name for figures in shown)
    names = [f"{name} ({figures.recall.n:,})" for name, figures in zip(short, shown, strict=True)]
    axes.set_yticks(range(len(shown)), names, fontsize="small")
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("recall: share found")
    left_out = len(occurring) - len(shown)
    further = [f"{left_out} classes are not shown"] * bool(left_out)
    write_title(axes, *_list_accuracy(evaluation), *further, within=ax is not None)
    axes.grid(axis="x", alpha=0.3)
    return axes


def plot_reliability(evaluation: Evaluation, *, ax: Any = None) -> Any:
    """Plot the share of right answers against the probability that they were given with.

    Parameters
    ----------
    evaluation : Evaluation
        What `cnncodes.evaluation.evaluate_predictions` gave, of probabilities. The more images a disc stands
        for, the larger it is.
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If the predictions had no probabilities, something else is given, or `ax` is none.
    BackendMissing
        If Matplotlib is not installed.

    Examples
    --------
    >>> from cnncodes.evaluation import evaluate_predictions
    >>> figures = evaluate_predictions(["cat", "dog"] * 10, [[0.8, 0.2]] * 20, ["cat", "dog"])
    >>> axes = plot_reliability(figures)
    >>> axes.get_xlabel(), axes.get_title()
    ('probability given', 'calibration error 0.286 [0.050, 0.550], 20 images')
    """
    check_result(evaluation, *_RESULT)
    found = evaluation.calibration
    if found is None:
        why = evaluation.missing.get("calibration_error", "the evaluation has no probabilities")
        raise UsageError(f"there is no reliability diagram: {sentence(why)}")
    axes = take_axes(ax, (5.4, 5.4))
    colors = choose_colors(axes)
    most = max(part.n for part in found.bins)
    axes.plot([0, 1], [0, 1], "--", color=colors.line, linewidth=1, label="as they should be")
    given, right = [part.probability for part in found.bins], [part.accuracy for part in found.bins]
    axes.plot(given, right, "-", color=colors.data, alpha=0.5)
    sizes = [20 + 100 * part.n / most for part in found.bins]
    axes.scatter(given, right, s=sizes, color=colors.data, label="answers", zorder=3)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.set_xlabel("probability given")
    axes.set_ylabel("share of right answers")
    said = FIGURES["accuracy"].say(found.error, "calibration error")
    write_title(axes, said, count(found.error.n, "image"), within=ax is not None)
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small")
    return axes


def _list_accuracy(evaluation: Evaluation) -> tuple[str, str]:
    return FIGURES["accuracy"].say(evaluation.accuracy), count(evaluation.n, "image")
