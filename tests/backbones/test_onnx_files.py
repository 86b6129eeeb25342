"""ONNX files of others: wrapped, cut, compared with themselves, and refused where they cannot be."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from written_graphs import noise, write_model

from cnncodes.backbones import Card, load_backbone
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.backbones.exporting.export import export_backbone
from cnncodes.cli import main
from cnncodes.errors import BackboneError, CardError, UsageError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n"

FACTS = """
description = "small"
licence = "MIT"
height = 32
width = 32
resize = 40
interpolation = "bilinear"
value_range = [0.0, 1.0]
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
"""
MEAN, STD = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255
FIRST = "float[batch, 3, height, width] pixels"
BODY = """
    a = Conv<strides = [2, 2]>(pixels, w1)
    b = BatchNormalization(a, gamma, beta, average, variance)
    c = Relu(b)
    p = GlobalAveragePool(c)
    f = Flatten(p)
"""
WEIGHTS: dict[str, Any] = {
    "w1": (6, 3, 3, 3),
    "gamma": (6,),
    "beta": (6,),
    "average": (6,),
    "variance": np.linspace(0.5, 1.5, 6, dtype=np.float32),
    "w2": (4, 6),
    "b2": (4,),
}


def write_file(
    path: Path,
    body: str = BODY + "code = Gemm<transB = 1>(f, w2, b2)",
    weights: dict[str, Any] = WEIGHTS,
    *,
    image: str = FIRST,
    classes: int = 4,
    facts: str | None = FACTS,
    **changes: Any,
) -> Path:
    """Write a file as another program would have: normalised float images in, scores out."""
    model = write_model(body, weights, code_size=classes, image=image, start="", **changes)
    path.write_bytes(model.SerializeToString())
    if facts is not None:
        path.with_suffix(".card.toml").write_text(facts)
    return path


def run_tensor(path: Path, name: str, images: Any, *, channels_first: bool = True) -> Any:
    """Return a tensor of the file as it is, for images of pixels."""
    model = onnx.load(path)
    if name not in [value.name for value in model.graph.output]:
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    pixels = ((images - MEAN) / STD).astype(np.float32)
    pixels = pixels.transpose(0, 3, 1, 2) if channels_first else pixels
    given = session.get_inputs()[0]
    size = given.shape[0] if isinstance(given.shape[0], int) else len(pixels)
    return np.concatenate(
        [session.run([name], {given.name: pixels[i : i + size]})[0] for i in range(0, len(pixels), size)]
    )


def test_a_float_file_is_wrapped_and_cut_where_its_classifier_begins(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx")
    card = export_backbone(str(path), tmp_path / "out")
    assert (card.code_size, card.layer, card.sizes) == (6, "input of code", "dynamic")
    assert card.parity["images"] == 20 and card.parity["relative_error"] <= 1e-5
    images = noise(5, 48, 32)
    codes = load_backbone(tmp_path / "out").run(images)
    np.testing.assert_allclose(codes, run_tensor(path, "f", images), rtol=1e-4, atol=1e-5)
    checks = verify_backbone(tmp_path / "out")["checks"]
    assert "other heights and widths" in checks and "trainable weights" in checks


def test_its_hash_is_kept_as_parent_and_what_was_said_of_it_stands_on_the_card(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx")
    export_backbone(str(path), tmp_path / "out")
    card = Card.read(tmp_path / "out" / "card.toml")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert card.parent == digest and card.source_weights == f"net.onnx, sha256 {digest}"
    assert (card.name, card.description, card.licence, card.address) == ("net", "small", "MIT", "net.onnx")
    assert card.frame.interpolation == "bilinear" and card.frame.resize == 40
    np.testing.assert_allclose(card.mean, MEAN)
    np.testing.assert_allclose(card.std, STD)


def test_weights_keep_their_names_and_all_else_is_a_constant(tmp_path: Path) -> None:
    body = (
        "d = Sub(pixels, shift)\n m = Mul(d, factor)\n"
        + BODY.replace("(pixels", "(m")
        + ("n = Clip(f, least)\n code = Gemm<transB = 1>(n, w2, b2)")
    )
    more = {"shift": (1, 3, 1, 1), "factor": np.float32(0.5), "least": np.float32(-1)}
    path = write_file(tmp_path / "net.onnx", body, WEIGHTS | more)
    card = export_backbone(str(path), tmp_path / "out")
    names = {tensor.name for tensor in onnx.load(tmp_path / "out" / "model.onnx").graph.initializer}
    assert names == {
        *("w1", "gamma", "beta", "average.running_mean", "variance.running_var"),
        *("constant_mean", "constant_std", "constant_shift", "constant_factor", "constant_least"),
    }
    assert card.weights is not None and card.weights.count == 3 and card.weights.numbers == 162 + 12


@pytest.mark.parametrize(
    ("tail", "code", "size"),
    [
        ("g = Gemm<transB = 1>(f, w2, b2)\n code = Softmax<axis = 1>(g)", "f", 6),
        ("g = MatMul(f, w3)\n code = Add(g, b2)", "f", 6),
        ("h = Gemm<transB = 1>(f, w4)\n r = Relu(h)\n code = Gemm<transB = 1>(r, w5)", "r", 8),
        ("t = Transpose<perm = [1, 0]>(w2)\n code = MatMul(f, t)", "f", 6),
        ("v = Conv<kernel_shape = [1, 1]>(p, w6)\n code = Flatten(v)", "p", 6),
    ],
)
def test_classifiers_of_many_forms_are_found(tmp_path: Path, tail: str, code: str, size: int) -> None:
    weights = {"w3": (6, 4), "w4": (8, 6), "w5": (4, 8), "w6": (4, 6, 1, 1)}
    path = write_file(tmp_path / "net.onnx", BODY + tail, WEIGHTS | weights)
    assert export_backbone(str(path), tmp_path / "out").code_size == size
    images = noise(3, 32, 32)
    expected = run_tensor(path, code, images).reshape(3, size)
    np.testing.assert_allclose(load_backbone(tmp_path / "out").run(images), expected, rtol=1e-4, atol=1e-5)


def test_a_classifier_that_is_a_convolution_leaves_the_average_of_its_map(tmp_path: Path) -> None:
    body = (
        "a = Conv<strides = [2, 2]>(pixels, w1)\n c = Relu(a)\n v = Conv<kernel_shape = [1, 1]>(c, w6)\n"
        "r = Relu(v)\n p = GlobalAveragePool(r)\n code = Flatten(p)"
    )
    path = write_file(tmp_path / "net.onnx", body, {"w1": (6, 3, 3, 3), "w6": (4, 6, 1, 1)})
    card = export_backbone(str(path), tmp_path / "out")
    assert (card.layer, card.code_size) == ("input of v, average-pooled", 6)
    images = noise(2, 32, 32)
    expected = run_tensor(path, "c", images).mean((2, 3))
    np.testing.assert_allclose(load_backbone(tmp_path / "out").run(images), expected, rtol=1e-4, atol=1e-5)


def test_a_fixed_batch_is_freed_and_a_fixed_size_stays(tmp_path: Path) -> None:
    body = BODY.replace("f = Flatten(p)", "f = Reshape(p, one)") + "code = Gemm<transB = 1>(f, w2, b2)"
    weights = WEIGHTS | {"one": np.array([1, 6])}
    path = write_file(tmp_path / "net.onnx", body, weights, image="float[1, 3, 32, 32] pixels")
    card = export_backbone(str(path), tmp_path / "out")
    assert card.sizes == "fixed"
    images = noise(3, 32, 32)
    codes = load_backbone(tmp_path / "out").run(images)
    np.testing.assert_allclose(codes, run_tensor(path, "f", images), rtol=1e-4, atol=1e-5)


def test_a_fixed_batch_is_freed_where_a_zero_would_be_a_length(tmp_path: Path) -> None:
    # As torch's exporter writes it by default.
    body = BODY.replace("f = Flatten(p)", "f = Reshape<allowzero = 1>(p, one)")
    path = write_file(
        tmp_path / "net.onnx",
        body + "code = Gemm<transB = 1>(f, w2, b2)",
        WEIGHTS | {"one": np.array([1, 6])},
        image="float[1, 3, 32, 32] pixels",
    )
    export_backbone(str(path), tmp_path / "out")
    images = noise(3, 32, 32)
    codes = load_backbone(tmp_path / "out").run(images)
    np.testing.assert_allclose(codes, run_tensor(path, "f", images), rtol=1e-4, atol=1e-5)


def test_a_network_that_hardly_looks_at_the_image_proves_nothing(tmp_path: Path) -> None:
    weights = WEIGHTS | {"gamma": np.full(6, 1e-6, np.float32), "beta": np.arange(1, 7, dtype=np.float32)}
    path = write_file(tmp_path / "net.onnx", weights=weights)
    with pytest.raises(BackboneError, match="the codes hardly depend on the image: they lie"):
        export_backbone(str(path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "value"), [("w1", np.nan), ("beta", np.nan), ("w1", np.inf)])
def test_a_weight_that_is_not_finite_is_named(tmp_path: Path, name: str, value: float) -> None:
    weights = dict(WEIGHTS)
    shape = weights[name] if isinstance(weights[name], tuple) else weights[name].shape
    weights[name] = np.full(shape, value, np.float32)
    path = write_file(tmp_path / "net.onnx", weights=weights)
    with pytest.raises(BackboneError, match=f"is of no use: the weight '{name}' has values that are not fin"):
        export_backbone(str(path), tmp_path / "out")


def test_infinity_that_is_no_weight_may_be_meant(tmp_path: Path) -> None:
    body = BODY.replace("Relu(b)", "Min(b, bound)") + "code = Gemm<transB = 1>(f, w2, b2)"
    path = write_file(tmp_path / "net.onnx", body, WEIGHTS | {"bound": np.float32(np.inf)})
    assert export_backbone(str(path), tmp_path / "out").code_size == 6


def test_another_networks_files_go_and_further_files_of_the_same_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = export_backbone(str(write_file(tmp_path / "one.onnx")), out, dense=True)
    assert set(first.files) == {"model.onnx", "dense.onnx"}
    changed = dataclasses.replace(
        first,
        files={**first.files, "int8.onnx": hashlib.sha256(b"made with care").hexdigest()},
        precisions={"int8": "int8.onnx"},
    )
    (out / "int8.onnx").write_bytes(b"made with care")
    changed.write(out / "card.toml")
    again = export_backbone(str(tmp_path / "one.onnx"), out)
    assert again.precisions == {"int8": "int8.onnx"} and again.files == changed.files
    assert (out / "int8.onnx").read_bytes() == b"made with care" and (out / "dense.onnx").exists()
    other = write_file(tmp_path / "two.onnx", weights=WEIGHTS | {"beta": np.ones(6, np.float32)})
    assert export_backbone(str(other), out, replace=True).precisions == {}
    assert sorted(file.name for file in out.iterdir()) == ["card.toml", "model.onnx"]


@pytest.mark.parametrize(
    ("changed", "options", "what"),
    [
        ({"facts": FACTS.replace("0.485", "0.5")}, {}, "mean"),
        ({"facts": FACTS.replace("resize = 40", "resize = 48")}, {}, "frame"),
        ({"weights": WEIGHTS | {"beta": np.ones(6, np.float32)}}, {}, "source_weights"),
        ({}, {"layer": "c"}, "layer"),
        ({}, {"layer": "output"}, "layer, code_size, graph"),
    ],
    ids=["mean", "frame", "weights", "layer", "output"],
)
def test_codes_of_another_kind_replace_no_backbone_of_one_name(
    tmp_path: Path, changed: dict[str, Any], options: dict[str, Any], what: str
) -> None:
    out = tmp_path / "out"
    path = str(write_file(tmp_path / "net.onnx"))
    export_backbone(path, out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    write_file(tmp_path / "net.onnx", **changed)
    with pytest.raises(
        BackboneError,
        match=rf"holds another backbone, 'net' \(net\.onnx, .* that differs in {what}: --replace",
    ):
        export_backbone(path, out, **options)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    picked = export_backbone(path, out, replace=True, **options)
    assert Card.read(out / "card.toml") == picked
    if "layer" in options:  # and the other way round
        with pytest.raises(BackboneError, match="holds another backbone"):
            export_backbone(path, out)


def test_another_backbone_is_replaced_only_where_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = write_file(tmp_path / "one.onnx"), write_file(tmp_path / "two.onnx")
    out = str(tmp_path / "out")
    assert main(["models", "export", str(one), "-o", out]) == 0
    assert main(["models", "export", str(two), "-o", out]) == 1
    assert "holds another backbone, 'one' (one.onnx, sha256" in capsys.readouterr().err
    assert Card.read(tmp_path / "out" / "card.toml").name == "one"
    assert main(["models", "export", str(one), "-o", out]) == 0
    assert main(["models", "export", str(two), "-o", out, "--replace"]) == 0
    assert Card.read(tmp_path / "out" / "card.toml").name == "two"


@pytest.mark.parametrize("name", ["model.onnx", "dense.onnx"])
def test_a_file_of_the_users_is_never_replaced_not_even_the_source(tmp_path: Path, name: str) -> None:
    path = write_file(tmp_path / name)
    before = path.read_bytes()
    with pytest.raises(BackboneError, match="is there already and belongs to no backbone"):
        export_backbone(str(path), tmp_path)
    assert path.read_bytes() == before and not (tmp_path / "card.toml").exists()


def test_a_map_of_several_layers_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a map can be made of one layer, and several are named \(a,c\)"):
        export_backbone(str(tmp_path / "none.onnx"), tmp_path / "out", layer="a,c", dense=True)


@pytest.mark.parametrize("replace", [False, True])
def test_no_backbone_is_put_among_other_files(tmp_path: Path, replace: bool) -> None:
    path = write_file(tmp_path / "net.onnx")
    photos = tmp_path / "photos"
    for name in ("daisy", "poppy", "rose", "tulip"):
        (photos / name).mkdir(parents=True)
    with pytest.raises(
        BackboneError, match=r"photos' holds other things \('daisy', 'poppy', 'rose', …\) and no"
    ):
        export_backbone(str(path), photos, replace=replace)
    assert len(list(photos.iterdir())) == 4
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").write_bytes(b"")
    export_backbone(str(path), tmp_path / "empty")
    export_backbone(str(path), tmp_path / "empty")


def test_a_dense_file_of_another_network_is_noticed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    card = export_backbone(str(write_file(tmp_path / "net.onnx")), out, dense=True)
    assert "the maps of dense.onnx" in verify_backbone(out)["checks"]
    model = onnx.load(out / "dense.onnx")
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == "gamma"]
    tensor.CopyFrom(numpy_helper.from_array(-3 * numpy_helper.to_array(tensor), "gamma"))
    onnx.save(model, out / "dense.onnx")
    digest = hashlib.sha256((out / "dense.onnx").read_bytes()).hexdigest()
    dataclasses.replace(card, files={**card.files, "dense.onnx": digest}).write(out / "card.toml")
    with pytest.raises(BackboneError, match=r"dense\.onnx gives other maps than the network"):
        verify_backbone(out)


def test_a_fixed_batch_that_is_folded_into_others_is_freed(tmp_path: Path) -> None:
    """As attention has it: the batch and the heads are one axis for a while."""
    body = BODY + (
        "parts = Reshape(f, folded)\n turned = Softmax(parts)\n whole = Reshape(turned, unfolded)\n"
        "code = Gemm<transB = 1>(whole, w2, b2)"
    )
    weights = WEIGHTS | {"folded": np.array([6, 1, 2]), "unfolded": np.array([2, 6])}
    path = write_file(tmp_path / "net.onnx", body, weights, image="float[2, 3, 32, 32] pixels")
    export_backbone(str(path), tmp_path / "out")
    images = noise(5, 32, 32)
    expected = run_tensor(path, "whole", np.concatenate([images, images[:1]]))[:5]
    np.testing.assert_allclose(load_backbone(tmp_path / "out").run(images), expected, rtol=1e-4, atol=1e-5)


def test_shapes_for_one_batch_alone_are_an_error_in_one_line(tmp_path: Path) -> None:
    """What the batch was folded into for good, as by exporters that compute shapes beforehand."""
    body = (
        BODY
        + "two = Concat<axis = 0>(f, more)\n whole = Add(two, rows)\n code = Gemm<transB = 1>(whole, w2, b2)"
    )
    weights = WEIGHTS | {"more": (1, 6), "rows": (3, 6)}
    path = write_file(tmp_path / "net.onnx", body, weights, image="float[2, 3, 32, 32] pixels")
    words = r"^'net' cannot be made a backbone: .*\. Export it again, with a free batch where it .*\.$"
    with pytest.raises(BackboneError, match=words):
        export_backbone(str(path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_batch_that_cannot_be_freed_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    body = BODY + "e = Expand(bias, shape)\n s = Add(f, e)\n code = Gemm<transB = 1>(s, w2, b2)"
    weights = WEIGHTS | {"bias": (1, 6), "shape": np.array([2, 6])}
    path = write_file(tmp_path / "net.onnx", body, weights, image="float[2, 3, 32, 32] pixels")
    with pytest.raises(
        BackboneError, match=r"cannot be made a backbone: .*Got .*\[2, 6\].* with a free batch"
    ):
        export_backbone(str(path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_sides_that_have_to_be_multiples_are_found_out(tmp_path: Path) -> None:
    body = (
        "x = SpaceToDepth<blocksize = 4>(pixels)\n a = Conv(x, w7)\n c = Relu(a)\n"
        "p = GlobalAveragePool(c)\n f = Flatten(p)\n code = Gemm<transB = 1>(f, w2, b2)"
    )
    path = write_file(tmp_path / "net.onnx", body, WEIGHTS | {"w7": (6, 48, 1, 1)})
    card = export_backbone(str(path), tmp_path / "out")
    assert (card.sizes, card.multiple) == ("multiple-of-4", 4)
    backbone = load_backbone(tmp_path / "out")
    images = noise(3, 36, 44)
    np.testing.assert_allclose(backbone.run(images), run_tensor(path, "f", images), rtol=1e-4, atol=1e-5)
    with pytest.raises(UsageError, match="multiples of 4"):
        backbone.run(noise(1, 34, 44))
    verify_backbone(tmp_path / "out")


def test_channels_may_come_last(tmp_path: Path) -> None:
    body = "x = Transpose<perm = [0, 3, 1, 2]>(pixels)\n" + BODY.replace("(pixels", "(x")
    path = write_file(
        tmp_path / "net.onnx",
        body + "code = Gemm<transB = 1>(f, w2, b2)",
        image="float[batch, height, width, 3] pixels",
    )
    export_backbone(str(path), tmp_path / "out")
    images = noise(3, 32, 32)
    expected = run_tensor(path, "f", images, channels_first=False)
    np.testing.assert_allclose(load_backbone(tmp_path / "out").run(images), expected, rtol=1e-4, atol=1e-5)


def test_names_that_a_backbone_needs_may_be_taken(tmp_path: Path) -> None:
    body = BODY.replace("p = ", "image = ").replace("(p)", "(image)").replace("(pixels", "(code")
    path = write_file(
        tmp_path / "net.onnx",
        body.replace("f = Flatten", "f = Flatten")
        + "scores = Gemm<transB = 1>(f, w2, b2)\n x = Relu(scores)",
        image="float[batch, 3, height, width] code",
        output="scores",
    )
    export_backbone(str(path), tmp_path / "out")
    images = noise(3, 32, 32)
    expected = run_tensor(path, "f", images)
    np.testing.assert_allclose(load_backbone(tmp_path / "out").run(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("tail", "size"),
    [
        ("g = Gemm<transB = 1>(f, w2, b2)\n code = Relu(g)", 4),
        ("m = MatMul(f, w3)\n g = Add(m, b2)\n r = Relu(g)\n code = Flatten(r)", 4),
        ("v = Conv<kernel_shape = [1, 1]>(p, w6)\n r = Relu(v)\n code = Flatten(r)", 4),
    ],
)
def test_what_a_relu_gives_is_a_code_and_no_scores(tmp_path: Path, tail: str, size: int) -> None:
    weights = {"w3": (6, 4), "w6": (4, 6, 1, 1)}
    path = write_file(tmp_path / "net.onnx", BODY + tail, WEIGHTS | weights)
    with pytest.raises(
        BackboneError, match="no classifier to cut: its output comes from Relu .*--layer output"
    ):
        export_backbone(str(path), tmp_path / "out")
    card = export_backbone(str(path), tmp_path / "out", layer="output")
    assert (card.code_size, card.layer) == (size, "output")


def test_scores_of_places_may_be_rectified_before_they_are_averaged(tmp_path: Path) -> None:
    body = (
        "a = Conv<strides = [2, 2]>(pixels, w1)\n c = Relu(a)\n v = Conv(c, w6)\n"
        "r = Relu(v)\n p = GlobalAveragePool(r)\n code = Flatten(p)"
    )
    path = write_file(tmp_path / "net.onnx", body, WEIGHTS | {"w6": (4, 6, 1, 1)})
    card = export_backbone(str(path), tmp_path / "out")
    assert (card.code_size, card.layer) == (6, "input of v, average-pooled")


@pytest.mark.parametrize("weight", ["w6", "turned"])
def test_how_far_a_convolution_looks_is_told_by_its_weight_too(tmp_path: Path, weight: str) -> None:
    body = (
        "a = Conv<strides = [2, 2]>(pixels, w1)\n c = Relu(a)\n turned = Transpose<perm = [1, 0, 2, 3]>(w7)\n"
        f"v = Conv<pads = [1, 0, 1, 0]>(c, {weight})\n p = GlobalAveragePool(v)\n code = Flatten(p)"
    )
    path = write_file(tmp_path / "net.onnx", body, WEIGHTS | {"w6": (4, 6, 3, 1), "w7": (6, 4, 3, 1)})
    with pytest.raises(BackboneError, match="from the convolution 'v', which looks beyond one place"):
        export_backbone(str(path), tmp_path / "out")


def test_without_a_classifier_the_output_or_a_layer_is_the_code(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", BODY + "n = Mul(f, f)\n code = Tanh(n)", classes=6)
    with pytest.raises(
        BackboneError, match=r"no classifier to cut: its output comes from Tanh 'code'.*--layer"
    ):
        export_backbone(str(path), tmp_path / "out")
    images = noise(3, 32, 32)
    card = export_backbone(str(path), tmp_path / "output", layer="output")
    assert card.layer == "output"
    expected = run_tensor(path, "code", images)
    np.testing.assert_allclose(load_backbone(tmp_path / "output").run(images), expected, rtol=1e-4, atol=1e-5)
    card = export_backbone(str(path), tmp_path / "layer", layer="c", pool="max")
    assert (card.layer, card.layers, card.code_size) == ("c; max", None, 6)
    expected = run_tensor(path, "c", images).max((2, 3))
    np.testing.assert_allclose(load_backbone(tmp_path / "layer").run(images), expected, rtol=1e-4, atol=1e-5)
    again = load_backbone(tmp_path / "layer", layer="c", pool="max").run(images)  # a network of its own now
    np.testing.assert_array_equal(again, load_backbone(tmp_path / "layer").run(images))
    with pytest.raises(UsageError, match="no layer 'd'"):
        export_backbone(str(path), tmp_path / "none", layer="d")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("mean", ["MEAN1", "MEAN2"])
def test_means_do_not_depend_on_the_batch(tmp_path: Path, mean: str) -> None:
    """Tokens, and places with channels last, are averaged in an order that the batch decides, left alone."""
    tokens = BODY.split("p = ")[0] + "t = Transpose<perm = [0, 2, 3, 1]>(c)\n"
    if mean == "MEAN1":
        tokens += "s = Reshape(t, tokens)\n m = ReduceMean<keepdims = 0>(s, one)\n"
    else:
        tokens += "k = ReduceMean(t, both)\n m = Flatten(k)\n"
    weights = WEIGHTS | {"tokens": np.array([0, -1, 6]), "one": np.array([1]), "both": np.array([1, -2])}
    path = write_file(tmp_path / "net.onnx", tokens + "code = Gemm<transB = 1>(m, w2, b2)", weights)
    export_backbone(str(path), tmp_path / "out")
    assert "equal bits in batches of 1, 3 and 8" in verify_backbone(tmp_path / "out")["checks"]
    images = noise(3, 32, 32)
    expected = run_tensor(path, "m", images)
    np.testing.assert_allclose(load_backbone(tmp_path / "out").run(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("layer", "pool"), [("c", "max"), ("a,c", "both"), ("c,code", "mean")])
def test_parity_of_picked_layers_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layer: str, pool: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_file(tmp_path / "net.onnx")
    card = export_backbone(str(path), "out", layer=layer, pool=pool)
    found = verify_backbone("out", parity=True)["parity"]
    assert found["images"] == 20 and found["relative_error"] <= 1e-5 and len(found["controls"]) == 2
    model = onnx.load("out/model.onnx")
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == "w1"]
    values = numpy_helper.to_array(tensor) * np.linspace(0.9, 1.1, 6, dtype=np.float32).reshape(6, 1, 1, 1)
    tensor.CopyFrom(numpy_helper.from_array(values, "w1"))
    (tmp_path / "out" / "model.onnx").write_bytes(model.SerializeToString())
    files = {"model.onnx": hashlib.sha256(model.SerializeToString()).hexdigest()}
    dataclasses.replace(card, files=files).write(tmp_path / "out" / "card.toml")
    with pytest.raises(BackboneError, match="'net' fails: its codes are not those of the original"):
        verify_backbone("out", parity=True)


def test_parity_is_verified_against_the_file_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_file(tmp_path / "net.onnx")
    export_backbone(str(path), tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert verify_backbone("out", parity=True)["parity"]["relative_error"] <= 1e-5
    monkeypatch.chdir("out")
    found = verify_backbone(".", parity=True, original=str(path))
    assert found["parity"]["relative_error"] <= 1e-5
    monkeypatch.chdir(tmp_path)
    write_file(path, weights=WEIGHTS | {"b2": (4,), "w2": np.ones((4, 6), np.float32)})
    with pytest.raises(BackboneError, match=r"its weights are net.onnx, sha256 .*those at its address now"):
        verify_backbone("out", parity=True)
    monkeypatch.chdir("out")
    with pytest.raises(BackboneError, match=r"run this in the folder that holds them, or say where"):
        verify_backbone(".", parity=True)


def test_without_facts_a_draft_is_left_and_nothing_is_guessed(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", image="float[batch, 3, 32, 48] pixels", facts=None)
    with pytest.raises(BackboneError, match=r"a draft was written to .*net\.card\.toml"):
        export_backbone(str(path), tmp_path / "out")
    draft = path.with_suffix(".card.toml")
    assert "height = 32\n" in draft.read_text() and "width = 48\n" in draft.read_text()
    with pytest.raises(CardError, match="not filled in yet: description, licence, resize"):
        export_backbone(str(path), tmp_path / "out")


def test_a_size_that_the_file_does_not_take_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", image="float[batch, 3, 48, 32] pixels")
    with pytest.raises(BackboneError, match="takes images of height 48, and the file beside it says 32"):
        export_backbone(str(path), tmp_path / "out")


# --- files that are refused ---


def change(path: Path, edit: Any) -> None:
    model = onnx.load(path)
    edit(model)
    path.write_bytes(model.SerializeToString())


def add_input(model: Any) -> None:
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))


def add_custom(model: Any) -> None:
    model.graph.node[0].domain = "my.company"
    model.opset_import.append(helper.make_opsetid("my.company", 1))


def set_opset(model: Any) -> None:
    model.opset_import[0].version = 99


def set_operator(model: Any) -> None:
    model.graph.node[0].op_type = "Convolve"


def add_output(model: Any) -> None:
    model.graph.output.append(helper.make_tensor_value_info("f", TensorProto.FLOAT, ["batch", 6]))


def set_image(kind: int, *shape: Any) -> Any:
    def edit(model: Any) -> None:
        del model.graph.input[:]
        model.graph.input.append(helper.make_tensor_value_info("pixels", kind, shape))

    return edit


def set_quantised(model: Any) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.1), "step"))
    node = helper.make_node("QuantizeLinear", ["pixels", "step"], ["eight"], name="q")
    model.graph.node.insert(0, node)
    model.graph.node.insert(1, helper.make_node("DequantizeLinear", ["eight", "step"], ["rounded"]))
    model.graph.node[2].input[0] = "rounded"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (add_input, r"has 2 inputs: expected one input, a float batch of images .*'mask' float \[1\]"),
        (add_custom, "has the operator 'Conv' of 'my.company': such custom operators need code"),
        (set_opset, "is of opset 99, and the onnx installed here knows up to"),
        (set_quantised, "is quantised .operator 'QuantizeLinear' of node 'q'.: give the fp32 file"),
        (set_operator, "has an operator 'Convolve', which ONNX does not know"),
        (add_output, r"has several outputs: 'code', 'f'\. .* with one output.*--layer chooses none"),
        (set_image(TensorProto.UINT8, "n", 32, 32, 3), "takes uint8 images already"),
        (set_image(TensorProto.FLOAT, "n", 3, 32), r"expected one input.*Got 'pixels' float \[n, 3, 32\]"),
        (set_image(TensorProto.FLOAT, "n", 1, 32, 32), r"Got 'pixels' float \[n, 1, 32, 32\]"),
        (set_image(TensorProto.INT64, "n", 3, 32, 32), "Got 'pixels' int64"),
    ],
)
def test_a_file_that_is_no_classifier_of_images_is_refused(tmp_path: Path, edit: Any, message: str) -> None:
    path = write_file(tmp_path / "net.onnx")
    change(path, edit)
    with pytest.raises(BackboneError, match=message):
        export_backbone(str(path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_pointer_of_git_lfs_is_told_with_how_to_fetch_the_file(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(POINTER)
    with pytest.raises(BackboneError, match="net.onnx' is no ONNX file: a pointer of Git LFS .*'git lfs"):
        export_backbone(str(tmp_path / "net.onnx"), tmp_path / "out")


@pytest.mark.parametrize("data", [b"", b"no onnx at all", b"\x08\x0a"])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(BackboneError, match="is no ONNX file"):
        export_backbone(str(tmp_path / "net.onnx"), tmp_path / "out")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"none.onnx' cannot be read: No such file"):
        export_backbone(str(tmp_path / "none.onnx"), tmp_path / "out")


def move_out(path: Path, location: str) -> None:
    """Move a file's first weight into a file beside it, by whatever path."""
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    data = numpy_helper.to_array(tensor).tobytes()
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    (path.parent / location).parent.mkdir(exist_ok=True, parents=True)
    (path.parent / location).write_bytes(data)
    path.write_bytes(model.SerializeToString())


