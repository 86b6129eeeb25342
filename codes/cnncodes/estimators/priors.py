"""Probabilities for images among which the classes have other shares than in training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, UsageError, name_some, suggest, warn
from cnncodes.estimators.aggregation import Scores
from cnncodes.heads.scoring import most_likely
from cnncodes.plain import to_builtin

Floats = npt.NDArray[np.float64]

#: What stands for shares that are to be estimated on the images themselves.
ESTIMATE = "estimate"

#: Images for each class below which estimated shares are mostly chance.
_FEW_PER_CLASS = 10
#: Arguments of scikit-learn's classifiers that decide it.
_TOLD = ("class_weight", "priors", "class_prior")
_STEPS, _CHANGE = 10_000, 1e-9
#: How far given shares may be from a sum of 1.
_SUM_TOLERANCE = 1e-3


def adjust_probabilities(proba: Any, old: Any, new: Any) -> Floats:
    """Return probabilities as they are where the classes' shares are other ones.

    ``proba * new / old``, made to sum to 1. That is Bayes's rule where the images of each class look as those
    of training did, and only the shares of the classes differ (label shift).

    Parameters
    ----------
    proba : array-like of float, shape (n_images, n_classes)
    old, new : array-like of float, shape (n_classes,)
        The shares that the probabilities are made for, and others; all above 0.

    References
    ----------
    M. Saerens, P. Latinne and C. Decaestecker, "Adjusting the outputs of a classifier to new a priori
    probabilities: a simple procedure", Neural Computation 14, 2002.

    Examples
    --------
    >>> adjust_probabilities([[0.5, 0.5]], [0.5, 0.5], [0.9, 0.1])
    array([[0.9, 0.1]])
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.asarray(proba, np.float64)) + np.log(np.asarray(new, np.float64))
    logs -= np.log(np.asarray(old, np.float64))
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))  # or tiny shares of tiny probabilities are 0/0
    adjusted: Floats = powers / powers.sum(axis=1, keepdims=True)
    return adjusted


def estimate_shares(proba: Any, old: Any) -> Floats:
    """Estimate the classes' shares among images by the probabilities that a classifier gives them.

    The most likely shares, by expectation and maximisation: the mean of the adjusted probabilities are new
    shares, by which they are adjusted again. It goes by the probabilities, and is as wrong as these: a class
    of which the classifier is always a little unsure gets images that are not there.

    Parameters
    ----------
    proba : array-like of float, shape (n_images, n_classes)
        As the classifier gives them, at least one row.
    old : array-like of float, shape (n_classes,)
        The shares that they are made for.

    References
    ----------
    As of `adjust_probabilities`; A. Alexandari, A. Kundaje and A. Shrikumar, "Maximum likelihood with
    bias-corrected calibration is hard-to-beat at label shift adaptation", ICML 2020, for what it rests on.

    Examples
    --------
    >>> sure = np.repeat([[0.99, 0.01], [0.01, 0.99]], [90, 10], axis=0)
    >>> estimate_shares(sure, [0.5, 0.5]).round(2)
    array([0.91, 0.09])
    """
    proba, old = np.asarray(proba, np.float64), np.asarray(old, np.float64)
    if proba.ndim != 2 or not len(proba):
        raise UsageError(f"shares are estimated on at least one image. Got shape {proba.shape}.")
    ratios, shares = proba / old, old.copy()
    for _ in range(_STEPS):
        weighted = ratios * shares
        new = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
        change = float(np.abs(new - shares).max())
        shares = new
        if change < _CHANGE:
            break
    shares = np.maximum(shares, np.finfo(np.float64).tiny)
    found: Floats = shares / shares.sum()
    return found


