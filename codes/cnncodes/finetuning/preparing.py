"""Everything before the first epoch: the parts of the graph, their features, the head, and the trainer."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.memory import parse_bytes
from cnncodes.errors import SavedModelError, UsageError
from cnncodes.estimators.inputs import ImageRows, embed_records
from cnncodes.estimators.training import fit_rows
from cnncodes.finetuning.blocks import block_depths, choose_weights, list_blocks
from cnncodes.finetuning.examples import Labelled, check_classes, check_some
from cnncodes.finetuning.features import FeatureStore, ViewSet
from cnncodes.finetuning.loading import check_trainable, import_torch
from cnncodes.finetuning.parts import Parts, split_graph
from cnncodes.finetuning.reading import Graph, read_graph
from cnncodes.finetuning.settings import FIND
from cnncodes.finetuning.stages import Examples
from cnncodes.finetuning.task import Listeners, Task, identify
from cnncodes.finetuning.world import ALONE, World
from cnncodes.heads.estimator import class_weights
from cnncodes.heads.linear import LinearScorer
from cnncodes.heads.selection import make_head
from cnncodes.store.files import atomic_write
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.finetuning.training import Trainer

Array = npt.NDArray[Any]

#: The sets of a feature store; first those rows that every epoch needs.
VALIDATION, TRAIN = 0, 1


@dataclass(frozen=True)
class Prepared:
    """A fine-tuning before its first epoch.

    Attributes
    ----------
    task : Task
    model : bytes
        The network's ONNX file.
    unfrozen : tuple of str
        The blocks that are trained.
    store : FeatureStore
    classes : ndarray, shape (n_classes,)
    train, validation : Examples
        The images that can be read.
    head : LinearScorer
        The head that it starts from.
    trainer : Trainer
    """

    task: Task
    model: bytes
    unfrozen: tuple[str, ...]
    store: FeatureStore
    classes: Array
    train: Examples
    validation: Examples
    head: LinearScorer
    trainer: Trainer

    @property
    def trained(self) -> Labelled:
        """The images that the network is trained on."""
        return self.task.train.take(self.train.images)

    @property
    def given(self) -> Labelled:
        """The images that were given to train on: with those that were held out of them for validation."""
        if not self.task.held_out:
            return self.trained
        return self.trained.join(self.task.validation.take(self.validation.images))


def prepare(task: Task, folder: Path, listeners: Listeners, world: World = ALONE) -> Prepared:
    """Make everything ready for the first epoch; the store is the caller's to close.

    Parameters and errors are those of `cnncodes.finetuning.job.tune`.
    """
    import_torch()
    with contextlib.ExitStack() as undo:
        with world.first_goes_first():
            chosen = _choose(task, listeners)
            store = _open_store(task, chosen.parts, folder)
            undo.callback(store.close)
            if world.is_first:
                _fill(store, task, listeners)
            else:
                store.join()
            classes, train, validation = _make_examples(task, store)
        head = world.share(lambda: _find_head(task, store, classes, train, folder, listeners))
        trainer = _make_trainer(task, store, chosen, (train, validation), head, folder, listeners, world)
        undo.pop_all()
    return Prepared(task, chosen.model, chosen.unfrozen, store, classes, train, validation, head, trainer)


@dataclass(frozen=True)
class _Chosen:
    """What of a graph is trained."""

    model: bytes
    graph: Graph
    weights: tuple[str, ...]
    unfrozen: tuple[str, ...]
    parts: Parts


def _choose(task: Task, listeners: Listeners) -> _Chosen:
    """Return what is trained, or raise where that cannot be."""
    check_classes(task.train, task.validation, "validation")
    task.settings.choose_batch_size(len(task.train.y))
    model = check_trainable(task.embedder.backbone)
    graph = read_graph(model)
    weights = choose_weights(graph, task.settings.unfreeze)
    unfrozen = tuple(block.name for block in list_blocks(graph) if set(block.weights) & set(weights))
    listeners.note(_describe_parts(graph, weights, unfrozen))
    frame = task.embedder.backbone.frame
    return _Chosen(model, graph, weights, unfrozen, split_graph(model, weights, frame.height, frame.width))


def _describe_parts(graph: Graph, weights: tuple[str, ...], unfrozen: tuple[str, ...]) -> str:
    numbers = sum(graph.weights[name].size for name in weights)
    whole = sum(array.size for array in graph.weights.values())
    names = ", ".join(unfrozen if len(unfrozen) < 4 else (unfrozen[0], "…", unfrozen[-1]))
    return f"to be unfrozen: {names} ({numbers:,} of {whole:,} weights, {100 * numbers / whole:.0f} %)"


def _open_store(task: Task, parts: Parts, folder: Path) -> FeatureStore:
    sets = [
        ViewSet(task.validation.records, task.validation.contents, task.embedder.plan),
        ViewSet(task.train.records, task.train.contents, task.train_plan),
    ]
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


def _fill(store: FeatureStore, task: Task, listeners: Listeners) -> None:
    size = store.kept_rows * store.row_bytes
    rest = store.rows - store.kept_rows
    listeners.note(
        f"what the frozen part gives of {store.rows:,} views takes {size / 1e6:,.0f} MB on disk"
        + (f"; that of {rest:,} does not fit and is computed anew in each epoch (--cache)" if rest else "")
    )
    store.fill(listeners.progress("embedding"))


def _make_examples(task: Task, store: FeatureStore) -> tuple[Array, Examples, Examples]:
    """Return the classes, and which images can be read, with their classes' numbers."""
    found = []
    for number, images, plan in (
        (TRAIN, task.train, task.train_plan),
        (VALIDATION, task.validation, task.embedder.plan),
    ):
        left = np.array(sorted(set(range(len(images.y))) - set(store.failures(number))), np.int64)
        check_some(images.take(left), ("validation", "training")[number])
        found.append((number, images.take(left), left, plan.count))
    check_classes(found[0][1], found[1][1], "validation")
    classes = np.unique(found[0][1].y)
    train, validation = (
        Examples(number, left, np.searchsorted(classes, images.y).astype(np.int64), views)
        for number, images, left, views in found
    )
    return classes, train, validation


