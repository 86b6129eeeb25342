"""From what a user names as a head to a scikit-learn regressor."""

from __future__ import annotations

from typing import Any

import joblib
from sklearn.base import clone, is_regressor

from cnncodes.errors import UsageError, suggest
from cnncodes.heads.names import HEADS, REGRESSION_HEADS
from cnncodes.heads.regression.kernel import KernelRegressionHead
from cnncodes.heads.regression.neighbors import NeighborRegressionHead
from cnncodes.heads.regression.ridge import RidgeRegressionHead
from cnncodes.heads.selection import check_object

#: What makes each of `cnncodes.heads.names.REGRESSION_HEADS`.
MAKERS: dict[str, Any] = {
    "ridge": RidgeRegressionHead,
    "knn": NeighborRegressionHead,
    "kernel-ridge": KernelRegressionHead,
}


def make_regression_head(head: Any, *, random_state: Any = 0, n_jobs: int | None = None) -> Any:
    """Return an unfitted regressor.

    Parameters
    ----------
    head : str or scikit-learn regressor
        One of `cnncodes.heads.names.REGRESSION_HEADS`. An object is cloned.
    random_state, n_jobs
        For heads by name; `n_jobs` None means one thread a core. A regressor object has its own.

    Raises
    ------
    UsageError
        If the name is unknown, or the object is no regressor object.
    """
    if isinstance(head, str):
        if head not in REGRESSION_HEADS:
            kind = "is a classifier, and numbers are to be predicted" if head in HEADS else "is unknown"
            raise UsageError(f"the head {head!r} {kind}. {suggest(head, REGRESSION_HEADS)}")
        n_jobs = joblib.cpu_count() if n_jobs is None else n_jobs
        return MAKERS[head](random_state=random_state, n_jobs=n_jobs)
    check_object(head, REGRESSION_HEADS, "regressor", is_regressor)
    return clone(head)
