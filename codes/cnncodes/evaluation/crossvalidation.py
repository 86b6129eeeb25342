"""How good a way of training is: every image is answered by heads that had not seen it."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, SpaceMismatch, UsageError
from cnncodes.estimators.inputs import ImageRows, embed_records, rows_of, settle_embedders
from cnncodes.estimators.labels import check_groups, check_labels, check_several, labelled_records
from cnncodes.estimators.parameters import check_failures, make_embedders, make_own_head
from cnncodes.estimators.training import number_groups
from cnncodes.estimators.unknown import Training, predict_folds
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.metrics import Evaluation, evaluate_predictions
from cnncodes.heads.folds import count_members
from cnncodes.heads.scarcity import name_classes
from cnncodes.images import ImageRecord, list_groups
from cnncodes.store import Codes

if TYPE_CHECKING:
    from cnncodes.estimators import ImageClassifier

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What heads said of images that they had not seen, and how good that is.

    Attributes
    ----------
    evaluation : Evaluation
        Figures over the images, each answered once a repetition: ``n`` are images, and an image's
        repetitions are drawn together for the intervals. Counts of its confusion matrix and of its
        calibration's bins are summed over the repetitions.
    folds, repeats : int
        Folds may be fewer than asked for, where a class has fewer groups.
    accuracy_by_repeat : list of float
        Their spread is that of the division into folds alone, and no interval.
    classes : ndarray, shape (n_classes,)
    not_held_out : list of str
        Classes with images of one group alone: they were in training in every fold and are in no figure.
    y : ndarray, shape (n_images,)
        True classes of the images that could be read and held out.
    labels : ndarray, shape (repeats, n_images)
        The answers.
    proba : ndarray of float64, shape (repeats, n_images, n_classes), or None
        None if the head gives no probabilities.
    """

    evaluation: Evaluation
    folds: int
    repeats: int
    accuracy_by_repeat: list[float]
    classes: Array
    not_held_out: list[str]
    y: Array
    labels: Array
    proba: Array | None


def cross_validate(
    classifier: ImageClassifier,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    cv: int = 5,
    repeats: int = 1,
    top_k: int = 5,
    on_progress: Callable[[int, int, int], None] | None = None,
) -> CrossValidation:
    """Measure a way of training by grouped, stratified, repeated cross-validation.

    Codes are made once. In each fold a head is fitted on the other folds, its own search included, and
    answers the images that are held out, by the views of prediction. All views of an image, equal files, and
    images of a group are on one side. A class with images of one group alone cannot be held out: it is in
    training in every fold and in no figure, which a warning says.

    The intervals take the answers for independent but for groups. Folds share training images, so they are
    somewhat too narrow, and they are about this way of training on so many images, less a fold; not about one
    fitted classifier.

    Parameters
    ----------
    classifier : ImageClassifier
        Its parameters are used; it is neither fitted nor changed.
    X, y, groups
        As in its `fit`; or labelled records of a source; or stored codes, without `y` and `groups`, which
        they have.
    cv : int
        Folds, at least 2.
    repeats : int
        Divisions into folds, of ``random_state``, ``random_state + 1``, …
    top_k : int
        As in `evaluate_predictions`.
    on_progress : callable, optional
        Called with done, total and failed as the images are read.

    Raises
    ------
    UsageError
        If it is no `ImageClassifier`; if images of one class at most can be held out, or no two folds can be
        made, saying which class has too few images or groups.
    UnreadableImages
        If an image cannot be read and the classifier's `on_error` is ``"raise"``.

    References
    ----------
    Y. Bengio and Y. Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation", JMLR 5,
    2004; S. Bates, T. Hastie and R. Tibshirani, "Cross-validation: what does it estimate and how well does it
    do it?", JASA 119, 2024.

    Examples
    --------
    >>> from cnncodes import ImageClassifier
    >>> rng = np.random.default_rng(0)
    >>> dark = [rng.integers(0, 80, (64, 64, 3), dtype=np.uint8) for _ in range(6)]
    >>> light = [rng.integers(170, 256, (64, 64, 3), dtype=np.uint8) for _ in range(6)]
    >>> clf = ImageClassifier(head="ridge", train_views="center", test_views="center")
    >>> found = cross_validate(clf, dark + light, ["dark"] * 6 + ["light"] * 6, cv=3, repeats=2)
    >>> found.evaluation.accuracy.value, found.evaluation.n, found.folds, found.proba.shape
    (1.0, 12, 3, (2, 12, 2))
    """
    from cnncodes.estimators import ImageClassifier

    if not isinstance(classifier, ImageClassifier):
        raise UsageError(
            f"cross_validate measures an ImageClassifier. Got {type(classifier).__name__}: for numbers give"
            " scikit-learn's cross_val_predict(regressor, X, y, groups=…) to evaluate_numbers, for several"
            " labels what it gives with method='predict_proba' and an indicator to evaluate_multilabel."
        )
    for name, number, least in (("cv", cv, 2), ("repeats", repeats, 1)):
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < least:
            raise UsageError(f"{name} must be a whole number of at least {least}. Got {number!r} instead.")
    training, answered = _read(classifier, X, y, groups, on_progress)
    divisions = [_split(training, cv, repeat) for repeat in range(repeats)]
    found = [
        predict_folds(lambda: make_own_head(classifier), training, splits, answered) for splits in divisions
    ]
    # Which can be held out lies in classes and groups: the same in all repetitions.
    images = found[0].images
    y, numbers = training.y[images], training.groups[images]
    missing = _warn_of_missing(found[0].classes, y)
    labels = np.stack([answers.labels for answers in found])
    some = [answers.proba for answers in found if answers.proba is not None]
    proba = np.stack(some) if len(some) == repeats else None
    return CrossValidation(
        evaluation=_evaluate(y, numbers, labels, proba, found[0].classes, top_k),
        folds=len(divisions[0]),
        repeats=repeats,
        accuracy_by_repeat=[float((one == y).mean()) for one in labels],
        classes=found[0].classes,
        not_held_out=missing,
        y=y,
        labels=labels,
        proba=proba,
    )


