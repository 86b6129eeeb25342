"""Codes on a map: images that the network finds alike lie together."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnncodes.errors import UsageError, count
from cnncodes.estimators.labels import check_answers, check_same_kind
from cnncodes.evaluation.given import refuse_masked
from cnncodes.plots.axes import add_legend, choose_colors, count_colors, show_names, take_axes, write_title
from cnncodes.plots.layout import lay_out

#: Markers of classes that share a colour, as each tenth does where there are ten; crosses are for mistakes.
_MARKERS = "osD^v<>phd"
#: Classes that the legend names.
_NAMED = 40


def plot_codes(X: Any, y: Any, *, predicted: Any = None, ax: Any = None) -> Any:
    """Plot codes in two dimensions, a mark an image, a colour a class; mistakes are crosses.

    Parameters
    ----------
    X : array-like of float, shape (n_images, code_size)
        Up to 5,000 are placed by t-SNE of their principal components, which may take minutes; more by the
        first two principal components.
    y : array-like of str, shape (n_images,)
        True classes.
    predicted : array-like of str, shape (n_images,), optional
        Predicted classes: where they differ, images are crosses in the colour of their true class.
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure's. Classes are named beside a new figure's axes, up to 40; within
        given ones up to 10, since others may lie beside them.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If the shapes do not fit, there is no image, a code is not finite, or classes are missing, of mixed
        types, or true ones text and predicted ones numbers.
    BackendMissing
        If Matplotlib is not installed.

    References
    ----------
    L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", JMLR 9, 2008.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(6, 8))
    >>> axes = plot_codes(codes, ["cat"] * 3 + ["dog"] * 3, predicted=["cat"] * 4 + ["dog"] * 2)
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['cat', 'dog', 'mistakes (1)']
    """
    X, y, wrong = _check(X, y, predicted)
    axes = take_axes(ax, (8.0, 6.0))
    layout = lay_out(X)
    across, down = layout.places.T
    names, n_colors = np.unique(y), count_colors()
    named: list[tuple[Any, str]] = []
    short = show_names(names.tolist())
    for number, name in enumerate(names.tolist()):
        color, marker = f"C{number % n_colors}", _MARKERS[number // n_colors % len(_MARKERS)]
        style = {"linestyle": "none", "color": color, "alpha": 0.6}
        right = (y == name) & ~wrong
        [marks] = axes.plot(across[right], down[right], marker=marker, markersize=4, **style)
        named.append((marks, short[number]))
        missed = (y == name) & wrong
        axes.plot(across[missed], down[missed], marker="x", markersize=6, **style)
    if wrong.any():
        said = f"mistakes ({int(wrong.sum()):,})"
        named.append(
            (axes.plot([], [], marker="x", linestyle="none", color=choose_colors(axes).text)[0], said)
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal")
    write_title(axes, count(len(X), "image"), layout.method, within=ax is not None, size="small")
    if len(names) <= _NAMED:
        add_legend(axes, named, within=ax is not None, frameon=ax is not None)
    return axes


def _check(X: Any, y: Any, predicted: Any) -> tuple[Any, Any, Any]:
    """Return codes, classes, and which images were taken for something else."""
    for name, values in (("X", X), ("y", y), ("predicted", predicted)):
        refuse_masked(name, values)
    try:
        X = np.asarray(X, np.float32)
    except (TypeError, ValueError) as error:
        raise UsageError(f"X must be codes, an array of numbers. Got {type(X).__name__} instead.") from error
    y = check_answers(y)
    if X.ndim != 2 or len(X) == 0:
        raise UsageError(f"X must be codes, a row an image. Got shape {X.shape} instead.")
    if y.shape != (len(X),):
        raise UsageError(f"y must name the class of each of {len(X):,} images. Got shape {y.shape} instead.")
    if not np.isfinite(X).all():
        raise UsageError("X holds numbers that are not finite: embed the images again.")
    given = y if predicted is None else check_answers(predicted)
    if given.shape != y.shape:
        raise UsageError(
            f"predicted must name a class of each of {len(X):,} images. Got shape {given.shape} instead."
        )
    check_same_kind(given, y, "predictions")
    return X, y, y != given
