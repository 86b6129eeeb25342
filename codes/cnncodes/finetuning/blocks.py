"""The blocks of a network, as its weights' names tell them, and which of its weights are to be trained.

No architecture is known here: exporters keep the names of modules, and names say what belongs together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cnncodes.errors import UsageError, suggest_nearest
from cnncodes.finetuning.operators.registry import Node
from cnncodes.finetuning.reading import Graph

#: The operators that transform with weights; norms, scales and positions do not count as layers.
_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})

#: So many blocks are listed by an error; of more, the first and the last.
_LISTED = 12

_FORMS = "'all', 'last:2' (blocks), '0.3' (a share of the layers), or a block or layer by its name"


@dataclass(frozen=True)
class Block:
    """A part of a network that is trained or frozen as a whole.

    Attributes
    ----------
    name : str
        ``"layer4"``, ``"_blocks.11"``, ``"_conv_head"``.
    weights : tuple of str
        The trainable initializers, in the order in which the graph uses them first.
    layers : int
        How many nodes transform with weights of their own: convolutions and matrix products, not norms.
    numbers : int
        How many numbers the weights hold.
    """

    name: str
    weights: tuple[str, ...]
    layers: int
    numbers: int


def list_blocks(graph: Graph) -> list[Block]:
    """Return a graph's blocks in the order of their first use; the last is nearest the code.

    A block is what shares a name up to its first part that ends in a digit (``layer4.1.conv1.weight`` is of
    ``layer4``), or else up to the last dot. One without a layer of its own, such as a norm, joins the one
    before it; at the start of the network, the one after it. Weights that the code does not depend on are
    in none.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    list of Block

    Examples
    --------
    >>> import cnncodes
    >>> from cnncodes.finetuning.reading import read_graph
    >>> blocks = list_blocks(read_graph(cnncodes.load_backbone().model_bytes()))
    >>> [(block.name, block.layers) for block in (blocks[0], blocks[-2], blocks[-1])]
    [('_conv_stem', 1), ('_blocks.15', 3), ('_conv_head', 1)]
    """
    order: dict[str, int] = {}
    members: dict[str, list[str]] = {}
    layers: dict[str, int] = {}
    for node, weights in _walk_uses(graph):
        own = [
            name for name in weights if name not in order
        ]  # a layer that shares all of its weights is none
        for name in own:
            order[name] = len(order)
            members.setdefault(_name_block(name), []).append(name)
        if own:
            block = _name_block(own[0])
            layers[block] = layers.get(block, 0) + (node.operator in _LAYERS)
    return [
        Block(
            max(names, key=lambda name: layers.get(name, 0) > 0),  # the first with layers, if one has
            tuple(sorted((one for name in names for one in members[name]), key=order.__getitem__)),
            sum(layers.get(name, 0) for name in names),
            sum(graph.weights[one].size for name in names for one in members[name]),
        )
        for names in _join(list(members), layers)
    ]


def block_depths(graph: Graph) -> dict[str, int]:
    """Return how many blocks are between each weight's and the code: 0 for those of the last block."""
    blocks = list_blocks(graph)
    return {name: depth for depth, block in enumerate(reversed(blocks)) for name in block.weights}


def list_chosen(graph: Graph, weights: Sequence[str]) -> list[str]:
    """Return the names of the blocks that some weights, in the order of the graph, are of.

    Where they begin within a block, their first layer stands for it, or their first weight where a part of
    that layer is not among them.
    """
    names, chosen = [], set(weights)
    for block in list_blocks(graph):
        own = [name for name in block.weights if name in chosen]
        if own:
            names.append(block.name if len(own) == len(block.weights) else _name_first(own, block))
    return names


def _name_first(own: list[str], block: Block) -> str:
    layer = own[0].rpartition(".")[0]
    missing = set(block.weights) - set(own)
    return own[0] if not layer or any(name.startswith(f"{layer}.") for name in missing) else layer


def choose_weights(graph: Graph, unfreeze: str) -> tuple[str, ...]:
    """Return the weights that are to be trained, in the order in which the graph uses them first.

    Parameters
    ----------
    graph : Graph
    unfreeze : str
        ``"all"``; ``"last:N"``, the N last blocks; a share as ``"0.3"``: so many of the network's layers,
        counted from the code and rounded to the nearest border of blocks, but one block at least; or the name
        of a block, layer or weight (``"_blocks.11"``, ``"layer4.1"``): it and all that the graph uses later.
        What reads as a share is one.

    Raises
    ------
    UsageError
        If it is none of these, or a weight is shared by what is frozen and what would be trained.

    Examples
    --------
    >>> import cnncodes
    >>> from cnncodes.finetuning.reading import read_graph
    >>> graph = read_graph(cnncodes.load_backbone().model_bytes())
    >>> choose_weights(graph, "last:1")
    ('_conv_head.weight', '_bn1.weight', '_bn1.bias')
    >>> len(choose_weights(graph, "0.3")), len(choose_weights(graph, "all"))
    (48, 147)
    """
    blocks = list_blocks(graph)
    if not blocks:
        raise UsageError("the network has no weights that its code depends on: there is nothing to train.")
    if not isinstance(unfreeze, str):
        raise UsageError(f"unfreeze must be a text: {_FORMS}. Got {unfreeze!r} instead.")
    found = re.fullmatch(r"last:(.*)", unfreeze)
    if unfreeze == "none":
        raise UsageError(
            "unfreeze: 'none' would train the head alone, which is what 'cnncodes fit' does, in seconds. To"
            f" train some of the network: {_FORMS}."
        )
    if unfreeze == "all":
        chosen = _take_last(blocks, len(blocks))
    elif found:
        chosen = _take_last(blocks, _read_count(found[1], len(blocks)))
    elif (share := _read_share(unfreeze)) is not None:
        chosen = _take_last(blocks, _round_share(share, [block.layers for block in reversed(blocks)]))
    else:
        order = dict.fromkeys(name for _, names in _walk_uses(graph) for name in names)
        chosen = _take_from(blocks, list(order), unfreeze)
    _check_shared(graph, chosen)
    return chosen


