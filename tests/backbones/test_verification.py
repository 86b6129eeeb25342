"""Verification: the shipped network passes, and each kind of fault is told by name."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from small_backbones import make_card

from cnncodes.backbones import Backbone, Card, find_backbone, load_backbone
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.errors import BackboneError, CardError

Place = Callable[..., Path]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Return what is found of the shipped network."""
    return verify_backbone("efficientnet-lite0")


def test_the_shipped_network_passes(found: dict[str, Any]) -> None:
    assert found["name"] == "efficientnet-lite0"
    assert found["sha256"] == Card.read(find_backbone("efficientnet-lite0") / "card.toml").files["model.onnx"]
    assert found["checks"][-2:] == ["trainable weights", "normalisation"] and "parity" not in found


def test_a_small_one_passes_too(place: Place) -> None:
    assert verify_backbone(place())["name"] == "small"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("constant", "'small' fails: different images have one code"),
        ("infinite", "'small' fails: its codes are not all finite"),
        ("batch", "'small' fails: codes in batches of 1 differ from those in a batch of 8"),
        ("rigid", r"'small' fails on images of shape \(2, 64, 32, 3\)"),
    ],
)
def test_a_faulty_network_is_told_by_its_fault(place: Place, kind: str, words: str) -> None:
    with pytest.raises(BackboneError, match=words):
        verify_backbone(place(kind))


def test_a_card_that_names_another_operator_set_is_told(place: Place) -> None:
    with pytest.raises(BackboneError, match="it is of operator set 18, and its card says 17"):
        verify_backbone(place(opset=17))


def test_a_damaged_copy_is_told_by_its_hash(tmp_path: Path) -> None:
    folder = find_backbone("efficientnet-lite0")
    model = bytearray((folder / "model.onnx").read_bytes())
    model[-1] ^= 0xFF
    (tmp_path / "model.onnx").write_bytes(model)
    (tmp_path / "card.toml").write_bytes((folder / "card.toml").read_bytes())
    with pytest.raises(CardError, match="damaged"):
        verify_backbone(tmp_path)


def test_every_file_on_the_card_is_checked(place: Place) -> None:
    folder = place()
    model = (folder / "model.onnx").read_bytes()
    files = {**make_card(model).files, "labels.txt": "0" * 64}
    make_card(model, files=files).write(folder / "card.toml")
    with pytest.raises(BackboneError, match=r"labels\.txt cannot be read"):
        verify_backbone(folder)
    (folder / "labels.txt").write_text("cat")
    with pytest.raises(CardError, match=rf"labels\.txt.*has sha256 77af778b.*card says {'0' * 64}"):
        verify_backbone(folder)


@pytest.mark.slow
def test_parity_without_a_known_original_is_an_error_of_ours(place: Place) -> None:
    with pytest.raises(BackboneError, match="no network 'small' can be exported"):
        verify_backbone(place(), parity=True)
    with pytest.raises(
        BackboneError, match=r"has frame Frame\(height=32.*resize=40.*from that is Frame.*resize=36"
    ):
        verify_backbone(place(name="efficientnet-lite0"), parity=True)


@pytest.mark.slow
def test_the_shipped_network_is_the_original_and_the_controls_are_not() -> None:
    parity = verify_backbone("efficientnet-lite0", parity=True)["parity"]
    assert parity["images"] >= 16
    assert parity["relative_error"] <= 1e-3 and parity["cosine"] >= 0.9999
    assert set(parity["controls"]) == {"swapped channels", "wrong standard deviation"}
    for control in parity["controls"].values():
        assert control["relative_error"] > 0.1 and control["cosine"] < 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", ["_bn1.bias", "_blocks.7._bn1.running_var", "_conv_stem.weight"])
