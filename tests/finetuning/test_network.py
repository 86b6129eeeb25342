"""The head as a torch module, what is trained, and at which rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tiny_tuning import make_backbone  # noqa: E402

from cnncodes.finetuning.blocks import block_depths, choose_weights  # noqa: E402
from cnncodes.finetuning.graph_module import GraphModule  # noqa: E402
from cnncodes.finetuning.network import HEAD, LinearModule, TunedNetwork  # noqa: E402
from cnncodes.finetuning.reading import read_graph  # noqa: E402
from cnncodes.finetuning.settings import FineTuning  # noqa: E402
from cnncodes.heads.estimator import LinearHead  # noqa: E402
from cnncodes.heads.linear import LinearScorer  # noqa: E402
from cnncodes.heads.scoring import softmax  # noqa: E402

pytestmark = pytest.mark.torch

RNG = np.random.default_rng(0)


def make_scorer(n_classes: int, *, l2: bool = False, temperature: float = 1.0) -> LinearScorer:
    rows = 1 if n_classes == 2 else n_classes
    names = np.array([f"class {i}" for i in range(n_classes)])
    return LinearScorer(RNG.normal(size=(rows, 6)), RNG.normal(size=rows), names, l2, temperature)


def test_a_head_whose_columns_hardly_vary_is_the_same_in_torch() -> None:
    codes = RNG.normal(size=(18, 6))
    codes[:, 0] *= 1e-5
    fitted = LinearHead(scaling="standard").fit(codes, np.array(["a", "b", "c"] * 6))
    shifted = (codes + 0.5 * np.eye(6)[0]).astype(np.float32)
    logits = LinearModule(fitted.scorer_)(torch.from_numpy(shifted)).detach().numpy()
    np.testing.assert_allclose(softmax(logits.astype(float)), fitted.predict_proba(shifted), atol=1e-5)
    assert np.abs(logits).max() < 60  # a thousand times as much without a least scale


@pytest.mark.parametrize("l2", [False, True])
def test_in_bf16_the_head_says_what_it_says_in_fp32(l2: bool) -> None:
    """Codes are far from 0 beside what they vary by, which bf16 has not the digits for."""
    head = LinearModule(make_scorer(3, l2=l2))
    codes = torch.from_numpy((RNG.normal(size=(20, 6)) / 100 + 5).astype(np.float32))
    expected = head(codes)
    with torch.autocast("cpu", torch.bfloat16):
        found = head(codes)
    assert found.dtype == torch.float32 and torch.equal(found, expected)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l2", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_its_softmax_is_what_the_head_says(n_classes: int, l2: bool, temperature: float) -> None:
    scorer = make_scorer(n_classes, l2=l2, temperature=temperature)
    codes = RNG.normal(size=(20, 6)).astype(np.float32)
    codes[0] = 0  # a code without a direction stays one
    head = LinearModule(scorer)
    assert [type(part).__name__ for part in head.children()] == ["UnitLength" if l2 else "Identity"]
    assert sorted(head.state_dict()) == ["bias", "weight"]  # nothing standardises beside them
    logits = head(torch.from_numpy(codes)).detach().numpy()
    expected = scorer.proba_from_decision(scorer.decision(codes))
    assert np.abs(softmax(logits) - expected).max() < 1e-6
    back = head.to_scorer(scorer.classes)
    assert np.abs(back.proba_from_decision(back.decision(codes)) - expected).max() < 1e-6
    assert (back.l2_normalize, back.kind) == (l2, "finetuned")


def test_gradients_reach_the_codes_through_the_normalisation() -> None:
    codes = torch.ones(2, 6, requires_grad=True)
    LinearModule(make_scorer(3, l2=True))(codes)[:, 0].sum().backward()
    assert codes.grad is not None and float(codes.grad.abs().sum()) > 0


def make_network(unfreeze: str) -> tuple[TunedNetwork, Any]:
    graph = read_graph(make_backbone().model_bytes())
    weights = choose_weights(graph, unfreeze)
    return TunedNetwork(GraphModule(graph), LinearModule(make_scorer(3)), weights), graph


def test_only_what_is_chosen_is_trained() -> None:
    network, _ = make_network("layer2")
    trained = {name for name, weight in network.upper.named_parameters() if weight.requires_grad}
    assert trained == {"layer2.conv.weight", "layer2.bn.weight", "layer2.bn.bias"}
    statistics = {f"layer{i}.bn.running_{name}" for i in (1, 2) for name in ("mean", "var")}
    assert network.tensors().keys() == trained | statistics | {f"{HEAD}weight", f"{HEAD}bias"}


def test_the_backbone_has_a_lower_rate_the_deeper_it_lies() -> None:
    network, graph = make_network("all")
    settings = FineTuning(backbone_lr_mult=0.1, layer_decay=0.5, weight_decay=0.02)
    groups = list(network.groups(settings, block_depths(graph)))
    names = {id(weight): name for name, weight in network.named_parameters()}
    found = {
        names[id(weight)]: (round(group["share"], 6), group["weight_decay"])
        for group in groups
        for weight in group["params"]
    }
    assert found == {
        "head.weight": (1.0, 0.02),
        "head.bias": (1.0, 0.0),
        "upper.layer2.conv.weight": (0.1, 0.02),
        "upper.layer2.bn.weight": (0.1, 0.0),
        "upper.layer2.bn.bias": (0.1, 0.0),
        "upper.layer1.conv.weight": (0.05, 0.02),
        "upper.layer1.bn.weight": (0.05, 0.0),
        "upper.layer1.bn.bias": (0.05, 0.0),
        "upper.stem.weight": (0.025, 0.02),
    }


@pytest.mark.parametrize("shape", [(6, 1, 1), (1, 6, 1, 1), (1, 1, 6)])
def test_a_norm_has_no_decay_however_its_weight_lies(shape: tuple[int, ...]) -> None:
    """Exporters give those of GroupNorm axes of the length 1."""
    network, graph = make_network("all")
    norm = network.upper.get_submodule("layer2.bn")
    norm.weight = torch.nn.Parameter(norm.weight.detach().reshape(shape))
    groups = network.groups(FineTuning(weight_decay=0.02), block_depths(graph))
    decays = {id(weight): group["weight_decay"] for group in groups for weight in group["params"]}
    assert decays[id(norm.weight)] == 0


def test_its_tensors_can_be_taken_and_put_back() -> None:
    network, _ = make_network("all")
    before = {name: value.clone() for name, value in network.tensors().items()}
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(1.0)
    assert not torch.equal(network.tensors()["stem.weight"], before["stem.weight"])
    network.load(before)
    assert all(torch.equal(value, before[name]) for name, value in network.tensors().items())
