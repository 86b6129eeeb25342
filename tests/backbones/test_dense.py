"""Dense graphs: equal codes at the training size, and codes of patches elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from written_graphs import noise, write_backbone, write_model

from cnncodes.backbones import Backbone
from cnncodes.backbones.graphs.picking import pick_layers
from cnncodes.errors import BackboneError, UsageError

CONV = "a = Conv<strides = [2, 2]>(pixels, conv_weight)\n b = Relu(a)\n"
WEIGHTS = {"conv_weight": (5, 3, 3, 3)}

#: Networks without padding that look at 32 x 32 pixels and give 7 numbers: what comes after a map of 15 x 15.
HEADS: dict[str, tuple[str, dict[str, Any]]] = {
    "flatten": (
        "p = AveragePool<kernel_shape = [1, 1]>(a)\n n = Flatten(p)\n f = Relu(n)\n"
        "g = Gemm<transB = 1>(f, fc_weight, fc_bias)\n r = Relu(g)\n"
        "h = Gemm<transB = 1>(r, out_weight, out_bias)\n code = Relu(h)",
        {"fc_weight": (9, 5 * 15 * 15), "fc_bias": (9,), "out_weight": (7, 9), "out_bias": (7,)},
    ),
    "reshape": (
        "f = Reshape(b, shape)\n g = MatMul(f, fc_weight)\n code = Add(g, fc_bias)",
        {"shape": np.array([-1, 5 * 15 * 15]), "fc_weight": (5 * 15 * 15, 7), "fc_bias": (7,)},
    ),
    # Of a map whose channels come last, as Keras has them.
    "flatten last": (
        "l = Transpose<perm = [0, 2, 3, 1]>(b)\n f = Flatten(l)\n"
        "g = Gemm<transB = 1>(f, fc_weight, fc_bias)\n r = Relu(g)\n code = MatMul(r, out_weight)",
        {"fc_weight": (9, 5 * 15 * 15), "fc_bias": (9,), "out_weight": (9, 7)},
    ),
    "reshape last": (
        "l = Transpose<perm = [0, 2, 3, 1]>(b)\n n = LayerNormalization<axis = -1>(l, norm_weight)\n"
        "f = Reshape(n, shape)\n r = Relu(f)\n code = MatMul(r, fc_weight)",
        {"norm_weight": (5,), "shape": np.array([0, -1]), "fc_weight": (5 * 15 * 15, 7)},
    ),
    "mean last": (
        "l = Transpose<perm = [0, 2, 3, 1]>(b)\n m = ReduceMean<keepdims = 0>(l, axes)\n"
        "code = MatMul(m, fc_weight)",
        {"axes": np.array([1, 2]), "fc_weight": (5, 7)},
    ),
    "pooled": (
        "p = GlobalAveragePool(b)\n f = Flatten(p)\n g = Gemm<transB = 1>(f, fc_weight, fc_bias)\n"
        "code = HardSwish(g)",
        {"fc_weight": (7, 5), "fc_bias": (7,)},
    ),
    "mean": (
        "m = ReduceMean<keepdims = 0>(b, axes)\n"
        "n = LayerNormalization<axis = -1>(m, norm_weight, norm_bias)\n"
        "s = Mul(n, scale)\n g = Gemm<transB = 0>(s, fc_weight)\n t = Sigmoid(g)\n code = Mul(g, t)",
        {
            "axes": np.array([2, 3]),
            "norm_weight": (5,),
            "norm_bias": (5,),
            "scale": (5,),
            "fc_weight": (5, 7),
        },
    ),
    "last": (
        "m = ReduceMean<keepdims = 1>(b, axes)\n l = Transpose<perm = [0, 2, 3, 1]>(m)\n"
        "n = LayerNormalization<axis = -1>(l, norm_weight)\n c = Transpose<perm = [0, 3, 1, 2]>(n)\n"
        "v = Conv<kernel_shape = [1, 1]>(c, out_weight)\n code = Squeeze(v, axes)",
        {"axes": np.array([-1, -2]), "norm_weight": (5,), "out_weight": (7, 5, 1, 1)},
    ),
}


def make(kind: str, *, padding: int = 0) -> Backbone:
    """Return a backbone that sees 32 x 32 pixels."""
    body, weights = HEADS[kind]
    fixed = kind.startswith(("flatten", "reshape"))
    image = "uint8[batch, 32, 32, 3] image" if fixed else "uint8[batch, height, width, 3] image"
    model = write_model(CONV + body, WEIGHTS | weights, code_size=7, image=image)
    return write_backbone(model, sizes="fixed" if fixed else "dynamic")


@pytest.mark.parametrize("kind", HEADS)
def test_at_the_training_size_both_graphs_agree(kind: str) -> None:
    backbone, images = make(kind), noise(3, 32, 32)
    maps = backbone.dense(window=True).run(images)
    assert maps.shape == (3, 7, 1, 1)
    np.testing.assert_allclose(maps[:, :, 0, 0], backbone.run(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", HEADS)
def test_without_padding_each_cell_is_the_code_of_its_patch(kind: str) -> None:
    backbone, image = make(kind), noise(1, 40, 52)
    dense = backbone.dense(window=True)
    [cells] = dense.run(image)
    assert cells.shape == (7, 5, 11)  # the convolution steps by two pixels
    for row, column in ((0, 0), (4, 10), (2, 3)):
        patch = image[:, 2 * row : 2 * row + 32, 2 * column : 2 * column + 32]
        [code] = backbone.run(np.ascontiguousarray(patch))
        np.testing.assert_allclose(cells[:, row, column], code, rtol=1e-4, atol=1e-5)


def test_the_finest_map_averages_to_the_code() -> None:
    body, weights = (
        "m = ReduceMean<keepdims = 0>(b, axes)\n code = MatMul(m, fc_weight)",
        {
            "axes": np.array([2, 3]),
            "fc_weight": (5, 7),
        },
    )
    backbone = write_backbone(write_model(CONV + body, WEIGHTS | weights, code_size=7))
    images = noise(2, 48, 40)
    maps = backbone.dense().run(images)
    assert maps.shape == (2, 7, 23, 19)
    np.testing.assert_allclose(maps.mean((2, 3)), backbone.run(images), rtol=1e-4, atol=1e-5)


def test_fully_connected_layers_give_one_map_whether_windows_are_asked_for_or_not() -> None:
    backbone = make("flatten")
    assert backbone.dense().model_bytes() == backbone.dense(window=True).model_bytes()
    assert make("pooled").dense().model_bytes() != make("pooled").dense(window=True).model_bytes()


def test_the_network_in_the_package_has_maps_whose_mean_is_its_code() -> None:
    import cnncodes

    backbone = cnncodes.load_backbone()
    images = noise(1, 256, 320)
    maps = backbone.dense().run(images)
    assert maps.shape == (1, 1280, 8, 10)
    np.testing.assert_allclose(maps.mean((2, 3)), backbone.run(images), rtol=1e-4, atol=1e-5)


NOT_DENSE = {
    "two maps": (
        "m = ReduceMean<keepdims = 0>(b, axes)\n x = ReduceMax<keepdims = 0>(b, axes)\n"
        "code = Concat<axis = 1>(m, x)",
        {"axes": np.array([2, 3])},
        10,
        "ReduceMax, ReduceMean",
    ),
    "greatest": ("code = ReduceMax<keepdims = 0>(b, axes)", {"axes": np.array([2, 3])}, 5, "ReduceMax"),
    "part": (
        "m = ReduceMean<keepdims = 0>(b, axes)\n n = ReduceMean<keepdims = 0>(m, axis)\n"
        "code = Reshape(n, shape)",
        {"axes": np.array([2]), "axis": np.array([2]), "shape": np.array([-1, 5])},
        5,
        "ReduceMean",
    ),
    "order": (
        "m = ReduceMean<keepdims = 0>(b, axes)\n code = Softmax<axis = 1>(m)",
        {"axes": np.array([2, 3])},
        5,
        "Softmax 'code'",
    ),
    "code": ("code = Flatten(b)", {}, 1125, "its code is its whole last map as one vector.*by --layer"),
    "rows": (
        "f = Flatten<axis = 2>(b)\n g = MatMul(f, fc_weight)\n code = Reshape(g, shape)",
        {"fc_weight": (225, 1), "shape": np.array([-1, 5])},
        5,
        "Flatten 'f' makes .*, and one vector",
    ),
    "turned": (
        "t = Transpose<perm = [0, 3, 2, 1]>(b)\n f = Flatten(t)\n code = MatMul(f, fc_weight)",
        {"fc_weight": (1125, 7)},
        7,
        "Flatten 'f' makes a vector of 't', of which",
    ),
    "groups": (
        "m = ReduceMean<keepdims = 0>(b, axes)\n r = Reshape(m, shape)\n g = MatMul(r, fc_weight)\n"
        "code = Reshape(g, out)",
        {
            "axes": np.array([2, 3]),
            "shape": np.array([0, 5, 1]),
            "fc_weight": (1, 2),
            "out": np.array([0, 10]),
        },
        10,
        "MatMul 'g'|Reshape 'code'",
    ),
    "bent": (
        "f = Flatten(b)\n r = Relu(f)\n code = Gemm<transB = 1, alpha = 2.0>(r, fc_weight)",
        {"fc_weight": (7, 1125)},
        7,
        "Gemm 'code'",
    ),
}


@pytest.mark.parametrize("kind", NOT_DENSE)
def test_what_has_no_dense_form_is_refused_and_named(kind: str) -> None:
    body, weights, size, named = NOT_DENSE[kind]
    backbone = write_backbone(
        write_model(CONV + body, WEIGHTS | weights, code_size=size, image="uint8[batch, 32, 32, 3] image"),
        sizes="fixed",
    )
    with pytest.raises(BackboneError, match=rf"no dense form: .*({named})"):
        backbone.dense()


def test_of_several_layers_there_is_no_map() -> None:
    whole = write_backbone(write_model(CONV + HEADS["pooled"][0], WEIGHTS | HEADS["pooled"][1], code_size=7))
    several = Backbone(*pick_layers(whole.model_bytes(), whole.card, "a,b"))
    with pytest.raises(
        BackboneError, match=r"is made of several layers \(a, b\), and a map can be made of one"
    ):
        several.dense()
    assert Backbone(*pick_layers(whole.model_bytes(), whole.card, "a")).dense().run(noise(1, 32, 32)).size


def test_images_below_the_least_size_are_refused() -> None:
    dense = make("flatten").dense()
    words = r"at least 32 pixels high and 32 wide, as the network itself takes them\. Got 31 x 40: enlarge"
    with pytest.raises(UsageError, match=words):
        dense.run(noise(1, 31, 40))
    with pytest.raises(UsageError, match=r"shape \(n_images, height, width, 3\)\. Got \(32, 32, 3\)"):
        dense.run(noise(32, 32))
    free = write_backbone(write_model(CONV + HEADS["pooled"][0], WEIGHTS | HEADS["pooled"][1], code_size=7))
    words = r"at least 32 pixels high and 32 wide, since a window is as large as the frame \(window=False"
    with pytest.raises(UsageError, match=words):
        free.dense(window=True).run(noise(1, 16, 40))
    with pytest.raises(UsageError, match="array of uint8"):
        dense.run(np.zeros((1, 32, 32, 3)))


def test_a_rigid_network_fails_with_its_reason_and_not_silently() -> None:
    body = "s = Add(b, grid)\n m = ReduceMean<keepdims = 0>(s, axes)\n code = Identity(m)"
    weights = {"grid": (1, 5, 15, 15), "axes": np.array([2, 3])}
    model = write_model(CONV + body, WEIGHTS | weights, code_size=5, image="uint8[batch, 32, 32, 3] image")
    dense = write_backbone(model, sizes="fixed").dense()
    assert dense.run(noise(1, 32, 32)).shape == (1, 5, 15, 15)
    with pytest.raises(BackboneError, match=r"fails on images of shape \(1, 48, 48, 3\)"):
        dense.run(noise(1, 48, 48))


@pytest.mark.parametrize("layer", ["a", "b"])
def test_a_picked_layer_has_a_map_too(layer: str) -> None:
    whole = make("pooled")
    model, card = pick_layers(whole.model_bytes(), whole.card, layer)
    picked, images = Backbone.from_bytes(model, card), noise(2, 40, 48)
    maps = picked.dense().run(images)
    assert maps.shape == (2, 5, 19, 23)
    np.testing.assert_allclose(maps.mean((2, 3)), picked.run(images), rtol=1e-4, atol=1e-5)