def test_a_network_with_one_changed_weight_is_not_the_original(tmp_path: Path, name: str) -> None:
    folder = find_backbone("efficientnet-lite0")
    model = onnx.load(folder / "model.onnx")
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == name]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.05), name))
    card = Card.read(folder / "card.toml")
    data = model.SerializeToString()
    (tmp_path / "model.onnx").write_bytes(data)
    changed = {**vars(card), "files": make_card(data).files, "precisions": {}, "quantization": {}}
    Card(**changed).write(tmp_path / "card.toml")
    # The last of all checks: the others pass.
    with pytest.raises(BackboneError, match="its codes are not those of the original"):
        verify_backbone(tmp_path, parity=True)


def test_the_shipped_int8_file_is_checked_like_the_first(found: dict[str, Any]) -> None:
    int8 = found["precisions"]["int8"]
    assert "equal bits in batches of 1, 3 and 8" in int8["checks"] and int8["images"] == 24
    assert int8["sha256"] == Card.read(find_backbone("efficientnet-lite0") / "card.toml").files["int8.onnx"]
    assert int8["cosine"] > 0.97


@pytest.fixture
def further(tmp_path: Path) -> Callable[[bytes], Path]:
    """Return a function that writes a small network whose int8 file is of these bytes."""
    from small_convolutions import write_convolutions

    def write(model: bytes) -> Path:
        folder = write_convolutions(tmp_path / "net")
        (folder / "int8.onnx").write_bytes(model)
        card = Card.read(folder / "card.toml")
        files = {**card.files, "int8.onnx": hashlib.sha256(model).hexdigest()}
        card = dataclasses.replace(card, files=files, precisions={"int8": "int8.onnx"})
        card.write(folder / "card.toml")
        return folder

    return write


def test_an_int8_file_of_another_network_is_told_by_its_codes(further: Callable[[bytes], Path]) -> None:
    from small_convolutions import draw_pictures, make_backbone

    from cnncodes.backbones.quantizing.quantization import quantize

    [right] = quantize(make_backbone(), draw_pictures(32), ("uint8",))
    assert verify_backbone(further(right.backbone.model_bytes()))["precisions"]["int8"]["cosine"] > 0.99
    [wrong] = quantize(make_backbone(mean=(250.0, 0.0, 0.0)), draw_pictures(32), ("uint8",))
    with pytest.raises(BackboneError, match=r"cosine of its int8 codes with those of fp32 is -0\.\d+ on 24"):
        verify_backbone(further(wrong.backbone.model_bytes()))


@pytest.mark.parametrize(
    ("mean", "std", "swapped", "words"),
    [
        ((103.53, 116.28, 123.675), 58.0, True, "with swapped channels"),
        ((123.675, 116.28, 103.53), 50.0, False, "with a wrong standard deviation"),
    ],
)
def test_an_int8_file_of_the_network_fed_wrongly_is_told(
    further: Callable[[bytes], Path], mean: tuple[float, ...], std: float, swapped: bool, words: str
) -> None:
    """Such codes have a cosine that rounding alone may cost as well."""
    from small_convolutions import draw_pictures, make_backbone

    from cnncodes.backbones.quantizing.quantization import quantize

    model = onnx.load_from_string(make_backbone(mean=mean, std=std).model_bytes())
    if swapped:
        [first] = [tensor for tensor in model.graph.initializer if tensor.name == "w1"]
        first.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(first)[:, ::-1].copy(), "w1"))
    data = model.SerializeToString()
    wrong = Backbone.from_bytes(data, make_card(data, code_size=16, name="conv"))
    [quantized] = quantize(wrong, draw_pictures(32), ("uint8",))
    with pytest.raises(BackboneError, match=f"nearer to those of fp32 of the same photos {words}"):
        verify_backbone(further(quantized.backbone.model_bytes()))


def test_a_card_that_says_another_normalisation_than_the_graph_does_is_told(tmp_path: Path) -> None:
    from small_convolutions import write_convolutions

    folder = write_convolutions(tmp_path / "net")
    assert "normalisation" in verify_backbone(folder)["checks"]
    card = Card.read(folder / "card.toml")
    dataclasses.replace(card, mean=(100.0, 116.28, 103.53)).write(folder / "card.toml")
    words = r"card says mean 100, 116\.28, 103\.53 and std 58, 58, 58, and the graph has 123\.675,"
    with pytest.raises(BackboneError, match=words):
        verify_backbone(folder)


