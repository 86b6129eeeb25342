"""Nodes that are computed together: zeros around a convolution, and the batch normalisation after it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

from cnncodes.finetuning.operators.registry import Node


def fuse_nodes(nodes: Sequence[Node], result: str, kept: Iterable[str]) -> list[Node]:
    """Return nodes that compute the same with fewer steps, in order.

    Padding with zeros becomes that of the convolution which takes it, and batch normalisation part of the
    convolution before it (`Node.norm`), which needs none of it where its statistics are frozen. Only what
    nothing else takes goes.

    Parameters
    ----------
    nodes : sequence of Node
    result : str
        The tensor that comes out.
    kept : iterable of str
        Weights, statistics and constants: what a normalisation may take beside the convolution's output.
    """
    uses = Counter(name for node in nodes for name in node.inputs)
    uses[result] += 1
    known = set(kept)
    makers: dict[str, int] = {}
    found: list[Node | None] = []
    for node in nodes:
        at = makers.get(node.inputs[0]) if node.inputs and uses[node.inputs[0]] == 1 else None
        before = None if at is None else found[at]
        fused = None if before is None else _fuse(before, node, known)
        if fused is not None:
            assert at is not None
            found[at] = None
        makers.update(dict.fromkeys(filter(None, node.outputs), len(found)))
        found.append(fused or node)
    return [node for node in found if node is not None]


def _fuse(before: Node, node: Node, known: set[str]) -> Node | None:
    if (before.operator, node.operator) == ("Pad", "Conv"):
        return _take_padding(before, node)
    if (before.operator, node.operator) == ("Conv", "BatchNormalization"):
        return _take_norm(before, node, known)
    return None


def _take_padding(pad: Node, conv: Node) -> Node | None:
    """Return a convolution that pads itself; None where only the node before it can."""
    lengths, axes = pad.integers("pads", 1), pad.integers("axes", 3)
    computed = pad.has(2) and 2 not in pad.constants
    if lengths is None or axes is not None or pad.has(3) or computed or pad.number("value", 2):
        return None
    count = len(lengths) // 2
    begin, end = lengths[2:count], lengths[count + 2 :]
    words = pad.get("mode", "constant"), conv.get("auto_pad", "NOTSET")
    outside = (*lengths[:2], *lengths[count : count + 2])
    if words not in (("constant", "NOTSET"), ("constant", "VALID")) or any(outside) or min(lengths) < 0:
        return None
    own = conv.get("pads", (0,) * 2 * (count - 2)) if words[1] == "NOTSET" else (0,) * 2 * (count - 2)
    pads = [one + other for one, other in zip((*begin, *end), own, strict=True)]
    return dataclasses.replace(
        conv,
        inputs=(pad.inputs[0], *conv.inputs[1:]),
        attributes={**conv.attributes, "pads": pads, "auto_pad": "NOTSET"},
    )


def _take_norm(conv: Node, norm: Node, known: set[str]) -> Node | None:
    """Return a convolution with a batch normalisation."""
    by_batch = norm.get("training_mode", 0)
    if conv.norm is not None or by_batch or len(norm.inputs) != 5 or not known.issuperset(norm.inputs[1:]):
        return None
    inputs = (*conv.inputs, "")[:3]  # without a bias its place stays empty
    return dataclasses.replace(conv, inputs=(*inputs, *norm.inputs[1:]), outputs=norm.outputs[:1], norm=norm)
