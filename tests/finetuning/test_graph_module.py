"""The graph as a torch module: the same codes, names, modes, copies; what cannot be one is refused."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from written_graphs import noise, write_backbone, write_dotted  # noqa: E402

from cnncodes import load_backbone  # noqa: E402
from cnncodes.backbones import Backbone  # noqa: E402
from cnncodes.backbones.graphs.initializers import trainable_weights  # noqa: E402
from cnncodes.backbones.graphs.wiring import load_graph  # noqa: E402
from cnncodes.errors import BackboneError, UsageError  # noqa: E402
from cnncodes.finetuning.loading import load_graph_module, make_graph_module  # noqa: E402

pytestmark = pytest.mark.torch

NORMALISED = """
    map = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(pixels, one__conv__weight)
    normal = BatchNormalization<momentum = 0.7, epsilon = 0.01>
        (map, one__norm__weight, one__norm__bias, one__norm__running_mean, one__norm__running_var)
    second = Conv(normal, two__conv__weight)
    again = BatchNormalization
        (second, two__norm__weight, two__norm__bias, two__norm__running_mean, two__norm__running_var)
    pooled = GlobalAveragePool(again)
    code = Flatten(pooled)
"""
NORMALISED_WEIGHTS: dict[str, Any] = {
    "one__conv__weight": (4, 3, 3, 3),
    "one__norm__weight": (4,),
    "one__norm__bias": (4,),
    "one__norm__running_mean": (4,),
    "one__norm__running_var": np.array([1, 2, 3, 4], np.float32),
    "two__conv__weight": (5, 4, 1, 1),
    "two__norm__weight": (5,),
    "two__norm__bias": (5,),
    "two__norm__running_mean": (5,),
    "two__norm__running_var": np.ones(5, np.float32),
}
SHARED = """
    pooled = GlobalAveragePool(pixels)
    flat = Flatten(pooled)
    once = MatMul(flat, fc__weight)
    code = MatMul(once, fc__weight)
"""


def write_shared() -> Any:
    return write_dotted(SHARED, {"fc__weight": (3, 3)}, 3)


@pytest.fixture(scope="module")
def shipped() -> Backbone:
    return load_backbone()


@pytest.fixture
def normalised() -> Backbone:
    return write_backbone(write_dotted(NORMALISED, NORMALISED_WEIGHTS, 5))


def run(module: Any, images: Any) -> Any:
    with torch.no_grad():
        return module(torch.from_numpy(images)).numpy()


def assert_close(found: Any, expected: Any, tolerance: float = 1e-4) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def test_the_shipped_network_gives_its_codes_at_any_size(shipped: Backbone) -> None:
    module = load_graph_module(shipped)
    for shape in ((3, 64, 96), (1, 97, 33)):
        assert_close(run(module, noise(*shape)), shipped.run(noise(*shape)))


def test_weights_have_the_names_of_the_graph(shipped: Backbone) -> None:
    module = load_graph_module(shipped)
    graph = load_graph(shipped.model_bytes(), "a test")
    weights = dict(module.named_parameters())
    assert sorted(weights) == trainable_weights(graph)
    assert all(weight.requires_grad for weight in weights.values())
    state = module.state_dict()
    statistics = {name for name in state if name not in weights}
    assert len(statistics) == 2 * 49 and all("running_" in name for name in statistics)
    buffers = {name for name, _ in module.named_buffers()}
    assert "constant_0" in buffers and "constant_0" not in state
    assert torch.equal(module.get_parameter("_conv_stem.weight"), weights["_conv_stem.weight"])


def test_it_starts_in_evaluation_mode_and_keeps_its_statistics(normalised: Backbone) -> None:
    module = load_graph_module(normalised)
    before = copy.deepcopy(module.state_dict())
    images = noise(4, 16, 16)
    assert not module.training
    assert_close(run(module, images), normalised.run(images))
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_training_moves_the_statistics_as_torch_does(normalised: Backbone) -> None:
    module, images = load_graph_module(normalised).train(), noise(4, 16, 16)
    reference = torch.nn.BatchNorm2d(4, eps=0.01, momentum=0.3).train()
    state = {
        name.removeprefix("one.norm."): value.detach().clone()
        for name, value in module.state_dict().items()
        if name.startswith("one.norm.")
    }
    reference.load_state_dict({**state, "num_batches_tracked": torch.tensor(0)})
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 64
    maps = torch.nn.functional.conv2d(pixels, module.get_parameter("one.conv.weight"), padding=1)
    codes = run(module, images)
    reference(maps.detach())
    for name in ("running_mean", "running_var"):
        moved = module.get_buffer(f"one.norm.{name}")
        assert torch.allclose(moved, getattr(reference, name), rtol=1e-5)
        assert not torch.allclose(moved, state[name], rtol=1e-2)
    assert np.abs(codes - normalised.run(images)).max() > 0.01


STANDARDISED = """
    shape = Constant<value_ints = [1, 4, 27]>()
    rows = Reshape(conv__weight, shape)
    axes = Constant<value_ints = [0, 2]>()
    mean = ReduceMean<keepdims = 0>(rows, axes)
    means = ReduceMean<keepdims = 1>(rows, axes)
    apart = Sub(rows, means)
    squares = Mul(apart, apart)
    var = ReduceMean<keepdims = 0>(squares, axes)
    standard = BatchNormalization<epsilon = 0.001>(rows, conv__gain, constant_offset, mean, var)
    whole = Constant<value_ints = [4, 3, 3, 3]>()
    weight = Reshape(standard, whole)
    map = Conv(pixels, weight, conv__bias)
    pooled = GlobalAveragePool(map)
    code = Flatten(pooled)
