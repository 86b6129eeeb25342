"""From the name of a head to the head."""

from __future__ import annotations

from typing import Any

from cnncodes.heads.base import Head
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.kernel_head import KernelHead
from cnncodes.heads.names import LINEAR
from cnncodes.heads.neighbor_head import NeighborHead


def make_kind(kind: str, **given: Any) -> Head:
    """Return an unfitted head of a kind in `cnncodes.heads.names.BY_COST`; `given` are parameters of all."""
    if kind in LINEAR:
        return LinearHead(kind, **given)
    return NeighborHead(**given) if kind == "knn" else KernelHead(**given)
