"""Which function makes an operator, and what it is told of the node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import BackboneError, sentence

#: What a node computes: tensors in, in the node's order (None for one that is left out), a tensor out.
Operation = Callable[..., Any]

#: What a function beside the node's own inputs may be given, as its last argument: whether the layer is being
#: trained (None where its statistics are computed), or the type of the network's floats.
TRAINING, FLOATS = "training", "floats"

#: The oldest operator set; in older ones batch normalisation and others mean something else.
OLDEST = 7


@dataclass(frozen=True)
class Node:
    """A node of a graph.

    Attributes
    ----------
    operator, name : str
    inputs, outputs : tuple of str
        Names of tensors; empty for those that are left out.
    attributes : dict
    opset : int
    constants : dict of int to ndarray
        The inputs that never change, by their place.
    domain : str
        Of the operator; empty for ONNX's own.
    norm : Node, optional
        Of a convolution: the batch normalisation that is computed with it, whose inputs follow its own.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 18
    constants: dict[int, npt.NDArray[Any]] = field(default_factory=dict)
    domain: str = ""
    norm: Node | None = None

    def has(self, place: int) -> bool:
        """Tell whether an input is there."""
        return place < len(self.inputs) and self.inputs[place] != ""

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def number(self, name: str, place: int) -> float | None:
        """Return what is an attribute in old operator sets and an input in newer ones; None without either.

        Raises
        ------
        BackboneError
            If it is an input that is computed.
        """
        value = self.constants.get(place)
        if value is not None:
            return float(value.reshape(-1)[0])
        if self.has(place):
            raise self.refuse(f"its input {name!r} is computed, where a constant is expected")
        found = self.get(name)
        return None if found is None else float(found)

    def integers(self, name: str, place: int) -> tuple[int, ...] | None:
        """Return what is an attribute in old operator sets and an input in newer ones, as whole numbers.

        None where neither is there, or the input is computed.
        """
        found = self.constants.get(place, None if self.has(place) else self.get(name))
        return None if found is None else tuple(int(value) for value in np.asarray(found).reshape(-1))

    def describe(self) -> str:
        """Return what the node is in words."""
        return f"operator {self.operator!r} of node {self.name or ', '.join(self.outputs)!r}"

    def refuse(self, reason: str) -> BackboneError:
        """Return the error that says why the node cannot be trained."""
        return BackboneError(
            f"the {self.describe()} cannot be made a part of a torch network: {sentence(reason)}"
        )


@dataclass(frozen=True)
class _Operator:
    build: Callable[[Node], Operation]
    needs: str | None
    outputs: int | None


_OPERATORS: dict[str, _Operator] = {}


def operator(
    *names: str, needs: str | None = None, outputs: int | None = 1
) -> Callable[[Callable[[Node], Operation]], Callable[[Node], Operation]]:
    """Register a function that makes the operation of a node: what its attributes say is read once.

    Parameters
    ----------
    names : str
        Of ONNX's operators.
    needs : {"training", "floats"}, optional
        What the operation takes as its last argument.
    outputs : int or None
        How many tensors it gives at most; None: a tuple with as many as the node has.
    """

    def register(build: Callable[[Node], Operation]) -> Callable[[Node], Operation]:
        for name in names:
            if name in _OPERATORS:
                raise ValueError(f"the operator {name!r} is registered twice")
            _OPERATORS[name] = _Operator(build, needs, outputs)
        return build

    return register


def known_operators() -> list[str]:
    """Return the names of the operators that there are."""
    return sorted(_OPERATORS)


def check_node(node: Node) -> None:
    """Raise `BackboneError` unless there is what makes a node's operation; the text names both."""
    known = _OPERATORS.get(node.operator)
    if known is None or node.domain not in ("", "ai.onnx"):
        of_domain = f" of {node.domain!r}" if node.domain else ""
        raise BackboneError(
            f"the {node.describe()}{of_domain} is not known to fine-tuning, which knows"
            f" {len(_OPERATORS)} others. A head on the codes of the network as it is"
            " needs none: 'cnncodes fit'."
        )
    if node.opset < OLDEST:
        raise node.refuse(f"it is of opset {node.opset}, and {OLDEST} or later is expected")
    given = sum(map(bool, node.outputs))
    if known.outputs is not None and (given > known.outputs or not node.outputs[0]):
        raise node.refuse(f"it gives {given} tensors, where {known.outputs} is expected")


def needed_by(node: Node) -> str | None:
    """Return what a node's operation takes as its last argument beside the node's own inputs."""
    return _OPERATORS[(node.norm or node).operator].needs


def gives_tuple(node: Node) -> bool:
    """Tell whether a node's operation gives a tuple of tensors."""
    return _OPERATORS[node.operator].outputs is None


def build_operation(node: Node) -> Operation:
    """Return the operation of a node; raises `BackboneError` where an attribute cannot be followed."""
    return _OPERATORS[node.operator].build(node)
