"""What more views buy: stored views scored in subsets, without running the network again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.frame import Frame
from cnncodes.errors import UsageError, suggest
from cnncodes.estimators.aggregation import score_images
from cnncodes.estimators.inputs import ImageRows
from cnncodes.estimators.labels import check_labels, check_several
from cnncodes.estimators.stored_images import warn_incomplete
from cnncodes.estimators.training import fit_scorer, number_groups
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.paired import compare_paired
from cnncodes.evaluation.shares import measure_share
from cnncodes.heads.folds import count_members, split_images
from cnncodes.heads.selection import make_head
from cnncodes.store import Codes
from cnncodes.views import RandomViews, ViewPlan
from cnncodes.views.names import AUGMENTATIONS, FIXED_PLANS
from cnncodes.views.naming import find_name

Array = npt.NDArray[Any]
Pair = tuple[str, str]

#: Called after every score with how many are done, and how many there are.
Progress = Callable[[int, int], None]

_CROPS = {
    ("center", False): "center",
    ("center", True): "flip",
    ("five", False): "five crops",
    ("five", True): "tencrop",
}


@dataclass(frozen=True)
class ViewGain:
    """How good a choice of views is, and what it costs.

    Attributes
    ----------
    trained_on, tested_on : str
        Names of the views.
    train_views, test_views : int
        Rows of each image in training and in testing.
    runs : float
        Times that the network runs for each test image: views that differ, on average.
    accuracy : Estimate
    difference : Estimate or None
        Accuracy less that of the first choice, on the same images; None for the first.
    """

    trained_on: str
    tested_on: str
    train_views: int
    test_views: int
    runs: float
    accuracy: Estimate
    difference: Estimate | None


def list_subsets(stored: ViewPlan, frame: Frame) -> dict[str, ViewPlan]:
    """Return the plans whose views a stored plan holds: by name, fewest views first.

    Of fixed views, those plans that have a name and the crops of each scale; of random ones the first 1, 2,
    4, 8 …, alone and after the fixed ones, under the plan's own name (``train:2``) where it has one.
    """
    plans = {name: ViewPlan.parse(name) for name in FIXED_PLANS}
    fixed = None if stored.crops == "none" else replace(stored, random=None)
    whole = _name_fixed(fixed)
    if fixed is not None:
        crops = _CROPS[fixed.crops, fixed.mirror]
        plans |= {f"{crops} at {side}": replace(fixed, short_sides=(side,)) for side in fixed.short_sides}
        plans[whole] = fixed
    if stored.random is not None:
        for count in _doublings(stored.random.count):
            views = replace(stored.random, count=count)
            name = f"{_name_random(stored.random)}:{count}"
            plans[name] = ViewPlan(crops="none", random=views)
            if fixed is not None:
                plans[f"{whole}, {name}"] = replace(fixed, random=views)
    found: dict[tuple[int, ...], str] = {}
    for name, plan in plans.items():
        try:
            found.setdefault(tuple(sorted(plan.find_in(stored, frame))), name)
        except UsageError:
            continue
    ordered = sorted(found.items(), key=lambda item: len(item[0]))
    return {name: plans[name] for _, name in ordered}


def _name_fixed(plan: ViewPlan | None) -> str:
    known = None if plan is None else find_name(plan)
    return known or "all fixed"


def _name_random(random: RandomViews) -> str:
    """Return the name of views such as one augmentation's or those of ``train``; else ``random``."""
    for name in ("train", *AUGMENTATIONS):
        plan = ViewPlan.parse(f"{name}:{random.count}", random_state=random.random_state)
        if plan.with_colors(random.color.principal_colors).random == random:
            return name
    return "random"


def _doublings(count: int) -> list[int]:
    powers = [1 << n for n in range(count.bit_length()) if 1 << n < count]
    return [*powers, count]


def measure_gain(
    codes: Codes,
    *,
    head: Any = "logistic",
    train_views: str | None = None,
    n_folds: int = 5,
    random_state: int = 0,
    n_jobs: int | None = None,
    on_progress: Progress | None = None,
) -> list[ViewGain]:
    """Score the subsets of stored views: what more views buy, and what they cost.

    Where the images have the parts ``train`` and ``test``, heads are fitted on the first and scored on the
    second. Otherwise every image is scored once, by a head that was fitted without it, in grouped and
    stratified cross-validation; equal files share a fold, and so do the images of a group, which are also
    drawn together for the intervals.

    Parameters
    ----------
    codes : Codes
        Labelled, with several views of each image.
    head : str or scikit-learn classifier
    train_views : str, optional
        Name of the subset that heads are fitted on when test views are compared; by default ``flip`` or
        ``center`` where the codes hold it, else all.
    n_folds : int
        Of the cross-validation.
    random_state : int
        Decides the folds, and the resamples of the intervals.
    n_jobs : int, optional
        Folds of a head's own selection at work at once.
    on_progress : callable, optional
        Called as ``on_progress(done, total)``.

    Returns
    -------
    list of ViewGain
        Fewest views first; differences are to the first.

    Raises
    ------
    UsageError
        If the codes hold one view of each image, are too few, or `train_views` is not among them.
    """
    _check_views(codes)
    warn_incomplete(codes)
    frame = Frame(**codes.manifest.views.frame)
    subsets = list_subsets(ViewPlan.from_dict(codes.plan), frame)
    pairs = _pair(subsets, train_views)
    images = _Images(codes.select(labelled=True), subsets, frame)
    splits = _make_splits(images, n_folds, random_state)
    make = functools.partial(make_head, head, random_state=random_state, n_jobs=n_jobs)
    answers = _answer(images, make, pairs, splits, on_progress)
    tested = np.sort(np.concatenate([test for _, test in splits]))
    truth, first = images.y[tested], answers[pairs[0]][tested]
    drawn: Any = {
        "groups": None if images.grouped is None else images.grouped[tested],
        "random_state": random_state,
    }
    gains: list[ViewGain] = []
    for trained_on, tested_on in pairs:
        given = answers[trained_on, tested_on][tested]
        gains.append(
            ViewGain(
                trained_on,
                tested_on,
                subsets[trained_on].count,
                subsets[tested_on].count,
                images.count_runs(tested_on),
                measure_share(given == truth, **drawn),
                compare_paired(truth, given, first, **drawn) if gains else None,
            )
        )
    return gains


