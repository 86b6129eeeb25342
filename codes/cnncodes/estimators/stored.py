"""Stored codes as an estimator takes them: of its space, and what their images weigh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding import Embedder
from cnncodes.errors import SpaceMismatch, UsageError, warn
from cnncodes.heads.weights import read_weights
from cnncodes.store import CodeBlocks, Codes
from cnncodes.views import ViewPlan


def check_codes(
    codes: Codes | CodeBlocks, embedder: Embedder, aggregate: str
) -> tuple[ViewPlan, Embedder, str]:
    """Return the plan of stored codes, and the embedder and what is averaged in prediction for them."""
    differing = codes.space.differences(embedder.space)
    if differing:
        raise SpaceMismatch(
            f"the codes are of another space: {'; '.join(differing)}. Embed the images again, or give the"
            " backbone and decoding that made the codes."
        )
    if not codes.complete:  # whole classes may be missing
        warn(
            "the codes are incomplete: the job that wrote them did not finish; run the same embed command"
            " again first.",
        )
    plan = ViewPlan.from_dict(codes.plan)
    if embedder.plan.needs_colors:
        embedder = replace(embedder, plan=embedder.plan.with_colors(plan.principal_colors))
    if embedder.plan.needs_colors:
        raise UsageError(
            "the test views need the principal colours of training images, and the codes' plan has none:"
            " give a plan that has them (`cnncodes views write`)."
        )
    return plan, embedder, "code" if codes.reduced and aggregate == "auto" else aggregate


def weigh_images(codes: Codes, sample_weight: Any) -> npt.NDArray[np.float64] | None:
    """Return the weight of each labelled image, sorted by key; None where none was given.

    Parameters
    ----------
    codes : Codes
    sample_weight : array-like of float, shape (n_rows,), or None
        The rows of an image have its weight each.

    Raises
    ------
    UsageError
        If it is not one value a row, one is negative or no number, or rows of one image have two.
    """
    if sample_weight is None:
        return None
    given = read_weights(sample_weight, len(codes), "row of the codes")
    keys = np.asarray(codes.images, dtype=object)
    _, first, image = np.unique(keys, return_index=True, return_inverse=True)
    differing = np.flatnonzero(given != given[first][image])
    if len(differing):
        row = int(differing[0])
        before = int(first[image[row]])
        raise UsageError(
            f"rows {before} and {row}, of the image {str(keys[row])!r}, have the weights {given[before]:g}"
            f" and {given[row]:g}: sample_weight is of images, so give each row of an image the same."
        )
    labelled = np.array([label is not None for label in codes.rows.column("label").to_pylist()])
    return np.asarray(given[first[labelled[first]]], dtype=np.float64)