def test_external_data_beside_the_file_is_read_and_pinned(tmp_path: Path) -> None:
    whole = export_backbone(str(write_file(tmp_path / "net.onnx")), tmp_path / "whole")
    path = write_file(tmp_path / "parts.onnx")
    move_out(path, "parts.onnx.data")
    card = export_backbone(str(path), tmp_path / "parts")
    assert card.files == whole.files
    assert card.source_weights.count("sha256") == 2 and "parts.onnx.data, sha256" in card.source_weights


@pytest.mark.parametrize("location", ["../secret.bin", "sub/../../secret.bin", "{folder}/../secret.bin"])
def test_external_data_outside_the_folder_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "nets"
    folder.mkdir()
    path = write_file(folder / "net.onnx")
    move_out(path, location.format(folder=folder))
    assert (tmp_path / "secret.bin").exists()
    with pytest.raises(
        BackboneError, match=r"keeps the weight 'w1' in .* outside its own folder: it is refused"
    ):
        export_backbone(str(path), tmp_path / "out")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "nets"
    folder.mkdir()
    path = write_file(folder / "net.onnx")
    move_out(path, "weights.bin")
    (folder / "weights.bin").rename(tmp_path / "secret.bin")
    os.symlink(tmp_path / "secret.bin", folder / "weights.bin")
    with pytest.raises(BackboneError, match="outside its own folder"):
        export_backbone(str(path), tmp_path / "out")


