"""What a step lowers: cross-entropy, of mixed images too, and the distance from the pretrained weights.

Loaded by what needs torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

Inputs = tuple[torch.Tensor, ...]


def mix_up(
    inputs: Inputs, target: torch.Tensor, alpha: float, rng: np.random.Generator
) -> tuple[Inputs, torch.Tensor, float]:
    """Return inputs mixed with those of others of the batch, the others' classes, and the share of their own.

    Parameters
    ----------
    inputs : tuple of Tensor
        Those of a batch, images first.
    target : Tensor of int64, shape (n_images,)
    alpha : float
        Both parameters of the beta distribution of the share.
    rng : Generator

    References
    ----------
    H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.
    """
    share = float(rng.beta(alpha, alpha))
    partner = torch.from_numpy(rng.permutation(len(target))).to(target.device)
    return tuple(_mix(values, share, partner) for values in inputs), target[partner], share


def _mix(values: torch.Tensor, share: float, partner: torch.Tensor) -> torch.Tensor:
    mixed = share * values.float() + (1 - share) * values[partner].float()
    return mixed if values.dtype.is_floating_point else mixed.round().to(values.dtype)


def mixed_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    others: torch.Tensor,
    share: float,
    weights: torch.Tensor,
    smoothing: float,
) -> torch.Tensor:
    """Return the sum of the images' cross-entropies, each times the weight of its class.

    Parameters
    ----------
    logits : Tensor, shape (n_images, n_classes)
    target, others : Tensor of int64, shape (n_images,)
        Classes, and those that the images are mixed with.
    share : float
        Of the first.
    weights : Tensor, shape (n_classes,)
    smoothing : float
        Share of each label that goes to all classes.
    """

    def loss_of(labels: torch.Tensor) -> torch.Tensor:
        losses = torch.nn.functional.cross_entropy(
            logits, labels, label_smoothing=smoothing, reduction="none"
        )
        return (losses * weights[labels]).sum()

    return loss_of(target) if share == 1.0 else share * loss_of(target) + (1 - share) * loss_of(others)


def pull_back(module: Any, start: dict[str, torch.Tensor], strength: float) -> torch.Tensor:
    """Return half the squared distance of what is trained from where it began, times a strength.

    References
    ----------
    X. Li, Y. Grandvalet and F. Davoine, "Explicit Inductive Bias for Transfer Learning with Convolutional
    Networks", ICML 2018.
    """
    distance = sum(
        ((weight - start[name].to(weight.device)) ** 2).sum()
        for name, weight in module.named_parameters()
        if weight.requires_grad
    )
    return torch.as_tensor(0.5 * strength * distance)
