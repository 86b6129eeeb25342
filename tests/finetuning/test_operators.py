"""Each operator against ONNX Runtime: attributes, left out inputs, older operator sets."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from single_nodes import compare, make_model, run_both  # noqa: E402

from cnncodes.errors import BackboneError  # noqa: E402
from cnncodes.finetuning.loading import make_graph_module  # noqa: E402
from cnncodes.finetuning.operators import layers, registry  # noqa: E402

pytestmark = pytest.mark.torch

X = np.random.default_rng(0).standard_normal((2, 6, 7, 9)).astype(np.float32) * 2
ROW = np.random.default_rng(1).standard_normal((9,)).astype(np.float32)
I = np.arange(24).reshape(2, 3, 4) - 9  # noqa: E741


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def f32(*values: float) -> Any:
    return np.array(values, np.float32)


def draw(*shape: int) -> Any:
    return np.random.default_rng(2).standard_normal(shape).astype(np.float32)


def draw_places(*shape: int, first: int = 0) -> Any:
    """Return places in X, of axes after the first ones; some count from the end."""
    lengths = np.array(X.shape[first : first + shape[-1]])
    return np.random.default_rng(3).integers(-lengths, lengths, shape)


CASES: list[tuple[Any, ...]] = [
    *[(name, X, ROW, {}) for name in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")],
    ("Sum", X, ROW, ROW, {}),
    ("Max", X, {}),
    *[(name, X, {}) for name in ("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Identity", "Neg", "Sin")],
    ("Reciprocal", X, {}),
    *[(name, abs(X) + 1, {}) for name in ("Sqrt", "Log")],
    *[(name, X, ROW, {}) for name in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")],
    ("Not", X > 0, {}),
    ("And", X > 0, ROW > 0, {}),
    ("Or", X > 0, ROW > 0, {}),
    ("Div", I, np.int64(4), {}),
    ("Pow", X, np.float32(2), {}),
    ("Pow", abs(X), f32(0.5), {}),
    ("Pow", X[0, 0, 0], f32(2).reshape(1, 1), {}),
    ("Pow", abs(X), ROW, {}),
    ("Pow", I, np.float32(2), {}),
    ("Where", X > 0, ROW, np.float32(3), {}),
    ("Cast", X, {"to": 7}),
    ("Cast", X, {"to": 11}),
    ("Cast", I, {"to": 1}),
    ("Cast", X, {"to": 9}),
    ("CastLike", X, I, {}),
    ("Dropout", X, {}),
    ("Dropout", X, np.float32(0.5), np.bool_(False), {}),
    *[
        (name, X, ints(*axes), {"keepdims": keep})
        for name, axes, keep in itertools.product(
            ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSum"), ((2, 3), (-1,), ()), (0, 1)
        )
    ],
    ("ReduceMean", X, {}),
    ("ReduceMean", X, {"noop_with_empty_axes": 1}),
    ("ReduceMean", X, {"axes": [1, -1], "opset": 13}),
    ("ReduceSum", X, {"axes": [1], "opset": 11}),
    ("ReduceSum", I, ints(1), {}),
    *[(name, X, {}) for name in ("Relu", "Sigmoid", "Tanh", "Softplus", "HardSwish", "LeakyRelu", "Elu")],
    ("LeakyRelu", X, {"alpha": 0.3}),
    ("Elu", X, {"alpha": 0.3}),
    ("PRelu", X, draw(6, 1, 1), {}),
    ("HardSigmoid", X, {}),
    ("HardSigmoid", X, {"alpha": 1 / 6, "beta": 0.5}),
    ("HardSigmoid", X, {"alpha": 0.4, "beta": 0.1}),
    ("Gelu", X, {"opset": 20}),
    ("Gelu", X, {"opset": 20, "approximate": "tanh"}),
    ("Clip", X, np.float32(0), np.float32(1), {}),
    ("Clip", X, None, np.float32(1), {}),
    ("Clip", X, np.float32(-1), {}),
    ("Clip", X, {}),
    ("Clip", X, np.float32(1), np.float32(1), {}),
    ("Clip", I, np.int64(0), np.int64(4), {}),
    ("Clip", X, {"min": -1.0, "max": 0.5, "opset": 10}),
    *[(name, X, {"axis": axis}) for name in ("Softmax", "LogSoftmax") for axis in (1, -1, 3)],
    ("Softmax", X, {}),
    ("Softmax", X, {"opset": 12}),
    ("Softmax", X, {"opset": 12, "axis": 2}),
    ("Gemm", draw(3, 4), draw(4, 5), {}),
    ("Gemm", draw(3, 4), draw(5, 4), draw(5), {"transB": 1}),
    ("Gemm", draw(3, 4), draw(5, 4), draw(3, 1), {"transB": 1}),
    ("Gemm", draw(4, 3), draw(4, 5), draw(1, 5), {"transA": 1, "alpha": 0.5, "beta": 2.0}),
    ("MatMul", X, draw(9, 4), {}),
    ("MatMul", X, ROW, {}),
    ("LayerNormalization", X, draw(9), draw(9), {"epsilon": 1e-3}),
    ("LayerNormalization", X, draw(7, 9), {"axis": 2}),
    ("LayerNormalization", X, draw(9), draw(9), {"axis": 2}),
    ("InstanceNormalization", X, draw(6), draw(6), {"epsilon": 1e-3}),
    *[("LRN", X, {"size": size, "alpha": 0.1, "beta": 0.6, "bias": 2.0}) for size in (3, 5)],
    ("BatchNormalization", X, draw(6), draw(6), draw(6), abs(draw(6)) + 1, {"epsilon": 1e-2}),
    ("GlobalAveragePool", X, {}),
    ("GlobalMaxPool", X, {}),
    ("Shape", X, {}),
    ("Shape", X, {"start": 1, "end": -1}),
    ("Reshape", X, ints(0, -1, 9), {}),
    ("Reshape", X, ints(2, 0, -1), {}),
    ("Reshape", X[:, :0], ints(0, 5), {"allowzero": 1}),
    ("Reshape", X[:1, :1, :1, :1], ints(), {}),
    *[("Flatten", X, {"axis": axis}) for axis in (0, 1, 2, 4, -1)],
    ("Transpose", X, {}),
    ("Transpose", X, {"perm": [0, 3, 1, 2]}),
    ("Squeeze", X[:, :1, :1], {}),
    ("Squeeze", X[:, :1, :1], ints(-2), {}),
    ("Squeeze", X[:, :1, :1], {"axes": [1], "opset": 11}),
    ("Unsqueeze", X, ints(-1, 1), {}),
    ("Unsqueeze", X, {"axes": [0, 2], "opset": 11}),
    ("Expand", X[:, :1], ints(2, 6, 1, 9), {}),
    ("Expand", X[0, 0, 0], ints(3, 1), {}),
    ("Tile", X, ints(1, 2, 1, 3), {}),
    ("Concat", X, X, {"axis": -1}),
    ("Split", X, ints(2, 4), {"axis": 1, "outputs": 2}),
    ("Split", X, {"axis": 3, "outputs": 2, "num_outputs": 2}),
    ("Split", X, {"axis": 1, "outputs": 2, "split": [1, 5], "opset": 11}),
    ("Split", X, {"axis": 1, "outputs": 3, "opset": 13}),
    ("Gather", X, np.int64(-1), {"axis": 1}),
    ("Gather", X, ints(0, -1, 2), {"axis": -1}),
    ("Gather", X, np.array([[0, 1], [-2, 3]]), {"axis": 2}),
    *[("GatherND", X, draw_places(*shape), {}) for shape in ((5, 1), (3, 2, 2), (4, 4), (2, 3))],
    *[
        ("GatherND", X, draw_places(*shape, first=len(shape) - 2), {"batch_dims": len(shape) - 2})
        for shape in ((2, 5, 2), (2, 6, 3, 1), (2, 6, 7, 1))
    ],
    ("ScatterND", X, ints(1, 0).reshape(2, 1), draw(2, 6, 7, 9), {}),
    ("ScatterND", X, np.array([[0, 1], [-1, -2]]), draw(2, 7, 9), {}),
    ("ScatterND", X, np.array([[[0, 1, 2, 3]], [[1, 5, 6, 8]]]), draw(2, 1), {}),
    ("ScatterND", X, np.array([[0, 1], [0, 1], [1, 3]]), draw(3, 7, 9), {"reduction": "add"}),
    ("ScatterND", I, np.array([[1], [0]]), I[:, ::-1].copy(), {}),
    ("Mod", I, np.int64(4), {}),
    ("Mod", I, np.int64(-4), {}),
    ("Mod", X, np.float32(1.5), {"fmod": 1}),
    ("Slice", X, ints(1), ints(2**63 - 1), ints(2), {}),
    ("Slice", X, ints(-3, 0), ints(-1, 100), ints(3, 1), {}),
    ("Slice", X, ints(0, 1), ints(2, 5), {}),
    ("Slice", X, ints(-1), ints(-(2**63)), ints(-1), ints(-2), {}),
    ("Slice", X, ints(5), ints(2), ints(1), {}),
    ("Slice", X, {"starts": [1], "ends": [5], "axes": [1], "opset": 9}),
    ("ConstantOfShape", ints(2, 3), {}),
    ("Range", np.array(2), np.int64(9), np.int64(3), {}),
    ("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, 0), {}),
    ("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, -2), np.float32(1.5), {}),
    ("Pad", X, ints(1, 2), None, ints(-1), {}),
    ("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, 0), {"mode": "reflect"}),
    ("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, 0), {"mode": "edge"}),
    ("Pad", X, ints(0, 0, 1, 2, 0, 0, 3, 0), {"mode": "wrap", "opset": 19}),
    ("Pad", X, {"pads": [0, 0, 1, 2, 0, 0, 3, 0], "value": 0.5, "opset": 10}),
    ("Resize", X, None, f32(1, 1, 2, 2), {"coordinate_transformation_mode": "asymmetric"}),
    ("Resize", X, None, None, ints(2, 6, 3, 5), {"mode": "linear"}),
    ("Resize", X, None, None, ints(14, 9), {"axes": [2, 3]}),
    ("Resize", X, f32(), f32(), ints(2, 6, 3, 20), {"mode": "linear", "opset": 11}),
    ("CumSum", X, np.int64(1), {}),
    ("CumSum", X, np.int32(-2), {"reverse": 1}),
    ("CumSum", X, np.int64(2), {"exclusive": 1}),
    ("CumSum", I, np.int64(0), {"exclusive": 1, "reverse": 1}),
    ("Einsum", X, draw(5, 6), {"equation": "bchw,dc->bdhw"}),
    ("Einsum", X, {"equation": "b...w -> w..."}),
    ("Einsum", X, draw(2, 6, 4, 9), {"equation": "bcij, bckj"}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[-1]}")
def test_an_operator(case: tuple[Any, ...]) -> None:
    name, *inputs, keywords = case
    compare(name, *inputs, **keywords)


def test_every_operator_is_tested() -> None:
    make_graph_module(make_model("Relu", X))  # which loads them
    windowed = {"Conv", "MaxPool", "AveragePool"}
    assert set(registry.known_operators()) == {case[0] for case in CASES} | windowed


def test_the_documentation_names_them() -> None:
    make_graph_module(make_model("Relu", X))
    text = (Path(__file__).resolve().parents[2] / "docs/finetuning.md").read_text()
    [listed] = re.findall(r"<!-- operators -->\n(.*?)\n\n", text, re.DOTALL)
    assert re.findall(r"\w+", listed) == registry.known_operators()


windows = st.fixed_dictionaries(
    {
        "kernel": st.lists(st.integers(1, 4), min_size=1, max_size=2),
        "stride": st.integers(1, 3),
        "dilation": st.integers(1, 2),
        "pads": st.lists(st.integers(0, 2), min_size=4, max_size=4),
        "auto_pad": st.sampled_from(["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]),
        "sizes": st.lists(st.integers(7, 11), min_size=2, max_size=2),
    }
)


def window_attributes(drawn: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    axes = len(drawn["kernel"])
    attributes: dict[str, Any] = {
        "strides": [drawn["stride"]] * axes,
        "dilations": [drawn["dilation"]] * axes,
        "auto_pad": drawn["auto_pad"],
    }
    if drawn["auto_pad"] == "NOTSET":
        attributes["pads"] = drawn["pads"][: 2 * axes]
    return attributes, draw(2, 4, *drawn["sizes"][:axes])


@settings(max_examples=40)
@given(drawn=windows, group=st.sampled_from([1, 2, 4]), bias=st.booleans())
def test_convolutions(drawn: dict[str, Any], group: int, bias: bool) -> None:
    attributes, x = window_attributes(drawn)
    if drawn["auto_pad"].startswith("SAME"):
        attributes["dilations"] = [1] * len(drawn["kernel"])  # ONNX Runtime has no others there
    weight = draw(8, 4 // group, *drawn["kernel"])
    others = [weight, draw(8)] if bias else [weight]
    compare("Conv", x, *others, group=group, **attributes)


@settings(max_examples=40)
@given(drawn=windows, ceil=st.booleans())
def test_poolings_of_the_greatest(drawn: dict[str, Any], ceil: bool) -> None:
    attributes, x = window_attributes(drawn)
    assume(fits(drawn))
    if drawn["auto_pad"].startswith("SAME"):
        assume(min(drawn["kernel"]) >= drawn["stride"])  # ONNX Runtime fails at others
        attributes["dilations"], ceil = [1] * len(drawn["kernel"]), False
    compare("MaxPool", x, kernel_shape=drawn["kernel"], ceil_mode=int(ceil), **attributes)


@settings(max_examples=40)
@given(drawn=windows, ceil=st.booleans(), count=st.booleans())
def test_poolings_of_means(drawn: dict[str, Any], ceil: bool, count: bool) -> None:
    attributes, x = window_attributes(drawn)
    assume(fits(drawn))
    del attributes["dilations"]
    ceil = ceil and not drawn["auto_pad"].startswith("SAME")
    compare(
        "AveragePool",
        x,
        kernel_shape=drawn["kernel"],
        ceil_mode=int(ceil),
        count_include_pad=int(count),
        opset=19,
        **attributes,
    )


@settings(max_examples=60)
@given(
    mode=st.sampled_from(["nearest", "linear"]),
    counting=st.sampled_from(["asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"]),
    rounding=st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]),
    old=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    new=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    by_scale=st.booleans(),
)
def test_resizing(mode: str, counting: str, rounding: str, old: Any, new: Any, by_scale: bool) -> None:
    if mode == "nearest":
        assume(not any(is_close_call(n, m, counting) for n, m in zip(new, old, strict=True)))
    scales = (
        [f32(1, 1, *(n / m for n, m in zip(new, old, strict=True)))] if by_scale else [None, ints(2, 3, *new)]
    )
    attributes = {"mode": mode, "coordinate_transformation_mode": counting, "nearest_mode": rounding}
    compare("Resize", draw(2, 3, *old), None, *scales, **attributes)


@settings(max_examples=60)
@given(
    mode=st.sampled_from(["linear", "cubic"]),
    counting=st.sampled_from(["asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"]),
    antialias=st.booleans(),
    inside=st.booleans(),
    bend=st.sampled_from([-0.75, -0.5]),
    old=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    new=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_resizing_by_curves(
    mode: str, counting: str, antialias: bool, inside: bool, bend: float, old: Any, new: Any
) -> None:
    inside &= mode == "cubic" or antialias  # as ONNX Runtime wants it
    attributes = {"mode": mode, "coordinate_transformation_mode": counting, "cubic_coeff_a": bend}
    attributes |= {"antialias": int(antialias), "exclude_outside": int(inside)}
    compare("Resize", draw(2, 3, *old), None, None, ints(2, 3, *new), **attributes)


def is_close_call(new: int, old: int, counting: str) -> bool:
    """Tell whether places lie where rounding of fp32 decides, which ONNX Runtime does in ways of its own."""
    if max(new, old) % min(new, old) == 0 and counting != "align_corners":
        return False
    numbers = np.arange(new)
    places = {
        "asymmetric": numbers * old / new,
        "align_corners": numbers * (old - 1) / max(new - 1, 1),
    }.get(counting, (numbers + 0.5) * old / new - 0.5)
    halves = 2 * places[places > 0]
    return bool((abs(halves - halves.round()) < 1e-4).any())


def fits(drawn: dict[str, Any]) -> bool:
    """Tell whether padding is less than the window everywhere, as ONNX Runtime wants it."""
    return drawn["auto_pad"] != "NOTSET" or max(drawn["pads"]) < min(drawn["kernel"])


@pytest.mark.parametrize(
    ("name", "others", "attributes", "said"),
    [
        ("Det", (), {}, r"'Det' of node 'here' is not known to fine-tuning, which knows \d\d others"),
        ("QuantizeLinear", (f32(1.0)[0], np.uint8(0)), {}, "'QuantizeLinear' of node 'here'.*fp32 file"),
        ("MaxPool", (), {"kernel_shape": [2, 2], "outputs": 2}, "gives 2 tensors, where 1 is expected"),
        ("AveragePool", (), {"kernel_shape": [2, 2], "dilations": [2, 2], "opset": 19}, "its dilations are"),
        ("Cast", (), {"to": 8}, "the type 8 is not known"),
        ("Relu", (), {"opset": 6}, "opset 6, and 7 or later"),
        ("ScatterND", (ints(0).reshape(1, 1), X[:1]), {"reduction": "mul"}, "reduction is 'mul'"),
        ("Pad", (ints(*[0] * 8),), {"mode": "odd"}, "mode is 'odd'"),
        ("MaxPool", (), {"kernel_shape": [2, 2], "auto_pad": "odd"}, "auto_pad is 'odd'"),
        (
            "Resize",
            (None, f32(1, 1, 2, 2)),
            {"mode": "odd"},
            "mode is 'odd', where nearest or linear or cubic",
        ),
        ("Resize", (None, f32(1, 1, 2, 2)), {"antialias": 1}, "antialias is 1, where 0 is"),
        ("MaxPool", (), {}, r"kernel_shape is \(\), where"),
        ("BatchNormalization", (ROW,) * 4, {"training_mode": 1, "outputs": 3}, "gives 3 tensors, where 1 is"),
    ],
)
def test_what_cannot_be_followed_is_said(name: str, others: Any, attributes: Any, said: str) -> None:
    model = make_model(name, X, *others, name="here", **attributes)
    with pytest.raises(BackboneError, match=said):
        make_graph_module(model)


def test_an_operator_of_another_domain_is_not_known() -> None:
    with pytest.raises(BackboneError, match="'Relu' of node 'here' of 'com.microsoft' is not known"):
        make_graph_module(make_model("Relu", X, name="here", domain="com.microsoft"))


def test_an_operator_is_registered_once() -> None:
    make_graph_module(make_model("Relu", X))
    with pytest.raises(ValueError, match="'Relu' is registered twice"):
        registry.operator("Relu")(lambda node: abs)


def test_bounds_have_no_gradient_as_in_relu6() -> None:
    x = torch.tensor([-1.0, 0.0, 3.0, 6.0, 7.0], requires_grad=True)
    module = make_graph_module(make_model("Clip", f32(0.0), np.float32(0), np.float32(6)))
    [found] = torch.autograd.grad(module(x).sum(), x)
    [expected] = torch.autograd.grad(torch.nn.functional.relu6(x).sum(), x)
    assert found.tolist() == expected.tolist() == [0, 0, 1, 0, 0]


def test_places_give_each_gradient_to_its_own_and_sum_those_of_one_place() -> None:
    x = torch.arange(12.0).reshape(3, 4).requires_grad_()
    module = make_graph_module(
        make_model("GatherND", f32(*range(12)).reshape(3, 4), np.array([[1], [-2], [0]]))
    )
    [found] = torch.autograd.grad((module(x) * torch.tensor([[1.0], [10.0], [100.0]])).sum(), x)
    assert found.tolist() == [[100.0] * 4, [11.0] * 4, [0.0] * 4]
    put = make_model("ScatterND", f32(*range(12)).reshape(3, 4), np.array([[1]]), draw(1, 4))
    [found] = torch.autograd.grad(make_graph_module(put)(x).sum(), x)
    assert found.tolist() == [[1.0] * 4, [0.0] * 4, [1.0] * 4]


def test_an_error_at_work_names_the_node() -> None:
    module = make_graph_module(make_model("MatMul", X, draw(5, 4), name="product"))
    with pytest.raises(RuntimeError) as caught:
        module(torch.from_numpy(X))
    assert "operator 'MatMul' of node 'product'" in caught.value.__notes__[0]


def test_both_are_run() -> None:
    expected, found = run_both(make_model("Relu", X), X)
    assert np.array_equal(expected, found) and not np.array_equal(found, X)


def test_a_strided_kernel_of_one_place_damages_no_memory() -> None:
    """In a process of its own, which oneDNN's own gradient of it ends."""
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def train_strided() -> None:
    convolve = layers.convolve(registry.Node("Conv", "", ("x", "w"), ("y",), {"strides": [2, 2]}))
    for channels in (2, 5, 12, 13):
        x, kernel = draw(2, 112, 112, channels).transpose(0, 3, 1, 2), torch.zeros(48, channels, 1, 1)
        for _ in range(3):
            convolve(torch.from_numpy(x), kernel.requires_grad_()).sum().backward()
        expected = 3 * x[:, :, ::2, ::2].sum((0, 2, 3))
        np.testing.assert_allclose(kernel.grad[0, :, 0, 0].numpy(), expected, rtol=1e-3, atol=1e-2)
    print("done")


if __name__ == "__main__":
    train_strided()
