"""ONNX files of others that use the names of the wrapped graph, or have graphs within graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from test_onnx_files import BODY, FIRST, WEIGHTS, run_tensor, write_file
from written_graphs import noise, write_model

from cnncodes.backbones import load_backbone
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.backbones.exporting.export import export_backbone
from cnncodes.backbones.exporting.onnx_naming import name_weights
from cnncodes.backbones.graphs.initializers import STATISTICS, trainable_weights
from cnncodes.errors import BackboneError

HEAD = "code = Gemm<transB = 1>(f, w2, b2)"


def rename(path: Path, names: dict[str, str]) -> None:
    """Call tensors of a file otherwise."""
    model = onnx.load(path)
    graph = model.graph
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        node.name = node.output[0]
    for item in (*graph.initializer, *graph.input, *graph.output):
        item.name = names.get(item.name, item.name)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    "names",
    [
        {"a": "pixels_float", "b": "pixels_centred", "c": "pixels_last"},
        {"a": "constant_mean", "b": "constant_std"},
        {"w1": "constant_mean", "gamma": "constant_std"},
        {"w1": "constant_kernel", "a": "weight_constant_kernel"},
        {"average": "a.running_mean", "b": "average.running_mean"},
        {"a": "average.running_mean", "b": "variance.running_var"},
        {"pixels": "image", "a": "image_", "b": "image__", "c": "code_", "code": "code"},
        {"f": "code", "code": "scores", "p": "code_"},
        {"c": "constant_average", "average": "constant_mean"},
    ],
    ids=lambda names: "-".join(names.values()),
)
def test_names_of_the_wrapped_graph_may_be_taken(tmp_path: Path, names: dict[str, str]) -> None:
    path = write_file(tmp_path / "net.onnx", BODY + HEAD)
    rename(path, names)
    export_backbone(str(path), tmp_path / "out")
    backbone, images = load_backbone(tmp_path / "out"), noise(3, 32, 32)
    expected = run_tensor(path, names.get("f", "f"), images)
    np.testing.assert_allclose(backbone.run(images), expected, rtol=1e-4, atol=1e-5)
    assert verify_backbone(tmp_path / "out")["checks"][-2:] == ["trainable weights", "normalisation"]


BLUR = np.tile(np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16, (6, 1, 1, 1))
NORMED = """
    m = Conv(pixels, w1)
    n = InstanceNormalization(m, scale, offset)
    low = Conv<group = 6>(n, filter)
    c = Mul(low, gamma)
    p = GlobalAveragePool(c)
    code = Flatten(p)
"""
NORMED_WEIGHTS: dict[str, Any] = {
    "w1": (6, 3, 3, 3),
    "scale": np.ones(6, np.float32),
    "offset": np.zeros(6, np.float32),
    "filter": BLUR,
    "gamma": (6, 1, 1),
}


@pytest.mark.parametrize(
    ("changes", "last", "trained"),
    [
        ({}, "", set()),
        ({"scale": np.full(6, 1.5, np.float32)}, "", {"scale", "offset"}),
        ({"offset": np.linspace(0, 1, 6, dtype=np.float32)}, "", {"scale", "offset"}),
        ({"filter": BLUR + np.linspace(0, 1e-3, 6, dtype=np.float32)[:, None, None, None]}, "", {"filter"}),
        ({"filter": BLUR - BLUR.mean()}, "", {"filter"}),
        ({"b6": (6,)}, "InstanceNormalization(low, scale, b6)", {"scale", "b6"}),
    ],
    ids=["constants", "scale", "offset", "filters", "no mean", "shared"],
)
def test_what_no_training_has_made_is_constant(changes: dict[str, Any], last: str, trained: set[str]) -> None:
    """The normalisation by ones and zeros within GroupNorm, and one low-pass filter for all channels."""
    body = NORMED.replace("Mul(low", f"Mul({'again' if last else 'low'}")
    body = body.replace("    c =", f"    again = {last}\n    c =") if last else body
    model = write_model(body, NORMED_WEIGHTS | changes, code_size=6, image=FIRST, start="")
    name_weights(model.graph)
    assert set(trainable_weights(model)) == {"w1", "gamma", *trained}


STANDARDISED = """
    axes = Constant<value_ints = [0, 2]>()
    mean = ReduceMean<keepdims = 0>(rows, axes)
    var = ReduceMean<keepdims = 0>(rows, axes)
    standard = BatchNormalization(rows, gain, offset, mean, var)
    whole = Constant<value_ints = [4, 3, 3, 3]>()
    weight = Reshape(standard, whole)
    map = Conv(pixels, weight)
    p = GlobalAveragePool(map)
    code = Flatten(p)
