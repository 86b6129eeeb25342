"""From what a user names as a head to a fitted scikit-learn classifier."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Collection
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from cnncodes.errors import UsageError, suggest
from cnncodes.heads.auto_head import AutoHead
from cnncodes.heads.checks import refuse_multilabel
from cnncodes.heads.kinds import make_kind
from cnncodes.heads.names import HEADS
from cnncodes.heads.targets import TargetHead


def make_head(
    head: Any, *, class_weight: Any = None, random_state: Any = 0, n_jobs: int | None = None
) -> Any:
    """Return an unfitted classifier.

    Parameters
    ----------
    head : str or scikit-learn classifier
        One of `cnncodes.heads.names.HEADS`. An object is cloned.
    class_weight, random_state, n_jobs
        For heads by name; `n_jobs` None means one thread for each usable core. A classifier object
        has its own.

    Raises
    ------
    UsageError
        If the name is unknown, or the object is no classifier object, or it comes with a `class_weight`.
    """
    if isinstance(head, str):
        if head not in HEADS:
            raise UsageError(f"unknown head {head!r}. {suggest(head, HEADS)}")
        n_jobs = joblib.cpu_count() if n_jobs is None else n_jobs
        given = {"class_weight": class_weight, "random_state": random_state, "n_jobs": n_jobs}
        return AutoHead(**given) if head == "auto" else make_kind(head, **given)
    check_object(head, HEADS, "classifier", is_classifier)
    if class_weight is not None:
        raise UsageError("class_weight is for heads by name; set it on the classifier object itself")
    return clone(head)


def check_object(head: Any, names: Collection[str], noun: str, is_one: Callable[[Any], bool]) -> None:
    """Raise `UsageError` unless a head that is no name is an object of scikit-learn's of that sort."""
    if inspect.isclass(head):
        raise UsageError(f"head is the class {head.__name__}; give an object of it: {head.__name__}()")
    if not (hasattr(head, "fit") and hasattr(head, "get_params")) or not is_one(head):
        raise UsageError(
            f"head must be one of {', '.join(names)} or a scikit-learn {noun};"
            f" got {type(head).__name__}, which is none"
        )
    if getattr(head, "refit", True) is False:
        raise UsageError(
            f"head is a {type(head).__name__} with refit=False, which keeps no estimator to predict with:"
            " leave refit out"
        )


def fit_head(
    estimator: Any, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, images: Any = None
) -> Any:
    """Fit `estimator`, passing on what its `fit` takes, and return it.

    In a `Pipeline` each of the three goes to the last step, where that takes it. A classifier that
    cross-validates by itself takes none of the groups: where an image has several rows, a warning says so.
    """
    if is_classifier(estimator) and not isinstance(estimator, TargetHead):
        refuse_multilabel(y)
    given = {"sample_weight": sample_weight, "groups": groups, "images": images}
    prefix, taker = "", estimator
    while isinstance(taker, Pipeline):
        name, taker = taker.steps[-1]
        prefix += f"{name}__"
    if images is not None and len(np.unique(images)) < len(images):
        _warn_of_own_folds(taker)
    passed = {
        prefix + name: value
        for name, value in given.items()
        if value is not None and has_fit_parameter(taker, name)
    }
    return estimator.fit(X, y, **passed)


def take_best(fitted: Any) -> Any:
    """Return what predicts with a fitted search like scikit-learn's: its best estimator; any other itself."""
    return getattr(fitted, "best_estimator_", fitted)


def _warn_of_own_folds(classifier: Any) -> None:
    """Warn if views of one image may lie on both sides of folds that the classifier makes itself."""
    names = [name for name in classifier.get_params() if name == "cv" or name.endswith("__cv")]
    if names and not has_fit_parameter(classifier, "groups"):
        warnings.warn(
            f"{type(classifier).__name__} cross-validates by itself ({', '.join(names)}) and does not know"
            " which rows are views of one image: what it chooses, it chooses on copies of what it has seen."
            " Use one view of each training image, or a head by name.",
            stacklevel=2,
        )