def test_an_int8_file_that_is_damaged_or_none_is_told(further: Callable[[bytes], Path]) -> None:
    folder = further(b"no network")
    with pytest.raises(BackboneError, match=r"int8\.onnx of 'conv' does not start"):
        verify_backbone(folder)
    (folder / "int8.onnx").write_bytes(b"another")
    with pytest.raises(CardError, match=r"int8\.onnx of backbone 'conv' has sha256"):
        verify_backbone(folder)


@pytest.mark.parametrize(
    ("operator", "domain", "version", "words"),
    [
        ("Odd", "my.ops", 1, "has the operator 'Odd' of 'my.ops', which the installed ONNX Runtime does not"),
        ("Odd", "my.ops", None, "has the operator 'Odd' of 'my.ops', and does not say of which version"),
        ("Odd", "", None, "has an operator 'Odd', which ONNX's operator set 18 does not have. Export"),
    ],
)
def test_an_operator_of_somebodys_own_is_named(
    place: Place, operator: str, domain: str, version: int | None, words: str
) -> None:
    folder = place()
    model = onnx.load(folder / "model.onnx")
    model.graph.node[1].op_type, model.graph.node[1].domain = operator, domain
    if version is not None:
        model.opset_import.append(onnx.helper.make_opsetid(domain, version))
    data = model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    make_card(data).write(folder / "card.toml")
    with pytest.raises(BackboneError, match=re.escape(f"model.onnx of 'small' does not start: it {words}")):
        verify_backbone(folder)


@pytest.mark.parametrize(
    ("opset", "ir_version", "words"),
    [
        (99, 10, "it is of ONNX's operator set 99, and the installed ONNX Runtime knows up to "),
        (18, 999, "it is of ONNX's file format 999, and the installed ONNX Runtime knows up to "),
    ],
)
def test_a_graph_that_is_newer_than_the_runtime_says_so(
    place: Place, opset: int, ir_version: int, words: str
) -> None:
    folder = place()
    model = onnx.load(folder / "model.onnx")
    model.opset_import[0].version, model.ir_version = opset, ir_version
    data = model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    make_card(data).write(folder / "card.toml")
    with pytest.raises(BackboneError, match=re.escape(f"does not start: {words}")) as caught:
        verify_backbone(folder)
    assert str(caught.value).endswith(
        f"Upgrade onnxruntime, or export the network with an older {'set' if opset == 99 else 'onnx'}."
    )


@pytest.mark.parametrize("length", [0, 10, 200, -3])
def test_a_file_that_was_cut_off_before_its_card_was_written_is_told(place: Place, length: int) -> None:
    folder = place()
    data = (folder / "model.onnx").read_bytes()[:length]
    (folder / "model.onnx").write_bytes(data)
    make_card(data).write(folder / "card.toml")
    for load in (verify_backbone, partial(load_backbone, layer="code")):
        with pytest.raises(BackboneError, match=r"no ONNX file, or one that is damaged or cut off\. Export"):
            load(folder)


@pytest.mark.slow
@pytest.mark.parametrize("fact", ["frame", "mean"])
def test_parity_compares_how_pictures_are_fed(tmp_path: Path, fact: str) -> None:
    folder = find_backbone("efficientnet-lite0")
    card = Card.read(folder / "card.toml")
    changed: dict[str, Any] = {"frame": dataclasses.replace(card.frame, resize=400), "mean": (120.0,) * 3}
    (tmp_path / "model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    files = {"model.onnx": card.files["model.onnx"]}
    card = dataclasses.replace(card, files=files, precisions={}, quantization={}, **{fact: changed[fact]})
    card.write(tmp_path / "card.toml")
    with pytest.raises(BackboneError, match=f"its card (has|says) {fact}"):
        verify_backbone(tmp_path, parity=True)
