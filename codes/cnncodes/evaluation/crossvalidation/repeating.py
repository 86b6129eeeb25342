"""What repetitions of a cross-validation share: their random states, and figures that count images."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, count
from cnncodes.estimators.unknown import Training
from cnncodes.evaluation.figures import show_result
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.metrics import Evaluation
from cnncodes.evaluation.multilabel import MultiLabelEvaluation
from cnncodes.evaluation.numbers import NumberEvaluation
from cnncodes.heads.folds import Split

Array = npt.NDArray[Any]

#: Makes folds of labels, groups, their number, a random state, and weights or None.
Divider = Callable[[Array, Array, int, Any, Array | None], list[Split]]

#: Of a division that was not there before.
_ATTEMPTS = 10

_COUNTED = (Estimate, Evaluation, NumberEvaluation, MultiLabelEvaluation)


def show_validation(found: Any, *evaluations: object) -> str:
    """Return what Python shows of a cross-validation: its folds, and its evaluations, in a line."""
    return show_result(
        found, count(found.folds, "fold"), count(found.repeats, "repetition"), *map(repr, evaluations)
    )


def shift_state(random_state: Any, repeat: int) -> Any:
    """Return the random state of a repetition; what is no number draws on by itself."""
    return int(random_state) + repeat if isinstance(random_state, int | np.integer) else random_state


def divide(split: Divider, training: Training, cv: int, repeats: int) -> list[list[Split]]:
    """Return the folds of each repetition, and warn where some of them are the same.

    The first deals the heaviest groups first, so that folds are as alike in size as can be. Where groups are
    of different sizes that leaves little to chance, and so further ones take them for up to twice, or half,
    as heavy as they are.
    """
    from sklearn.utils import check_random_state

    numbered, sizes = np.unique(training.groups, return_inverse=True, return_counts=True)[1:]
    are_alike = sizes.min() == sizes.max()  # then the order of equal ones is drawn as it is
    found: list[list[Split]] = []
    seen: set[frozenset[tuple[int, ...]]] = set()
    for repeat in range(repeats):
        state = shift_state(training.random_state, repeat)
        rng, weight = check_random_state(state), None
        for attempt in range(_ATTEMPTS):
            if attempt or (repeat and not are_alike):
                weight = (2.0 ** rng.uniform(-1, 1, len(sizes)))[numbered]
            splits = split(training.y, training.groups, cv, state, weight)
            held_out = frozenset(tuple(test.tolist()) for _, test in splits)
            if held_out not in seen:
                break
        seen.add(held_out)
        found.append(splits)
    if len(seen) < repeats:
        warnings.warn(
            f"{count(repeats, 'repetition')} took {count(len(seen), 'division')} into folds: whole"
            f" groups, of which there are {len(sizes):,}, allow few that are as even. How far figures differ"
            " between repetitions says little.",
            ResultWarning,
            stacklevel=4,
        )
    return found


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
    return dataclasses.replace(found, n_groups=None) if is_alone(groups) else found


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
