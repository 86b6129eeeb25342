"""Training in two stages, the head alone and then with the backbone; loaded by what needs torch."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cnncodes.finetuning.checkpoints import Checkpoint, State
from cnncodes.finetuning.features import FeatureStore
from cnncodes.finetuning.history import DIVERGED, HEAD_STAGE, NETWORK_STAGE, START, EpochFigures, Trained
from cnncodes.finetuning.judging import Guide
from cnncodes.finetuning.network import head_groups
from cnncodes.finetuning.rates import STEPS, default_rate, find_rate, limit_rate, try_rates
from cnncodes.finetuning.schedule import rate_at
from cnncodes.finetuning.setting_checks import FIND
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.stages import Examples, Stage
from cnncodes.finetuning.stepping import Stepper
from cnncodes.finetuning.world import ALONE, World

Array = npt.NDArray[Any]
Tensors = dict[str, torch.Tensor]


class Trainer:
    """Trains a network on features.

    Parameters
    ----------
    stepper : Stepper
        With the network.
    store : FeatureStore
    train : Examples
    settings : FineTuning
    guide : Guide
        What it goes by.
    depths : dict of str to int
        As `TunedNetwork.groups` takes them.
    checkpoint : Checkpoint
    on_epoch : callable
        Called after each epoch with the figures of all so far.
    on_note : callable
        Called with a line that says why it goes on as it does.
    world : World
        The processes that train together: each computes its share of every batch, and the first writes.
    """

    def __init__(
        self,
        stepper: Stepper,
        store: FeatureStore,
        train: Examples,
        settings: FineTuning,
        *,
        guide: Guide,
        depths: dict[str, int],
        checkpoint: Checkpoint,
        on_epoch: Callable[[Sequence[EpochFigures]], None] = lambda history: None,
        on_note: Callable[[str], None] = lambda text: None,
        world: World = ALONE,
    ) -> None:
        self.stepper, self.network, self.batch_size = stepper, stepper.network, stepper.batch_size
        self.store, self.settings = store, settings
        self.train, self.guide, self.depths = train, guide, depths
        self.checkpoint, self.world, self.on_epoch, self.on_note = checkpoint, world, on_epoch, on_note
        rng = np.random.default_rng(settings.random_state)
        self._offsets = rng.integers(0, train.views, len(train.first))
        self.state = State()
        self.kept: Tensors = {}
        self._optimizer: Any = None
        self._resumed: Any = None

    def run(self) -> list[EpochFigures]:
        """Train, leave the network with the weights that are kept, and return the figures of all epochs."""
        if not self._restore():
            self.state.base_lr = self._choose_rate()
            self._note(START, 0, math.nan, self._head_stage(), 0.0, 0.0, time.monotonic())
            self._save()
        if not self.state.over:
            self._run_stages()
        self.network.load(self.kept)
        if not self.state.over:
            self._conclude()
        return self.state.history

    def _run_stages(self) -> None:
        if self.state.stage == HEAD_STAGE:
            self._run_stage(self._head_stage())
            if not self._has_diverged():  # at a rate that wrecks the head alone nothing else is tried
                self.network.load(self.kept)
                self.state = State(NETWORK_STAGE, 0, 0, self.state.history, base_lr=self.state.base_lr)
                self._resumed = None
                self._save()
        if self.state.stage == NETWORK_STAGE:
            self._run_stage(self.network_stage())

    def _conclude(self) -> None:
        """Keep on disk what came of it alone, twice, as of all that is kept there."""
        self.state.over, self.stepper.average, self._optimizer = True, {}, None
        self._save()
        self._save()

    def _choose_rate(self) -> float:
        if self.settings.base_lr != FIND:
            return float(self.settings.base_lr)
        self.on_note("trying learning rates, with backbone and head as they are at the start")
        rate = self._find_rate()
        if rate is None:
            rate = default_rate(self.settings.optimizer)
            self.on_note(
                f"no rate was found, as none makes the loss rise: the default of {self.settings.optimizer},"
                f" {rate:.1e}"
            )
            return rate
        taken = limit_rate(rate, self.settings.optimizer)
        high = (
            f"; that is high, and the most that is taken without being asked for is {taken:.1e} (--base-lr)"
        )
        self.on_note(f"the learning rate that was found: {rate:.1e}{high if taken < rate else ''}")
        return taken

    def _find_rate(self) -> float | None:
        """Return the rate that is found with the network as it is at the start, and leave that so."""
        before = {name: value.clone() for name, value in self.network.tensors().items()}
        stage = self.network_stage()
        optimizer = self.make_optimizer(stage)
        rows, y = self.order(stage)
        size = self.batch_size * self.settings.accumulate
        turns = -(-STEPS * size // len(rows))
        batches = self.stepper.batches(stage, np.tile(rows, turns))
        targets = np.tile(y, turns)

        def step(number: int, rate: float) -> float:
            for group in optimizer.param_groups:
                group["lr"] = group["share"] * rate
            own = targets[number * size : (number + 1) * size]
            return self.stepper.step(stage, optimizer, batches, own, (0, number))

        losses = try_rates(step)
        self.network.load(before)
        self.stepper.average = {}  # it has followed
        return find_rate(losses)

    def _head_stage(self) -> Stage:
        def inputs(rows: Array, size: int) -> Iterator[tuple[Array, ...]]:
            for start in range(0, len(rows), size):
                yield (self.store.codes(rows[start : start + size]),)

        return Stage(HEAD_STAGE, self.network.head, inputs, self.settings.freeze_epochs, -1.0)

    def network_stage(self) -> Stage:
        """Return the stage that trains backbone and head."""
        settings = self.settings
        return Stage(NETWORK_STAGE, self.network, self.store.batches, settings.epochs, settings.warmup_epochs)

    def _run_stage(self, stage: Stage) -> None:
        optimizer = self._resume_optimizer(stage)
        state = self.state
        while not self._has_diverged() and not self.guide.is_over(
            stage, state.epoch, state.history, self.on_note
        ):
            self._run_epoch(stage, optimizer)

    def _has_diverged(self) -> bool:
        return self.state.history[-1].stage == self.state.stage and self.state.history[-1].verdict == DIVERGED

    def make_optimizer(self, stage: Stage) -> Any:
        """Return the optimiser of a stage, as it was where the stage is gone on with."""
        if stage.name == HEAD_STAGE:
            groups = list(head_groups(self.network.head, self.settings))
        else:
            groups = list(self.network.groups(self.settings, self.depths))
        if self.settings.optimizer == "sgd":
            return torch.optim.SGD(groups, lr=1.0, momentum=0.9, nesterov=True)
        # Not fused: its bits depend on where weights lie in memory; one that goes on would end otherwise.
        return torch.optim.AdamW(groups, lr=1.0)

    def _resume_optimizer(self, stage: Stage) -> Any:
        self._optimizer = self.make_optimizer(stage)
        if self._resumed is not None:
            self._optimizer.load_state_dict(self._resumed)
            self._resumed = None
        return self._optimizer

    def _run_epoch(self, stage: Stage, optimizer: Any) -> None:
        started = time.monotonic()
        self.network.upper.train(self.settings.batch_norm == "train" and stage.name == NETWORK_STAGE)
        loss = self.train_epoch(stage, optimizer)
        self.network.upper.eval()
        self.state.epoch, self.state.step, self.state.loss = self.state.epoch + 1, 0, 0.0
        rate = self._rate(stage, self.state.epoch - 0.5)
        backbone = rate * self.settings.backbone_lr_mult if stage.name == NETWORK_STAGE else 0.0
        self._note(stage.name, self.state.epoch, loss, stage, rate, backbone, started)
        self._save()

    def _rate(self, stage: Stage, epoch: float) -> float:
        share = 1.0 if stage.warmup < 0 else rate_at(epoch, stage.epochs, stage.warmup)
        return self.state.base_lr * share

    def order(self, stage: Stage) -> tuple[Array, Array]:
        """Return the rows of an epoch, one view an image, and their classes."""
        epoch, train = self.state.epoch, self.train
        rng = np.random.default_rng([self.settings.random_state, stage.name == NETWORK_STAGE, epoch])
        order = rng.permutation(len(train.images))
        views = (self._offsets[order] + epoch) % train.views
        return train.first[order] + views, train.y[order]

    def train_epoch(self, stage: Stage, optimizer: Any) -> float:
        """Train for what is left of an epoch and return its mean loss; NaN where it has diverged."""
        rows, y = self.order(stage)
        size = self.batch_size * self.settings.accumulate
        steps = math.ceil(len(rows) / size)
        first = self.state.step
        batches = self.stepper.batches(stage, rows[first * size :])
        saved = time.monotonic()
        for step in range(first, steps):
            own = y[step * size : (step + 1) * size]
            for group in optimizer.param_groups:
                group["lr"] = group["share"] * self._rate(stage, self.state.epoch + (step + 0.5) / steps)
            loss = self.stepper.step(stage, optimizer, batches, own, (self.state.epoch, step))
            if not math.isfinite(loss):
                return math.nan
            self.state.step, self.state.loss = step + 1, self.state.loss + loss * len(own)
            if time.monotonic() - saved > 60 * self.settings.checkpoint_minutes:
                self._save()
                saved = time.monotonic()
        return self.state.loss / len(rows)

    def predict(self, stage: Stage, examples: Examples) -> npt.NDArray[np.float64]:
        """Return logits of images, the mean over their views, shape (n_images, n_classes)."""
        logits = self.stepper.predict(stage, examples.rows())
        return np.asarray(logits.reshape(len(examples.y), examples.views, -1).mean(axis=1))

    def predict_final(self, examples: Examples) -> npt.NDArray[np.float64]:
        """Return what `predict` does of the network as it now is."""
        return self.predict(self.network_stage(), examples)

    def _note(
        self, name: str, epoch: int, loss: float, stage: Stage, rate: float, backbone: float, started: float
    ) -> None:
        """Measure, keep the weights where that is said, and tell of it."""
        averaged = self.stepper.averaged() if name == NETWORK_STAGE else contextlib.nullcontext()
        with averaged:
            logits = None if self.guide.examples is None else self.predict(stage, self.guide.examples)
            seconds = round(time.monotonic() - started, 3)
            trained = Trained(name, epoch, loss, rate, backbone, seconds)
            figures = self.guide.measure(trained, logits, self.state.history)
            if figures.kept:
                self.kept = {key: value.clone() for key, value in self.network.tensors().items()}
        self.state.history.append(figures)
        self.on_epoch(self.state.history)

    def _save(self) -> None:
        if not self.world.is_first:
            return
        optimizer = self._optimizer
        self.state.threads = torch.get_num_threads()
        self.checkpoint.write(
            self.state,
            self.network.tensors(),
            self.kept,
            self.stepper.average,
            optimizer.state_dict() if optimizer is not None and self.state.epoch + self.state.step else None,
        )

    def _restore(self) -> bool:
        """Go on where the checkpoint stands; tell whether there is one."""
        found = self.world.share(self.checkpoint.read)
        if found is None:
            return False
        self.state, tensors, self.kept, self.stepper.average, self._resumed = found
        self.network.load(tensors)
        before = "the stage 'head'" if self.state.stage == NETWORK_STAGE else "the start"
        done = f"epoch {self.state.epoch} of the stage {self.state.stage!r}" if self.state.epoch else before
        self.on_note(f"going on after {done}" + (f", step {self.state.step}" if self.state.step else ""))
        threads = torch.get_num_threads()
        if not self.state.over and self.state.threads not in (0, threads):
            self.on_note(
                f"it was trained with {self.state.threads} threads before, and is with {threads} now (-j):"
                " the last bits of what it ends with are others than without the interruption"
            )
        return True
