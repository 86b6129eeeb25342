"""What every training of a task shares: what of the graph is trained, the features, and the device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnncodes.embedding.memory import parse_bytes
from cnncodes.finetuning.blocks import block_depths, choose_weights, list_chosen
from cnncodes.finetuning.checkpoints import Checkpoint
from cnncodes.finetuning.examples import check_known_classes
from cnncodes.finetuning.features import FeatureStore
from cnncodes.finetuning.frozen import ViewSet
from cnncodes.finetuning.judging import Guide
from cnncodes.finetuning.loading import check_trainable
from cnncodes.finetuning.parts import Parts, split_graph
from cnncodes.finetuning.reading import Graph, read_graph
from cnncodes.finetuning.stages import Examples
from cnncodes.finetuning.task import Listeners, Task
from cnncodes.finetuning.world import World
from cnncodes.heads.checks import class_weights
from cnncodes.heads.linear import LinearScorer

if TYPE_CHECKING:
    from cnncodes.finetuning.device import Place
    from cnncodes.finetuning.training import Trainer

#: The sets of a feature store, first those rows that every epoch needs; and, where the validation images are
#: some that were given to train on, their training views, in case that all images are trained on in the end.
VALIDATION, TRAIN, HELD_OUT = 0, 1, 2


@dataclass(frozen=True)
class Chosen:
    """What of a graph is trained.

    Attributes
    ----------
    model : bytes
        The network's ONNX file.
    graph : Graph
    weights, unfrozen : tuple of str
        What is trained, and the blocks that it belongs to.
    parts : Parts
    """

    model: bytes
    graph: Graph
    weights: tuple[str, ...]
    unfrozen: tuple[str, ...]
    parts: Parts


@dataclass(frozen=True)
class Basis:
    """What every training of a task shares.

    Attributes
    ----------
    task : Task
    folder : Path
        For features and checkpoints.
    chosen : Chosen
        What of the graph is trained.
    where : Place
        Where it is trained.
    store : FeatureStore
    """

    task: Task
    folder: Path
    chosen: Chosen
    where: Place
    store: FeatureStore


def check_choice(task: Task) -> None:
    """Raise `UsageError` unless a task's images make a batch, and its network has what is to be trained."""
    task.settings.choose_batch_size(len(task.train.y))
    choose_weights(read_graph(check_trainable(task.embedder.backbone)), str(task.settings.unfreeze))


def choose_part(task: Task, listeners: Listeners) -> Chosen:
    """Return what of a task's graph is trained, or raise where that cannot be."""
    from cnncodes.finetuning.graph_module import GraphModule

    check_known_classes(task.train, task.validation, "validation")
    task.settings.choose_batch_size(len(task.train.y))
    class_weights(task.weighting, *np.unique(task.train.y, return_counts=True))
    model = check_trainable(task.embedder.backbone)
    graph = read_graph(model)
    # Torch runs all of it in the end, to compare: what cannot be followed is said before the work.
    GraphModule(graph)
    weights = choose_weights(graph, str(task.settings.unfreeze))
    unfrozen = tuple(list_chosen(graph, weights))
    listeners.note(_describe_parts(graph, weights, unfrozen))
    frame = task.embedder.backbone.frame
    return Chosen(model, graph, weights, unfrozen, split_graph(model, weights, frame.height, frame.width))


def _describe_parts(graph: Graph, weights: tuple[str, ...], unfrozen: tuple[str, ...]) -> str:
    numbers = sum(graph.weights[name].size for name in weights)
    whole = sum(array.size for array in graph.weights.values())
    names = ", ".join(unfrozen if len(unfrozen) < 4 else (unfrozen[0], "…", unfrozen[-1]))
    share = 100 * numbers / whole
    percent = "under 1" if share < 1 else f"{share:.0f}"
    return f"to be unfrozen: {names} ({numbers:,} of {whole:,} weights, {percent} %)"


def open_store(task: Task, parts: Parts, folder: Path) -> FeatureStore:
    """Return what keeps the features of a task's images, in the order of the sets."""
    sets = [
        ViewSet(task.validation.records, task.validation.contents, task.embedder.plan),
        ViewSet(task.train.records, task.train.contents, task.train_plan),
    ]
    if task.held_out:
        sets.append(ViewSet(task.validation.records, task.validation.contents, task.train_plan))
    cache = str(task.settings.cache)
    return FeatureStore(
        folder,
        parts,
        task.embedder.backbone,
        sets,
        decoding=task.embedder.decoding,
        budget=0 if cache == "0" else parse_bytes(cache),
        n_jobs=task.n_jobs,
    )


def make_trainer(
    basis: Basis,
    train: Examples,
    head: LinearScorer,
    guide: Guide,
    checkpoint: Checkpoint,
    listeners: Listeners,
    world: World,
) -> Trainer:
    """Return what trains the network as it was, from a head."""
    from cnncodes.finetuning.graph_module import GraphModule
    from cnncodes.finetuning.network import LinearModule, TunedNetwork
    from cnncodes.finetuning.stepping import Stepper
    from cnncodes.finetuning.training import Trainer

    task, chosen, where, settings = basis.task, basis.chosen, basis.where, basis.task.settings
    network = TunedNetwork(GraphModule(chosen.parts.upper), LinearModule(head), chosen.weights)
    network = network.to(where.device, memory_format=where.memory_format)
    totals = np.bincount(train.y, minlength=len(head.classes))
    weights = class_weights(task.weighting, head.classes, totals)
    size = settings.choose_batch_size(len(train.images))
    return Trainer(
        Stepper(network, settings, size, weights, where.device, where.autocast, world),
        basis.store,
        train,
        settings,
        guide=guide,
        depths=block_depths(chosen.graph),
        checkpoint=checkpoint,
        on_epoch=listeners.epoch,
        on_note=listeners.note,
        world=world,
    )
