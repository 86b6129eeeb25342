"""Plots of several labels an image."""

from __future__ import annotations

from typing import Any

from cnncodes.errors import UsageError, count
from cnncodes.plots.axes import add_legend, has_two_columns, show_names, take_axes


def plot_precision_recall(y: Any, proba: Any, classes: Any, *, ax: Any = None) -> Any:
    """Plot precision against recall, a line a label, which a legend names with its average precision.

    Parameters
    ----------
    y : sequence of sets of labels, or an indicator with columns as `classes`
        The truth, as of `cnncodes.evaluation.evaluate_multilabel`. Labels that are no classes have no line,
        nor has one that no image has.
    proba : array-like of float, shape (n_images, n_labels)
        Probabilities, or any values that order the images.
    classes : array-like, shape (n_labels,)
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure's. Labels are named beside a new figure's axes; within given ones up
        to 10, since others may lie beside them.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If the shapes do not fit, a value is not finite, no image has a label, or `ax` is none.
    BackendMissing
        If Matplotlib is not installed.

    Examples
    --------
    >>> axes = plot_precision_recall([{"sea"}, {"sea"}, set()], [[0.9], [0.2], [0.4]], ["sea"])
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['sea: 0.833, 2 images']
    """
    from cnncodes.evaluation.label_order import trace_precision

    traces = trace_precision(y, proba, classes)
    if not traces:
        raise UsageError("no image has any of the labels: there is no precision against recall to plot.")
    wide = 9.6 if has_two_columns(len(traces)) else 6.4
    axes, named = take_axes(ax, (wide, 5.0)), []
    names = show_names(label.name for label in traces)
    for name, label in zip(names, traces, strict=True):
        [line] = axes.step(label.recall, label.precision, where="pre")
        named.append((line, f"{name}: {label.average_precision:.3f}, {count(label.n, 'image')}"))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.grid(alpha=0.3)
    add_legend(axes, named, within=ax is not None, title="average precision")
    return axes
