"""Searches like scikit-learn's as heads: their folds keep groups whole, as those of heads by name do."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GroupKFold, check_cv
from sklearn.pipeline import Pipeline

from cnncodes.heads.folds import Array, split_images


def is_search(estimator: Any) -> bool:
    """Say whether an estimator is a search like ``GridSearchCV``: its `fit` passes on what it is given."""
    return all(hasattr(estimator, name) for name in ("estimator", "cv", "refit"))


def find_last(estimator: Any) -> tuple[str, Any]:
    """Return a pipeline's last step, of one in it too, after what goes before the arguments of its `fit`."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return prefix, estimator


def find_learner(estimator: Any) -> tuple[str, Any]:
    """Return what learns within pipelines and searches, after what goes before the arguments of its `fit`."""
    prefix, last = find_last(estimator)
    if not is_search(last):
        return prefix, last
    inner, learner = find_learner(last.estimator)
    return prefix + inner, learner


def replace_last(estimator: Any, last: Any) -> Any:
    """Return a pipeline with another last step and its own others, or that step where it is none."""
    if not isinstance(estimator, Pipeline):
        return last
    *others, (name, old) = estimator.steps
    changed = copy.copy(estimator)
    changed.steps = [*others, (name, replace_last(old, last))]
    return changed


def take_best(fitted: Any) -> Any:
    """Return an estimator with the best one in the place of a fitted search, which may end a pipeline."""
    last = find_last(fitted)[1]
    best = getattr(last, "best_estimator_", last)
    return fitted if best is last else replace_last(fitted, take_best(best))


def keep_whole(search: Any, y: Array, groups: Array) -> Any:
    """Return a search whose folds keep groups whole, if it names no more than their number.

    It stays as it is where it names folds of its own, where each row is a group, or where no two such folds
    can be made.

    Parameters
    ----------
    search : estimator
    y, groups : ``[n]``
        Of each row.
    """
    n_folds = 5 if search.cv is None else search.cv
    n_groups = len(np.unique(groups))
    if not counts_folds(search.cv) or n_groups == len(y):
        return search
    if is_classifier(search):
        folds = split_images(y, groups, int(n_folds)) if n_folds > 1 else []
    else:
        n_folds = min(int(n_folds), n_groups)
        folds = list(GroupKFold(n_folds).split(y, y, groups)) if n_folds > 1 else []
    return clone(search).set_params(cv=folds) if folds else search


def counts_folds(cv: Any) -> bool:
    """Say whether a search's `cv` names no more than how many folds it makes."""
    return cv is None or (isinstance(cv, int | np.integer) and not isinstance(cv, bool))


def parts_members(search: Any, X: Any, y: Array, groups: Array) -> bool:
    """Say whether folds of a search hold out rows of a group of which others are trained on."""
    given = groups if takes_groups(search.cv) else None
    folds = check_cv(search.cv, y, classifier=is_classifier(search)).split(X, y, given)
    return any(bool(np.isin(groups[test], groups[train]).any()) for train, test in folds)


def takes_groups(cv: Any) -> bool:
    """Say whether folds are made by groups; scikit-learn's others warn of groups that they are given."""
    requests = getattr(cv, "get_metadata_routing", None)
    return hasattr(cv, "split") and (requests is None or bool(requests().consumes("split", ["groups"])))