def _check_views(codes: Codes) -> None:
    views = codes.manifest.views
    if codes.reduced:
        raise UsageError(
            "these codes hold the mean of each image's views, so there is nothing to compare. Embed with"
            " --reduce none."
        )
    if not views.frame:
        raise UsageError("these codes do not say how their views were cut: embed them again.")


def _pair(subsets: dict[str, ViewPlan], train_views: str | None) -> list[Pair]:
    """Return which views to train on and to test on, together."""
    if len(subsets) < 2:
        raise UsageError(
            "these codes hold one view of each image, so there is nothing to compare. Embed with more views:"
            " --views multicrop, or --views 'center, train:8'."
        )
    fixed = [name for name in subsets if subsets[name].random is None]
    usual = next((name for name in ("flip", "center", *fixed[-1:]) if name in subsets), list(subsets)[-1])
    train = usual if train_views is None else train_views
    if train not in subsets:
        raise UsageError(f"the codes hold no views {train!r}. {suggest(train, subsets)}")
    pairs = [(train, name) for name in fixed]
    pairs += [(name, usual) for name in subsets if name not in fixed]
    return list(dict.fromkeys(pairs))


class _Images:
    """Labelled images, of which each subset of views gives rows; sorted by key."""

    def __init__(self, codes: Codes, subsets: dict[str, ViewPlan], frame: Frame) -> None:
        # Stored codes are sorted by image: an image's rows follow one another.
        keys = codes.images
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(codes) else np.empty(0, int)
        self._codes = codes
        self._image = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(codes))))
        stored = ViewPlan.from_dict(codes.manifest.views.plan)
        self._numbers = {name: plan.find_in(stored, frame) for name, plan in subsets.items()}
        self.y = check_labels(list(codes.y[starts]))
        self.parts = codes.split[starts]
        self.contents = [str(content) for content in codes.contents[starts]]
        named = codes.name_groups(starts)
        self.groups = number_groups(named, self.contents)
        self.grouped = None if named is None else self.groups
        check_several(self.y)

    def rows(self, name: str, images: Array) -> ImageRows:
        """Return the rows that a subset has of some images; these in order."""
        chosen = np.zeros(len(self.y), dtype=bool)
        chosen[images] = True
        keep = chosen[self._image] & np.isin(self._codes.views, self._numbers[name])
        counts = np.bincount(self._image[keep], minlength=len(self.y))[images]
        contents = [self.contents[i] for i in images]
        return ImageRows(self._codes.X[keep], counts.astype(np.int64), contents, {})

    def count_runs(self, name: str) -> float:
        """Return how many views of a subset differ, on average over the images."""
        keep = np.isin(self._codes.views, self._numbers[name])
        names = ["box", "scale", "flip", *self._codes.manifest.views.parameters]
        columns: list[Any] = [self._image[keep].tolist()]
        for column in (self._codes.rows.column(name).filter(keep).to_pylist() for name in names):
            # Lists, or numbers; nothing where a fixed view does not vary them.
            columns.append([tuple(value) if isinstance(value, list) else value for value in column])
        return len(set(zip(*columns, strict=True))) / len(self.y)


def _make_splits(images: _Images, n_folds: int, random_state: int) -> list[tuple[Array, Array]]:
    train, test = np.flatnonzero(images.parts == "train"), np.flatnonzero(images.parts == "test")
    y = images.y
    if len(train) and len(test):
        check_several(y[train])
        return [(train, test)]
    fewest = int(count_members(np.unique(y, return_inverse=True)[1], images.groups).min())
    if fewest < 2:
        what = "images" if images.grouped is None else "groups of images"
        raise UsageError(
            f"every class needs two {what}, so that one can be trained on and one be tested on; the smallest"
            f" has {fewest}. Add some, or give parts (train/, test/)."
        )
    return split_images(y, images.groups, min(n_folds, fewest), random_state)


def _answer(
    images: _Images,
    make: Callable[[], Any],
    pairs: list[Pair],
    splits: list[tuple[Array, Array]],
    on_progress: Progress | None,
) -> dict[Pair, Array]:
    """Return, for each pair of views, the answer for each image that is tested."""
    answers = {pair: np.empty(len(images.y), dtype=images.y.dtype) for pair in pairs}
    for done, (pair, test, labels) in enumerate(_score(images, make, pairs, splits), start=1):
        answers[pair][test] = labels
        if on_progress is not None:
            on_progress(done, len(pairs) * len(splits))
    return answers


def _score(
    images: _Images, make: Callable[[], Any], pairs: list[Pair], splits: list[tuple[Array, Array]]
) -> Iterator[tuple[Pair, Array, Array]]:
    for train, test in splits:
        for trained_on in dict.fromkeys(name for name, _ in pairs):
            rows, groups = images.rows(trained_on, train), images.groups[train]
            head = fit_scorer(make(), rows, images.y[train], groups=groups)
            for pair in (pair for pair in pairs if pair[0] == trained_on):
                rows = images.rows(pair[1], test)
                yield pair, test, score_images(head, rows.X, rows.counts).labels
