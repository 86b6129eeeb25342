"""Weights that a backbone's graph keeps in other files: found wherever they are, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from small_backbones import build_model, make_card

from cnncodes import ImageClassifier, load, load_backbone
from cnncodes.backbones import Backbone
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.backbones.running.outside_weights import DATA_LOCATION, INNER, NAME, check_self_contained
from cnncodes.errors import BackboneError, SavedModelError
from cnncodes.estimators.archive import open_archive, write_zip

REFUSED = "keeps the weight 'away' in another file"


def make_tensor(name: str = "away") -> Any:
    """Return a tensor whose data are in a file."""
    tensor = numpy_helper.from_array(np.ones(3, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def make_sparse() -> Any:
    places = numpy_helper.from_array(np.arange(3), "places")
    return helper.make_sparse_tensor(make_tensor(), places, [9])


def make_inner(*nodes: Any, tensors: tuple[Any, ...] = ()) -> Any:
    return helper.make_graph(nodes, "inner", [], [], tensors)


def hold(**attributes: Any) -> Any:
    return helper.make_node("Constant", [], ["held"], name="holder", **attributes)


def add_initializer(model: Any) -> None:
    model.graph.initializer.append(make_tensor())


def add_sparse_initializer(model: Any) -> None:
    model.graph.sparse_initializer.append(make_sparse())


def add_constant(model: Any) -> None:
    model.graph.node.append(hold(value=make_tensor()))


def add_constants(model: Any) -> None:
    model.graph.node.append(hold(values=[make_tensor("near"), make_tensor()]))
    model.graph.node[-1].attribute[0].tensors[0].CopyFrom(numpy_helper.from_array(np.ones(3), "near"))


def add_sparse_constant(model: Any) -> None:
    model.graph.node.append(hold(sparse_value=make_sparse()))


def add_sparse_constants(model: Any) -> None:
    model.graph.node.append(hold(sparse_values=[make_sparse()]))


def add_branch(model: Any) -> None:
    deeper = hold(then_branch=make_inner(hold(value=make_tensor())))
    model.graph.node.append(hold(body=make_inner(deeper)))


def add_branches(model: Any) -> None:
    model.graph.node.append(hold(bodies=[make_inner(tensors=(make_tensor(),))]))


def add_function(model: Any) -> None:
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("own", "f", [], ["held"], [hold(value=make_tensor())], opset))


def add_training(model: Any) -> None:
    model.training_info.add().algorithm.initializer.append(make_tensor())


@pytest.mark.parametrize(
    "add",
    [
        add_initializer,
        add_sparse_initializer,
        add_constant,
        add_constants,
        add_sparse_constant,
        add_sparse_constants,
        add_branch,
        add_branches,
        add_function,
        add_training,
    ],
)
def test_they_are_found_wherever_tensors_can_be(add: Callable[[Any], None]) -> None:
    model = onnx.load_from_string(build_model())
    add(model)
    with pytest.raises(BackboneError, match=REFUSED):
        check_self_contained(model.SerializeToString(), "the net")


def test_fields_are_onnxs_own() -> None:
    """Whatever message of ONNX leads to a tensor is looked through: the packages' own description says so."""
    onnx_name = onnx.TensorProto.DESCRIPTOR.full_name
    found: dict[str, dict[int, str]] = {}
    waiting = [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        message = waiting.pop()
        if message.name in found:
            continue
        inner = {field.number: field.message_type for field in message.fields if field.message_type}
        found[message.name] = {number: kind.name for number, kind in inner.items()}
        waiting += inner.values()

    def leads(name: str, seen: tuple[str, ...] = ()) -> bool:
        kinds = set(found[name].values()) - {*seen}
        return "TensorProto" in kinds or any(leads(kind, (*seen, name)) for kind in kinds)

    wanted = {"TensorProto"} | {name for name in found if leads(name)}
    expected = {
        name: {number: kind for number, kind in found[name].items() if kind in wanted}
        for name in wanted - {"TensorProto"}
    }
    assert onnx_name.endswith("TensorProto") and expected == INNER
    numbers = {field.name: field.number for field in onnx.TensorProto.DESCRIPTOR.fields}
    assert (numbers["name"], numbers["data_location"]) == (NAME, DATA_LOCATION)


def test_names_alone_are_no_such_weights() -> None:
    model = onnx.load_from_string(build_model())
    model.graph.node[0].name = "location"
    model.graph.initializer[0].doc_string = "location"
    check_self_contained(model.SerializeToString(), "the net")
    Backbone.from_bytes(model.SerializeToString(), make_card(model.SerializeToString()))


@pytest.mark.parametrize("end", [1, 30, -1])
def test_what_is_cut_off_is_told(end: int) -> None:
    model = onnx.load_from_string(build_model())
    model.graph.node[0].name = "location"
    data = model.SerializeToString()
    cut = data[: data.index(b"location") + 8 + end] if end > 0 else data[:end]
    with pytest.raises(BackboneError, match="damaged or cut off"):
        check_self_contained(cut, "the net")


def make_outside(folder: Path) -> Path:
    """Write a backbone whose weight lies beside its graph, where it is even as the graph says."""
    model = onnx.load_from_string(build_model("constant"))
    model.graph.node[-1].input[0] = "sum"
    model.graph.node.insert(
        len(model.graph.node) - 1, helper.make_node("Add", ["float_code", "away"], ["sum"])
    )
    model.graph.initializer.append(make_tensor())
    data = model.SerializeToString()
    folder.mkdir()
    (folder / "model.onnx").write_bytes(data)
    make_card(data).write(folder / "card.toml")
    (folder / "weights.bin").write_bytes(np.arange(3, dtype=np.float32).tobytes())
    return folder


def test_no_backbone_starts_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_outside(tmp_path / "net")
    monkeypatch.chdir(folder)  # where the runtime would find them
    said = f"model.onnx of 'small' {REFUSED}: .*'cnncodes models export' puts all weights into one"
    with pytest.raises(BackboneError, match=said):
        load_backbone(folder)
    with pytest.raises(BackboneError, match=REFUSED):
        load_backbone(folder, layer="code", pool="max")
    with pytest.raises(BackboneError, match=REFUSED):
        verify_backbone(folder)


def test_no_saved_classifier_starts_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model()
    images = [np.full((64, 64, 3), value, np.uint8) for value in (0, 20, 200, 250) * 3]
    backbone = Backbone.from_bytes(model, make_card(model))
    fitted = ImageClassifier(backbone=backbone, head="ridge").fit(images, ["a", "a", "b", "b"] * 3)
    fitted.save(tmp_path / "net.cnnc")
    archive = open_archive(tmp_path / "net.cnnc")
    members = {name: archive.read(name) for name in archive.sizes}
    [name] = [name for name in members if name.endswith(".onnx")]
    outside = (make_outside(tmp_path / "outside") / "model.onnx").read_bytes()
    monkeypatch.chdir(tmp_path / "outside")
    old, new = make_card(model).files["model.onnx"], make_card(outside).files["model.onnx"]
    changed = {key: data.replace(old.encode(), new.encode()) for key, data in members.items()}
    (tmp_path / "bad.cnnc").write_bytes(write_zip({**changed, name: outside}))
    with pytest.raises((SavedModelError, BackboneError), match=REFUSED):
        load(tmp_path / "bad.cnnc").predict(images)