def find_shares(y: Any, weight: Any, head: Any) -> Floats | None:
    """Return the shares of the classes that a head's probabilities are made for: those of its training.

    By weights of images, times those of classes: ``class_weight="balanced"`` makes all as likely. "centroid"
    takes all to be as likely, or as its `class_weight` says.

    Parameters
    ----------
    y : ndarray, shape (n_images,)
    weight : ndarray, shape (n_images,), or None
    head : fitted classifier
        What a scikit-learn classifier has as `class_weight` or `priors`, the last step of a Pipeline, the
        best estimator of a search, or what stacking ends in, counts. Probabilities that are learned anew,
        from decision values, know nothing of class weights.

    Returns
    -------
    ndarray of float64, shape (n_classes,), sorted by class; None where the head's class weights are unknown,
    or those of classifiers within it, of which it makes probabilities in its own way.
    """
    from cnncodes.heads.checks import class_weights
    from cnncodes.heads.sklearn_searches import find_last, take_best

    head = find_last(take_best(head))[1]
    if hasattr(head, "final_estimator_"):
        return find_shares(y, weight, head.final_estimator_)
    classes, numbers = np.unique(y, return_inverse=True)
    totals = np.bincount(numbers, None if _is_platt(head) else weight).astype(np.float64)
    if getattr(getattr(head, "scorer_", None), "kind", None) == "centroid":
        totals = np.ones(len(classes))
    try:
        shares = totals * class_weights(_find_class_weight(head), classes, totals)
    except UsageError:  # of somebody else's classifier, which has its own idea of them
        return None
    found = _list_priors(head, shares)
    if not (found > 0).all():  # of a class that is never named nothing can be made
        return None
    settled: Floats = found / found.sum()
    return settled


def _is_platt(head: Any) -> bool:
    """Say whether probabilities are those of libsvm, whose scaling of decision values knows no weights."""
    from sklearn.svm import SVC

    return isinstance(head, SVC)


def _find_class_weight(head: Any) -> Any:
    """Return the class weights that a classifier's probabilities go by; `UsageError` where it is unknown."""
    from sklearn.calibration import CalibratedClassifierCV

    calibrates = isinstance(head, CalibratedClassifierCV) and head.method != "temperature"
    if calibrates or _is_platt(head):
        return None  # of decision values, whatever these were made by
    params = head.get_params() if hasattr(head, "get_params") else {}
    if any(_decides_shares(name, value) for name, value in params.items() if "__" in name):
        raise UsageError("what classifiers within another one take for shares is not known here.")
    given = getattr(head, "class_weight", None)
    return "balanced" if given == "balanced_subsample" else given


def _decides_shares(name: str, value: Any) -> bool:
    """Say whether an argument of scikit-learn's, and its value, make shares other than those of training."""
    own = name.rpartition("__")[2]
    return value is False if own == "fit_prior" else own in _TOLD and value is not None


def _list_priors(head: Any, shares: Floats) -> Floats:
    """Return the shares that a classifier was told to take, as discriminant analysis can be; else those."""
    from sklearn.naive_bayes import ComplementNB

    if isinstance(head, ComplementNB):  # which knows none
        return np.ones(len(shares))
    for name in _TOLD[1:]:
        if (told := getattr(head, name, None)) is not None:
            return np.asarray(told, np.float64)
    return shares if getattr(head, "fit_prior", True) else np.ones(len(shares))


def settle_shares(priors: Any, classes: npt.NDArray[Any], old: Floats) -> Floats:
    """Return the shares of all classes that a user has given for some or all.

    Parameters
    ----------
    priors : mapping of class to float, or pandas Series
        Above 0; of a Series by its index. Classes that are left out share the rest as they did in training.
    classes : ndarray, shape (n_classes,)
    old : ndarray of float64, shape (n_classes,)

    Raises
    ------
    UsageError
        If it names no class, a number is no share, or they do not sum to 1.

    Examples
    --------
    >>> settle_shares({"dog": 0.4}, np.array(["ant", "cat", "dog"]), np.array([0.2, 0.4, 0.4])).round(2)
    array([0.2, 0.4, 0.4])
    """
    priors, names = _read_priors(priors), classes.tolist()
    for name, share in priors.items():
        if name not in names:
            raise UsageError(
                f"priors name {to_builtin(name)!r}, which is no class{_say_classes(name, names)}"
            )
        real = isinstance(share, int | float | np.number) and not isinstance(share, bool)
        if not real or not math.isfinite(share) or not 0 < share <= 1:
            raise UsageError(
                f"priors must be shares, above 0 and at most 1 (a class that never occurs gets 1e-6, say)."
                f" Got {to_builtin(share)!r} for {to_builtin(name)!r}."
            )
    named = np.array([name in priors for name in names])
    new = np.array([float(priors.get(name, 0.0)) for name in names])
    rest, complete = 1 - new.sum(), bool(named.all())
    if complete and abs(rest) > _SUM_TOLERANCE:
        raise UsageError(f"priors must sum to 1. They sum to {new.sum():g}, for all {len(names)} classes.")
    if not complete and rest <= 0:
        raise UsageError(
            f"priors leave out {(~named).sum()} of {len(names)} classes, for which a sum of {new.sum():g}"
            " leaves nothing: name them (one that never occurs gets 1e-6, say), or give less to the others."
        )
    if not complete:
        new[~named] = rest * old[~named] / old[~named].sum()
    settled: Floats = new / new.sum()
    return settled