"""
IN_TRAINING = "standard, m, v = BatchNormalization<training_mode = 1>(rows, gain, offset, zeros, ones)"


@pytest.mark.parametrize(
    ("line", "offset", "trained"),
    [
        ("", np.zeros(4, np.float32), set()),
        ("", np.ones(4, np.float32), {"offset"}),
        (IN_TRAINING, np.zeros(4, np.float32), set()),
    ],
    ids=["zeros", "an offset", "training mode"],
)
def test_what_standardises_weights_without_being_learned_is_constant(
    line: str, offset: Any, trained: set[str]
) -> None:
    """No statistics either: nothing moves them."""
    body = "\n".join(line if line and "Batch" in one else one for one in STANDARDISED.splitlines())
    weights = {"rows": (1, 4, 27), "gain": (4,), "offset": offset}
    weights |= {"zeros": np.zeros(4, np.float32), "ones": np.ones(4, np.float32)} if line else {}
    model = write_model(body, weights, code_size=4, image=FIRST, start="")
    name_weights(model.graph)
    assert set(trainable_weights(model)) == {"rows", "gain", *trained}
    assert not [tensor.name for tensor in model.graph.initializer if "running" in tensor.name]


def test_statistics_that_are_one_tensor_with_a_weight_are_parted(tmp_path: Path) -> None:
    """Of equal tensors exporters make one: of a variance and a scale of ones, of means of two norms."""
    body = """
        a = Conv<strides = [2, 2]>(pixels, w1)
        b = BatchNormalization(a, ones, zeros, zeros, ones)
        s = Mul(b, factor)
        t = BatchNormalization(s, gamma, beta, zeros, ones)
        c = Relu(t)
        p = GlobalAveragePool(c)
        f = Flatten(p)
    """
    shared = {"ones": np.ones(6, np.float32), "zeros": np.zeros(6, np.float32), "factor": (6, 1, 1)}
    weights = {**{name: WEIGHTS[name] for name in ("w1", "gamma", "beta", "w2", "b2")}, **shared}
    path = write_file(tmp_path / "net.onnx", body + HEAD, weights)
    export_backbone(str(path), tmp_path / "out")
    model = onnx.load(tmp_path / "out" / "model.onnx")
    assert set(trainable_weights(model)) == {"w1", "gamma", "beta", "ones", "zeros", "factor"}
    norms = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    statistics = [name for node in norms for name in node.input[3:5]]
    assert len(set(statistics)) == 4 and all(name.endswith(STATISTICS) for name in statistics)
    backbone, images = load_backbone(tmp_path / "out"), noise(3, 32, 32)
    np.testing.assert_allclose(backbone.run(images), run_tensor(path, "f", images), rtol=1e-4, atol=1e-5)


def test_the_shape_and_the_mean_that_are_added_have_free_names(tmp_path: Path) -> None:
    body = (
        "f_shape = Conv<strides = [2, 2]>(pixels, w1)\n c = Relu(f_shape)\n p = GlobalAveragePool(c)\n"
        "f = Reshape(p, one)\n c_pooled = Reshape(f, four)\n v = Conv<kernel_shape = [1, 1]>(c_pooled, w6)\n"
        "code = Flatten(v)"
    )
    weights = {"w1": (6, 3, 3, 3), "w6": (4, 6, 1, 1), "one": np.array([1, 6])}
    weights["four"] = np.array([1, 6, 1, 1])
    path = write_file(tmp_path / "net.onnx", body, weights, image="float[1, 3, 32, 32] pixels")
    assert export_backbone(str(path), tmp_path / "out").code_size == 6
    images = noise(3, 32, 32)
    expected = run_tensor(path, "f", images)
    np.testing.assert_allclose(load_backbone(tmp_path / "out").run(images), expected, rtol=1e-4, atol=1e-5)
    path = write_file(
        tmp_path / "map.onnx",
        "c_pooled = Conv<strides = [2, 2]>(pixels, w1)\n c = Relu(c_pooled)\n"
        "v = Conv<kernel_shape = [1, 1]>(c, w6)\n p = GlobalAveragePool(v)\n code = Flatten(p)",
        {"w1": (6, 3, 3, 3), "w6": (4, 6, 1, 1)},
    )
    assert export_backbone(str(path), tmp_path / "map").layer == "input of v, average-pooled"


# --- graphs within graphs ---

BRANCHES = """
    side = Sigmoid(f)
    g = If (yes) <
        then_branch = one () => (float[n, 6] t) { t = Add(f, side) },
        else_branch = two () => (float[n, 6] e) { e = Mul(f, b6) }
    >
    code = Gemm<transB = 1>(g, w2, b2)
