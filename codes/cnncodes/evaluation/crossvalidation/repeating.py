"""What repetitions of a cross-validation share: their divisions, and figures that count images."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, agree, count, warn
from cnncodes.evaluation.figures import show_result
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.metrics import Evaluation
from cnncodes.evaluation.multilabel import MultiLabelEvaluation
from cnncodes.evaluation.numbers import NumberEvaluation

if TYPE_CHECKING:
    from cnncodes.estimators.inputs import Progress
    from cnncodes.heads.folds import Split

Array = npt.NDArray[Any]

#: So many divisions in a row that were there before: then there are hardly others.
_MOST_MISSES = 100

_COUNTED = (Estimate, Evaluation, NumberEvaluation, MultiLabelEvaluation)


def show_validation(found: Any, *evaluations: object) -> str:
    """Return what Python shows of a cross-validation: its folds, and its evaluations, in a line."""
    return show_result(
        found, count(found.folds, "fold"), count(found.repeats, "repetition"), *map(repr, evaluations)
    )


def divide_images(
    first: list[Split], split: Callable[..., list[Split]], random_state: Any, repeats: int
) -> list[list[Split]]:
    """Return a division of images into folds for each repetition, no two of them alike; warn of fewer.

    Parameters
    ----------
    first : list of (training images, held-out images)
        The first division; the others have as many folds.
    split : callable
        Makes others: called with a random state, and with `in_rounds`, which makes them of groups of
        different sizes, too.
    random_state : int, RandomState or None
        That of the first.
    repeats : int
    """
    divisions = [first]
    known, n_folds = {_name_division(first)}, len(first)
    shift = misses = 0
    while len(divisions) < repeats and misses < _MOST_MISSES:
        shift, misses = shift + 1, misses + 1
        splits = split(_shift_state(random_state, shift), in_rounds=True)
        name = _name_division(splits)
        if len(splits) == n_folds and name not in known:
            divisions.append(splits)
            known.add(name)
            misses = 0
    found = len(divisions)
    if found < repeats:
        warn(
            f"{count(found, 'repetition')} instead of {repeats}: no more than"
            f" {count(found, 'division')} of so few groups (equal files are one) into {n_folds} folds"
            f" {agree(found, 'was')} found, and another repetition would be the same as one before.",
            ResultWarning,
        )
    return divisions


def count_folds(divisions: list[list[Split]], on_fold: Progress | None) -> Callable[[], None]:
    """Return what is called after each fold of all divisions, and tells how many are done."""
    done, total = 0, sum(map(len, divisions))

    def count_one() -> None:
        nonlocal done
        done += 1
        if on_fold is not None:
            on_fold(done, total, 0)

    return count_one


def _name_division(splits: list[Split]) -> frozenset[bytes]:
    """Return what divisions have in common that differ in the order of their folds alone."""
    return frozenset(np.sort(test).tobytes() for _, test in splits)


def _shift_state(random_state: Any, shift: int) -> Any:
    """Return the random state of a division; what is no number draws on by itself."""
    return int(random_state) + shift if isinstance(random_state, int | np.integer) else random_state


def tile_groups(groups: Array, repeats: int) -> Array | None:
    """Return what the bootstrap draws together: the answers of an image, and the images of a group.

    None where there is one answer for each image, and each image is a group.
    """
    return None if repeats == 1 and is_alone(groups) else np.tile(groups, repeats)


def is_alone(groups: Array) -> bool:
    """Say whether each image is a group of its own."""
    return len(np.unique(groups)) == len(groups)


def settle_counts(figures: Any, groups: Array, repeats: int) -> Any:
    """Return figures of all answers whose `n` are images; `groups` are those of the images.

    Several answers of an image are drawn together, which makes no group of it.
    """
    found = count_images(figures, repeats)
    if not is_alone(groups):
        return found
    of_each = {
        name: [dataclasses.replace(one, n_groups=None) for one in getattr(found, name)]
        for name in ("per_class", "per_label")
        if hasattr(found, name)
    }
    return dataclasses.replace(found, n_groups=None, **of_each)


def count_images(value: Any, repeats: int) -> Any:
    """Return figures whose `n` are images and not answers."""
    if isinstance(value, _COUNTED):
        value = dataclasses.replace(value, n=round(value.n / repeats))
    if isinstance(value, list):
        return [count_images(item, repeats) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type | Estimate):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **{name: count_images(item, repeats) for name, item in fields.items()})
