"""Cutting a classifier off a torch network: the code is what enters its last layer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cnncodes.backbones.exporting.forwarding import run_network
from cnncodes.errors import BackboneError


@dataclass(frozen=True)
class Cut:
    """Where a network is cut.

    Attributes
    ----------
    module : str
        Name of the classifier within the network; empty where the network has none and its output is the
        code.
    pooled : bool
        Whether the classifier is a convolution: the code is then the average over what enters it.
    """

    module: str
    pooled: bool = False

    @property
    def layer(self) -> str:
        """The layer whose activations are the code, in words."""
        if not self.module:
            return "output"
        return f"input of {self.module}" + (", average-pooled" if self.pooled else "")


def find_cut(net: Any, example: Any, *, headless: bool = False) -> Cut:
    """Find the classifier: the last linear layer or convolution to be called, if its output is the network's.

    Parameters
    ----------
    net : torch.nn.Module
        In evaluation mode.
    example : torch.Tensor
        What it takes; one image is enough.
    headless : bool
        That the network has no classifier, and its output is the code.

    Raises
    ------
    BackboneError
        If the network's output is not one row an image, or no layer gives it.
    """
    import torch

    calls: list[tuple[str, Any, Any]] = []

    def look(name: str, module: Any, given: Any, output: Any) -> None:
        calls.append((name, module, output))

    with torch.no_grad(), _hooks(net, look):
        output = run_network(net, example)
    if not isinstance(output, torch.Tensor) or output.ndim != 2:
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise BackboneError(
            f"the network gives {found} and not one row of scores an image: it is no classifier. A network"
            " whose forward returns one row an image is expected; wrap it in one that does (python:)."
        )
    if headless:
        return Cut("")
    if calls:
        name, module, given = calls[-1]
        # What is no number is not equal to itself; that is another fault, and said elsewhere.
        same = given.shape == output.shape and torch.equal(given.nan_to_num(), output.nan_to_num())
        if isinstance(module, torch.nn.Linear) and same:
            return Cut(name)
        is_conv = isinstance(module, torch.nn.Conv2d) and module.out_channels == output.shape[1]
        if is_conv and set(module.kernel_size) == {1}:
            return Cut(name, pooled=True)
        last = f"the last layer called is {name!r}, whose output is not the network's"
        if is_conv:
            last = f"the last layer called is the convolution {name!r}, which looks beyond one place"
    else:
        last = "it calls no linear layer and no convolution"
    raise BackboneError(
        f"the network has no classifier to cut: {last}. If its output is the code already, say"
        " --layer output; else name the tensor that is."
    )


def run_to_cut(net: Any, cut: Cut, pixels: Any) -> Any:
    """Return the codes of a network that still has its classifier: what enters that, caught on its way."""
    import torch

    entered: list[Any] = []

    def look(name: str, module: Any, given: Any, output: Any) -> None:
        if name == cut.module:
            entered.append(given)

    with torch.no_grad(), _hooks(net, look):
        output = run_network(net, pixels)
    if not cut.module:
        return output
    code = entered[-1]  # a layer may be called more than once
    return code.mean((2, 3)) if cut.pooled else code


def cut_off(net: Any, cut: Cut, example: Any) -> None:
    """Remove the classifier, so that the network gives codes; what comes after a pooled one has to stay.

    Raises
    ------
    BackboneError
        If what the network then gives is not what entered the classifier.
    """
    import torch

    expected = run_to_cut(net, cut, example)
    if cut.module:
        net.set_submodule(cut.module, torch.nn.Identity())
    try:
        with torch.no_grad():
            found = net(example)
    except Exception as error:  # whatever the layers after it say of an input that is not their own
        raise BackboneError(f"the network does not run without {cut.module!r}: {error}") from error
    if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-5, atol=1e-6):
        raise BackboneError(
            f"without {cut.module!r} the network gives something else than what entered that: it is no"
            " classifier, or what comes after it changes the code."
        )


@contextlib.contextmanager
def _hooks(net: Any, look: Any) -> Iterator[None]:
    """Call ``look(name, module, input, output)`` after each linear layer and convolution."""
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    handles = [
        module.register_forward_hook(
            lambda module, given, output, name=name: look(name, module, given[0], output)
        )
        for name, module in net.named_modules()
        if isinstance(module, kinds)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