def _head_plan(task: Task) -> ViewPlan:
    """Return the views that the head is trained on: the first of the plan, which are fixed, if any is."""
    plan = task.train_plan
    return plan if plan.crops == "none" else dataclasses.replace(plan, random=None)


def _rows_of(task: Task, store: FeatureStore, train: Examples) -> ImageRows:
    """Return the codes that the head is trained on."""
    views = _head_plan(task).count
    places = store.first_places(train.number, train.images, views)
    counts = np.full(len(train.images), views, np.int64)
    return ImageRows(store.codes(places), counts, [task.train.contents[i] for i in train.images], {})


def _held_out_rows(task: Task, store: FeatureStore, validation: Examples) -> ImageRows:
    """Return codes of the validation images, of the views that the head is trained on."""
    plan, images = _head_plan(task), task.validation.take(validation.images)
    try:
        views = np.array(plan.find_in(task.embedder.plan, task.embedder.backbone.frame), np.int64)
    except UsageError:  # a prediction has other views
        rows = embed_records(
            dataclasses.replace(task.embedder, plan=plan), images.records, n_jobs=task.n_jobs
        )
        rows.raise_failures()
        return rows
    count = len(images.y)
    places = store.places(validation.number, np.repeat(validation.images, len(views)), np.tile(views, count))
    return ImageRows(store.codes(places), np.full(count, len(views), np.int64), list(images.contents), {})


