"""Blocks of a network by its weights' names, and what 'unfreeze' chooses of them."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_graphs import write_dotted

from cnncodes import load_backbone
from cnncodes.errors import UsageError
from cnncodes.finetuning.blocks import Block, block_depths, choose_weights, list_blocks, list_chosen
from cnncodes.finetuning.operators.registry import Node
from cnncodes.finetuning.reading import Graph, read_graph

RESIDUAL = """
    stem = Conv(pixels, conv1__weight)
    normal = BatchNormalization(stem, bn1__weight, bn1__bias, bn1__running_mean, bn1__running_var)
    one = Relu(normal)
    two = Conv(one, layer1__0__conv1__weight)
    side = Conv(one, layer1__0__downsample__0__weight)
    sum = Add(two, side)
    three = Conv(sum, layer2__0__conv__weight)
    pooled = GlobalAveragePool(three)
    flat = Flatten(pooled)
    turned = Transpose<perm = [1, 0]>(fc__weight)
    last = MatMul(flat, turned)
    code = Add(last, fc__bias)
"""
RESIDUAL_WEIGHTS: dict[str, Any] = {
    "conv1__weight": (4, 3, 1, 1),
    "bn1__weight": (4,),
    "bn1__bias": (4,),
    "bn1__running_mean": (4,),
    "bn1__running_var": np.ones(4, np.float32),
    "layer1__0__conv1__weight": (5, 4, 1, 1),
    "layer1__0__downsample__0__weight": (5, 4, 1, 1),
    "layer2__0__conv__weight": (6, 5, 1, 1),
    "fc__weight": (2, 6),
    "fc__bias": (2,),
}
SHARED = """
    pooled = GlobalAveragePool(pixels)
    flat = Flatten(pooled)
    one = MatMul(flat, fc__weight)
    two = MatMul(one, other__weight)
    code = MatMul(two, fc__weight)