def _read_priors(priors: Any) -> Mapping[Any, Any]:
    """Return the shares by class that a user has given, a Series's by its index."""
    dimensions = getattr(priors, "ndim", 0)
    if dimensions == 1 and hasattr(priors, "to_dict"):
        if not priors.index.is_unique:
            raise UsageError("priors must name each class once. The index of the Series names one twice.")
        priors = priors.to_dict()
    if isinstance(priors, Mapping) and priors:
        return priors
    got = f"a {type(priors).__name__}" if dimensions > 1 else repr(priors)
    expected = f"a share for each class, as {{'cat': 0.9, 'dog': 0.1}}, or {ESTIMATE!r}"
    raise UsageError(f"priors must be {expected}. Got {got} instead.")


def _say_classes(name: Any, names: list[Any]) -> str:
    """Return what is said of a name that is no class: which are, or that they are no text."""
    if isinstance(name, str) and name in map(str, names):
        return f": the classes are numbers, such as {names[0]}, and no text."
    return f". {suggest(str(name), map(str, names))}"


def require_shares(shares: Floats | None) -> Floats:
    """Return the shares that a classifier's probabilities are made for.

    Raises
    ------
    UsageError
        If it does not know them.
    """
    if shares is None:
        raise UsageError(
            "this classifier does not know which shares of the classes its probabilities are made for, so"
            " these cannot be changed: fit it again. scikit-learn classifiers with class weights of a kind of"
            " their own never do, and neither do those with class weights or priors of classifiers within"
            " them, or with a prior of 0."
        )
    return shares


def _warn_of_lost(shares: Floats, classes: npt.NDArray[Any], n: int) -> None:
    """Warn where an estimate leaves less than an image to a class, which it may have lost."""
    lost = [str(name) for name, share in zip(classes, shares, strict=True) if share * n < 1]
    if lost:
        warn(
            f"by the estimated shares less than one of {n:,} images is of {name_some(lost)}: such images may"
            " be there all the same, and would be told with certainty to be others. Give shares that are"
            " known.",
            ResultWarning,
        )


def adjust_scores(scores: Scores, old: Floats | None, priors: Any) -> tuple[Scores, Floats]:
    """Return scores for other shares of the classes, and these shares.

    Parameters
    ----------
    scores : Scores
        As the head gives them; decision values stay what they are.
    old : ndarray or None
        The shares of training.
    priors : mapping of class to float, or "estimate"
        Shares, or that they are to be estimated on these images.

    Raises
    ------
    UsageError
        If the classifier does not know its shares or gives no probabilities, or `priors` is wrong.
    """
    old = require_shares(old)
    if scores.proba is None:
        raise UsageError("priors change probabilities, and this head gives none: leave priors out.")
    if isinstance(priors, str) and priors == ESTIMATE:
        if len(scores.proba) < _FEW_PER_CLASS * len(old):
            warn(
                f"the shares of {len(old)} classes are estimated on {len(scores.proba)} images, so few that"
                " they are mostly chance. Give shares that are known, or more images at once.",
            )
        new = estimate_shares(scores.proba, old) if len(scores.proba) else old
        if len(scores.proba) >= _FEW_PER_CLASS * len(old):  # else the estimate is worth nothing anyway
            _warn_of_lost(new, scores.classes, len(scores.proba))
    else:
        new = settle_shares(priors, scores.classes, old)
    proba = adjust_probabilities(scores.proba, old, new) if len(scores.proba) else scores.proba
    values = proba[:, 1] - proba[:, 0] if proba.shape[1] == 2 else proba
    return Scores(scores.classes, most_likely(scores.classes, values), scores.decision, proba), new
