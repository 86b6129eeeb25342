"""How graphs are wired: producers, consumers, shapes, and what no output needs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from sites import make_site, run_python
from written_graphs import write_model

from cnncodes.backbones import load_backbone
from cnncodes.backbones.graphs.wiring import Wiring, attributes, infer_shapes, keep_batch, prune
from cnncodes.errors import BackboneError, BackendMissing, install_advice

BODY = """
    a = Conv<strides = [2, 2]>(pixels, weight)
    side = Relu(a)
    p = GlobalAveragePool(a)
    code = Flatten(p)
"""


def model() -> object:
    return write_model(BODY, {"weight": (5, 3, 3, 3), "loose": (2,)}, code_size=5)


def test_nodes_are_found_by_what_they_make_and_take() -> None:
    wiring = Wiring(model())
    assert wiring.producers["a"].op_type == "Conv"
    assert [node.op_type for node in wiring.consumers["a"]] == ["Relu", "GlobalAveragePool"]
    assert attributes(wiring.producers["a"])["strides"] == [2, 2]
    assert wiring.array("weight").shape == (5, 3, 3, 3)  # type: ignore[union-attr]
    assert wiring.array("a") is None


def test_paths_lead_forward_and_back() -> None:
    wiring = Wiring(model())
    assert wiring.depending_on("weight") == {"weight", "a", "side", "p", "code"}
    assert "side" not in wiring.leading_to("code")
    assert {"image", "weight", "constant_0", "a", "p"} < wiring.leading_to("code")


def test_shapes_are_those_of_the_size_that_is_asked_for() -> None:
    shapes = infer_shapes(model(), 32, 64)
    assert shapes["a"] == (None, 5, 15, 31)
    assert shapes["code"] == (None, 5)
    assert "channels" not in shapes  # whole numbers still


def test_large_weights_say_their_shape_and_small_ones_what_they_hold() -> None:
    body = """
    a = Conv<pads = [1, 1, 1, 1]>(pixels, wide)
    grown = Resize<mode = "nearest">(a, , scales)
    p = GlobalAveragePool(grown)
    f = Flatten(p)
    code = MatMul(f, full)
    """
    scales = np.array([1, 1, 3, 2], np.float32)
    weights = {"wide": (64, 3, 3, 3), "scales": scales, "full": (64, 32)}
    written = write_model(body, weights, code_size=32)
    before = written.SerializeToString()
    shapes = infer_shapes(written, 32, 48)
    assert shapes["a"] == (None, 64, 32, 48) and shapes["grown"] == (None, 64, 96, 96)
    assert shapes["code"] == (None, 32)
    assert written.SerializeToString() == before


def test_a_graph_that_contradicts_itself_is_refused() -> None:
    body = "a = Conv(pixels, weight)\n b = Add(a, grid)\n p = GlobalAveragePool(b)\n code = Flatten(p)"
    rigid = write_model(body, {"weight": (5, 3, 3, 3), "grid": (1, 5, 30, 30)}, code_size=5)
    with pytest.raises(BackboneError, match="contradicts itself at 48 x 48"):
        infer_shapes(rigid, 48, 48)


def test_shapes_that_the_graph_computes_are_those_that_it_runs_with() -> None:
    body = """
    size = Shape(pixels)
    doubled = Mul(size, factor)
    half = Div(doubled, two)
    grown = Expand(pixels, half)
    a = Conv(grown, weight)
    p = GlobalAveragePool(a)
    code = Flatten(p)
    """
    weights = {
        "weight": (5, 3, 3, 3),
        "factor": np.array([1, 1, 2, 2]),
        "two": np.array([1, 1, 2, 2]),
    }
    shapes = infer_shapes(write_model(body, weights, code_size=5), 32, 48)
    assert shapes["a"] == (None, 5, 30, 46)


def test_shapes_whose_number_of_axes_is_not_known_are_measured() -> None:
    """As after the group normalisation of PyTorch's older exporter."""
    body = """
    a = Conv(pixels, weight)
    parts = Reshape(a, halves)
    same = InstanceNormalization(parts, one, none)
    size = Shape(a)
    again = Compress<axis = 0>(size, all)
    back = Reshape(same, again)
    p = GlobalAveragePool(back)
    code = Flatten(p)
    """
    weights = {
        "weight": (6, 3, 3, 3),
        "halves": np.array([0, 2, -1]),
        "one": np.ones(2, np.float32),
        "none": np.zeros(2, np.float32),
        "all": np.ones(4, bool),
    }
    written = write_model(body, weights, code_size=6)
    shapes = infer_shapes(written, 32, 48)
    assert shapes["back"] == (None, 6, 30, 46) and shapes["p"] == (None, 6, 1, 1)
    assert keep_batch(written, ["back"], 32, 48) == {"back"}


def test_tensors_with_an_entry_an_image_are_told_from_those_with_several() -> None:
    """As the text says, as PyTorch's exporter flattens, and where only a run can say it."""
    body = """
    a = Conv(pixels, weight)
    p = GlobalAveragePool(a)
    first = Shape<start = 0, end = 1>(image)
    one = Squeeze(first)
    again = Reshape(one, rest)
    target = Concat<axis = 0>(again, five)
    flat = Reshape(p, target)
    tokens = Transpose<perm = [0, 2, 3, 1]>(a)
    folded = Reshape(tokens, places)
    shape = Shape(folded)
    halves = Mul(shape, half)
    count = Div(halves, twos)
    unfolded = Reshape(folded, count)
    code = Relu(flat)
    """
    weights = {
        "weight": (5, 3, 3, 3),
        "rest": np.array([-1]),
        "five": np.array([5]),
        "places": np.array([-1, 5]),
        "half": np.array([1, 5]),
        "twos": np.array([5, 1]),
    }
    names = ["a", "p", "flat", "code", "folded", "unfolded"]
    written = write_model(body, weights, code_size=5)
    before = written.SerializeToString()
    assert keep_batch(written, names, 12, 12) == {"a", "p", "flat", "code"}
    assert written.SerializeToString() == before


def test_what_no_output_needs_goes_and_all_else_stays() -> None:
    pruned = model()
    prune(pruned)
    assert [node.op_type for node in pruned.graph.node][-3:] == ["Conv", "GlobalAveragePool", "Flatten"]  # type: ignore[attr-defined]
    names = {tensor.name for tensor in pruned.graph.initializer}  # type: ignore[attr-defined]
    assert names == {"constant_0", "constant_1", "weight"}
    assert np.prod(Wiring(pruned).array("weight").shape) == 135  # type: ignore[union-attr]


def test_without_onnx_the_smallest_extra_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    advice = re.escape(install_advice("report"))
    with pytest.raises(BackendMissing, match=f"ONNX is not installed, which picking layers needs: {advice}"):
        load_backbone(layer="clip_22")
    with pytest.raises(BackendMissing, match=f"which a dense network needs: {advice}"):
        load_backbone().dense()


def test_picking_layers_takes_no_more_than_onnx_of_what_exporting_takes(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", without=("torch", "timm", "onnx_ir", "onnxscript", "skimage"))
    code = "from cnncodes.backbones import load_backbone; print(load_backbone(layer='clip_22').code_size)"
    done = run_python(site, "-c", code)
    assert (done.returncode, done.stdout) == (0, "672\n"), done.stderr
