"""Where a network is cut in two for training: what lies above the cut, and which tensors cross it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cnncodes.backbones.graphs.initializers import trainable_weights
from cnncodes.backbones.graphs.subgraphs import taken_names
from cnncodes.backbones.graphs.wiring import Shape, Wiring, prune
from cnncodes.backbones.running.starting import CPU, run_session, start_session

#: Batches that differ, to tell the axis of images from lengths that are fixed.
_BATCHES = (1, 2)


@dataclass(frozen=True)
class Border:
    """A cut through a graph.

    Attributes
    ----------
    upper : set of int
        The places of the nodes that take what is trained, or what is not worth keeping.
    crossing : dict of str to tuple
        The tensors that the upper nodes take from below, in the order of their making, with their shapes: the
        image, or float32 with one entry an image.
    lengths : dict of int to tuple
        The upper nodes that ask for the shape of a tensor which does not cross: that shape.
    """

    upper: set[int]
    crossing: dict[str, Shape]
    lengths: dict[int, Shape]


def find_border(model: Any, weights: Collection[str], height: int, width: int) -> Border:
    """Return the cut below all that depends on some weights.

    What no frozen weight has touched is computed above the cut, from the image, which is exact and has a byte
    a number. So is what has not one entry an image (shapes, windows of an image), and what one step without
    weights makes of fewer numbers, or of what crosses anyway.

    Parameters
    ----------
    model : onnx.ModelProto
        Pruned, with one input.
    weights : collection of str
        To be trained; the code depends on them.
    height, width : int
        Of the images.
    """
    search = _Search(model, weights, (height, width, 3))
    while search.move_once() or search.force_once():
        pass
    found = search.list_needed()
    order = [name for name in (search.image, *search.makers) if name in found]
    lengths = {place: search.shapes[name] for place, name in search.list_deferred()}
    return Border(search.upper, {name: search.shapes[name] for name in order}, lengths)


class _Search:
    """A cut that is moved down until all that crosses it can be kept.

    Attributes
    ----------
    upper : set of int
    shapes : dict of str to tuple
        Of those tensors that were looked at and have one entry an image.
    """

    def __init__(self, model: Any, weights: Collection[str], sides: tuple[int, int, int]) -> None:
        self.model, self._sides = model, sides
        self.wiring = Wiring(model)
        self._nodes = list(model.graph.node)
        self.makers = {name: place for place, node in enumerate(self._nodes) for name in node.output if name}
        [self.image] = {value.name for value in model.graph.input} - self.wiring.initializers.keys()
        trained = self.wiring.depending_on(*weights)
        self.upper = {place for name, place in self.makers.items() if name in trained}
        self.shapes: dict[str, Shape] = {self.image: (None, *sides)}
        self._types: dict[str, Any] = {self.image: np.uint8}  # None for what is no array
        self._forced: set[str] = set()

    @cached_property
    def _seeing(self) -> set[str]:
        """The tensors that depend on the image."""
        return self.wiring.depending_on(self.image)

    @cached_property
    def _touched(self) -> set[str]:
        """The tensors that depend on any weight."""
        return self.wiring.depending_on(*trainable_weights(self.model))

    def _is_below(self, name: str) -> bool:
        """Tell whether a tensor is the image or made below the cut."""
        return name == self.image or self.makers.get(name, -1) not in {-1, *self.upper}

    def list_deferred(self) -> list[tuple[int, str]]:
        """Return the upper nodes that ask for the shape of what need not cross for them, and its name."""
        needed = self.list_needed()
        return [(place, name) for place, name in self._list_asking() if name not in needed]

    def _list_asking(self) -> Iterator[tuple[int, str]]:
        for place in sorted(self.upper):
            node = self._nodes[place]
            if node.op_type == "Shape" and node.input[0] in self._seeing and self._is_below(node.input[0]):
                yield place, node.input[0]

    def list_needed(self) -> set[str]:
        """Return what crosses the cut, but for what is asked for its shape alone."""
        asking = {place for place, _ in self._list_asking()}
        taken = {name for place in self.upper - asking for name in taken_names(self._nodes[place])}
        return {name for name in taken | self._forced if self._is_below(name)}

    def move_once(self) -> bool:
        """Move the nodes up whose tensors cannot cross, or need not; tell whether there are any."""
        needed = self.list_needed() - {self.image}
        moved = {name for name in needed if name not in self._seeing & self._touched}
        if not moved:
            self._measure(needed.union(*(self._list_taken(name) for name in needed)))
            moved = {name for name in needed if not self._can_cross(name)}
        if not moved:
            moved = {name for name in needed if self._is_made_of_less(name, needed)}
        self.upper.update(self.makers[name] for name in moved)
        return bool(moved)

    def _list_taken(self, name: str) -> list[str]:
        """Return the tensors that one is made of and that depend on the image."""
        return [taken for taken in taken_names(self._nodes[self.makers[name]]) if taken in self._seeing]

    def _is_made_of_less(self, name: str, crossing: set[str]) -> bool:
        """Tell whether one step without weights makes a tensor of fewer numbers than it has."""
        if not self._touched.isdisjoint({*taken_names(self._nodes[self.makers[name]])} - self._seeing):
            return False
        others = [taken for taken in self._list_taken(name) if taken not in crossing]
        if not all(self._can_cross(taken) for taken in others):
            return False
        return sum(self._count(taken) for taken in others) < self._count(name)

    def _can_cross(self, name: str) -> bool:
        return self._types[name] == np.float32 and name in self.shapes

    def _count(self, name: str) -> int:
        """Return how many numbers a tensor has for each image."""
        return math.prod(length or 1 for length in self.shapes[name][1:])

    def force_once(self) -> bool:
        """Let one more tensor cross where a shape cannot be told without it, or nothing crosses at all."""
        deferred = [name for _, name in self.list_deferred()]
        self._measure(deferred)
        wanted = next((name for name in deferred if name not in self.shapes), None)
        if wanted is None and not self.list_needed():
            wanted = self.image
        if wanted is not None:
            self._forced.add(wanted)
        return wanted is not None

    def _measure(self, names: Collection[str]) -> None:
        """Find the types of tensors, and the shapes of those that have one entry an image, by running."""
        wanted = sorted(set(names) - self._types.keys())
        if not wanted:
            return
        found = _run(self.model, wanted, [np.zeros((batch, *self._sides), np.uint8) for batch in _BATCHES])
        for name, *values in zip(wanted, *found, strict=True):
            self._types[name] = getattr(values[0], "dtype", None)
            shapes = [np.shape(value) for value in values]
            if all(shape == (batch, *shapes[0][1:]) for batch, shape in zip(_BATCHES, shapes, strict=True)):
                self.shapes[name] = (None, *shapes[0][1:])


def _run(model: Any, names: list[str], batches: list[Any]) -> list[list[Any]]:
    """Return the tensors of some names for each batch of images."""
    from onnx import ModelProto, ValueInfoProto

    part = ModelProto.FromString(model.SerializeToString())
    del part.graph.output[:]
    part.graph.output.extend(ValueInfoProto(name=name) for name in names)
    prune(part)
    [image] = {value.name for value in part.graph.input} - {tensor.name for tensor in part.graph.initializer}
    session = start_session(part.SerializeToString(), "the network's lower part", CPU, 1)
    return [run_session(session, names, {image: images}, "the network's lower part") for images in batches]
