"""How a network is fine-tuned: one frozen value, the same for Python, the command line and recipes."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cnncodes.errors import UsageError, count, sentence
from cnncodes.finetuning.setting_checks import (
    FIND,
    at_least,
    between,
    check_base_lr,
    check_class_weight,
    check_device,
    check_rate,
    check_size,
    check_unfreeze,
    read_share,
)
from cnncodes.plain import to_builtin
from cnncodes.schema import find_problems, option

#: The rate where nothing else is said.
BASE_LR = 0.001
#: By how much SGD's rate is higher than AdamW's.
SGD_FACTOR = 30
#: The views of training images where nothing else is said: what a head is trained on, and varied ones.
TRAIN_VIEWS = "flip, flip+translation+rotation+stretching:6"
#: Those of a prediction.
TEST_VIEWS = "flip"
#: What balanced weights of classes do.
WEIGHT_HELP = "'balanced' gives rare classes the weight of frequent ones."


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """How a network is fine-tuned.

    First the head is trained alone. When its loss on the validation images starts to converge, the chosen
    upper part of the network is unfrozen and learns along, at a lower rate.

    Parameters
    ----------
    unfreeze : str or float
        What is trained beside the head: ``"all"``; ``"last:2"``, the last blocks; 0.3, that share of the
        layers, from the last on; or the name of a block or layer, from which on everything is.
    epochs : int
        Epochs of the second stage, at most.
    freeze_epochs : int
        Epochs with the head alone, at most; 0 leaves the stage out.
    base_lr : float or "find"
        The head's learning rate; ``"find"`` tries rates first, and takes at most 10 times the default (but
        with SGD), and the default, with SGD 30 times that, where it finds none.
    backbone_lr_mult : float
        The backbone's rate, as a share of the head's.
    layer_decay : float
        By what the rate is multiplied from each block to the one before it.
    optimizer : {"adamw", "sgd"}
        SGD with Nesterov's momentum of 0.9, which needs about 30 times the rate.
    weight_decay : float
        Of weights; biases and the weights of norms have none.
    warmup_epochs : float
        Over which the rates of the second stage rise from 0, half of its epochs at most, before they fall as
        a cosine does.
    batch_size : int, optional
        Images in a step; None means 32, or all where there are fewer.
    accumulate : int
        Batches whose gradients make one step.
    clip_norm : float
        Largest norm of the gradient of a step; 0 for none.
    batch_norm : {"frozen", "train"}
        Whether the statistics of batch normalisation stay those of the pretraining, or are those of each
        batch and move along.
    label_smoothing, mixup, ema, l2_sp : float
        0 leaves each out: the share of the label that goes to all classes (Szegedy et al., 2016); the alpha
        of mixup (Zhang et al., 2018), here of what enters the trained part; the decay of a moving average of
        the weights, which is then kept; the pull towards the pretrained weights (L2-SP; Li et al., 2018).
    class_weight : dict or "balanced", optional
        Weight of each class by its name, 1 where none is given, in the loss and in the head that it starts
        from; ``"balanced"`` gives rare classes the weight of frequent ones.
    validation : float
        Share of the training images that is not trained on and says when to stop.
    patience : int
        Epochs of the second stage in a row that are not good enough to be kept, after which it stops: with
        fewer right answers on the validation images than the head alone, or than the best by more than a
        standard error, or with a log-loss above that of the start and of chance.
    refit : bool
        Whether a network that is kept is trained once more, on all images, those held out for validation too,
        for as many epochs as were kept.
    precision : {"auto", "fp32", "bf16"}
        What it computes in; ``"auto"`` is bf16 on a GPU and on a CPU with AMX, else fp32.
    device : str
        As torch names them: ``"cpu"``, ``"cuda"``; ``"auto"`` takes a GPU where there is one.
    cache : str or 0
        Disk for what the frozen part gives of each view; what does not fit is computed anew in each epoch.
    checkpoint_minutes : float
        Minutes between checkpoints within an epoch; there is one after each.
    random_state : int
        Decides the order of the images, and what is drawn.

    Examples
    --------
    >>> FineTuning(unfreeze="last:2", epochs=5).backbone_lr_mult
    0.1
    >>> FineTuning(epochs=0)
    Traceback (most recent call last):
    ...
    cnncodes.errors.UsageError: epochs is wrong: must be a whole number of at least 1. Got 0.
    """

    unfreeze: str | float = option(
        "What is trained beside the head: all; last:N, the last N blocks; a share of the layers such as 0.3,"
        " from the last on; or the name of a block or layer, with all that follows it. 'cnncodes models show"
        " NAME --blocks' lists them.",
        default="0.3",
        metavar="WHAT",
        share=True,
        check=check_unfreeze,
    )
    epochs: int = option(
        "Epochs in which backbone and head are trained, at most.", default=12, metavar="N", check=at_least(1)
    )
    freeze_epochs: int = option(
        "Epochs in which the head is trained alone before, at most; it ends as the validation loss starts to"
        " converge.",
        default=10,
        metavar="N",
        check=at_least(0),
    )
    base_lr: str | float = option(
        f"Learning rate of the head; {FIND} tries rising ones and takes a tenth of the one at which the loss"
        " rises, at most 10 times the default (but with sgd); where it finds none, the default (with sgd"
        f" {SGD_FACTOR} times that).",
        default=BASE_LR,
        metavar="RATE",
        check=check_base_lr,
    )
    backbone_lr_mult: float = option(
        "Learning rate of the backbone's last block, as a share of the head's.",
        default=0.1,
        share=True,
        check=check_rate,
    )
    layer_decay: float = option(
        "By what the rate is multiplied from each block to the one before it.",
        default=0.9,
        metavar="FACTOR",
        check=between(0, 1, low_too=False),
    )
    optimizer: str = option(
        "Optimiser; sgd is Nesterov's with a momentum of 0.9, and needs about 30 times the rate.",
        default="adamw",
        choices=("adamw", "sgd"),
    )
    weight_decay: float = option(
        "Weight decay; biases and norms have none.",
        default=0.01,
        metavar="DECAY",
        check=between(0, math.inf),
    )
    warmup_epochs: float = option(
        "Epochs over which the rates rise once the backbone is unfrozen, half of them at most.",
        default=1.0,
        metavar="N",
        check=between(0, math.inf),
    )
    batch_size: int | None = option(
        "Images in a batch. [32, or all where there are fewer]", default=None, metavar="N", check=at_least(1)
    )
    accumulate: int = option(
        "Batches whose gradients make one step.", default=1, metavar="N", check=at_least(1)
    )
    clip_norm: float = option(
        "Largest norm of the gradient; 0 for any.", default=1.0, metavar="NORM", check=between(0, math.inf)
    )
    batch_norm: str = option(
        "Whether batch normalisation keeps its statistics or goes by each batch.",
        default="frozen",
        choices=("frozen", "train"),
    )
    label_smoothing: float = option(
        "Share of each label that goes to all classes.",
        default=0.0,
        share=True,
        check=between(0, 1, high_too=False),
    )
    mixup: float = option(
        "Alpha of mixup, of what enters the trained part; 0 for none.",
        default=0.0,
        metavar="ALPHA",
        check=between(0, math.inf),
    )
    ema: float = option(
        "Decay of a moving average of the weights, a step; 0 for none.",
        default=0.0,
        metavar="DECAY",
        check=between(0, 1, high_too=False),
    )
    l2_sp: float = option(
        "Pull of the backbone towards its pretrained weights; 0 for none.",
        default=0.0,
        metavar="STRENGTH",
        check=between(0, math.inf),
    )
    class_weight: str | dict[Any, Any] | None = option(  # noqa: RUF009, a field as all others
        WEIGHT_HELP, default=None, metavar="{balanced}", check=check_class_weight
    )
    validation: float = option(
        "Share of the training images that is not trained on and says when to stop, where the source has no"
        " part 'val'.",
        default=0.2,
        share=True,
        check=between(0, 0.5, low_too=False),
    )
    patience: int = option(
        "Epochs of the second stage in a row, not good enough to be kept, after which it stops: on the"
        " validation images below the head alone, or more than a standard error below the best, or too sure"
        " of what is wrong.",
        default=5,
        metavar="N",
        check=at_least(1),
    )
    refit: bool = option(
        "Do not train a network that is kept once more, on all images, those held out too.",
        default=True,
        off="--no-refit",
    )
    precision: str = option(
        "What training computes in; 'auto' is bf16 on a GPU or a CPU with AMX, else fp32.",
        default="auto",
        choices=("auto", "fp32", "bf16"),
    )
    device: str = option(
        "Where it is trained: cpu, cuda, cuda:1; 'auto' takes a GPU where there is one.",
        default="auto",
        metavar="DEVICE",
        check=check_device,
    )
    cache: str | int = option(
        "Disk for what the frozen part gives of each view, 0 for none; what does not fit is computed anew in"
        " each epoch.",
        default="10G",
        metavar="SIZE",
        check=check_size,
    )
    checkpoint_minutes: float = option(
        "Minutes between checkpoints within an epoch; there is one after each.",
        default=10.0,
        metavar="N",
        check=check_rate,
    )
    random_state: int = option(
        "Decides the order of the images, what is drawn, and which images are held out.",
        default=0,
        metavar="N",
        check=between(0, 2**32 - 1),
    )

    def __post_init__(self) -> None:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(FineTuning)}
        problems = find_problems(FineTuning, values)
        if problems:
            raise UsageError(" ".join(map(sentence, problems)))
        share = read_share(to_builtin(self.unfreeze))  # 0.3 and "0.3" are one fine-tuning
        values["unfreeze"] = self.unfreeze if share is None else format(Decimal(repr(share)), "f")
        if isinstance(self.class_weight, dict):
            weights = {to_builtin(name): float(value) for name, value in self.class_weight.items()}
            values["class_weight"] = weights
        for name, value in values.items():
            object.__setattr__(self, name, to_builtin(value))

    def choose_batch_size(self, n_images: int) -> int:
        """Return the images in a batch.

        Raises
        ------
        UsageError
            If more were asked for than there are, or more batches for a step than these make.
        """
        size = self.batch_size or min(32, n_images)
        if size > n_images:
            raise UsageError(
                f"batch_size (--batch-size) {size} is more than the {n_images} images to train on: give"
                f" {n_images} or less."
            )
        batches = -(-n_images // size)
        if self.accumulate > batches:
            of = f"{count(batches, 'batch', 'batches')} of {size}"
            raise UsageError(
                f"accumulate (--accumulate) {self.accumulate} is more than the {of} that {n_images} images"
                f" make: give {batches} or less."
            )
        return size
