"""Which of a graph's initializers are weights that a training would change, and which are not."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncodes.backbones.fields import SHA256
from cnncodes.backbones.graphs.subgraphs import walk_nodes
from cnncodes.backbones.graphs.wiring import Wiring
from cnncodes.errors import CardError

#: What the names of constants start with; no weight's does, see `make_canonical`.
CONSTANT = "constant_"

#: Ends of the names of buffers that belong to a network's weights but are not trained by gradients.
STATISTICS = ("running_mean", "running_var")

#: Whose inputs after the first are weights; elsewhere infinity may be meant, as in masks and bounds.
_WEIGHTED = frozenset(
    {"BatchNormalization", "Conv", "ConvTranspose", "Gemm", "LayerNormalization", "MatMul", "PRelu"}
)


@dataclass(frozen=True)
class Weights:
    """Which of the graph's initializers are trainable weights, see `trainable_weights`.

    Their names would fill pages, and the graph has them. So this has what tells whether the list that is
    read off a graph is the one that its exporter meant.

    Attributes
    ----------
    count : int
        How many initializers that are.
    numbers : int
        How many numbers they hold.
    sha256 : str
        Of their names, sorted, one a line.
    """

    count: int
    numbers: int
    sha256: str

    def __post_init__(self) -> None:
        if min(self.count, self.numbers) < 0:
            raise CardError(f"weights: a count below 0. Got {self.count} and {self.numbers}.")
        if not SHA256.fullmatch(self.sha256):
            raise CardError(
                f"weights: sha256 must have 64 hexadecimal digits, a to f in lower case. Got {self.sha256!r}."
            )


def trainable_weights(model: Any) -> list[str]:
    """Return the names of the initializers that a training would change, sorted.

    In a graph of cnncodes those are all but the constants, which are called so, and the statistics of
    batch normalisation.
    """
    return sorted(
        tensor.name
        for tensor in model.graph.initializer
        if not tensor.name.startswith(CONSTANT) and not tensor.name.endswith(STATISTICS)
    )


def summarize_weights(model: Any) -> Weights:
    """Return what a card says of a graph's trainable weights."""
    names = trainable_weights(model)
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    digest = hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()
    return Weights(len(names), sum(sizes[name] for name in names), digest)


def read_constants(graph: Any) -> dict[str, Any]:
    """Return a graph's initializers as arrays, by name."""
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def describe_odd_weights(model: Any) -> str:
    """Return which weights of a graph have values that are not finite, in words; empty where none has.

    Examples
    --------
    >>> from onnx import helper
    >>> weight = helper.make_tensor("fc.weight", 1, [2, 1], [1.0, float("nan")])
    >>> node = helper.make_node("MatMul", ["x", "fc.weight"], ["y"])
    >>> describe_odd_weights(helper.make_model(helper.make_graph([node], "g", [], [], [weight])))
    "the weight 'fc.weight' has values that are not finite"
    """
    wiring, found = Wiring(model), {}
    for node in walk_nodes(model.graph):
        for place, name in enumerate(node.input):
            values = wiring.array(name)
            if values is None or values.dtype.kind != "f":
                continue
            is_weight = node.op_type in _WEIGHTED and place > 0
            if np.isnan(values).any() or (is_weight and not np.isfinite(values).all()):
                found[name] = True
    if not found:
        return ""
    more = f", as have {len(found) - 1} more" if len(found) > 1 else ""
    return f"the weight {next(iter(found))!r} has values that are not finite{more}"