"""


@pytest.mark.parametrize(
    ("gives", "mode"),
    [("standard", ""), ("standard, moved_mean, moved_var", ", training_mode = 1, momentum = 1.0")],
    ids=["by statistics", "in training mode"],
)
def test_weights_that_are_standardised_as_in_nfnets_are_trained(gives: str, mode: str) -> None:
    """The statistics of that normalisation are computed, and gradients go through them."""
    weights = {
        "conv__weight": (4, 3, 3, 3),
        "conv__gain": (4,),
        "constant_offset": np.zeros(4, np.float32),
        "conv__bias": (4,),
    }
    body = STANDARDISED.replace("standard =", f"{gives} =").replace("0.001>", f"0.001{mode}>")
    backbone = write_backbone(write_dotted(body, weights, 4))
    module, images = load_graph_module(backbone), noise(2, 16, 16)
    assert_close(run(module, images), backbone.run(images))
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).double() - 127) / 64
    leaves = {
        name: value.detach().double().clone().requires_grad_() for name, value in module.named_parameters()
    }
    rows, gain = leaves["conv.weight"].reshape(1, 4, -1), leaves["conv.gain"]
    standard = torch.nn.functional.batch_norm(rows, None, None, gain, training=True, eps=0.001)
    maps = torch.nn.functional.conv2d(pixels, standard.reshape(4, 3, 3, 3), leaves["conv.bias"])
    maps.mean((2, 3)).sin().sum().backward()
    module.train()  # their own batch is the weight, whatever the mode
    module(torch.from_numpy(images)).sin().sum().backward()
    for name, value in module.named_parameters():
        assert_close(value.grad.numpy(), leaves[name].grad.float().numpy(), 1e-5)


def test_a_part_can_stay_frozen(normalised: Backbone) -> None:
    module = load_graph_module(normalised)
    module.get_submodule("two").train()
    before = copy.deepcopy(module.state_dict())
    run(module, noise(4, 16, 16))
    moved = {name for name, value in module.state_dict().items() if not torch.equal(before[name], value)}
    assert moved == {"two.norm.running_mean", "two.norm.running_var"}


def test_a_weight_that_two_nodes_share_is_one_parameter() -> None:
    backbone = write_backbone(write_shared())
    module, images = load_graph_module(backbone), noise(2, 16, 16)
    assert [name for name, _ in module.named_parameters()] == ["fc.weight"]
    assert_close(run(module, images), backbone.run(images))
    module(torch.from_numpy(images)).sum().backward()
    weight = module.get_parameter("fc.weight").detach().clone().requires_grad_()
    means = ((torch.from_numpy(images).float() - 127) / 64).mean((1, 2))
    (means @ weight @ weight).sum().backward()
    assert torch.allclose(module.get_parameter("fc.weight").grad, weight.grad, rtol=1e-4, atol=1e-5)


def test_constants_that_are_nodes_are_no_weights() -> None:
    body = """
        scale = Constant<value = float[1] {2.0}>()
        pooled = GlobalAveragePool(pixels)
        shape = Constant<value_ints = [0, 3]>()
        flat = Reshape(pooled, shape)
        scaled = Mul(flat, scale)
        code = MatMul(scaled, fc__weight)
    """
    backbone = write_backbone(write_dotted(body, {"fc__weight": (3, 3)}, 3))
    module, images = load_graph_module(backbone), noise(2, 16, 16)
    assert list(module.state_dict()) == ["fc.weight"]
    assert_close(run(module, images), backbone.run(images))


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "save"])
def test_a_copy_is_on_its_own(normalised: Backbone, how: str) -> None:
    module, images = load_graph_module(normalised), noise(2, 16, 16)
    if how == "deepcopy":
        other = copy.deepcopy(module)
    elif how == "pickle":
        other = pickle.loads(pickle.dumps(module))
    else:
        torch.save(module, stream := io.BytesIO())
        stream.seek(0)
        other = torch.load(stream, weights_only=False)
    expected = run(module, images)
    assert np.array_equal(run(other, images), expected)
    with torch.no_grad():
        other.get_parameter("two.norm.bias").add_(1)
    assert np.allclose(run(other, images), expected + 1, atol=1e-5)
    assert np.array_equal(run(module, images), expected)


def test_it_can_be_made_double(normalised: Backbone) -> None:
    images = noise(2, 16, 16)
    found = run(load_graph_module(normalised).double(), images)
    assert found.dtype == np.float64
    assert_close(found, normalised.run(images))


def test_weights_may_be_given_for_one_call(normalised: Backbone) -> None:
    module, images = load_graph_module(normalised), noise(2, 16, 16)
    bias = {"two.norm.bias": module.get_parameter("two.norm.bias") + 1}
    found = torch.func.functional_call(module, bias, torch.from_numpy(images))
    assert np.allclose(found.detach(), run(module, images) + 1, atol=1e-5)


@pytest.mark.slow
def test_tensors_are_freed_after_their_last_use() -> None:
    module = make_graph_module(write_shared().SerializeToString())
    seen: list[Any] = []
    alive: list[int] = []

    def watch(run: Any) -> Any:
        def watching(*given: Any) -> Any:
            gc.collect()
            alive.append(sum(tensor() is not None for tensor in seen))
            found = run(*given)
            seen.append(weakref.ref(found))
            return found

        return watching

    steps = module._plan.steps
    steps[:] = [step._replace(run=watch(step.run)) for step in steps]
    run(module, noise(2, 16, 16))
    assert len(alive) == len(steps) and max(alive) <= 2  # what a node takes, and what that is a view of


def test_images_have_to_be_of_the_graphs_type(normalised: Backbone) -> None:
    with pytest.raises(UsageError, match=r"takes torch\.uint8, which it .* Got torch\.float32"):
        load_graph_module(normalised)(torch.zeros(1, 16, 16, 3))


def test_images_have_to_be_one_tensor(normalised: Backbone) -> None:
    images = torch.from_numpy(noise(1, 16, 16))
    with pytest.raises(UsageError, match="has 1 inputs, image. Got 2 tensors instead"):
        load_graph_module(normalised)(images, images)


@pytest.mark.parametrize("name", ["fc..weight", "fc.forward.weight", "fc.weight.scale"])
def test_a_name_that_torch_cannot_have_is_said(name: str) -> None:
    other = name.replace(".", "__")
    body = SHARED.replace("(once, fc__weight)", f"(once, {other})")
    model = write_dotted(body, {"fc__weight": (3, 3), other: (3, 3)}, 3)
    with pytest.raises(BackboneError, match=rf"no tensor called '{name}'.*Rename it"):
        make_graph_module(model.SerializeToString())


def test_a_graph_of_half_floats_is_refused() -> None:
    model = write_shared()
    [weight] = [tensor for tensor in model.graph.initializer if tensor.name == "fc.weight"]
    weight.CopyFrom(onnx_array(np.zeros((3, 3), np.float16), "fc.weight"))
    with pytest.raises(BackboneError, match="'fc.weight' is of float16.*take the fp32 file"):
        make_graph_module(model.SerializeToString())


def test_a_tensor_that_nothing_gives_is_said() -> None:
    model = write_shared()
    model.graph.node[-1].input[0] = "missing"
    with pytest.raises(BackboneError, match="'MatMul' of node 'code' takes 'missing', which nothing before"):
        make_graph_module(model.SerializeToString())


def test_a_graph_has_one_input() -> None:
    model = write_shared()
    model.graph.output.append(model.graph.output[0])
    with pytest.raises(BackboneError, match="1 inputs and 2 outputs: expected one input and one output"):
        make_graph_module(model.SerializeToString())


def onnx_array(array: Any, name: str) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(array, name)
