"""What so few images of a class cannot tell."""

from __future__ import annotations

from typing import Any

from cnncodes.commands.reporter import Reporter
from cnncodes.errors import agree

#: Images of a class up to which settings and probabilities are mostly chance (docs/heads.md).
FEW_SHOT = 5
#: Images with a number below which the same holds: 90 % intervals take nine.
FEW_NUMBERS = 10


def warn_of_few(data: Any, reporter: Reporter) -> None:
    """Say in one line what so few images of a class cannot tell.

    Not where no two classes have two images, nor of one image alone: the head says it.
    """
    names, counts = _count_images(data)
    several = counts[counts > 1]
    if len(several) >= 2 and several.min() <= FEW_SHOT:
        few = int((counts <= FEW_SHOT).sum())
        reporter.warn(
            f"{few} of {len(names)} classes {agree(few, 'has')} at most {FEW_SHOT} images (the"
            f" fewest, {counts.min()}: {str(names[counts.argmin()])!r}): settings are chosen, and"
            " probabilities made, by so few that both are mostly chance, and no figure of these images says"
            " how good it is"
        )


def warn_of_few_numbers(n_images: int, reporter: Reporter) -> None:
    """Say in one line what so few images with a number cannot tell."""
    if n_images < FEW_NUMBERS:
        reporter.warn(
            f"only {n_images} images were trained on: settings are chosen, and intervals made, by so few that"
            " both are mostly chance, and no figure of these images says how good it is"
        )


def _count_images(data: Any) -> Any:
    """Return the classes of what was trained on, and how many images each has; codes may be of millions."""
    import numpy as np
    import pyarrow.compute as pc

    if isinstance(data, list):
        return np.unique(np.array([record.label for record in data], dtype=str), return_counts=True)
    rows = data.select(labelled=True).rows.select(["image", "label"])
    found = pc.value_counts(rows.group_by(["image", "label"]).aggregate([]).column("label").combine_chunks())
    order = np.argsort(names := np.array(found.field("values").to_pylist(), dtype=str))
    return names[order], found.field("counts").to_numpy()[order]
