"""Networks that take blue first: fed so, told from others, and quantised."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
from small_convolutions import OWN, build, draw_pictures
from test_onnx_files import FACTS, run_tensor, write_file
from written_graphs import noise

from cnncodes.backbones import Card, load_backbone
from cnncodes.backbones.checking.verification import show_wrongly, verify_backbone
from cnncodes.backbones.exporting.export import export_backbone
from cnncodes.backbones.graphs.starts import follow_start
from cnncodes.backbones.quantizing.folding import fold_input
from cnncodes.backbones.quantizing.preparing import prepare_graph
from cnncodes.errors import BackboneError

BGR = FACTS + 'channels = "bgr"\n'
LAST = "float[batch, height, width, 3] pixels"
LAST_BODY = "t = Transpose<perm = [0, 3, 1, 2]>(pixels)\n a = Conv<strides = [2, 2]>(t, w1)\n c = Relu(a)\n"
TAIL = "p = GlobalAveragePool(c)\n f = Flatten(p)\n code = Gemm<transB = 1>(f, w2, b2)"


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_takes_bgr_gets_the_pixels_swapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    given = {} if first else {"body": LAST_BODY + TAIL, "image": LAST}
    path = write_file(tmp_path / "net.onnx", facts=BGR, **given)
    card = export_backbone(str(path), tmp_path / "out")
    assert card.channels == "bgr" and Card.read(tmp_path / "out" / "card.toml") == card
    images = noise(5, 48, 32)
    codes = load_backbone(tmp_path / "out").run(images)
    # By hand: the colours turned round, then the first mean and std for blue.
    expected = run_tensor(path, "f", images[..., ::-1], channels_first=first)
    np.testing.assert_allclose(codes, expected, rtol=1e-4, atol=1e-5)
    unswapped = run_tensor(path, "f", images, channels_first=first)
    assert np.abs(codes - unswapped).max() > 0.01
    monkeypatch.chdir(tmp_path)
    checked = verify_backbone(tmp_path / "out", parity=True)
    assert checked["parity"]["relative_error"] <= 1e-5
    assert ("normalisation" in checked["checks"]) == first


@pytest.mark.slow
def test_a_network_of_ones_own_may_take_bgr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from small_networks import NETWORKS

    from cnncodes.backbones.exporting.weights import randomise
    from cnncodes.finetuning.loading import load_graph_module

    monkeypatch.chdir(tmp_path)
    net = NETWORKS["linear"]().eval()
    randomise(net, 1)
    torch.save(net.state_dict(), "w.pth")
    (tmp_path / "bgrnet.py").write_text("from small_networks import NETWORKS\n\nmake = NETWORKS['linear']\n")
    (tmp_path / "w.card.toml").write_text(BGR)
    export_backbone("python:bgrnet.py:make@w.pth", "out")
    backbone, images = load_backbone("out"), noise(4, 32, 32)
    mean, std = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255
    pixels = torch.from_numpy(((images[..., ::-1] - mean) / std).astype(np.float32).transpose(0, 3, 1, 2))
    expected = net[:-1](pixels).detach().numpy()
    np.testing.assert_allclose(backbone.run(images), expected, rtol=1e-4, atol=1e-5)
    module = load_graph_module(backbone)
    np.testing.assert_allclose(module(torch.from_numpy(images)).detach(), expected, rtol=1e-4, atol=1e-5)
    assert "normalisation" in verify_backbone("out", parity=True)["checks"]


def test_a_card_that_says_the_other_order_is_told(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", facts=BGR)
    card = export_backbone(str(path), tmp_path / "out")
    dataclasses.replace(card, channels="rgb").write(tmp_path / "out" / "card.toml")
    with pytest.raises(
        BackboneError, match="its card says channels rgb, .* the graph has bgr, .*: the graph"
    ):
        verify_backbone(tmp_path / "out")


def test_another_order_is_another_backbone(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", facts=BGR)
    export_backbone(str(path), tmp_path / "out")
    path.with_suffix(".card.toml").write_text(FACTS)
    with pytest.raises(BackboneError, match="differs in channels: --replace"):
        export_backbone(str(path), tmp_path / "out")


def swap(model: bytes) -> onnx.ModelProto:
    """Return a graph whose channels are turned round before they are normalised."""
    graph = onnx.load_from_string(model)
    nodes = list(graph.graph.node)
    [at] = [i for i, node in enumerate(nodes) if node.op_type == "Transpose"]
    name = nodes[at].output[0]
    for node in nodes[at + 1 :]:
        node.input[:] = ["turned" if given == name else given for given in node.input]
    gather = onnx.helper.make_node("Gather", [name, "constant_order"], ["turned"], axis=1)
    graph.graph.node.insert(at + 1, gather)
    order = onnx.numpy_helper.from_array(np.array([2, 1, 0]), "constant_order")
    graph.graph.initializer.append(order)
    return graph


@pytest.mark.parametrize(("mean", "pads"), [(OWN, 0), (OWN, 1), ((127.0,) * 3, 1)])
def test_the_order_is_folded_into_the_weights_with_the_normalisation(
    mean: tuple[float, ...], pads: int
) -> None:
    from test_folding import first_convolution, run

    plain, images = build(mean=mean, pads=pads), draw_pictures(4)
    before = prepare_graph(swap(plain).SerializeToString(), "conv")
    after = onnx.ModelProto.FromString(before.SerializeToString())
    fold = fold_input(after)
    assert fold is not None and not any(node.op_type == "Gather" for node in after.graph.node)
    expected = run(before, images, first_convolution(before).output[0])
    found = run(after, images, first_convolution(after).output[0])
    inner = (..., slice(1, -1), slice(1, -1))
    assert np.abs(found - expected)[inner].max() < 2e-4
    other = fold_input(unswapped := prepare_graph(plain, "conv"))
    assert other is not None
    wrong = run(unswapped, images, first_convolution(unswapped).output[0])
    assert np.abs(wrong - expected)[inner].max() > 0.05


def test_int8_of_it_is_nearer_to_it_than_to_the_other_order(tmp_path: Path) -> None:
    from cnncodes.backbones.quantizing.quantization import quantize

    path = write_file(tmp_path / "net.onnx", facts=BGR)
    export_backbone(str(path), tmp_path / "out")
    [made] = quantize(load_backbone(tmp_path / "out"), draw_pictures(32)[:, :32, :32], ("uint8",))
    assert made.folded and made.backbone.card.channels == "bgr"
    (tmp_path / "out" / "int8.onnx").write_bytes(made.backbone.model_bytes())
    card = Card.read(tmp_path / "out" / "card.toml")
    files = {**card.files, **made.backbone.card.files}
    card = dataclasses.replace(card, files=files, precisions={"int8": "int8.onnx"})
    card.write(tmp_path / "out" / "card.toml")
    assert verify_backbone(tmp_path / "out")["precisions"]["int8"]["cosine"] > 0.99


def test_a_wrong_contrast_is_shown_by_the_mean_of_each_colour(tmp_path: Path) -> None:
    path = write_file(tmp_path / "net.onnx", facts=BGR.replace("[0.485, 0.456, 0.406]", "[0.0, 0.5, 1.0]"))
    card = export_backbone(str(path), tmp_path / "out")
    grey = np.full((1, 32, 32, 3), 255, np.uint8)  # of red, the mean is 255: it stays
    assert show_wrongly(grey, card)["a wrong standard deviation"][0, 0, 0].tolist() == [255, 255, 255]
    black = np.zeros((1, 32, 32, 3), np.uint8)
    assert show_wrongly(black, card)["a wrong standard deviation"][0, 0, 0].tolist() == [0, 0, 0]
    dark = np.full((1, 32, 32, 3), 100, np.uint8)
    assert show_wrongly(dark, card)["a wrong standard deviation"][0, 0, 0].tolist() == [85, 97, 111]


def test_colours_in_another_order_than_these_two_end_the_start() -> None:
    model = swap(build(mean=OWN, pads=1))
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == "constant_order"]
    assert [*follow_start(model.graph)][-1].is_ready
    for order in ([2, 1, 1], [0, 1], [[2, 1, 0]]):
        tensor.CopyFrom(onnx.numpy_helper.from_array(np.array(order), "constant_order"))
        assert not [*follow_start(model.graph)][-1].is_ready
