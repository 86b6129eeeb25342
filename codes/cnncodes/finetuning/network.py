"""The network that is trained, the upper part of a graph and a linear head; loaded by what needs torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cnncodes.finetuning.settings import FineTuning
from cnncodes.heads.linear import LinearScorer

#: Name of the head's tensors in checkpoints; no weight of a graph is called so.
HEAD = "head/"


class UnitLength(torch.nn.Module):  # type: ignore[misc]
    """Codes of length 1, where the head has them so; one of length 0 stays."""

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Return codes, shape (n_rows, code_size), divided by their lengths."""
        return torch.nn.functional.normalize(codes.float(), eps=torch.finfo(torch.float32).tiny)


class LinearModule(torch.nn.Module):  # type: ignore[misc]
    """A linear head as a torch module: its softmax gives the probabilities that the head gave.

    L2 normalisation is a module of its own in it, `normalize`; standardisation is none.

    Parameters
    ----------
    scorer : LinearScorer
        Its temperature becomes part of the weights, as standardisation is already. Two classes have two
        rows, one the negative of the other.
    """

    def __init__(self, scorer: LinearScorer) -> None:
        super().__init__()
        coef, intercept = scorer.coef * scorer.temperature, scorer.intercept * scorer.temperature
        if len(scorer.classes) == 2:
            coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
        self.weight = torch.nn.Parameter(torch.from_numpy(coef.astype(np.float32)))
        self.bias = torch.nn.Parameter(torch.from_numpy(intercept.astype(np.float32)))
        self.normalize = UnitLength() if scorer.l2_normalize else torch.nn.Identity()

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (n_rows, n_classes), of codes, shape (n_rows, code_size)."""
        # In fp32 always: codes may be far from 0 beside what they vary by, and bf16 has three digits.
        with torch.autocast(codes.device.type, enabled=False):
            return torch.nn.functional.linear(self.normalize(codes.float()), self.weight, self.bias)

    def to_scorer(self, classes: npt.NDArray[Any], temperature: float = 1.0) -> LinearScorer:
        """Return the head for prediction without torch."""
        coef, intercept = (value.detach().cpu().double().numpy() for value in (self.weight, self.bias))
        if len(classes) == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        return LinearScorer(
            coef,
            intercept,
            classes,
            l2_normalize=isinstance(self.normalize, UnitLength),
            temperature=temperature,
            kind="finetuned",
        )


class TunedNetwork(torch.nn.Module):  # type: ignore[misc]
    """The upper part of a graph and a head.

    Parameters
    ----------
    upper : GraphModule
    head : LinearModule
    weights : iterable of str
        Names of the weights of `upper` that are trained; all others stay.
    """

    def __init__(self, upper: Any, head: LinearModule, weights: Iterable[str]) -> None:
        super().__init__()
        self.upper, self.head = upper, head
        chosen = set(weights)
        for name, weight in upper.named_parameters():
            weight.requires_grad_(name in chosen)

    def forward(self, *features: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (n_rows, n_classes), of features."""
        return self.head(self.upper(*features))

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return what training may change, by name: the head's, trained weights and statistics of batches."""
        trained = {name: weight for name, weight in self.upper.named_parameters() if weight.requires_grad}
        statistics = {name: value for name, value in self.upper.state_dict().items() if name not in trained}
        frozen = {name for name, weight in self.upper.named_parameters() if not weight.requires_grad}
        kept = {name: value for name, value in statistics.items() if name not in frozen}
        head = {HEAD + name: value for name, value in self.head.state_dict().items()}
        return {name: value.detach() for name, value in (trained | kept | head).items()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over what `tensors` gave."""
        with torch.no_grad():
            for name, value in self.tensors().items():
                value.copy_(tensors[name])

    def groups(self, settings: FineTuning, depths: dict[str, int]) -> Iterator[dict[str, Any]]:
        """Yield the groups of parameters, each with its rate as a share of the head's.

        Parameters
        ----------
        settings : FineTuning
        depths : dict of str to int
            Of each weight, the number of blocks after its own.
        """
        yield from head_groups(self.head, settings)
        found: dict[tuple[int, bool], list[Any]] = {}
        for name, weight in self.upper.named_parameters():
            if weight.requires_grad:
                decays = sum(length > 1 for length in weight.shape) > 1  # not of norms in the shape (n, 1, 1)
                found.setdefault((depths[name], decays), []).append(weight)
        for (depth, decays), weights in sorted(found.items()):
            yield {
                "params": weights,
                "share": settings.backbone_lr_mult * settings.layer_decay**depth,
                "weight_decay": settings.weight_decay if decays else 0.0,
            }


def head_groups(head: LinearModule, settings: FineTuning) -> Iterator[dict[str, Any]]:
    """Yield the head's groups of parameters; the bias has no weight decay."""
    yield {"params": [head.weight], "share": 1.0, "weight_decay": settings.weight_decay}
    yield {"params": [head.bias], "share": 1.0, "weight_decay": 0.0}
