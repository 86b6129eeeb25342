"""Labelled images, and which of them are for validation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from cnncodes.errors import SourceError, name_some
from cnncodes.estimators.training import number_groups
from cnncodes.images import ImageRecord
from cnncodes.images.shares import describe_share

Array = npt.NDArray[Any]

#: So many classes are named at most.
_SHOWN = 5


@dataclass(frozen=True)
class Labelled:
    """Images and their labels.

    Attributes
    ----------
    records : sequence of ImageRecord
    y : ndarray, shape (n_images,)
    contents : sequence of str
        Hash of each one's content.
    groups : ndarray, shape (n_images,), optional
        Images that belong together.
    """

    records: Sequence[ImageRecord]
    y: Array
    contents: Sequence[str]
    groups: Array | None = None

    def take(self, places: Array) -> Labelled:
        """Return some of them."""
        return Labelled(
            [self.records[i] for i in places],
            self.y[places],
            [self.contents[i] for i in places],
            None if self.groups is None else self.groups[places],
        )

    def number_groups(self) -> Array:
        """Number the groups of images that are drawn, and held out, together; equal files are in one."""
        return number_groups(self.groups, list(self.contents))

    def join(self, others: Labelled) -> Labelled:
        """Return these and others, which both have groups or none."""
        groups = None
        if self.groups is not None and others.groups is not None:
            groups = np.concatenate([self.groups, others.groups])
        return Labelled(
            [*self.records, *others.records],
            np.concatenate([self.y, others.y]),
            [*self.contents, *others.contents],
            groups,
        )


def split_validation(images: Labelled, share: float, random_state: int) -> tuple[Labelled, Labelled]:
    """Divide images into those to train on and those for validation, stratified and by group.

    Equal files are in one group. A class whose images are all of one group stays with those to train on.

    Parameters
    ----------
    images : Labelled
    share : float
    random_state : int

    Raises
    ------
    SourceError
        If there are too few images.
    """
    groups = images.number_groups()
    groups_of = {label: len(set(groups[images.y == label])) for label in np.unique(images.y)}
    places = np.flatnonzero([groups_of[label] > 1 for label in images.y])
    most = max(groups_of.values(), default=0)
    if most < 2:
        raise SourceError(f"no image can be held out for validation, as {_explain_none(images)}")
    y = np.unique(images.y[places], return_inverse=True)[1]
    held_folds, folds = _divide(share, most)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=random_state)
    held = _choose_folds(splitter, y, groups[places], held_folds)
    validation = places[held]
    train = np.setdiff1d(np.arange(len(images.y)), validation)
    return images.take(train), images.take(validation)


def _explain_none(images: Labelled) -> str:
    """Return why no class has two groups, and what helps."""
    members = [np.flatnonzero(images.y == label).tolist() for label in np.unique(images.y)]
    if any(len({images.contents[i] for i in places}) > 1 for places in members):
        why = "the images of each class are of one group. Give images of more groups, other groups"
        return f"{why} (--group-column, group_column=), or a part 'val'."
    alone = max(map(len, members)) == 1
    why = "each class has one image" if alone else "the files of each class are all equal"
    return f"{why}. Give at least 2 different images of a class, or a part 'val'."


def tell_share(train: Labelled, validation: Labelled, share: float) -> list[str]:
    """Return what is to be said where far more, or far fewer, images were held out than was asked for.

    Of two images, or groups, of each class only one can be held out, which is half of them.
    """
    # Of all images alone: that a small class has some more is of no weight where an epoch is chosen.
    counted = [None] * len(train.y), [None] * len(validation.y)
    text = describe_share(*counted, share, " for validation")
    advice = "classes of so few images, or groups, allow no other. Give more images, or a part 'val'"
    return [f"{text}: {advice}"] if text else []


def _divide(share: float, most: int) -> tuple[int, int]:
    """Return how many of how many folds are held out: as near to the share as so many groups allow.

    Examples
    --------
    >>> _divide(0.2, 100), _divide(0.35, 100), _divide(0.35, 3), _divide(0.001, 50)
    ((1, 5), (7, 20), (1, 3), (1, 50))
    """
    nearest = Fraction(share).limit_denominator(20)
    held, folds = nearest.numerator, nearest.denominator
    if held == 0:
        held, folds = 1, round(1 / share)
    if folds > most:
        held, folds = max(1, round(share * most)), most
    return held, folds


def _choose_folds(splitter: Any, y: Array, groups: Array, count: int) -> Array:
    """Return the first folds in a row that leave every class something to train on, sorted.

    Where none do, a group of each class that would have nothing stays with those to train on.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class has fewer images than there are folds
        folds = [held for _, held in splitter.split(y, y, groups)]
    rows = [
        np.concatenate([folds[(first + i) % len(folds)] for i in range(count)]) for first in range(len(folds))
    ]
    for held in map(np.sort, rows):
        if len(held) and len(set(np.delete(y, held))) == len(set(y)):
            return held
    held = np.sort(max(rows, key=len))
    for label in np.unique(y):
        if label not in np.delete(y, held):
            kept = groups[np.flatnonzero(y == label)[0]]
            held = held[groups[held] != kept]
    return held


def check_known_classes(train: Labelled, others: Labelled, part: str) -> None:
    """Raise unless the classes of other images are all among those that are trained on.

    Raises
    ------
    SourceError
        If there is nothing to train on, one class only, or a class of the others is missing.
    """
    known = np.unique(train.y)
    if len(known) < 2:
        got = f"only {known.tolist()[0]!r}" if len(known) else "none"
        raise SourceError(f"training needs images of at least 2 classes; got {got}.")
    missing = sorted({str(label) for label in np.unique(others.y)} - {str(label) for label in known})
    if missing:
        raise SourceError(
            f"the class {missing[0]!r} of the {part} images is missing from those to train on"
            f"{f', as are {len(missing) - 1} more' if len(missing) > 1 else ''}: add images of it there, or"
            f" take it out of the {part} images."
        )


def tell_missing(train: Labelled, others: Labelled, part: str) -> list[str]:
    """Return what is to be said of classes that are trained on and that other images have none of."""
    known = [str(label) for label in np.unique(train.y)]
    there = {str(label) for label in np.unique(others.y)}
    missing = [label for label in known if label not in there]
    if not missing:
        return []
    shown = name_some(missing, _SHOWN)
    one = (
        f"the class {shown}" if len(missing) == 1 else f"{len(missing):,} of {len(known):,} classes ({shown})"
    )
    return [f"the {part} images have none of {one}, of which their figures say nothing"]


def check_some(images: Labelled, part: str) -> None:
    """Raise `SourceError` where there are no images."""
    if not len(images.y):
        raise SourceError(f"there are no {part} images that can be read.")


def check_read(labels: Iterable[Any], read: Iterable[Any]) -> None:
    """Raise `SourceError` where a label of the training images is that of none that can be read."""
    lost = sorted(set(map(str, labels)) - set(map(str, read)))
    if lost:
        raise SourceError(
            f"none of the training images of class {lost[0]!r} can be read"
            f"{f', nor of {len(lost) - 1} more classes' if len(lost) > 1 else ''}: mend them, or leave the"
            " class out."
        )
