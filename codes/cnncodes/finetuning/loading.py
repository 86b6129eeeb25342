"""From a backbone to a torch module that can be trained, and from its weights back to the ONNX file."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.graphs.canonical import serialize
from cnncodes.backbones.graphs.initializers import summarize_weights
from cnncodes.backbones.graphs.rounded import find_rounded
from cnncodes.backbones.graphs.wiring import load_graph
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError, BackendMissing, UsageError, install_advice, sentence
from cnncodes.finetuning.parents import advise_parent

if TYPE_CHECKING:
    from cnncodes.finetuning.graph_module import GraphModule


def load_graph_module(backbone: Backbone) -> GraphModule:
    """Return a backbone's network as a torch module, in evaluation mode (extra: finetune).

    Parameters
    ----------
    backbone : Backbone
        Of fp32, and whole.

    Raises
    ------
    UsageError
        If it is no backbone, but its name, say.
    BackboneError
        If it is of less precision or of picked layers, if its trainable weights are not those of its card,
        or if an operator is not known.
    BackendMissing
        If torch or ONNX is not installed.
    """
    if not isinstance(backbone, Backbone):
        raise UsageError(
            f"backbone must be a Backbone, as load_backbone gives it. Got {type(backbone).__name__} instead."
        )
    return make_graph_module(check_trainable(backbone))


def check_trainable(backbone: Backbone) -> bytes:
    """Return the ONNX file of a backbone that can be trained; raise as `load_graph_module` does."""
    card = backbone.card
    if card.precision != "fp32":
        raise BackboneError(
            f"backbone {card.name!r} is {card.precision}, and rounded weights cannot be trained:"
            f" {sentence(advise_parent(card, backbone.folder))}"
        )
    if card.layers is not None and card.whole is not None:
        raise BackboneError(
            f"backbone {card.name!r} is a part of a network, the layers {', '.join(card.layers)}: take the"
            " whole network, which the trained weights are written back into."
        )
    model = backbone.model_bytes()
    loaded = load_graph(model, "fine-tuning", "finetune")
    rounded = find_rounded(loaded.graph)
    if rounded:
        raise BackboneError(
            f"the graph of backbone {card.name!r}, {card.model_file}, is quantised ({rounded}), and rounded"
            f" weights cannot be trained: {sentence(advise_parent(card, backbone.folder))}"
        )
    if card.weights is not None and summarize_weights(loaded) != card.weights:
        raise BackboneError(
            f"the trainable weights of backbone {card.name!r} are not those of its card: which are weights"
            " cannot be told from constants. Export it again."
        )
    return model


def import_torch() -> None:
    """Load torch, and what keeps checkpoints; raise `BackendMissing` where one is not installed.

    Its threads are told to sleep while they wait for each other, where nobody has told them anything: those
    of OpenMP spin, and with another program on the same cores the head's epochs took 30 times as long.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for name in ("torch", "safetensors"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            if error.name != name:
                raise
            raise BackendMissing(
                f"{name} is not installed, which fine-tuning needs: {install_advice('finetune')}."
            ) from error


def make_graph_module(model: bytes) -> GraphModule:
    """Return the graph of an ONNX file as a torch module; see `load_graph_module`."""
    from cnncodes.finetuning.reading import read_graph

    graph = read_graph(model)
    import_torch()
    from cnncodes.finetuning.graph_module import GraphModule

    return GraphModule(graph)


def write_back(module: Any, model: bytes) -> bytes:
    """Return a graph with the weights and statistics of a module; nothing else of it changes.

    Parameters
    ----------
    module : GraphModule
        Of this graph, or of a part of it: weights that it does not have stay.
    model : bytes
        The ONNX file.

    Returns
    -------
    bytes
        The very same where no number has changed.

    Raises
    ------
    UsageError
        If the graph is not given as the bytes of a file.
    BackboneError
        If the module has a tensor that the graph has not, or has in another shape, or that holds numbers
        which are not finite.
    """
    from onnx import numpy_helper

    if not isinstance(model, bytes):
        raise UsageError(
            "model must be the bytes of an ONNX file, as backbone.model_bytes() gives them. Got"
            f" {type(model).__name__} instead."
        )
    loaded = load_graph(model, "fine-tuning", "finetune")
    tensors = {tensor.name: tensor for tensor in loaded.graph.initializer}
    changed = False
    for name, value in module.state_dict().items():
        array = value.detach().cpu().float().numpy()
        tensor = tensors.get(name)
        if tensor is None or tuple(tensor.dims) != array.shape:
            found = "not there" if tensor is None else f"of the shape {tuple(tensor.dims)}"
            raise BackboneError(
                f"the weights are those of another graph: {name!r} of the shape {array.shape} is {found} in"
                " this one. Write them back into the file that they were loaded from."
            )
        _check_finite(name, array)
        if numpy_helper.to_array(tensor).tobytes() != array.tobytes():
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))
            changed = True
    return serialize(loaded) if changed else model


def _check_finite(name: str, array: npt.NDArray[Any]) -> None:
    if not np.isfinite(array).all():
        raise BackboneError(
            f"the weight {name!r} has values that are not finite: its training has gone wrong, as with a rate"
            " that is too high. Nothing was written."
        )