def test_missing_external_data_is_named(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx")
    move_out(path, "net.bin")
    (tmp_path / "net.bin").unlink()
    with pytest.raises(BackboneError, match=r"keeps weights in 'net.bin' beside it, which cannot be read"):
        export_backbone(str(path), tmp_path / "out")


def test_the_name_of_one_that_ships_needs_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    path = write_file(tmp_path / "efficientnet-lite0.onnx")
    assert main(["models", "export", str(path)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "'efficientnet-lite0' comes with cnncodes and would be found first" in line and "-o FOLDER" in line
    assert not (tmp_path / "home").exists()
    assert main(["models", "export", str(path), "-o", str(tmp_path / "mine"), "-q"]) == 0


def test_a_file_whose_name_is_no_name_for_a_backbone_is_to_be_renamed(tmp_path: Path) -> None:
    path = write_file(tmp_path / "_net.onnx")
    with pytest.raises(
        BackboneError, match=r"_net\.onnx', which has to start with a letter or digit: rename"
    ):
        export_backbone(str(path), tmp_path / "out")


@pytest.mark.parametrize("command", ["export", "pull"])
def test_a_file_is_no_folder_to_put_a_backbone_into(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, notes = write_file(tmp_path / "net.onnx"), tmp_path / "notes.txt"
    notes.write_text("mine")
    address = str(path) if command == "export" else "hf-hub:some/net"
    assert main(["models", command, address, "-o", str(notes)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f"{str(notes)!r} is no folder: -o takes the folder for the network and its card" in line
    assert notes.read_text() == "mine"