"""


def read(body: str, weights: dict[str, Any], code_size: int) -> Graph:
    return read_graph(write_dotted(body, weights, code_size).SerializeToString())


@pytest.fixture(scope="module")
def shipped() -> Graph:
    return read_graph(load_backbone().model_bytes())


@pytest.fixture(scope="module")
def residual() -> Graph:
    return read(RESIDUAL, RESIDUAL_WEIGHTS, 2)


@pytest.fixture(scope="module")
def shared() -> Graph:
    return read(SHARED, {"fc__weight": (3, 3), "other__weight": (3, 3)}, 3)


def make_chain(*weights: tuple[str, str]) -> Graph:
    """Return a graph in which each weight follows the one before it, with its operator."""
    nodes = [
        Node(operator, "", (f"x{at}", name), (f"x{at + 1}",)) for at, (operator, name) in enumerate(weights)
    ]
    arrays = {name: np.zeros((2, 2), np.float32) for _, name in weights}
    return Graph(tuple(nodes), ("x0",), f"x{len(nodes)}", (np.dtype(np.uint8),), arrays, {}, {})


def names(*weights: tuple[str, str]) -> list[str]:
    return [block.name for block in list_blocks(make_chain(*weights))]


def test_blocks_of_the_shipped_network(shipped: Graph) -> None:
    blocks = list_blocks(shipped)
    assert [block.name for block in blocks] == [
        "_conv_stem",
        *(f"_blocks.{place}" for place in range(16)),
        "_conv_head",
    ]
    assert [block.layers for block in blocks] == [1, 2, *[3] * 15, 1]
    assert blocks[0].weights == ("_conv_stem.weight", "_bn0.weight", "_bn0.bias")
    assert sorted(name for block in blocks for name in block.weights) == sorted(shipped.weights)
    assert sum(block.numbers for block in blocks) == sum(array.size for array in shipped.weights.values())


def test_norms_join_and_what_is_computed_from_weights_counts(residual: Graph) -> None:
    assert list_blocks(residual) == [
        Block("conv1", ("conv1.weight", "bn1.weight", "bn1.bias"), 1, 12 + 8),
        Block("layer1", ("layer1.0.conv1.weight", "layer1.0.downsample.0.weight"), 2, 40),
        Block("layer2", ("layer2.0.conv.weight",), 1, 30),
        Block("fc", ("fc.weight", "fc.bias"), 1, 14),
    ]
    depths = block_depths(residual)
    assert depths["fc.bias"] == 0 and depths["layer1.0.conv1.weight"] == 2 and depths["bn1.bias"] == 3
    assert depths.keys() == residual.weights.keys()


@pytest.mark.parametrize(
    ("unfreeze", "names"),
    [
        ("all", ["conv1", "layer1", "layer2", "fc"]),
        ("layer2", ["layer2", "fc"]),
        ("bn1", ["bn1", "layer1", "layer2", "fc"]),
        ("bn1.bias", ["bn1.bias", "layer1", "layer2", "fc"]),
        ("layer1.0.downsample", ["layer1.0.downsample.0", "layer2", "fc"]),
        ("fc.bias", ["fc.bias"]),
    ],
)
def test_what_is_unfrozen_is_named_by_a_layer_where_it_begins_within_a_block(
    unfreeze: str, names: list[str], residual: Graph
) -> None:
    assert list_chosen(residual, choose_weights(residual, unfreeze)) == names


@pytest.mark.parametrize(
    ("weight", "block"),
    [
        ("layer4.1.conv1.weight", "layer4"),
        ("_blocks.11._bn0.weight", "_blocks.11"),
        ("blocks.5.3.conv.weight", "blocks.5"),
        ("features.7.block.0.weight", "features.7"),
        ("encoder.layers.encoder_layer_11.mlp.0.weight", "encoder.layers.encoder_layer_11"),
        ("_conv_head.weight", "_conv_head"),
        ("body.head.weight", "body.head"),
        ("onnx::Conv_123", "onnx::Conv_123"),
        ("kernel", "kernel"),
        ("resnet/conv/kernel:0", "resnet/conv/kernel:0"),
        ("0.weight", "0"),
        (".weight", ".weight"),
    ],
)
def test_a_block_is_named_by_its_weights(weight: str, block: str) -> None:
    assert names(("Conv", "first.weight"), ("Conv", weight)) == ["first", block]


def test_what_has_no_layer_joins_the_block_before_and_at_the_start_the_one_after() -> None:
    chain = [("Mul", "norm.weight"), ("Add", "bias"), ("Conv", "a1.w"), ("Mul", "scale"), ("Conv", "a2.w")]
    blocks = list_blocks(make_chain(*chain))
    assert [(block.name, block.weights) for block in blocks] == [
        ("a1", ("norm.weight", "bias", "a1.w", "scale")),
        ("a2", ("a2.w",)),
    ]
    [block] = list_blocks(make_chain(("Mul", "norm.weight"), ("Add", "bias")))
    assert (block.name, block.weights, block.layers) == ("norm", ("norm.weight", "bias"), 0)


def test_weights_that_the_code_does_not_depend_on_are_in_no_block(residual: Graph) -> None:
    loose = Node("Conv", "", ("one", "loose.weight"), ("nothing",))
    arrays = {**residual.weights, "loose.weight": np.zeros(3, np.float32), "other.weight": np.zeros(3)}
    graph = dataclasses.replace(residual, nodes=(*residual.nodes, loose), weights=arrays)
    assert list_blocks(graph) == list_blocks(residual)
    with pytest.raises(UsageError, match="no block, layer or weight 'loose'"):
        choose_weights(graph, "loose")


def test_a_layer_that_shares_its_weights_is_none_of_its_own(shared: Graph) -> None:
    assert [(block.name, block.layers) for block in list_blocks(shared)] == [("fc", 1), ("other", 1)]


@pytest.mark.parametrize(
    ("unfreeze", "first"),
    [
        ("all", "conv1.weight"),
        ("last:4", "conv1.weight"),
        ("last:1", "fc.weight"),
        ("last:2", "layer2.0.conv.weight"),
        ("0.01", "fc.weight"),
        ("0.3", "fc.weight"),  # 1.5 of 5 layers: 1 is as near as 2
        ("0.31", "layer2.0.conv.weight"),
        (".6", "layer2.0.conv.weight"),
        ("0.61", "layer1.0.conv1.weight"),
        ("1.0", "conv1.weight"),
        ("layer1", "layer1.0.conv1.weight"),
        ("layer1.0", "layer1.0.conv1.weight"),
        ("layer1.0.downsample", "layer1.0.downsample.0.weight"),
        ("layer1.0.downsample.0.weight", "layer1.0.downsample.0.weight"),
        ("bn1", "bn1.weight"),
        ("bn1.bias", "bn1.bias"),
        ("fc", "fc.weight"),
    ],
)
def test_what_is_chosen_reaches_to_the_code(residual: Graph, unfreeze: str, first: str) -> None:
    order = [name for block in list_blocks(residual) for name in block.weights]
    assert choose_weights(residual, unfreeze) == tuple(order[order.index(first) :])


def test_the_shipped_networks_shares(shipped: Graph) -> None:
    assert choose_weights(shipped, "0.3")[0] == "_blocks.11._expand_conv.weight"  # 16 of 49 layers
    assert choose_weights(shipped, "0.29")[0] == "_blocks.12._expand_conv.weight"  # 13 of them
    assert len(choose_weights(shipped, "_blocks.11")) == 3 + 5 * 9


def test_the_block_of_a_name_is_taken_whole() -> None:
    chain = make_chain(("Mul", "norm.weight"), ("Conv", "a1.w"), ("Conv", "a2.w"))
    assert choose_weights(chain, "a1") == ("norm.weight", "a1.w", "a2.w")
    assert choose_weights(chain, "a1.w") == ("a1.w", "a2.w")


@pytest.mark.parametrize(
    ("unfreeze", "text"),
    [
        ("none", "would train the head alone, which is what 'cnncodes fit' does"),
        ("last:0", "N blocks from 1 to 4.*Got '0'"),
        ("last:5", "N blocks from 1 to 4.*Got '5'"),
        ("last:-1", "N blocks from 1 to 4.*Got '-1'"),
        ("last:two", "N blocks from 1 to 4.*Got 'two'"),
        ("0.0", "above 0 and at most 1. Got 0.0"),
        ("-0.3", "above 0 and at most 1. Got -0.3"),
        ("1.5", "above 0 and at most 1. Got 1.5"),
        ("30%", "no block, layer or weight '30%'.*Expected 'all', 'last:2'"),
        ("3", "no block, layer or weight '3'"),
        ("", "no block, layer or weight ''"),
        ("layer", "no block, layer or weight 'layer'"),
        ("layer1.0.con", "Did you mean 'layer1.0.conv1'"),
        ("layer3", "Did you mean 'layer2'.*4 blocks: conv1, layer1, layer2, fc. Expected"),
        ("all ", "no block, layer or weight 'all '"),
    ],
)
def test_what_is_no_choice_is_said(residual: Graph, unfreeze: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        choose_weights(residual, unfreeze)


def test_many_blocks_are_not_all_listed(shipped: Graph) -> None:
    with pytest.raises(
        UsageError, match=r"18 blocks: _conv_stem, .*_blocks.4, …, _blocks.11, .*_conv_head. E"
    ):
        choose_weights(shipped, "head")


def test_a_share_has_to_be_a_text(residual: Graph) -> None:
    with pytest.raises(UsageError, match=r"must be a text.* Got 0\.3 instead"):
        choose_weights(residual, 0.3)  # type: ignore[arg-type]


def test_a_network_without_weights_has_no_blocks() -> None:
    graph = make_chain(("Relu", "weight"))
    graph = dataclasses.replace(graph, weights={})
    assert list_blocks(graph) == []
    with pytest.raises(UsageError, match="nothing to train"):
        choose_weights(graph, "all")


def test_a_weight_that_frozen_and_trained_layers_share_is_refused(shared: Graph) -> None:
    text = r"'fc.weight' is shared: .*node 'one', and .*node 'code', .* use on, 'fc.weight', or 'all'"
    with pytest.raises(UsageError, match=text):
        choose_weights(shared, "last:1")
    assert choose_weights(shared, "fc.weight") == ("fc.weight", "other.weight")
    assert choose_weights(shared, "all") == ("fc.weight", "other.weight")


def test_a_weight_that_frozen_layers_share_is_none_of_the_trained_ones() -> None:
    beside = "three = MatMul(one, fc__weight) code = Add(two, three)"  # the trained layer
    body = SHARED.replace("code = MatMul(two, fc__weight)", beside)
    graph = read(body, {"fc__weight": (3, 3), "other__weight": (3, 3)}, 3)
    assert choose_weights(graph, "other") == ("other.weight",)


PARTS = st.sampled_from(["a", "b1", "c.d", "e.2", "norm", "f.g3.h"])
CHAINS = st.lists(
    st.tuples(st.sampled_from(["Conv", "MatMul", "Mul"]), PARTS, st.sampled_from(["weight", "bias", "w1"])),
    min_size=1,
    max_size=12,
    unique_by=lambda item: item[1:],
).map(lambda items: [(operator, f"{name}.{leaf}") for operator, name, leaf in items])


@given(CHAINS, st.floats(0.01, 1))
def test_blocks_part_the_weights_and_choices_are_nested(chain: list[tuple[str, str]], share: float) -> None:
    graph = make_chain(*chain)
    blocks = list_blocks(graph)
    weights = [name for block in blocks for name in block.weights]
    assert sorted(weights) == sorted(graph.weights)
    assert sum(block.layers for block in blocks) == sum(operator != "Mul" for operator, _ in chain)
    assert all(block.layers for block in blocks) or len(blocks) == 1
    chosen = [set(choose_weights(graph, f"last:{count}")) for count in range(1, len(blocks) + 1)]
    assert all(less < more for less, more in itertools.pairwise(chosen))
    assert chosen[-1] == set(choose_weights(graph, "all")) == set(weights)
    taken = chosen.index(set(choose_weights(graph, f"{share:.4f}"))) + 1
    gaps = [
        abs(sum(block.layers for block in blocks[-count:]) - round(share, 4) * sum(b.layers for b in blocks))
        for count in range(1, len(blocks) + 1)
    ]
    assert gaps[taken - 1] <= min(gaps) + 1e-9
    assert all(choose_weights(graph, name) for name in weights)


def test_an_unknown_name_within_a_block_brings_the_names_there_that_have_it() -> None:
    graph = read_graph(load_backbone().model_bytes())
    with pytest.raises(
        UsageError, match=r"one of _blocks\.15\._depthwise_conv, _blocks\.15\._expand_conv, _bl"
    ):
        choose_weights(graph, "_blocks.15._conv")
    with pytest.raises(UsageError, match=r"Did you mean '_blocks\.15\._expand_conv'\?"):
        choose_weights(graph, "_blocks.15._expand")