def _read(
    classifier: ImageClassifier, X: Any, y: Any, groups: Any, on_progress: Any
) -> tuple[Training, ImageRows]:
    """Return the images that can be read, with their rows for training; and with those for prediction."""
    if classifier.finetune not in (None, False):
        raise UsageError("cross-validation is of heads on codes: leave out finetune.")
    if isinstance(X, Codes):
        if y is not None or groups is not None:
            raise UsageError("stored codes have their labels and groups: leave out y and groups.")
        rows, answered, labels = _read_codes(classifier, X)
        names = None
    else:
        rows, answered, labels, names = _read_images(classifier, X, y, groups, on_progress)
    check_several(labels)
    reduced = isinstance(X, Codes) and X.reduced and classifier.aggregate == "auto"
    aggregate = "code" if reduced else classifier.aggregate
    numbered = number_groups(names, rows.contents)
    training = Training(rows, labels, None, numbered, aggregate, classifier.random_state)
    usable = np.flatnonzero((rows.counts > 0) & (answered.counts > 0))
    return training.take(usable), answered.take(usable)


def _read_images(
    classifier: ImageClassifier, X: Any, y: Any, groups: Any, on_progress: Any
) -> tuple[ImageRows, ImageRows, Array, Array | None]:
    if isinstance(X, Sequence) and len(X) and all(isinstance(record, ImageRecord) for record in X):
        records: list[ImageRecord] = [record for record in X if y is not None or record.label is not None]
        y = [record.label for record in records] if y is None else y
    else:
        records, y = labelled_records(X, y, split="train")
    labels = check_labels(y, len(records))
    names = check_groups(list_groups(records) if groups is None else groups, len(labels))
    n_jobs, memory = classifier.n_jobs, classifier.memory
    train, test = settle_embedders(make_embedders(classifier), records, n_jobs)
    rows = embed_records(train, records, n_jobs=n_jobs, memory=memory, on_progress=on_progress)
    check_failures(rows, labels, classifier.on_error)
    if train.plan == test.plan:
        return rows, rows, labels, names
    return rows, embed_records(test, records, n_jobs=n_jobs, memory=memory), labels, names


def _read_codes(classifier: ImageClassifier, codes: Codes) -> tuple[ImageRows, ImageRows, Array]:
    _, test = make_embedders(classifier)
    differing = codes.space.differences(test.space)
    if differing:
        raise SpaceMismatch(
            f"the codes are of another space: {'; '.join(differing)}. Embed the images again."
        )
    codes = codes.select(labelled=True)
    rows, labels = rows_of(codes)
    answered = rows if codes.reduced else rows_of(codes.select(views=test.plan))[0]
    return rows, answered, check_labels(labels)


def _split(training: Training, cv: int, repeat: int) -> list[tuple[Array, Array]]:
    state = training.random_state
    if isinstance(state, int | np.integer):
        state = int(state) + repeat
    splits = training.split(cv, state)
    if not splits:
        classes, y = np.unique(training.y, return_inverse=True)
        counts = count_members(y, training.groups)
        rarest = int(counts.argmin())
        name = classes[rarest]
        raise UsageError(
            f"no folds can be made: the class {str(name)!r} has images of {counts[rarest]} group (equal files"
            " are one), and cross-validation takes at least 2 of two classes or more. Add images."
        )
    return splits


def _warn_of_missing(classes: Array, y: Array) -> list[str]:
    """Return the classes of which no image was held out; warn where there are any."""
    missing = classes[~np.isin(classes, y)]
    if len(missing):
        warnings.warn(
            f"{len(missing)} of {len(classes)} classes could not be held out, with images of one group alone"
            f" (equal files are one): {name_classes(missing)}. They were in training in every fold, and the"
            f" figures are of the {len(y)} images of the others; give at least 2 images of each.",
            ResultWarning,
            stacklevel=3,
        )
    return [str(name) for name in missing]


def _evaluate(
    y: Array, groups: Array, labels: Array, proba: Array | None, classes: Array, top_k: int
) -> Evaluation:
    """Evaluate all repetitions as one; an image is drawn with all that was said of it."""
    repeats = len(labels)
    # Labels in figures are text, whatever they are in Python.
    names = np.array([str(name) for name in classes])
    true = np.tile(np.array([str(label) for label in y]), repeats)
    alone = len(np.unique(groups)) == len(groups)
    figures = evaluate_predictions(
        true,
        np.array([str(label) for label in labels.ravel()]) if proba is None else np.concatenate(proba),
        names,
        groups=None if alone and repeats == 1 else np.tile(groups, repeats),
        top_k=top_k,
    )
    found: Evaluation = _count_images(figures, repeats)
    # Several answers of an image are drawn together, which makes no group of it.
    return dataclasses.replace(found, n_groups=None) if alone else found


def _count_images(value: Any, repeats: int) -> Any:
    """Return figures whose `n` are images and not answers."""
    if isinstance(value, Estimate | Evaluation):
        value = dataclasses.replace(value, n=round(value.n / repeats))
    if isinstance(value, list):
        return [_count_images(item, repeats) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type | Estimate):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **{name: _count_images(item, repeats) for name, item in fields.items()})
