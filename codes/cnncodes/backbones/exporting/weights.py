"""Weights of a torch network: those of a checkpoint, which has to fit it, or drawn at random."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnncodes.backbones.exporting.addresses import Address
from cnncodes.backbones.exporting.checkpoints import hash_checkpoint, read_checkpoint
from cnncodes.errors import BackboneError, suggest

_SHOWN = 3

#: What layers are marked with whose weights no checkpoint has.
UNREAD = "_cnncodes_unread"


def fill(net: Any, address: Address, random_state: int | None) -> Any:
    """Give a network the weights of its address's checkpoint, or random ones, and return it.

    Without either it keeps those that it has.
    """
    if address.checkpoint is not None:
        load_checkpoint(net, address.checkpoint)
    elif random_state is not None:
        randomise(net, random_state)
    return net


def describe_weights(address: Address, random_state: int | None) -> str:
    """Return what a card says of weights that are not the source's own; empty where they are."""
    if address.checkpoint is not None:
        return f"{address.checkpoint.name}, sha256 {hash_checkpoint(address.checkpoint)}"
    return "" if random_state is None else f"random, drawn from {random_state}"


def load_checkpoint(net: Any, path: Path) -> None:
    """Give a network the weights of a checkpoint: all of them, and nothing else.

    Its last layer may be of other classes, or missing: whoever runs the network has to cut it off then, see
    `find_unread`.

    Raises
    ------
    BackboneError
        If the file is no checkpoint, holds code, or does not fit the network name by name.
    """
    state, prefix = _take_prefix_off(read_checkpoint(path), net.state_dict())
    _fit_classifier(net, state)
    classifier = _name_classifier(net)
    absent = _find_absent(net, classifier, state)
    problems = _find_problems(state, net.state_dict(), classifier)
    if absent and len(problems) == len(absent):
        _empty(net.get_submodule(classifier))
        problems = []
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise BackboneError(
            f"the checkpoint {str(path)!r} does not fit the network"
            f"{f', its names taken without {prefix!r}' if prefix else ''}:"
            f" {'; '.join(problems[:_SHOWN])}{more}."
        )
    _check_finite(state, path)
    net.load_state_dict(state, strict=False)  # strict has been done, but for the counters of old files


def _take_prefix_off(state: dict[str, Any], expected: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return a checkpoint's tensors without the start that all their names share, where more fit so.

    Training frameworks keep the network as a part of something else: ``model.``, ``backbone.``.
    """
    owners = [name.split(".")[:-1] for name in state]
    prefixes = [""]
    for part, other in zip(min(owners, default=[]), max(owners, default=[]), strict=False):
        if part != other:  # what the first and the last share, all share
            break
        prefixes.append(f"{prefixes[-1]}{part}.")
    best = max(prefixes, key=lambda prefix: sum(name.removeprefix(prefix) in expected for name in state))
    return {name.removeprefix(best): tensor for name, tensor in state.items()}, best


def _fit_classifier(net: Any, state: Mapping[str, Any]) -> None:
    """Give a network's last layer as many outputs as a checkpoint has classes, where nothing else differs.

    The classifier is cut off afterwards, so the classes are no matter.
    """
    import torch

    expected = net.state_dict()
    other = [name for name in expected if name in state and state[name].shape != expected[name].shape]
    owners = {name.rpartition(".")[0] for name in other}
    classifier = _name_classifier(net)
    if not classifier or owners != {classifier}:
        return
    if any(state[name].shape[1:] != expected[name].shape[1:] for name in other):
        return
    old = net.get_submodule(classifier)
    weight = state.get(f"{classifier}.weight")
    bias = state.get(f"{classifier}.bias")
    if (
        weight is None
        or weight.shape[1:] != old.weight.shape[1:]
        or (bias is not None and len(bias) != len(weight))
    ):
        return
    new = copy.copy(old)
    new._parameters = dict(old._parameters)
    for name in ("weight", "bias"):
        if new._parameters.get(name) is not None:
            shape = (len(weight), *new._parameters[name].shape[1:])
            new._parameters[name] = torch.nn.Parameter(torch.zeros(shape))
    setattr(new, "out_features" if isinstance(new, torch.nn.Linear) else "out_channels", len(weight))
    net.set_submodule(classifier, new)


def _find_absent(net: Any, classifier: str, state: Mapping[str, Any]) -> list[str]:
    """Return the names of the last layer's weights where a checkpoint has none of them, else nothing."""
    names = [name for name in net.state_dict() if classifier and name.rpartition(".")[0] == classifier]
    return [] if any(name in state for name in names) else names


def _empty(layer: Any) -> None:
    """Mark a layer that no checkpoint has: it may be cut off, and nothing else."""
    import torch

    with torch.no_grad():
        for tensor in layer.parameters():
            tensor.zero_()
    setattr(layer, UNREAD, True)


def find_unread(net: Any) -> list[str]:
    """Return the names of a network's layers whose weights no checkpoint has."""
    return [name for name, module in net.named_modules() if getattr(module, UNREAD, False)]


def _name_classifier(net: Any) -> str:
    """Return the name of a network's last layer, empty where it has none."""
    import torch

    kinds = torch.nn.Linear | torch.nn.Conv2d
    layers = [name for name, module in net.named_modules() if isinstance(module, kinds)]
    return layers[-1] if layers else ""


def _check_finite(state: Mapping[str, Any], path: Path) -> None:
    odd = [name for name, tensor in state.items() if not bool(tensor.isfinite().all())]
    if odd:
        raise BackboneError(
            f"the checkpoint {str(path)!r} is of no use: {odd[0]!r} has values that are not finite"
            f"{f', as have {len(odd) - 1} more' if len(odd) > 1 else ''}. Its training has gone wrong."
        )


def _find_problems(state: Mapping[str, Any], expected: Mapping[str, Any], classifier: str) -> list[str]:
    """Say of every name what is wrong with it; the classifier, which may have other classes, comes last."""
    problems: list[str] = []
    of_classes: list[str] = []
    for name, tensor in expected.items():
        if name not in state:
            if not name.endswith("num_batches_tracked"):  # counts batches in training; old files have none
                problems.append(f"{name!r} is missing")
        elif tuple(state[name].shape) != tuple(tensor.shape):
            shapes = f"{tuple(state[name].shape)} and must be {tuple(tensor.shape)}"
            others = of_classes if name.rpartition(".")[0] == classifier else problems
            others.append(f"{name!r} has the shape {shapes}")
    for name in state:
        if name not in expected:
            hint = suggest(name, expected).partition(" Known:")[0]
            problems.append(f"{name!r} is unknown" + (f" ({hint})" if hint.startswith("Did") else ""))
    return problems + of_classes


def randomise(net: Any, random_state: int) -> None:
    """Give a network random weights under which every part of it shows in its codes.

    Statistics, scales and biases are random too: with means of 0, variances of 1 or a scale of 1e-6, as
    networks start their training, a graph that left them out would give the same codes.
    """
    import torch

    rng = np.random.default_rng(random_state)
    with torch.no_grad():
        for name, tensor in sorted(net.state_dict().items()):
            if tensor.is_floating_point():
                values = _draw(rng, name.rpartition(".")[2], tuple(tensor.shape))
                tensor.copy_(torch.from_numpy(np.asarray(values)))


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Any:
    if name.endswith("weight") and len(shape) > 1:  # He's: activations neither grow nor die out
        return rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    if name in ("weight", "running_var"):
        return rng.uniform(0.5, 1.5, shape)
    if name.endswith("bias") or name == "running_mean":
        return rng.standard_normal(shape) * 0.1
    return rng.standard_normal(shape) * 0.5
