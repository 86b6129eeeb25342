"""Graphs within graphs: the branches of an ``If`` and the bodies of loops, which see names around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def inner_graphs(node: Any) -> list[Any]:
    """Return the graphs that a node holds, without those within these."""
    from onnx import AttributeProto

    graphs: list[Any] = []
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            graphs.append(attribute.g)
        elif attribute.type == AttributeProto.GRAPHS:
            graphs.extend(attribute.graphs)
    return graphs


def walk_graphs(*graphs: Any) -> Iterator[Any]:
    """Yield graphs (or functions) and all graphs within them."""
    waiting = list(graphs)
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            waiting += inner_graphs(node)


def walk_nodes(*graphs: Any) -> Iterator[Any]:
    """Yield the nodes of graphs (or functions) and of all graphs within them."""
    for graph in walk_graphs(*graphs):
        yield from graph.node


def walk_tensors(model: Any) -> Iterator[Any]:
    """Yield every tensor in a model, those of nodes and inner graphs included."""
    for graph in walk_graphs(model.graph, *model.functions):
        yield from getattr(graph, "initializer", ())
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
        for node in graph.node:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)


def taken_names(node: Any) -> list[str]:
    """Return the tensors that a node takes: its inputs, and what graphs within it use of those around it.

    Examples
    --------
    >>> from onnx import helper
    >>> add = helper.make_node("Add", ["x", "y"], ["z"])
    >>> branch = helper.make_graph([add, helper.make_node("Relu", ["z"], ["r"])], "branch", [], [])
    >>> taken_names(helper.make_node("If", ["yes"], ["r"], then_branch=branch, else_branch=branch))
    ['yes', 'x', 'y']
    """
    names = dict.fromkeys(node.input)
    for graph in inner_graphs(node):
        own = {item.name for item in (*graph.input, *graph.initializer)}
        own |= {name for inner in graph.node for name in inner.output}
        used = [name for inner in graph.node for name in taken_names(inner)]
        used += [value.name for value in graph.output]  # a branch may give a tensor from outside as it is
        names |= dict.fromkeys(name for name in used if name and name not in own)
    return list(names)
