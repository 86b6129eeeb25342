"""How unlike the training images an image is: its distance in code space, against that of held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, SavedModelError, count, warn
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.npy import read_npy, to_npy
from cnncodes.estimators.spread import TrainingCodes
from cnncodes.heads.scoring import l2_normalized

Array = npt.NDArray[Any]

#: What one in twenty images like those of training have; and from which share of images on that is said.
_UNLIKE, _SAID = 0.95, 0.15
#: Chance that so many have it among images like those of training: less is no chance.
_CHANCE = 0.001
#: Distances of held-out images that are kept at most.
_KEPT = 2000
#: Of more images than these, about so many are learned from: of a class at least 50 where it has them; and so
#: many are measured.
_LEARNED, _LEAST, _RATED = 20_000, 50, 10_000


@dataclass(frozen=True, eq=False)
class NoveltyScale:
    """What a distance from the training images means.

    Parameters
    ----------
    means : ndarray of float32, shape (n_classes, code_size)
        Mean of each class's codes, of length 1 each.
    axes : ndarray of float32, shape (n_axes, code_size)
        Directions of the largest spread within classes.
    spread : ndarray of float32, shape (n_axes + 1,)
        Variance along each, and the mean variance of the remaining directions.
    distances : ndarray of float32, shape (n_kept,)
        Rising distances of training images, each from images of other folds.
    """

    MEMBERS: ClassVar[tuple[str, ...]] = ("means", "axes", "spread", "distances")

    means: Array
    axes: Array
    spread: Array
    distances: Array

    def measure(self, codes: Array) -> Array:
        """Return the squared Mahalanobis distance of codes from the nearest class.

        Parameters
        ----------
        codes : ndarray of float, shape (n_images, code_size)
            One an image; they are scaled to length 1.
        """
        points = l2_normalized(np.asarray(codes, dtype=np.float64))
        return _measure(points, *(np.asarray(a, np.float64) for a in (self.means, self.axes, self.spread)))

    def rate(self, codes: Array) -> Array:
        """Return the novelty of codes: the share of held-out training images that are nearer, below 1.

        With n of them, ``1 - novelty`` is the conformal p-value ``(1 + number at least as far) / (n + 1)``.
        """
        nearer = np.searchsorted(self.distances, self.measure(codes).astype(np.float32), side="left")
        return np.asarray(nearer / (len(self.distances) + 1))

    def pack(self) -> dict[str, bytes]:
        """Return the members of a saved classifier that hold it."""
        return {f"novelty/{name}.npy": to_npy(getattr(self, name)) for name in self.MEMBERS}


def warn_of_unlike(novelty: Array, n_known: int) -> None:
    """Warn where images are not like those of training, as `say_unlike` has it."""
    said = say_unlike(novelty, n_known)
    if said:
        warn(said, ResultWarning)


def say_unlike(novelty: Array, n_known: int) -> str:
    """Say that clearly more images are as unlike those of training as one in twenty is than chance has.

    Of fewer than 19 distances none of one image in twenty is known: then it is those farther than all.

    Parameters
    ----------
    novelty : ndarray of float, shape (n_images,)
        NaN where an image could not be read.
    n_known : int
        Distances that it is a share of.

    Returns
    -------
    str
        Empty where they are not.
    """
    known = novelty[~np.isnan(novelty)]
    nearer = min(n_known, int(np.ceil(_UNLIKE * (n_known + 1) - 1e-9)))
    unlike, n = int((known * (n_known + 1) > nearer - 0.5).sum()), len(known)
    due = 1 - nearer / (n_known + 1)
    if not unlike or unlike < max(_SAID, 3 * due) * n or _find_chance(unlike, n, nearer, n_known) >= _CHANCE:
        return ""
    than = "all of these" if nearer == n_known else "95 % of these"
    return (
        f"{unlike:,} of {count(n, 'image')} are farther from the training images than {than} are from"
        " each other (novelty): what is promised of answers holds for images like those of training, and"
        " hardly for these."
    )


def _find_chance(unlike: int, n: int, nearer: int, n_known: int) -> float:
    """Return how likely so many of `n` images are farther than `nearer` of the known, if all are alike.

    The known are a draw, too, so that it is a beta-binomial distribution.
    """
    from scipy.special import betaln

    k, beyond = np.arange(unlike, n + 1), n_known - nearer + 1
    choices = -np.log(n + 1) - betaln(k + 1, n - k + 1)
    shares = betaln(k + beyond, n - k + nearer) - betaln(beyond, nearer)
    return float(np.exp(choices + shares).sum())


def scale_members() -> set[str]:
    """Return the names of the members."""
    return {f"novelty/{name}.npy" for name in NoveltyScale.MEMBERS}


def unpack_scale(archive: Archive, n_classes: int, code_size: int) -> NoveltyScale | None:
    """Read these members; None where there are none.

    Raises
    ------
    SavedModelError
        If they do not fit together.
    """
    if not scale_members() & set(archive.sizes):
        return None
    arrays = {name: read_npy(archive, f"novelty/{name}.npy") for name in NoveltyScale.MEMBERS}
    means, axes, spread, distances = arrays.values()
    shapes = (means.shape, axes.shape[1:], spread.shape, distances.ndim)
    sound = shapes == ((n_classes, code_size), (code_size,), (len(axes) + 1,), 1) if axes.ndim == 2 else False
    sound = sound and all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays.values())
    if not sound or not (spread > 0).all() or not len(distances) or (np.diff(distances) < 0).any():
        raise SavedModelError(
            f"{archive.name} is damaged at 'novelty': its arrays are not those of {n_classes} classes and"
            f" codes of {code_size} numbers."
        )
    return NoveltyScale(**arrays)


def choose_images(y: Array, random_state: int = 0, most: int = _LEARNED) -> tuple[Array, Array]:
    """Choose which images a scale is learned from: all, or of very many some of each class.

    Parameters
    ----------
    y : ndarray, shape (n_images,)
    random_state : int
    most : int
        So many all are taken of; fewer than 20,000 where memory is short.

    Returns
    -------
    chosen : ndarray of int, shape (n_chosen,)
        Positions, rising.
    rated : ndarray of bool, shape (n_chosen,)
        Those whose distances are kept: drawn from all, not by class, so that classes have their shares.
    """
    most = min(most, _LEARNED)
    if len(y) <= most:
        return np.arange(len(y)), np.ones(len(y), dtype=np.bool_)
    rng = np.random.default_rng(random_state)
    rated = np.zeros(len(y), dtype=np.bool_)
    rated[rng.choice(len(y), _RATED * most // _LEARNED, replace=False)] = True
    chosen = rated.copy()
    classes, numbered = np.unique(y, return_inverse=True)
    each = max(_LEAST if most == _LEARNED else 5, most // len(classes))
    order = np.argsort(numbered, kind="stable")
    for members in np.split(order, np.cumsum(np.bincount(numbered))[:-1]):
        chosen[members if len(members) <= each else rng.choice(members, each, replace=False)] = True
    return np.flatnonzero(chosen), rated[chosen]


def learn_scale(
    codes: Array,
    y: Array,
    splits: Sequence[tuple[Array, Array]],
    rated: Array | None = None,
    weight: Array | None = None,
    groups: Array | None = None,
) -> NoveltyScale | None:
    """Learn what distances are usual: each image is measured from those of other folds.

    Distances are those that the final means and spread would give: the folds' own come from fewer images, and
    are larger by what `TrainingCodes.find_ratios` tells.

    The distance is Mahalanobis's from the nearest class, with one spread for all classes, of which the
    largest `AXES` directions are kept and the mean of the rest. Codes are scaled to length 1. How it compares
    with others, as the distance from the nearest training code: docs/figures.md.

    Parameters
    ----------
    codes : ndarray, shape (n_images, code_size)
        One an image.
    y : ndarray, shape (n_images,)
    splits : list of (training images, held-out images)
    rated : ndarray of bool, shape (n_images,), optional
        Whose distances are kept; all without it.
    weight : ndarray of float, shape (n_images,), optional
        As how many copies each counts, above 0: in means, in the spread, and in the shares of distances.
    groups : ndarray of int, shape (n_images,), optional
        Images of a group may be more alike than others, so that they say less of a class together.

    Returns
    -------
    NoveltyScale or None
        None without folds, or where all codes of a class are equal.

    References
    ----------
    K. Lee et al., "A simple unified framework for detecting out-of-distribution samples", NeurIPS 2018, for
    the distance; V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world", 2005, for the
    share.
    """
    if not splits:
        return None
    points = l2_normalized(np.asarray(codes, dtype=np.float64))
    counts = np.ones(len(points)) if weight is None else weight.astype(np.float64)
    images = TrainingCodes.make(points, y, counts, groups)
    total = None if len(points) < points.shape[1] else images.sum_products(slice(None))
    distances, weights = [], []
    for train, test in splits:
        learned = images.learn(train, None if total is None else total - images.sum_products(test))
        if learned is None:
            return None
        kept = test if rated is None else test[rated[test]]
        distances.append(_measure(points[kept], *learned, images.find_ratios(train, len(learned[1]))))
        weights.append(counts[kept])
    final = images.learn(np.arange(len(points)), total)
    if final is None:
        return None
    found = _spread_out(np.concatenate(distances), np.concatenate(weights)).astype(np.float32)
    means, axes, spread = (array.astype(np.float32) for array in final)
    return NoveltyScale(means, axes, spread, found)


def _spread_out(distances: Array, weight: Array) -> Array:
    """Return distances, rising, each as often as it counts; of more than are kept as many, evenly.

    Never fewer than there are: weights that are shares of 1 do not mean that next to nothing is known.
    """
    order = np.argsort(distances, kind="stable")
    distances, ends = distances[order], np.cumsum(weight[order])
    if (weight == 1).all() and len(distances) > _KEPT:
        return np.asarray(np.quantile(distances, np.linspace(0, 1, _KEPT)))
    kept = min(_KEPT, max(len(distances), round(float(ends[-1]))))
    at = np.searchsorted(ends, (np.arange(kept) + 0.5) / kept * ends[-1])
    return np.asarray(distances[at])


def _measure(points: Array, means: Array, axes: Array, spread: Array, ratios: Array | float = 1) -> Array:
    along, centres, scale = points @ axes.T, means @ axes.T, np.sqrt(spread[:-1])
    inside = _square_distances(along, centres)
    weighted = _square_distances(along / scale, centres / scale)
    outside = np.maximum(_square_distances(points, means) - inside, 0)
    return np.asarray(((weighted + outside / spread[-1]) * ratios).min(axis=1))


def _square_distances(a: Array, b: Array) -> Array:
    return np.asarray((a**2).sum(axis=1)[:, None] - 2 * a @ b.T + (b**2).sum(axis=1))
