"""From what a user names as a head to a fitted scikit-learn classifier."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection
from typing import Any

import joblib
import numpy as np
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import has_fit_parameter

from cnncodes.errors import CnnCodesError, UsageError, count, sentence, suggest, warn
from cnncodes.heads.auto_head import AutoHead
from cnncodes.heads.checks import refuse_multilabel
from cnncodes.heads.kinds import make_kind
from cnncodes.heads.names import HEADS
from cnncodes.heads.sklearn_searches import (
    counts_folds,
    find_last,
    find_learner,
    is_search,
    keep_whole,
    parts_members,
    replace_last,
    takes_groups,
)
from cnncodes.heads.targets import TargetHead

#: What scikit-learn's errors say that are about folds: that they cannot be made, or lack a class.
_ABOUT_FOLDS = re.compile(r"n_splits|-fold |\bcv\b|'groups' parameter|fits failed")


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

    In a `Pipeline` each of the three goes to the last step, where that takes it. A search whose `cv` is a
    number, or None, has that many folds of whole groups. Another classifier that cross-validates by itself
    takes none of the groups: where an image, or a group, has several rows, a warning says so. Classes whose
    rows all have the weight 0 are left out.

    Raises
    ------
    UsageError
        If a classifier or search of scikit-learn's cannot make its folds of so few rows, or groups.
    """
    try:
        return _fit(estimator, X, y, sample_weight, groups, images)
    except CnnCodesError:
        raise
    except ValueError as error:
        _check_folds(estimator, error, len(X) if images is None else len(np.unique(images)), groups)
        raise


def _check_folds(estimator: Any, error: ValueError, n_images: int, groups: Any) -> None:
    """Raise `UsageError` where an error is about the folds that an estimator makes itself."""
    taker = find_last(estimator)[1]
    params = taker.get_params()
    said = str(error).strip().split("\n")[0]
    if not any(name == "cv" or name.endswith("__cv") for name in params) or not _ABOUT_FOLDS.search(
        str(error)
    ):
        return
    of = "" if groups is None else f" of {count(len(np.unique(groups)), 'group')}"
    raise UsageError(
        f"{type(taker).__name__} cannot cross-validate on {count(n_images, 'image')}{of} by its own cv:"
        f" {sentence(said)} Give it another cv, more images, or a head by name."
    ) from error


def _fit(estimator: Any, X: Any, y: Any, sample_weight: Any, groups: Any, images: Any) -> Any:
    if is_classifier(estimator) and not isinstance(estimator, TargetHead):
        refuse_multilabel(y)
    given = {"sample_weight": sample_weight, "groups": groups, "images": images}
    given = {name: value for name, value in given.items() if value is not None}
    if sample_weight is not None and is_classifier(estimator):
        X, y, given = _leave_out_weightless(estimator, X, y, given)
    # Which step takes what is known here, whatever is requested of scikit-learn's own routing.
    with config_context(enable_metadata_routing=False):
        if is_search(find_last(estimator)[1]):
            return _fit_search(estimator, X, y, given)
        prefix, taker = find_last(estimator)
        _warn_of_own_folds(taker, given)
        passed = {prefix + name: value for name, value in given.items() if has_fit_parameter(taker, name)}
        return estimator.fit(X, y, **passed)


def _fit_search(estimator: Any, X: Any, y: Any, given: dict[str, Any]) -> Any:
    prefix, search = find_last(estimator)
    members = _find_members(given)
    if members is not None:
        search = keep_whole(search, y, members)
        estimator = replace_last(estimator, search)
        if parts_members(search, X, y, members):
            _warn_of_own_folds(search, given)
        else:
            _warn_of_own_folds(find_last(search.estimator)[1], given)
    # A search passes on to its estimator what it is given; its folds alone have the groups.
    inner, learner = find_learner(search)
    passed = {
        prefix + inner + name: value for name, value in given.items() if has_fit_parameter(learner, name)
    }
    passed.pop(f"{prefix}{inner}groups", None)
    if members is not None and takes_groups(search.cv):
        passed[f"{prefix}groups"] = members
    return estimator.fit(X, y, **passed)


def _find_members(given: dict[str, Any]) -> Any:
    """Return what is to stay whole in folds: groups, or images; None where neither is given."""
    return given.get("groups", given.get("images"))


def _leave_out_weightless(estimator: Any, X: Any, y: Any, given: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Leave out the rows of classes without any weight, which scikit-learn's classifiers would know.

    Heads by name do so themselves. Folds that name rows by their numbers would then name others.
    """
    taker = find_last(estimator)[1]
    if has_fit_parameter(taker, "images") or isinstance(getattr(taker, "cv", None), list | tuple):
        return X, y, given
    classes, numbers = np.unique(y, return_inverse=True)
    weighted = np.bincount(numbers, np.asarray(given["sample_weight"]) > 0, len(classes)) > 0
    if weighted.all():
        return X, y, given
    kept = weighted[numbers]
    return X[kept], np.asarray(y)[kept], {name: np.asarray(value)[kept] for name, value in given.items()}


def _warn_of_own_folds(estimator: Any, given: dict[str, Any]) -> None:
    """Warn if rows of one image or group may lie on both sides of folds that an estimator makes itself."""
    members = _find_members(given)
    names = [name for name in estimator.get_params() if name == "cv" or name.endswith("__cv")]
    if members is None or len(np.unique(members)) == len(members):
        return
    if names and not has_fit_parameter(estimator, "groups"):
        advice = "a search whose cv is a number or keeps groups whole, or a head by name"
        if is_search(estimator) and counts_folds(estimator.cv):
            advice = "or a head by name: of whole groups no two folds can be made here"
        warn(
            f"{type(estimator).__name__} cross-validates by itself ({', '.join(names)}), and rows of one"
            " image, or group, are on both sides of its folds: what it chooses, it chooses on copies of what"
            f" it has seen. Use one view of each training image, and one image of each group, {advice}.",
        )
