"""What repetitions of a cross-validation share: their random states, and figures that count images."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count
from cnncodes.evaluation.figures import show_result
from cnncodes.evaluation.intervals import Estimate
from cnncodes.evaluation.metrics import Evaluation
from cnncodes.evaluation.multilabel import MultiLabelEvaluation
from cnncodes.evaluation.numbers import NumberEvaluation

Array = npt.NDArray[Any]

_COUNTED = (Estimate, Evaluation, NumberEvaluation, MultiLabelEvaluation)


def show_validation(found: Any, *evaluations: object) -> str:
    """Return what Python shows of a cross-validation: its folds, and its evaluations, in a line."""
    return show_result(
        found, count(found.folds, "fold"), count(found.repeats, "repetition"), *map(repr, evaluations)
    )


def shift_state(random_state: Any, repeat: int) -> Any:
    """Return the random state of a repetition; what is no number draws on by itself."""
    return int(random_state) + repeat if isinstance(random_state, int | np.integer) else random_state


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
