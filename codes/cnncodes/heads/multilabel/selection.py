"""From what a user names as a head to an unfitted multi-label classifier."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import joblib

from cnncodes.errors import UsageError, suggest
from cnncodes.heads.multilabel.base import MultiLabelHead
from cnncodes.heads.multilabel.linear import KINDS, LinearLabelHead
from cnncodes.heads.multilabel.neighbors import NeighborLabelHead
from cnncodes.heads.multilabel.scorers import F1
from cnncodes.heads.names import HEADS, MULTILABEL_HEADS, REGRESSION_HEADS

#: What makes each of `cnncodes.heads.names.MULTILABEL_HEADS`.
MAKERS: dict[str, Callable[..., MultiLabelHead]] = {
    **{kind: partial(LinearLabelHead, kind) for kind in KINDS},
    "knn": NeighborLabelHead,
}


def make_label_head(
    head: Any, *, threshold: Any = F1, random_state: Any = 0, n_jobs: int | None = None
) -> MultiLabelHead:
    """Return an unfitted head.

    Parameters
    ----------
    head : str
        One of `cnncodes.heads.names.MULTILABEL_HEADS`.
    threshold, random_state, n_jobs
        `n_jobs` None means one thread a core.

    Raises
    ------
    UsageError
        If it is none of these names.
    """
    if not isinstance(head, str):
        raise UsageError(
            f"head must be one of {', '.join(MULTILABEL_HEADS)}, since probabilities and thresholds of labels"
            f" come from its own folds. Got {type(head).__name__} instead."
        )
    if head not in MULTILABEL_HEADS:
        kind = "takes one label an image" if head in HEADS else "is unknown"
        kind = "is for numbers" if head in set(REGRESSION_HEADS) - set(HEADS) else kind
        raise UsageError(f"the head {head!r} {kind}. {suggest(head, MULTILABEL_HEADS)}")
    given = {"threshold": threshold, "random_state": random_state}
    given["n_jobs"] = joblib.cpu_count() if n_jobs is None else n_jobs
    return MAKERS[head](**given)
