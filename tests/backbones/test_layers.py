"""Layers: which tensors can be a code, and graphs that give them."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_graphs import noise, write_backbone, write_model

from cnncodes.backbones import Backbone
from cnncodes.backbones.graphs.picking import list_layers, pick_layers
from cnncodes.backbones.graphs.picks import Pick
from cnncodes.errors import BackboneError, CardError, UsageError

#: A convolution, a gated one, tokens with channels last, and a code.
BODY = """
    a = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(pixels, w1)
    b = BatchNormalization(a, scale, bias, running_mean, running_var)
    one = Relu(b)
    padded = Pad(one, around)
    c = Conv<strides = [2, 2]>(padded, w2)
    mean = ReduceMean<keepdims = 1>(c, axes)
    gate = Conv(mean, w3)
    two = Mul(c, gate)
    last = Transpose<perm = [0, 2, 3, 1]>(two)
    n = LayerNormalization<axis = -1>(last, scale2)
    three = MatMul(n, w4)
    flat = Reshape(three, tokens)
    four = LayerNormalization<axis = -1>(flat, scale3)
    code = ReduceMean<keepdims = 0>(four, second)
"""
WEIGHTS: dict[str, Any] = {
    "w1": (4, 3, 3, 3),
    "scale": (4,),
    "bias": (4,),
    "running_mean": np.zeros(4, np.float32),
    "running_var": np.ones(4, np.float32),
    "around": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "w2": (6, 4, 3, 3),
    "w3": (6, 6, 1, 1),
    "axes": np.array([2, 3]),
    "scale2": (6,),
    "w4": (6, 5),
    "tokens": np.array([0, -1, 5]),
    "scale3": (5,),
    "second": np.array([1]),
}


@pytest.fixture(scope="module")
def network() -> Backbone:
    return write_backbone(write_model(BODY, WEIGHTS, code_size=5))


def pick(backbone: Backbone, layer: str, pool: str | None = None) -> Backbone:
    model, card = pick_layers(backbone.model_bytes(), backbone.card, layer, pool)
    return Backbone(model, card)


def tensor(backbone: Backbone, name: str, images: Any) -> Any:
    """Return a tensor of the graph, by ONNX Runtime alone."""
    import onnx

    model = onnx.load_from_string(backbone.model_bytes())
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    return onnxruntime.InferenceSession(model.SerializeToString()).run([name], {"image": images})[0]


def test_candidates_are_what_enters_layers_with_weights(network: Backbone) -> None:
    layers = {layer.name: layer for layer in list_layers(network.model_bytes(), network.card)}
    assert list(layers) == ["one", "c", "two", "n", "three", "four", "code"]
    assert layers["one"].shape == (4, 16, 16) and layers["one"].channels == 4
    assert layers["two"].shape == (6, 8, 8) and layers["two"].operator == "Mul"
    assert layers["three"].shape == (5, 8, 8)  # channels come first here, wherever the graph has them
    assert layers["four"].shape == (64, 5) and layers["four"].channels == 5
    assert [name for name, layer in layers.items() if layer.ends_stage] == ["one", "three"]


def test_a_map_as_one_vector_is_a_candidate_where_a_layer_takes_it() -> None:
    body = (
        "a = Conv(pixels, w1)\n c = Relu(a)\n f = Flatten(c)\n g = Gemm<transB = 1>(f, w2)\n code = Relu(g)"
    )
    model = write_model(
        body, {"w1": (4, 3, 5, 5), "w2": (7, 144)}, code_size=7, image="uint8[batch, 10, 10, 3] image"
    )
    network = write_backbone(model, side=10, sizes="fixed")
    layers = {layer.name: layer for layer in list_layers(network.model_bytes(), network.card)}
    assert list(layers) == ["c", "f", "code"] and layers["f"].shape == (144,)
    images = noise(3, 10, 10)
    np.testing.assert_array_equal(pick(network, "f").run(images), tensor(network, "f", images))


def test_what_folds_tokens_into_the_batch_is_no_layer() -> None:
    """As transformers do around their products: one row a token would pass for one an image."""
    body = """
        a = Conv<strides = [8, 8]>(pixels, w1)
        b = Relu(a)
        t = Transpose<perm = [0, 2, 3, 1]>(b)
        rows = Reshape(t, folded)
        r = MatMul(rows, w2)
        s = Relu(r)
        u = MatMul(s, w3)
        v = Reshape(u, whole)
        code = ReduceMean<keepdims = 0>(v, second)
    """
    weights = {
        "w1": (6, 3, 8, 8), "w2": (6, 6), "w3": (6, 6),
        "folded": np.array([-1, 6]), "whole": np.array([-1, 16, 6]), "second": np.array([1]),
    }  # fmt: skip
    network = write_backbone(write_model(body, weights, code_size=6))
    assert [layer.name for layer in list_layers(network.model_bytes(), network.card)] == ["b", "code"]
    with pytest.raises(UsageError, match="'s' has no entry for each image"):
        pick(network, "s")


@pytest.mark.parametrize("pool", ["mean", "max", "both"])
def test_codes_of_layers_do_not_depend_on_the_batch(network: Backbone, pool: str) -> None:
    images = noise(8, 32, 48)
    picked = pick(network, "one,two,three,four", pool)
    alone = np.concatenate([picked.run(images[i : i + 1]) for i in range(len(images))])
    np.testing.assert_array_equal(alone, picked.run(images))


@pytest.mark.parametrize(
    ("name", "axes"), [("one", (2, 3)), ("two", (2, 3)), ("n", (1, 2)), ("three", (1, 2)), ("four", 1)]
)
def test_places_are_pooled_along_the_right_axes(network: Backbone, name: str, axes: Any) -> None:
    images = noise(3, 32, 48)
    values = tensor(network, name, images)
    mean, most = values.mean(axes), values.max(axes)
    np.testing.assert_allclose(pick(network, name).run(images), mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(pick(network, name, "max").run(images), most, rtol=1e-5, atol=1e-5)
    both = pick(network, name, "both").run(images)
    np.testing.assert_allclose(both, np.concatenate([mean, most], axis=1), rtol=1e-4, atol=1e-5)


def test_several_layers_stand_side_by_side_in_the_order_given(network: Backbone) -> None:
    images = noise(2, 32, 32)
    several = pick(network, "three,code,one")
    parts = [pick(network, name).run(images) for name in ("three", "code", "one")]
    np.testing.assert_allclose(several.run(images), np.concatenate(parts, axis=1), rtol=1e-5, atol=1e-6)
    assert several.card.layers == {"three": 5, "code": 5, "one": 4}
    np.testing.assert_allclose(parts[1], network.run(images), rtol=1e-6, atol=1e-7)


def test_a_picked_backbone_says_what_it_was_picked_from(network: Backbone) -> None:
    picked = pick(network, "one", "both")
    assert picked.sha256 == network.sha256 == picked.card.whole
    assert picked.card.layer == "one; both" and picked.code_size == 8
    assert picked.card.files["model.onnx"] == hashlib.sha256(picked.model_bytes()).hexdigest()
    assert pick(network, "one; both").model_bytes() == picked.model_bytes()
    assert len(picked.model_bytes()) < len(network.model_bytes())  # what comes after it is gone


def test_what_was_picked_is_not_picked_from_again(network: Backbone) -> None:
    picked = pick(network, "one")
    with pytest.raises(BackboneError, match="made of picked layers already"):
        pick_layers(picked.model_bytes(), picked.card, "one")


@pytest.mark.parametrize("pool", ["mean", "max", "both"])
@pytest.mark.parametrize("layer", ["two", "four,one", "one,code"])
def test_a_network_that_was_made_of_layers_is_picked_from_like_another(
    network: Backbone, layer: str, pool: str
) -> None:
    """As ``models export --layer`` makes one: its names must not meet the new ones."""
    first = pick(network, layer, pool)
    card = dataclasses.replace(first.card, layers=None, whole=None)
    made = Backbone(first.model_bytes(), card)
    images = noise(2, 32, 48)
    listed = [layer.name for layer in list_layers(made.model_bytes(), made.card)]
    assert listed[0] == "one" and listed[-1] == "code"
    for name in listed[:-1]:
        expected = pick(network, "code" if name == "own_code" else name, "both").run(images)
        np.testing.assert_array_equal(pick(made, name, "both").run(images), expected)
    np.testing.assert_array_equal(pick(made, "code", "both").run(images), made.run(images))
    again = pick(made, "code," + listed[0], "both")
    assert again.code_size == made.code_size + pick(made, listed[0], "both").code_size


@pytest.mark.parametrize("layer", ["one,code", "code,two", "two,code,one"])
def test_by_code_a_network_made_of_layers_means_the_part_of_that_name(network: Backbone, layer: str) -> None:
    """As its codes are stored: else one space would name two kinds of codes."""
    first = pick(network, layer)
    made = Backbone(first.model_bytes(), dataclasses.replace(first.card, whole=None))
    images = noise(2, 32, 48)
    listed = [layer.name for layer in list_layers(made.model_bytes(), made.card)]
    assert listed[-1] == "code" and "own_code" not in listed
    for name in [*layer.split(","), layer]:
        again = pick(made, name)
        np.testing.assert_allclose(again.run(images), pick(network, name).run(images), rtol=1e-5, atol=1e-6)
        assert again.sha256 == made.sha256 and list(again.card.layers or {}) == name.split(",")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            "tow",
            r"has no layer 'tow'\. Did you mean 'two'\? Those that end a stage: 'one', 'three', 'code'\.",
        ),
        ("", "a layer's name is missing"),
        ("one,,two", "a layer's name is missing"),
        ("one,one", "each layer is given once"),
        ("flat,mean", r"'mean' has the shape \[batch, 6, 1, 1\], and no channels"),
        ("one; least", "pool must be one of mean, max, both. Got 'least'"),
    ],
)
def test_wrong_layers_are_refused_by_name(network: Backbone, layer: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pick(network, layer)


def test_a_tensor_whose_channels_cannot_be_told_is_refused() -> None:
    body = """
        a = Conv(pixels, w1)
        r = Reshape(a, shape)
        s = Sigmoid(r)
        m = ReduceMean<keepdims = 0>(s, axes)
        code = Reshape(m, out)
    """
    weights = {
        "w1": (4, 3, 3, 3),
        "shape": np.array([0, 2, 2, -1]),
        "axes": np.array([3]),
        "out": np.array([0, 4]),
    }
    backbone = write_backbone(write_model(body, weights, code_size=4))
    with pytest.raises(UsageError, match=r"'s' has the shape \[batch, 2, 2, 900\], and no channels"):
        pick(backbone, "s")


def test_older_operator_sets_have_their_axes_as_attributes() -> None:
    body = "a = Conv(pixels, w1)\n one = Relu(a)\n p = GlobalAveragePool(one)\n code = Flatten(p)"
    backbone = write_backbone(write_model(body, {"w1": (4, 3, 3, 3)}, code_size=4, opset=13), opset=13)
    images = noise(2, 32, 32)
    np.testing.assert_allclose(pick(backbone, "one").run(images), backbone.run(images), rtol=1e-4, atol=1e-5)


@given(
    st.lists(st.from_regex(r"[a-z][\w./:]{0,8}", fullmatch=True), min_size=1, max_size=4, unique=True),
    st.sampled_from(["mean", "max", "both"]),
)
def test_a_pick_is_read_as_it_is_written(names: list[str], pool: str) -> None:
    written = Pick(tuple(names), pool)
    assert Pick.parse(str(written)) == written


def test_a_card_of_layers_that_do_not_make_up_the_code_is_refused(network: Backbone) -> None:
    text = pick(network, "one,two").card.to_toml()
    with pytest.raises(CardError, match="layers must have lengths of at least 1 that make up"):
        type(network.card).from_toml(text.replace("one = 4", "one = 5"))
    with pytest.raises(CardError, match="whole goes with layers"):
        dataclasses.replace(pick(network, "one,two").card, layers=None)
