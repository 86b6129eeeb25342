"""Steps of a training, and predictions, on one device or in several processes; loaded by what needs torch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cnncodes.finetuning.history import NETWORK_STAGE
from cnncodes.finetuning.losses import mix_up, mixed_loss, pull_back
from cnncodes.finetuning.network import TunedNetwork
from cnncodes.finetuning.settings import FineTuning
from cnncodes.finetuning.stages import Stage
from cnncodes.finetuning.world import ALONE, World

Array = npt.NDArray[Any]
Tensors = dict[str, torch.Tensor]

#: Rows in one forward pass where nothing is learned.
_EVALUATED = 64


class Stepper:
    """Makes steps with a network, and predicts with it.

    Parameters
    ----------
    network : TunedNetwork
    settings : FineTuning
    batch_size : int
        Of all processes together.
    class_weights : ndarray of float, shape (n_classes,)
        In the loss.
    device : torch.device
    autocast : dtype, optional
    world : World

    Attributes
    ----------
    average : dict of str to Tensor
        The moving average of the weights, where there is one.
    """

    def __init__(
        self,
        network: TunedNetwork,
        settings: FineTuning,
        batch_size: int,
        class_weights: Array,
        device: torch.device,
        autocast: torch.dtype | None = None,
        world: World = ALONE,
    ) -> None:
        self.network, self.batch_size = network, batch_size
        self._settings, self._device, self._autocast, self._world = settings, device, autocast, world
        self._weights = torch.from_numpy(class_weights.astype(np.float32)).to(device)
        self._pretrained = {name: value.clone() for name, value in network.tensors().items()}
        self.average: Tensors = {}

    def batches(self, stage: Stage, rows: Array) -> Iterator[tuple[Array, ...]]:
        """Yield the inputs of this process's share of each batch of rows; empty shares are left out."""
        world = self._world
        share = len(range(world.rank, self.batch_size, world.size))
        return stage.inputs(rows[world.own(len(rows), self.batch_size)], max(1, share))

    def step(
        self,
        stage: Stage,
        optimizer: Any,
        batches: Iterator[tuple[Array, ...]],
        y: npt.NDArray[np.int64],
        place: tuple[int, int],
    ) -> float:
        """Make one step and return the mean loss of its images; NaN, and no step, where that is no number.

        Parameters
        ----------
        stage : Stage
        optimizer : torch.optim.Optimizer
        batches : iterator
            As `batches` gives them.
        y : ndarray of int64
            Classes of the images of the step, those of other processes too.
        place : (int, int)
            Epoch and step, by which mixup draws.
        """
        optimizer.zero_grad(set_to_none=True)
        whole = self._weights[torch.from_numpy(y).to(self._device)].sum()
        total = 0.0
        for start in range(0, len(y), self.batch_size):
            own = y[start : start + self.batch_size][self._world.rank :: self._world.size]
            if len(own) == 0:
                continue  # fewer images than processes
            inputs = tuple(map(self._to_device, next(batches)))
            target = torch.from_numpy(own).to(self._device)
            loss = self._loss(stage, inputs, target, (*place, start)) / whole
            loss.backward()
            total += float(loss.detach())
        parameters = [weight for group in optimizer.param_groups for weight in group["params"]]
        total = self._world.add_gradients(parameters, total)
        if self._settings.l2_sp and stage.name == NETWORK_STAGE:
            pull_back(self.network.upper, self._pretrained, self._settings.l2_sp).backward()
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self._settings.clip_norm or math.inf))
        if not (math.isfinite(total) and math.isfinite(norm)):
            return math.nan
        optimizer.step()
        self._move_average()
        return total

    def _loss(
        self, stage: Stage, inputs: tuple[torch.Tensor, ...], target: torch.Tensor, place: tuple[int, ...]
    ) -> torch.Tensor:
        """Return the weighted sum of the images' losses."""
        settings, others, share = self._settings, target, 1.0
        if settings.mixup and stage.name == NETWORK_STAGE:
            rng = np.random.default_rng([settings.random_state, *place])
            inputs, others, share = mix_up(inputs, target, settings.mixup, rng)
        with self._computing():
            logits = stage.module(*inputs).float()
        return mixed_loss(logits, target, others, share, self._weights, settings.label_smoothing)

    def _move_average(self) -> None:
        decay = self._settings.ema
        if not decay:
            return
        for name, value in self.network.tensors().items():
            if name not in self.average:
                self.average[name] = value.clone()
            elif value.dtype.is_floating_point:
                self.average[name].lerp_(value, 1 - decay)  # what does not move stays, to the bit

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the network its weights' moving average for a while, where there is one."""
        if not self.average:
            yield
            return
        own = {key: value.clone() for key, value in self.network.tensors().items()}
        self.network.load(self.average)
        try:
            yield
        finally:
            self.network.load(own)

    def predict(self, stage: Stage, rows: Array) -> npt.NDArray[np.float64]:
        """Return logits of rows, shape (n_rows, n_classes)."""
        own = np.array_split(np.arange(len(rows)), self._world.size)[self._world.rank]
        found = torch.zeros((len(rows), len(self._weights)), dtype=torch.float64)
        done = 0
        with torch.no_grad():
            for batch in stage.inputs(rows[own], _EVALUATED):
                with self._computing():
                    logits = stage.module(*map(self._to_device, batch)).float()
                found[own[done : done + len(logits)]] = logits.cpu().double()
                done += len(logits)
        self._world.add(found)  # each has zeros where others have computed
        return np.asarray(found.numpy())

    def _computing(self) -> Any:
        if self._autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, self._autocast)

    def _to_device(self, array: Array) -> torch.Tensor:
        tensor = torch.from_numpy(array).to(self._device)
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