def _name_block(weight: str) -> str:
    parts = weight.split(".")
    for place, part in enumerate(parts):
        if part[-1:].isdecimal():
            return ".".join(parts[: place + 1])
    return ".".join(parts[:-1]) or weight


def _walk_uses(graph: Graph) -> Iterator[tuple[Node, list[str]]]:
    """Yield the nodes that the code depends on and that see the image, and the weights that each takes.

    What is computed from weights alone (a transposed one) stands for them where it meets the image.
    """
    seen = set(graph.given)
    sources: dict[str, list[str]] = {name: [name] for name in graph.weights}
    for node in _list_needed(graph):
        weights = list(dict.fromkeys(one for name in node.inputs for one in sources.get(name, ())))
        if seen.isdisjoint(node.inputs):
            sources.update(dict.fromkeys(node.outputs, weights))
        else:
            seen.update(filter(None, node.outputs))
            yield node, weights


def _list_needed(graph: Graph) -> list[Node]:
    """Return the nodes that the code depends on."""
    needed, found = {graph.result}, []
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(filter(None, node.outputs)):
            needed.update(node.inputs)
            found.append(node)
    return found[::-1]


def _join(names: list[str], layers: dict[str, int]) -> list[list[str]]:
    """Return groups of blocks: those without layers with the one before, at the start with the one after."""
    groups: list[list[str]] = []
    begun = True  # whether the last group has a layer
    for name in names:
        has_layers = layers.get(name, 0) > 0
        if not groups or (begun and has_layers):
            groups.append([])
            begun = False
        groups[-1].append(name)
        begun = begun or has_layers
    return groups


def _take_last(blocks: list[Block], count: int) -> tuple[str, ...]:
    return tuple(name for block in blocks[len(blocks) - count :] for name in block.weights)


def _read_count(text: str, most: int) -> int:
    count = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    if not 1 <= count <= most:
        raise UsageError(
            f"unfreeze: last:N takes N blocks from 1 to {most}, which the network has. Got {text!r} instead."
        )
    return count


def _read_share(text: str) -> Fraction | None:
    """Return the share that a text is; None where it is no number with a point in it."""
    if not re.fullmatch(r"[-+]?([0-9]*\.[0-9]+|[0-9]+\.)", text):
        return None
    share = Fraction(text)
    if not 0 < share <= 1:
        raise UsageError(f"unfreeze: a share of the layers must be above 0 and at most 1. Got {text}.")
    return share


def _round_share(share: Fraction, layers: list[int]) -> int:
    """Return how many blocks, from the code on, have nearest to a share of the layers; of two, the fewer."""
    wanted, counts = share * sum(layers), range(1, len(layers) + 1)
    return min(counts, key=lambda count: abs(sum(layers[:count]) - wanted))


def _take_from(blocks: list[Block], order: list[str], name: str) -> tuple[str, ...]:
    """Return the weights from those of a name on."""
    for place, block in enumerate(blocks):
        if block.name == name:
            return _take_last(blocks, len(blocks) - place)
    for place, weight in enumerate(order):
        if f"{weight}.".startswith(f"{name}."):
            return tuple(order[place:])
    parts = [weight.split(".") for weight in order]
    known = {".".join(names[:count]) for names in parts for count in range(1, len(names) + 1)}
    shown = [block.name for block in blocks]
    if len(shown) > _LISTED:
        shown[_LISTED // 2 : -_LISTED // 2] = ["…"]
    raise UsageError(
        f"unfreeze: the network has no block, layer or weight {name!r}. {_suggest(name, known)} Its"
        f" {len(blocks)} blocks: {', '.join(shown)}. Expected {_FORMS}."
    )


def _suggest(name: str, known: set[str]) -> str:
    """Return the sentence that helps with an unknown name: those in its block that have it, if any."""
    owner, _, leaf = name.rpartition(".")
    beside = {one.rpartition(".")[2] for one in known if one.rpartition(".")[0] == owner}
    alike = sorted(f"{owner}.{one}" for one in beside if leaf and leaf in one) if owner else []
    if len(alike) > 1:
        return f"Did you mean one of {', '.join(alike)}?"
    return suggest_nearest(name, alike or known)


def _check_shared(graph: Graph, chosen: tuple[str, ...]) -> None:
    """Raise where a weight that stays frozen is taken by a trained layer as well."""
    weights, trained = set(chosen), set[str]()
    frozen: dict[str, Node] = {}
    for node, taken in _walk_uses(graph):
        if weights.isdisjoint(taken) and trained.isdisjoint(node.inputs):
            frozen.update((name, node) for name in taken if name not in frozen)
            continue
        trained.update(filter(None, node.outputs))
        for name in taken:
            if name in frozen:
                raise UsageError(
                    f"the weight {name!r} is shared: it stays frozen at the {frozen[name].describe()}, and"
                    f" the {node.describe()}, which would be trained, takes it too. Unfreeze from its first"
                    f" use on, {name!r}, or 'all'."
                )
