"""Stored codes as an estimator takes them: of its space, and what their images weigh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding import Embedder
from cnncodes.errors import UsageError
from cnncodes.estimators.parameters import check_weighted
from cnncodes.estimators.stored_images import check_space, warn_incomplete
from cnncodes.heads.weights import read_weights
from cnncodes.store import CodeBlocks, Codes
from cnncodes.store.blocks import number_values
from cnncodes.views import ViewPlan


def check_codes(
    codes: Codes | CodeBlocks, embedder: Embedder, aggregate: str
) -> tuple[ViewPlan, Embedder, str]:
    """Return the plan of stored codes, and the embedder and what is averaged in prediction for them."""
    check_space(codes, embedder)
    warn_incomplete(codes)
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
    given, first = _read_weights_of_rows(codes, sample_weight)
    labelled = _find_labelled(codes)
    return np.asarray(given[first[labelled[first]]], dtype=np.float64)


def take_weighted(codes: CodeBlocks, sample_weight: Any) -> tuple[CodeBlocks, npt.NDArray[np.float64] | None]:
    """Return the labelled rows that count, and the weight of each one's image; None where none was given.

    Raises
    ------
    UsageError
        As `weigh_images`; or if images of fewer than two classes count.
    """
    if sample_weight is None:
        return codes.select(labelled=True), None
    given, first = _read_weights_of_rows(codes, sample_weight)
    labelled = _find_labelled(codes)
    of_images = first[labelled[first]].astype(np.int64)
    labels = codes.rows.column("label").take(of_images).to_numpy(zero_copy_only=False)
    check_weighted(labels.astype(np.str_), given[of_images])
    kept = labelled & (given > 0)
    return codes.take(kept), given[kept]


def _read_weights_of_rows(
    codes: Codes | CodeBlocks, sample_weight: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the weight of each row, and the first row of each image, sorted by key."""
    given = read_weights(sample_weight, len(codes), "row of the codes")
    image, keys = number_values(codes.rows.column("image"))
    first = np.unique(image, return_index=True)[1]
    differing = np.flatnonzero(given != given[first][image])
    if len(differing):
        row = int(differing[0])
        before = int(first[image[row]])
        raise UsageError(
            f"rows {before} and {row}, of the image {keys[image[row]].as_py()!r}, have the weights"
            f" {given[before]:g} and {given[row]:g}: sample_weight is of images, so give each row of an image"
            " the same."
        )
    return given, first


def _find_labelled(codes: Codes | CodeBlocks) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = codes.rows.column("label").is_valid().to_numpy()
    return found
