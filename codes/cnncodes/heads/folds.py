"""Folds over images: groups stay whole, classes stay balanced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state

from cnncodes.errors import UsageError, agree, count, sentence
from cnncodes.heads.dealing import deal_groups, is_sound

Array = npt.NDArray[Any]
Split = tuple[Array, Array]


@dataclass(frozen=True)
class Rows:
    """Training rows and the images that they show.

    Attributes
    ----------
    X : float ``[n, D]``
    y : int ``[n]``
        Class numbers.
    weight : float64 ``[n]``
        Sample weight, all above 0.
    loss_weight : float64 ``[n]``
        The same times the class weight.
    images, groups : int ``[n]``
        Number of each row's image and group, both from 0 without gaps.
    n_classes : int
    position : int ``[n given]``
        Of each row that was given, its number here, or -1 where its weight was 0.
    preference : float ``[K]``, optional
        Class weights that were given by name, for heads that know nothing of the classes' shares and so are
        balanced by themselves.
    """

    X: Array
    y: Array
    weight: Array
    loss_weight: Array
    images: Array
    groups: Array
    n_classes: int
    position: Array
    preference: Array | None = None

    def take(self, kept: Array) -> Rows:
        """Return some of the rows: those where `kept`, bool ``[n]``, is true."""
        inside = self.position >= 0
        inside[inside] = kept[self.position[inside]]
        return Rows(
            self.X[kept],
            self.y[kept],
            self.weight[kept],
            self.loss_weight[kept],
            np.unique(self.images[kept], return_inverse=True)[1],
            np.unique(self.groups[kept], return_inverse=True)[1],
            self.n_classes,
            np.where(inside, np.cumsum(inside) - 1, -1),
            self.preference,
        )


def number_rows(X: Array, groups: Any, images: Any) -> tuple[Array, Array]:
    """Return the group and the image of each row as numbers.

    Without `images` each row is one; without `groups` an image is a group, and without either, rows
    with equal codes are: a picture that is there twice must not be on both sides of a fold.
    """
    n = len(X)
    image_ids = np.arange(n) if images is None else _numbered(images, n, "images")
    if groups is not None:
        group_ids = _numbered(groups, n, "groups")
    elif images is not None:
        group_ids = image_ids
    else:
        rows = np.ascontiguousarray(X + 0.0)  # -0.0 becomes 0.0: equal numbers, equal bytes
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
        group_ids = np.unique(keys, return_inverse=True)[1]
    if np.any(first_of(group_ids, image_ids)[image_ids] != group_ids):
        raise UsageError("rows of one image are in several groups; an image must be in one group")
    return group_ids, image_ids


def _numbered(values: Any, n: int, name: str) -> Array:
    array = np.asarray(values)
    if array.shape != (n,):
        raise UsageError(f"{name} must have one value a row ({n}); got shape {array.shape}")
    if array.dtype.kind == "O":
        array = array.astype(str)
    return np.asarray(np.unique(array, return_inverse=True)[1])


def first_of(values: Array, index: Array) -> Array:
    """Return for each number in `index` (0 … m-1, no gaps) the value of its first row."""
    return np.asarray(values[np.unique(index, return_index=True)[1]])


def make_splits(
    rows: Rows,
    cv: Any,
    random_state: Any,
    classes: Array | None = None,
    *,
    in_rounds: bool = False,
    rare_too: bool = False,
) -> list[Split]:
    """Return (training rows, held-out rows) of each fold; none where no two can be made.

    For a number `cv`: each class's groups, heaviest first and shuffled among equals, are dealt to the
    folds in turn. That needs no search over folds, so it stays fast for a million groups, and depends on
    images and weights only, not on how many rows an image has. There are fewer folds where half of the
    groups are of classes with fewer of them; a class of one group alone is in every training part, and no row
    of that group is held out.
    `classes` are the classes' names, for the error of folds that were given and lack one; `in_rounds` is as
    in `cnncodes.heads.dealing.sort_groups`, `rare_too` as in `deal_folds`.
    """
    if not isinstance(cv, int | np.integer) or isinstance(cv, bool):
        if isinstance(cv, str):
            raise UsageError(f"cv must be a number of folds, folds, or what makes them; got {cv!r}")
        if hasattr(cv, "split"):
            given = [[np.asarray(part) for part in split] for split in _split(cv, rows)]
        else:
            given = [[_find_rows(rows, part) for part in split] for split in check_cv(cv).split()]
            given = [[part[part >= 0] for part in split] for split in given]
        for number, (train, test) in enumerate(given, start=1):
            _check_split(rows, train, test, number, classes)
        return [(train, test) for train, test in given]
    fold = deal_folds(rows, int(cv), random_state, in_rounds=in_rounds, rare_too=rare_too)
    if fold is None:
        return []
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(int(fold.max()) + 1)]


def _split(cv: Any, rows: Rows) -> list[Any]:
    try:
        return list(cv.split(rows.X, rows.y, rows.groups))
    except ValueError as error:
        groups = count(len(np.unique(rows.groups)), "group")
        raise UsageError(
            f"cv cannot divide the images, of {groups}, into folds: {sentence(error)} Give a number as cv,"
            " which makes fewer where need be"
        ) from error


def _find_rows(rows: Rows, part: Any) -> Array:
    """Return the numbers that rows given by position have here; -1 where they had no weight."""
    given, n = np.asarray(part), len(rows.position)
    inside = len(given) == n if given.dtype.kind == "b" else bool(((given >= 0) & (given < n)).all())
    if not inside or given.ndim != 1 or (given.size and given.dtype.kind not in "biu"):
        raise UsageError(f"folds of cv must hold numbers of training rows, from 0 to {n - 1}")
    return np.asarray(rows.position[given if given.size else given.astype(np.int64)])


def deal_folds(
    rows: Rows, cv: int, random_state: Any, *, in_rounds: bool = False, rare_too: bool = False
) -> Array | None:
    """Return the fold of each row, as `make_splits` has it; None where no two folds can be made.

    It is -1 for rows that are never held out: those of a group that has all there is of some class. None,
    too, where of two classes or more one at most could be held out. With `rare_too` there are as many folds
    where classes have fewer groups: each lacks some of these.
    """
    if cv < 2:
        raise UsageError(f"cv must be at least 2 folds; got {cv}")
    n_classes = rows.n_classes
    # What each group has of each class, of those alone that it has: a table of all would be large.
    pairs, pair = np.unique(rows.groups.astype(np.int64) * n_classes + rows.y, return_inverse=True)
    of_group, of_class = np.divmod(pairs, n_classes)
    weights = np.bincount(pair, rows.weight)
    totals = np.bincount(of_group, weights)
    order = np.lexsort((of_class, -weights, of_group))
    label = of_class[order][np.unique(of_group[order], return_index=True)[1]]
    n_groups = np.bincount(of_class, minlength=n_classes)
    free = np.ones(len(totals), np.bool_)
    free[of_group[n_groups[of_class] == 1]] = False
    scored = np.unique(of_class[free[of_group]])
    if len(scored) < min(2, n_classes):
        return None
    shuffled = check_random_state(random_state).permutation(len(totals))
    shuffled = shuffled[free[shuffled]]
    # Of a class with fewer groups than folds heads are asked that had fewer of it than the final one. Where
    # most are of such classes, fewer folds are better; else these would cost all the others more.
    usual = int(np.median(np.repeat(n_groups[scored], n_groups[scored])))
    most = len(shuffled) if rare_too else usual
    for n_folds in range(min(cv, most), 1, -1):
        fold = deal_groups(totals, label, shuffled, n_folds, in_rounds)[rows.groups]
        if all(is_sound(rows.y, fold == k, n_classes) for k in range(n_folds)):
            return np.asarray(fold)
    return None


def split_images(
    y: Array,
    groups: Array,
    cv: Any = 5,
    random_state: Any = 0,
    *,
    in_rounds: bool = False,
    rare_too: bool = False,
    weight: Array | None = None,
) -> list[Split]:
    """Return (training images, held-out images) of each fold, as `make_splits` does it of rows.

    Parameters
    ----------
    y : ``[n]``
        Class of each image.
    groups : ``[n]``
        Images of a group are on one side.
    in_rounds : bool
        As in `cnncodes.heads.dealing.sort_groups`.
    rare_too : bool
        As in `deal_folds`.
    weight : float ``[n]``, optional
        As how many copies each image counts, above 0.

    Examples
    --------
    >>> split_images(np.array(list("aabb")), np.array([0, 1, 2, 2]), 2)  # of one class alone
    []
    >>> [test.tolist() for _, test in split_images(np.array(list("aabb")), np.array([0, 1, 2, 3]), 2)]
    [[1, 2], [0, 3]]

    The only image of a class is in every training part:

    >>> folds = split_images(np.array(list("aabbc")), np.arange(5), 2)
    >>> all(4 in train for train, _ in folds), sorted(np.concatenate([test for _, test in folds]).tolist())
    (True, [0, 1, 2, 3])
    """
    weight, numbers = np.ones(len(y)) if weight is None else weight, np.arange(len(y))
    classes, numbered = np.unique(y, return_inverse=True)
    members = np.unique(groups, return_inverse=True)[1]
    rows = Rows(numbers[:, None], numbered, weight, weight, numbers, members, len(classes), numbers)
    return make_splits(rows, cv, random_state, in_rounds=in_rounds, rare_too=rare_too)


def count_members(y: Array, members: Array) -> Array:
    """Return how many different members, images or groups, each class has.

    Parameters
    ----------
    y : int ``[n]``
        Class numbers, from 0 without gaps.
    members : int ``[n]``

    Examples
    --------
    >>> count_members(np.array([0, 0, 1]), np.array([4, 5, 5]))
    array([2, 1])
    """
    return np.bincount(np.unique(np.stack([y, members]), axis=1)[0])


def _check_split(rows: Rows, train: Array, test: Array, number: int, classes: Array | None) -> None:
    """Raise `UsageError` where a given fold holds nothing out, or trains on that, or lacks a class."""
    if len(test) == 0:
        raise UsageError(
            f"fold {number} of cv holds nothing out: give folds that hold out one image at least"
        )
    both = np.intersect1d(train, test)
    if len(both):
        raise UsageError(
            f"fold {number} of cv trains on {len(both)} of the {len(test)} rows that it holds out: what is"
            " chosen by rows that were trained on says nothing of others. Give folds without rows in common"
        )
    lacking = np.bincount(rows.y[train], minlength=rows.n_classes) == 0
    if not lacking.any():
        return
    k = int(lacking.argmax())
    name = "" if classes is None else f" {str(classes[k])!r}"
    images, groups = (len(np.unique(values[rows.y == k])) for values in (rows.images, rows.groups))
    advice = ", or a number as cv: such a class then stays in training" if groups == 1 else ""
    raise UsageError(
        f"fold {number} of cv has no image of the class{name} to train on, and needs 1: there"
        f" {agree(images, 'is')} {images} in all, of {groups} group{'s' * (groups != 1)}. Give"
        f" other folds{advice}"
    )


def average_by(values: Array, index: Array) -> Array:
    """Return the mean of the rows of `values` for each number in `index`, numbers ascending."""
    _, inverse, counts = np.unique(index, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, inverse, values)
    return np.asarray(sums / counts[:, None])
