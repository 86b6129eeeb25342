"""What the parts of `finetune.py` share: labelled images, and a judge that chooses nothing."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cnncodes.finetuning.examples import Labelled
    from cnncodes.finetuning.history import EpochFigures
    from cnncodes.finetuning.judging import Judge
    from cnncodes.finetuning.stages import Stage
    from cnncodes.images import ImageRecord

#: Of the head alone, where there are stages.
HEAD_EPOCHS = 2


def label(records: Sequence[ImageRecord]) -> Labelled:
    """Return records with their labels and contents."""
    from cnncodes.finetuning.contents import hash_contents
    from cnncodes.finetuning.examples import Labelled

    y = np.array([str(record.label) for record in records])
    return Labelled(list(records), y, hash_contents(records)[0])


def make_judge(judge: Judge) -> Judge:
    """Return a judge that chooses nothing: every epoch is kept, and stages have a fixed length."""
    from cnncodes.finetuning.history import DIVERGED, HEAD_STAGE
    from cnncodes.finetuning.judging import Judge

    class Onlooker(Judge):
        def measure(self, *args: Any, **facts: Any) -> EpochFigures:
            found = super().measure(*args, **facts)
            return dataclasses.replace(found, kept=found.verdict != DIVERGED)

        def is_over(self, stage: Stage, epoch: int, *rest: Any) -> bool:
            return epoch >= (min(HEAD_EPOCHS, stage.epochs) if stage.name == HEAD_STAGE else stage.epochs)

    return Onlooker(judge.examples, judge.head, judge.settings, judge.groups, judge.given)


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="A part of finetune.py, which is run instead. Needs the extra finetune.",
    ).parse_args()
