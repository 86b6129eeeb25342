"""A head fitted on rows, of which an image has several: it counts once, and stays whole in every fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.estimators.inputs import ImageRows
from cnncodes.heads.arrays import ArrayScorer
from cnncodes.heads.selection import fit_head
from cnncodes.heads.sklearn_searches import take_best
from cnncodes.images import join_equal, number_names


def fit_rows(
    head: Any,
    rows: ImageRows,
    y: npt.NDArray[Any],
    weight: npt.NDArray[Any] | None = None,
    groups: npt.NDArray[Any] | None = None,
) -> Any:
    """Fit a head and return it; `y`, `weight` and `groups` have one value an image."""
    per_row = 1.0 / rows.counts[rows.index]
    if weight is not None:
        per_row = per_row * weight.astype(float)[rows.index]
    return fit_head(
        head,
        rows.X,
        y[rows.index],
        sample_weight=per_row,
        groups=number_groups(groups, rows.contents)[rows.index],
        images=rows.index,
    )


def fit_scorer(
    head: Any,
    rows: ImageRows,
    y: npt.NDArray[Any],
    weight: npt.NDArray[Any] | None = None,
    groups: npt.NDArray[Any] | None = None,
) -> Any:
    """Fit a head and return what predicts with it, as `find_scorer` does."""
    return find_scorer(fit_rows(head, rows, y, weight, groups))


def find_scorer(fitted: Any) -> Any:
    """Return what predicts with a fitted head: its scorer, or of another the estimator itself.

    Of a search the best estimator: with its scoring, or its distributions, few could be saved.
    """
    best = take_best(fitted)
    scorer = getattr(best, "scorer_", None)
    return scorer if isinstance(scorer, ArrayScorer) else best


def number_groups(groups: npt.NDArray[Any] | None, contents: list[str]) -> npt.NDArray[np.int64]:
    """Number the groups of images; equal files are in one group, and so are the groups that share one.

    Parameters
    ----------
    groups : ndarray, shape (n_images,), or None
        What the user says belongs together; None where nothing but equal files does.
    contents : list of str
        Hash of each image's content, empty where it could not be read.

    Examples
    --------
    >>> number_groups(np.array(["a", "b", "c"]), ["x", "x", "y"])
    array([0, 0, 1])
    """
    hashes = np.asarray(contents, dtype=str)
    numbers: npt.NDArray[np.int64] = np.unique(hashes, return_inverse=True)[1]
    if groups is None:
        return numbers
    return join_equal(number_names(groups), np.where(hashes == "", -1, numbers))