def refit_head(prepared: Prepared) -> LinearScorer:
    """Return the head fitted on all images that were given to train on, as ``cnncodes fit`` does it.

    It is the one that the network started from where no image of these was held out for validation, or where
    that head was given.
    """
    task, store = prepared.task, prepared.store
    if not task.held_out or task.start is not None:
        return prepared.head
    parts = _rows_of(task, store, prepared.train), _held_out_rows(task, store, prepared.validation)
    rows = ImageRows(
        np.concatenate([part.X for part in parts]),
        np.concatenate([part.counts for part in parts]),
        [content for part in parts for content in part.contents],
        {},
    )
    images = prepared.given
    return _fit_head(task, rows, images.y, images.groups)


def _find_head(
    task: Task, store: FeatureStore, classes: Array, train: Examples, folder: Path, listeners: Listeners
) -> LinearScorer:
    """Return the head to start from: the one given, that of an earlier run of the same task, or a new one."""
    if task.start is not None:
        if not np.array_equal(task.start.classes, classes):
            raise UsageError(
                f"the head to start from has the classes {task.start.classes.tolist()}, and the images"
                f" {classes.tolist()}."
            )
        return task.start
    path, identity = folder / "head.npz", identify(task)
    found = _read_head(path, identity)
    if found is None:
        listeners.note(f"training the head {task.head} on the codes of {len(train.y):,} images")
        groups = task.train.take(train.images).groups
        found = _fit_head(task, _rows_of(task, store, train), classes[train.y], groups)
        text = io.BytesIO()
        arrays: dict[str, Any] = {"identity": np.asarray(identity), **found.to_arrays()}
        np.savez(text, **arrays)
        atomic_write(path, text.getvalue())
    return found


def _read_head(path: Path, identity: str) -> LinearScorer | None:
    """Return the head that a file holds, None unless it is one of the same task."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        return LinearScorer.from_arrays(arrays) if str(arrays.pop("identity")) == identity else None
    except (OSError, ValueError, KeyError, EOFError, SavedModelError):
        return None  # none yet, or one that is fitted again in its place


def _fit_head(task: Task, rows: ImageRows, y: Array, groups: Array | None) -> LinearScorer:
    head = make_head(
        task.head,
        class_weight=task.weighting,
        random_state=task.settings.random_state,
        n_jobs=task.n_jobs,
    )
    scorer: LinearScorer = fit_rows(head, rows, y, groups=groups).scorer_
    return scorer


def _make_trainer(
    task: Task,
    store: FeatureStore,
    chosen: _Chosen,
    examples: tuple[Examples, Examples],
    head: LinearScorer,
    folder: Path,
    listeners: Listeners,
    world: World,
) -> Trainer:
    from cnncodes.finetuning.checkpoints import Checkpoint
    from cnncodes.finetuning.device import choose_device
    from cnncodes.finetuning.graph_module import GraphModule
    from cnncodes.finetuning.network import LinearModule, TunedNetwork
    from cnncodes.finetuning.training import Trainer

    settings, (train, validation) = task.settings, examples
    where = choose_device(settings, task.n_jobs, world)
    network = TunedNetwork(GraphModule(chosen.parts.upper), LinearModule(head), chosen.weights)
    network = network.to(where.device, memory_format=where.memory_format)
    totals = np.bincount(train.y, minlength=len(head.classes))
    trainer = Trainer(
        network,
        store,
        train,
        validation,
        settings,
        depths=block_depths(chosen.graph),
        class_weights=class_weights(task.weighting, head.classes, totals),
        checkpoint=Checkpoint(folder / "checkpoint.safetensors", identify(task)),
        device=where.device,
        autocast=where.autocast,
        on_epoch=listeners.epoch,
        on_note=listeners.note,
        world=world,
    )
    if settings.base_lr == FIND:
        from cnncodes.finetuning.rates import find_rate

        listeners.note("trying learning rates, with backbone and head as they are at the start")
        rate = find_rate(trainer)
        listeners.note(f"the learning rate that was found: {rate:.1e}")
        trainer.settings = dataclasses.replace(settings, base_lr=rate)
    return trainer