"""
BRANCHED: dict[str, Any] = WEIGHTS | {"yes": np.array(True), "b6": (6,)}


def test_what_a_branch_alone_uses_stays(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", BODY + BRANCHES, BRANCHED)
    export_backbone(str(path), tmp_path / "out")
    backbone, images = load_backbone(tmp_path / "out"), noise(3, 32, 32)
    np.testing.assert_allclose(backbone.run(images), run_tensor(path, "g", images), rtol=1e-4, atol=1e-5)
    verify_backbone(tmp_path / "out")
    names = {tensor.name for tensor in onnx.load(tmp_path / "out" / "model.onnx").graph.initializer}
    assert {"b6", "constant_yes", "average.running_mean"} < names and "w2" not in names


def test_names_are_changed_within_branches_too(tmp_path: Path) -> None:
    body = (BODY + BRANCHES).replace("side", "image").replace("b6", "constant_std")
    body = body.replace(" e)", " pixels_float)").replace(" e =", " pixels_float =")
    path = write_file(tmp_path / "net.onnx", body, BRANCHED | {"constant_std": (6,)})
    export_backbone(str(path), tmp_path / "out")
    backbone, images = load_backbone(tmp_path / "out"), noise(3, 32, 32)
    np.testing.assert_allclose(backbone.run(images), run_tensor(path, "g", images), rtol=1e-4, atol=1e-5)


def test_layers_before_and_after_branches_are_picked(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", BODY + BRANCHES, BRANCHED)
    export_backbone(str(path), tmp_path / "out")
    images = noise(3, 32, 32)
    codes = load_backbone(tmp_path / "out", layer="c").run(images)
    np.testing.assert_allclose(codes, run_tensor(path, "c", images).mean((2, 3)), rtol=1e-4, atol=1e-5)
    codes = load_backbone(tmp_path / "out", layer="g").run(images)
    np.testing.assert_allclose(codes, run_tensor(path, "g", images), rtol=1e-4, atol=1e-5)


def test_branches_after_the_last_map_have_no_dense_form(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", BODY + BRANCHES, BRANCHED)
    with pytest.raises(BackboneError, match=r"^the network has no dense form: .*If"):
        export_backbone(str(path), tmp_path / "out", dense=True)


def test_operators_of_others_are_found_in_branches(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", BODY + BRANCHES, BRANCHED)
    model = onnx.load(path)
    [branching] = [node for node in model.graph.node if node.op_type == "If"]
    branching.attribute[0].g.node[0].domain = "my.company"
    model.opset_import.append(helper.make_opsetid("my.company", 1))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(
        BackboneError, match=r"has the operator 'Add' of 'my\.company': such custom operators"
    ):
        export_backbone(str(path), tmp_path / "out")


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("shape", ["outer", "inner", "node", "ints"])
def test_a_fixed_batch_is_freed_within_branches(tmp_path: Path, shape: str, batch: int) -> None:
    value = f"value_ints = [{batch}, 6]" if shape == "ints" else f"value = int64[2] {{{batch}, 6}}"
    made = "" if shape == "outer" else f"s = Constant<{value}>() "
    branches = f"""
        g = If (yes) <
            then_branch = one () => (float[{batch}, 6] t) {{ {made} r = Reshape(p, s) t = Sigmoid(r) }},
            else_branch = two () => (float[{batch}, 6] e) {{ e = Mul(f, b6) }}
        >
        code = Gemm<transB = 1>(g, w2, b2)
    """
    more = {"s": np.array([batch, 6])} if shape == "outer" else {}
    image = f"float[{batch}, 3, 32, 32] pixels"
    path = write_file(tmp_path / "net.onnx", BODY + branches, BRANCHED | more, image=image)
    if shape == "inner":
        model = onnx.load(path)
        branch = next(node for node in model.graph.node if node.op_type == "If").attribute[0].g
        branch.initializer.append(numpy_helper.from_array(np.array([batch, 6]), "s"))
        del branch.node[0]
        path.write_bytes(model.SerializeToString())
    export_backbone(str(path), tmp_path / "out")
    images = noise(4, 32, 32)
    codes = load_backbone(tmp_path / "out").run(images)
    np.testing.assert_allclose(codes, run_tensor(path, "g", images), rtol=1e-4, atol=1e-5)
    assert "equal bits in batches of 1, 3 and 8" in verify_backbone(tmp_path / "out")["checks"]


# --- advice, and what is known already ---


def test_a_free_batch_is_not_advised_where_it_is_free(tmp_path: Path) -> None:
    weights = WEIGHTS | {"gamma": np.full(6, 1e-6, np.float32), "beta": np.arange(1, 7, dtype=np.float32)}
    path = write_file(tmp_path / "net.onnx", weights=weights)
    with pytest.raises(BackboneError, match="the codes hardly depend on the image") as caught:
        export_backbone(str(path), tmp_path / "out")
    assert "batch" not in str(caught.value)


def test_parity_takes_the_facts_from_the_card_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path / "net.onnx")
    export_backbone(str(path), tmp_path / "out")
    (tmp_path / "net.card.toml").unlink()
    monkeypatch.chdir(tmp_path)
    assert verify_backbone("out", parity=True)["parity"]["relative_error"] <= 1e-5
    assert sorted(file.name for file in tmp_path.iterdir()) == ["net.onnx", "out"]
