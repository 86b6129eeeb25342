"""From the name of a head to the head."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cnncodes.heads.base import Head
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.kernel_head import KernelHead
from cnncodes.heads.names import LINEAR
from cnncodes.heads.neighbor_head import NeighborHead

#: What makes each of `cnncodes.heads.names.BY_COST`.
MAKERS: dict[str, Callable[..., Head]] = {
    **{kind: partial(LinearHead, kind) for kind in LINEAR},
    "knn": NeighborHead,
    "rbf-svm": KernelHead,
}


def make_kind(kind: str, **given: Any) -> Head:
    """Return an unfitted head of a kind in `cnncodes.heads.names.BY_COST`; `given` are parameters of all."""
    return MAKERS[kind](**given)
