"""An ONNX graph as a torch module that can be trained; loaded by what needs torch.

Not over torch.fx: there is no Python to trace, and a plan of steps does what its generated code would: one
call a node, tensors freed after their last use. Beyond that, batch normalisation follows the mode of the
module that it lies in, so that parts of a network are frozen as in any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from cnncodes.errors import BackboneError, UsageError
from cnncodes.finetuning.operators import (  # noqa: F401
    activations,
    arithmetic,
    layers,
    places,
    pooling,
    resizing,
    shapes,
)
from cnncodes.finetuning.operators.registry import check_node
from cnncodes.finetuning.plan import GIVEN, TYPE, make_plan
from cnncodes.finetuning.reading import Arrays, Graph


class GraphModule(torch.nn.Module):  # type: ignore[misc]
    """A graph as a torch module.

    Weights are parameters and the statistics of batch normalisation buffers, by the graph's own names: dots
    in them are modules within modules. Constants of floats are buffers that no state dict has; those of whole
    numbers, which are lengths and places, stay on the CPU, where they are read.

    It starts in evaluation mode. In training mode batch normalisation goes by the batch and moves its
    statistics. Both can be set for parts: ``module.get_submodule("layer4").train()``.

    Parameters
    ----------
    graph : Graph

    Raises
    ------
    BackboneError
        If an operator is not known, or a node of it cannot be followed; the text names both.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        for node in graph.nodes:  # all of them, before anything is built
            check_node(node)
        self._nodes, self._given, self._result = graph.nodes, graph.given, graph.result
        self._given_types = [getattr(torch, kind.name) for kind in graph.given_types]
        self._homes: dict[str, tuple[str, str]] = {}
        self._fixed: dict[str, torch.Tensor] = {}
        floats = {name: array for name, array in graph.constants.items() if array.dtype.kind == "f"}
        for name in graph.constants.keys() - floats.keys():
            self._fixed[name] = torch.from_numpy(graph.constants[name].copy())
        self._place(graph.weights, _add_weight)
        self._place(graph.statistics, _add_statistic)
        self._place(floats, _add_constant)
        self.eval()
        self._plan = self._make_plan()

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        """Return what the graph gives: of uint8 images ``[batch, height, width, 3]`` their codes.

        A part of a network takes what is given to it in the graph's order. Floats may be of any size, as
        float16 of a store: they become of the weights' type.
        """
        if len(given) != len(self._given):
            raise UsageError(
                f"the network has {len(self._given)} inputs, {', '.join(self._given)}. Got {len(given)}"
                " tensors instead."
            )
        floats = self._find_type()
        values = self._plan.start.copy()
        values[TYPE] = floats
        for place, tensor in enumerate(given):
            values[GIVEN + place] = _accept(tensor, self._given_types[place], floats)
        for place, owner, name in self._plan.loads:
            values[place] = getattr(owner, name)
        for step in self._plan.steps:
            try:
                found = step.run(*[values[place] for place in step.takes])
            except (RuntimeError, IndexError, ValueError, TypeError) as error:
                error.add_note(f"This was the {step.node.describe()}.")
                raise
            if step.many:
                for place, tensor in zip(step.gives, found, strict=True):
                    values[place] = tensor
            else:
                values[step.gives[0]] = found
            for place in step.frees:
                values[place] = None
        code: torch.Tensor = values[self._plan.result]
        return code

    def _find_type(self) -> torch.dtype:
        """Return the type that the weights are of by now."""
        return next((weight.dtype for weight in self.parameters()), torch.float32)

    def _place(self, arrays: Arrays, add: Callable[[Any, str, torch.Tensor], None]) -> None:
        """Give tensors to the modules that their names have before the last dot."""
        for name, array in arrays.items():
            *path, leaf = name.split(".")
            owner: Any = self
            try:
                for part in path:
                    if part not in owner._modules:
                        owner.add_module(part, torch.nn.Module())
                    owner = owner._modules[part]
                add(owner, leaf, torch.from_numpy(array.copy()))
            except KeyError as error:
                raise BackboneError(
                    f"torch can have no tensor called {name!r} beside the others: {error.args[0]}. Rename it"
                    " in the ONNX file."
                ) from error
            self._homes[name] = (".".join(path), leaf)

    def _make_plan(self) -> Any:
        homes = {name: (self.get_submodule(path), leaf) for name, (path, leaf) in self._homes.items()}
        return make_plan(self._nodes, self._given, self._result, homes, self._fixed)

    def __getstate__(self) -> dict[str, Any]:
        # A plan has functions and the modules of this one: copies make their own.
        return {key: value for key, value in self.__dict__.items() if key != "_plan"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._plan = self._make_plan()


def _accept(tensor: torch.Tensor, kind: torch.dtype, floats: torch.dtype) -> torch.Tensor:
    """Return a tensor that goes in, as the graph takes it."""
    if not isinstance(tensor, torch.Tensor):
        raise UsageError(f"the network takes tensors of torch. Got {type(tensor).__name__} instead.")
    if kind == torch.float32 and tensor.is_floating_point():
        return tensor.to(floats)
    if tensor.dtype != kind:
        own = ", which it normalises itself" if kind == torch.uint8 else ""
        raise UsageError(f"the network takes {kind}{own}. Got {tensor.dtype} instead.")
    if kind == torch.uint8 and (tensor.ndim != 4 or tensor.shape[3] != 3):
        raise UsageError(
            "the network takes images of the shape (n_images, height, width, 3), channels last. Got"
            f" {tuple(tensor.shape)} instead."
        )
    return tensor


def _add_weight(owner: Any, name: str, tensor: torch.Tensor) -> None:
    owner.register_parameter(name, torch.nn.Parameter(tensor))


def _add_statistic(owner: Any, name: str, tensor: torch.Tensor) -> None:
    owner.register_buffer(name, tensor)


def _add_constant(owner: Any, name: str, tensor: torch.Tensor) -> None:
    owner.register_buffer(name, tensor, persistent=False)
