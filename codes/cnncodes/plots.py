"""Plots of figures: what was measured in, axes of Matplotlib out (extra: report)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncodes.errors import BackendMissing, install_advice

if TYPE_CHECKING:
    from cnncodes.evaluation.baselines import Ladder, LearningCurve
    from cnncodes.evaluation.intervals import Estimate

#: Of points: a marker each, so that they can be told apart in grey, too; Okabe and Ito's colours.
_LOOKS = {
    "majority": ("#000000", "x"),
    "pixels": ("#999999", "s"),
    "shapes": ("#e69f00", "D"),
    "int8": ("#56b4e9", "v"),
    "codes": ("#0072b2", "o"),
    "views": ("#009e73", "^"),
    "heads": ("#cc79a7", "P"),
    "backbones": ("#d55e00", "*"),
}


def plot_cost(ladder: Ladder, axes: Any = None) -> Any:
    """Plot accuracy against seconds of processors, a point a method, with its 95 % interval.

    Parameters
    ----------
    ladder : Ladder
        What `cnncodes.evaluation.baselines.climb` gave.
    axes : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    BackendMissing
        If Matplotlib is not installed.
    """
    axes = _make_axes((10.0, 5.0)) if axes is None else axes
    for number, rung in enumerate(ladder.rungs, start=1):
        color, marker = _LOOKS.get(rung.group, ("#000000", "o"))
        estimate, label = rung.evaluation.accuracy, f"{number}  {rung.title}"
        if rung.cost == 0:  # it has no place on a logarithmic axis
            axes.axhline(estimate.value, color=color, linestyle=":", label=label)
            continue
        axes.errorbar(
            [rung.cost],
            [estimate.value],
            [[estimate.value - estimate.low], [estimate.high - estimate.value]],
            color=color,
            marker=marker,
            capsize=2,
            linewidth=1,
            label=label,
        )
        # Numbers of methods that cost about the same stand on both sides of theirs.
        axes.annotate(
            str(number),
            (rung.cost, estimate.value),
            ((5, 4), (-11, -11))[number % 2],
            textcoords="offset points",
            fontsize="small",
        )
    axes.set_xscale("log")
    axes.set_xlabel("seconds of processors, to describe all images and to fit")
    axes.set_ylabel(f"accuracy on {len(ladder.test):,} test images")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize="small", frameon=False)
    return axes


def plot_learning_curve(curve: LearningCurve, axes: Any = None) -> Any:
    """Plot accuracy against the number of training images, with 95 % intervals; beyond them dashed.

    Parameters
    ----------
    curve : LearningCurve
    axes : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    BackendMissing
        If Matplotlib is not installed.
    """
    axes = _make_axes((6.4, 4.4)) if axes is None else axes
    measured = [(point.images, point.accuracy) for point in curve.points]
    beyond = [measured[-1], *((point.images, point.accuracy) for point in curve.further)]
    _draw_band(axes, measured, "o-", "#0072b2", "measured")
    if len(beyond) > 1:
        _draw_band(axes, beyond, "o--", "#d55e00", "if it goes on so")
    axes.set_xscale("log", base=2)
    sizes = [images for images, _ in (*measured, *beyond[1:])]
    axes.set_xticks(sizes)
    axes.set_xticklabels([f"{images:,}" for images in sizes])
    axes.minorticks_off()
    axes.set_xlabel("training images")
    axes.set_ylabel(f"accuracy on {curve.points[-1].accuracy.n:,} test images")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize="small")
    return axes


def plot_predicted(y: Any, predicted: Any, *, width: float | None = None, axes: Any = None) -> Any:
    """Plot predicted against true numbers, a dot an image, with the line on which they are equal.

    Parameters
    ----------
    y, predicted : array-like of float, shape (n_images,)
    width : float, optional
        Half the width of intervals (`NumberEvaluation.width`): their edges are dashed lines.
    axes : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If the shapes do not fit, or a number is not finite.
    BackendMissing
        If Matplotlib is not installed.

    Examples
    --------
    >>> axes = plot_predicted([1.0, 2.0, 3.0], [1.5, 2.0, 2.5], width=0.6)
    >>> axes.get_title()
    'R2 0.750, mean absolute error 0.333, 3 images'
    """
    import numpy as np

    from cnncodes.evaluation.numbers import check_numbers, make_statistics

    y, predicted = check_numbers(y, predicted)
    axes = _make_axes((5.4, 5.4)) if axes is None else axes
    low, high = float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))
    axes.plot(y, predicted, "o", color="#0072b2", alpha=0.45, markersize=4, linestyle="none")
    axes.plot([low, high], [low, high], "-", color="#444444", linewidth=1, label="predicted = true")
    for shift in () if width is None else (-width, width):
        label = None if shift > 0 else f"± {width:.3g}"
        ends = [low + shift, high + shift]
        axes.plot([low, high], ends, "--", color="#444444", linewidth=1, label=label)
    statistics, weights = make_statistics(y, predicted), np.ones(len(y))
    r2, mae = (statistics[name](weights) for name in ("r2", "mae"))
    axes.set_title(f"R2 {r2:.3f}, mean absolute error {mae:.3g}, {len(y):,} images", fontsize="medium")
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("true number")
    axes.set_ylabel("predicted number")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize="small")
    return axes


def plot_precision_recall(y: Any, proba: Any, classes: Any, *, axes: Any = None) -> Any:
    """Plot precision against recall, a line a label, which the legend names with its average precision.

    Parameters
    ----------
    y : sequence of sets of labels, or an indicator with columns as `classes`
        The truth, as of `cnncodes.evaluation.evaluate_multilabel`. Labels that are no classes have no line,
        nor has one that no image has.
    proba : array-like of float, shape (n_images, n_labels)
        Probabilities, or any values that order the images.
    classes : array-like, shape (n_labels,)
    axes : matplotlib.axes.Axes, optional
        Where to; by default a new figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        If the shapes do not fit, or a value is not finite.
    BackendMissing
        If Matplotlib is not installed.

    Examples
    --------
    >>> axes = plot_precision_recall([{"sea"}, {"sea"}, set()], [[0.9], [0.2], [0.4]], ["sea"])
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['sea: 0.833, 2 images']
    """
    from cnncodes.evaluation.label_order import trace_precision

    axes = _make_axes((6.4, 5.0)) if axes is None else axes
    for label in trace_precision(y, proba, classes):
        said = f"{label.name}: {label.average_precision:.3f}, {label.n:,} images"
        axes.step(label.recall, label.precision, where="pre", label=said)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.grid(alpha=0.3)
    axes.legend(title="average precision", loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize="small")
    return axes


def _draw_band(axes: Any, points: list[tuple[int, Estimate]], style: str, color: str, label: str) -> None:
    images = [number for number, _ in points]
    axes.plot(images, [one.value for _, one in points], style, color=color, label=label)
    lows, highs = [one.low for _, one in points], [one.high for _, one in points]
    axes.fill_between(images, lows, highs, color=color, alpha=0.15, linewidth=0)


def check_matplotlib() -> None:
    """Raise `BackendMissing` where Matplotlib is not installed: asked before the work that is to be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise BackendMissing(
            f"Matplotlib is not installed, which plots need: {install_advice('report')}."
        ) from error


def _make_axes(size: tuple[float, float]) -> Any:
    check_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained").add_subplot()
