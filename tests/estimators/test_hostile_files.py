"""A damaged or hostile file is refused by name, and nothing in it is run."""

from __future__ import annotations

import functools
import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

import cnncodes
from cnncodes import load
from cnncodes.errors import BackboneError, SavedModelError, UsageError
from cnncodes.estimators import archive
from cnncodes.estimators.saving import load_predictor, read_kind

UNSAFE = "not known to be safe"


class OwnHead(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]


def change(path, target, changes):
    """Copy a saved file with members replaced, added, or (None) left out."""
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    members |= changes
    with zipfile.ZipFile(target, "w") as archive_:
        for name, data in members.items():
            if data is not None:
                archive_.writestr(name, data)
    return target


def change_card(path, target, **changes):
    card = json.loads(zipfile.ZipFile(path).read("card.json"))
    for keys, value in changes.items():
        *parents, last = keys.split("__")
        functools.reduce(dict.__getitem__, parents, card)[last] = value
    return change(path, target, {"card.json": json.dumps(card).encode()})


def forget_members(path, target, changes):
    """Copy a saved file with such changes, and a card that names no members, as those of before."""
    card = json.loads(zipfile.ZipFile(path).read("card.json"))
    del card["members"]
    return change(path, target, {"card.json": json.dumps(card).encode(), **changes})


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def refused(path, text, error=SavedModelError):
    with pytest.raises(error, match=text):
        load_predictor(path)


# Reading what is no saved classifier


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", pickle.dumps({"a": 1}), b"PK\x03\x04" + b"\0" * 40],
)
def test_no_zip(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    refused(tmp_path / "a", "is no saved classifier, or is damaged")


def test_a_pointer_of_git_lfs(tmp_path):
    (tmp_path / "a").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n")
    refused(tmp_path / "a", "is no saved classifier: a pointer of Git LFS stands in its place: fetch")


def test_nothing_there(tmp_path):
    refused(tmp_path / "gone", "there is no saved classifier at")
    with pytest.raises(SavedModelError, match="there is no saved classifier at"):
        load(tmp_path / "gone")
    refused(tmp_path, "it has no card.json")


def test_a_folder_of_other_things_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "photo.jpg")  # who reads it waits forever
    refused(tmp_path, "it has no card.json")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_a_truncated_file(saved, tmp_path, keep):
    data = saved("ridge").read_bytes()
    (tmp_path / "a").write_bytes(data[: int(len(data) * keep)])
    refused(tmp_path / "a", "is damaged")


def test_every_flipped_byte_is_found_or_harmless(saved, fitted, pictures, tmp_path):
    """CRC-32 guards each member; what lies between them may be whatever it likes."""
    data = bytearray(saved("ridge").read_bytes())
    expected = load_predictor(saved("ridge")).head.to_arrays()
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(data), 30):
        changed = data.copy()
        changed[position] ^= 0xFF
        (tmp_path / "a").write_bytes(changed)
        try:
            head = load_predictor(tmp_path / "a").head
        except SavedModelError:
            continue
        for name, array in head.to_arrays().items():
            np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize(
    "name",
    [
        "evil.py",
        "../evil.py",
        "/etc/evil",
        "head/more.npy",
        "head/head.skops",
        "backbone/other.onnx",
        "head/",
    ],
)
def test_an_unexpected_member_is_named(saved, tmp_path, name):
    refused(change(saved("ridge"), tmp_path / "a", {name: b"x"}), f"holds '{name}', which no saved")
    assert not (tmp_path.parent / "evil.py").exists()


def test_another_model_beside_the_cards_own(fitted, tmp_path):
    fitted("ridge").save(tmp_path / "a")
    refused(change(tmp_path / "a", tmp_path / "b", {"backbone/x.onnx": b"x"}), "holds 'backbone/x.onnx'")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice(saved, tmp_path):
    path = change(saved("ridge"), tmp_path / "a", {})
    with zipfile.ZipFile(path, "a") as target:
        target.writestr("card.json", b"{}")
    refused(path, "holds 'card.json' twice")


@pytest.mark.parametrize(
    ("member", "array", "text"),
    [
        ("training/answer_probability.npy", np.ones(3, np.float64), "float32 probabilities"),
        ("training/answer_probability.npy", np.full(18, 1.5, np.float32), "float32 probabilities"),
        ("training/answer_probability.npy", np.full(18, np.nan, np.float32), "float32 probabilities"),
        ("training/answer_right.npy", np.ones(17, np.bool_), "as many bool"),
        ("training/answer_groups.npy", np.zeros(17, np.int32), "the numbers of the groups of 18 images"),
        ("training/answer_groups.npy", np.zeros(18, np.int64), "the numbers of the groups of 18 images"),
        ("training/answer_groups.npy", np.arange(18, dtype=np.int32) - 1, "the numbers of the groups of 18"),
        ("training/answer_groups.npy", np.full(18, 9, np.int32), "the numbers of the groups of 18 images"),
        ("training/answer_groups.npy", np.full(18, 2**31 - 1, np.int32), "the numbers of the groups of 18"),
        ("novelty/means.npy", np.ones((2, 1280), np.float32), "not those of 3 classes"),
        ("novelty/axes.npy", np.ones((2, 8), np.float32), "not those of 3 classes"),
        ("novelty/spread.npy", np.zeros(3, np.float32), "not those of 3 classes"),
        ("novelty/distances.npy", np.array([2, 1], np.float32), "not those of 3 classes"),
        ("novelty/distances.npy", np.array([], np.float32), "not those of 3 classes"),
        ("novelty/distances.npy", np.array([np.inf], np.float32), "not those of 3 classes"),
    ],
)
def test_wrong_arrays_of_what_is_not_known(saved, tmp_path, member, array, text):
    refused(change(saved("ridge"), tmp_path / "a", {member: npy(array)}), text)


@pytest.mark.parametrize("prefix", ["training/answer_", "novelty/"])
def test_half_of_what_is_not_known(saved, tmp_path, prefix):
    with zipfile.ZipFile(saved("ridge")) as source:
        members = [name for name in source.namelist() if name.startswith(prefix)]
    assert len(members) > 1
    refused(change(saved("ridge"), tmp_path / "a", {members[0]: None}), f"lacks '{members[0]}'")


@pytest.mark.parametrize("gone", ["training/groups.npy", "training/answer_groups.npy", "novelty/axes.npy"])
def test_a_member_that_some_files_have_is_missed_where_it_is_gone(make, pictures, tmp_path, gone):
    clf = make("ridge").fit(pictures.arrays, pictures.labels, groups=np.arange(18) // 2)
    clf.save(tmp_path / "a", include_backbone=False)
    refused(change(tmp_path / "a", tmp_path / "b", {gone: None}), f"b lacks '{gone}': it is damaged")
    assert load(tmp_path / "a").predict(pictures.arrays[:1]).tolist() == ["dark"]
    for wrong in ("training", [1], None):
        refused(change_card(tmp_path / "a", tmp_path / "c", members=wrong), "must be a list of names")


def test_a_card_that_names_no_members_is_read(make, pictures, tmp_path):
    clf = make("ridge").fit(pictures.arrays, pictures.labels, groups=np.arange(18) // 2)
    clf.save(tmp_path / "a", include_backbone=False)
    old = forget_members(tmp_path / "a", tmp_path / "old", {"training/groups.npy": None})
    assert not len(load_predictor(old).trained_groups) and len(load_predictor(tmp_path / "a").trained_groups)


def test_a_file_of_format_1_is_read_and_says_what_it_cannot_do(saved, tmp_path, pictures):
    with zipfile.ZipFile(saved("ridge")) as source:
        names = [name for name in source.namelist() if name.startswith(("training/answer_", "novelty/"))]
    old = forget_members(saved("ridge"), tmp_path / "new", dict.fromkeys(names))
    loaded = load(change_card(old, tmp_path / "old", format=1)).set_params(n_jobs=1)
    assert loaded.predict(pictures.arrays[:1]).tolist() == ["dark"]
    with pytest.raises(UsageError, match="keeps no out-of-fold answers"):
        loaded.predict_or_abstain(pictures.arrays[:1])
    with pytest.raises(UsageError, match="keeps nothing to measure novelty by"):
        loaded.novelty(pictures.arrays[:1])


@pytest.mark.parametrize(
    ("card", "text"),
    [
        (None, "it has no card.json"),
        (b"not json", "damaged: JSONDecodeError"),
        (b"\xff{}", "damaged: Unicode"),
        (b"[" * 100_000, "damaged: .*nested too deeply|damaged: JSON"),
        (b"[]", "card.json is of something else"),
        (b"{}", "card.json is of something else"),
        (
            b'{"kind": "image-classifier", "format": 3}',
            r"is of format 3; this version .* reads formats 1 and 2\. Upgrade",
        ),
        (b'{"kind": "image-classifier"}', r"does not say of what format it is.* 2\. The file is damaged"),
        (
            b'{"kind": "image-classifier", "format": 1}',
            "damaged: its card.json lacks 'backbone', 'classes', ",
        ),
    ],
)
def test_a_wrong_card(saved, tmp_path, card, text):
    path = change(saved("ridge"), tmp_path / "a", {"card.json": card})
    refused(path, text)
    with pytest.raises(SavedModelError, match=text):
        read_kind(path)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"head": []}, "damaged: TypeError"),
        ({"head__type": "pickle"}, "head of unknown type 'pickle'"),
        ({"head__type": "skops"}, "which no saved classifier has"),
        ({"classes": ["dark", "light", "blue"]}, "the classes of its head are not those of its card"),
        ({"space__decoding": "magic"}, "decode must be"),
        ({"test_plan": {"crops": "none"}}, "crops|missing"),
        ({"backbone__included": True}, "lacks 'backbone/card.toml'"),
        ({"backbone__name": "../../models/efficientnet-lite0"}, "no name in the zoo"),
        ({"backbone__name": "/tmp"}, "no name in the zoo"),
        ({"backbone__name": 5}, "no name in the zoo"),
        ({"backbone__sha256": "0" * 64}, "was trained on the backbone .* with sha256 0000"),
        ({"space__backbone_sha256": "0" * 64}, "the backbone is not the one it was trained on"),
        ({"run": "x"}, "its card.json holds 'run', which no saved classifier has: it was not loaded"),
        ({"params__n_jobs": 9}, "its card.json holds 'params.n_jobs', which no saved"),
        ({"backbone__path": "/tmp"}, "its card.json holds 'backbone.path', which no saved"),
        ({"head__module": "os"}, "its card.json holds 'head.module', which no saved"),
        ({"space__more": 1}, "a space has no field 'more'"),
        ({"train_plan__more": 1}, "'more'"),
        ({"test_plan__more": 1}, "'more'"),
        ({"train_plan": {"crops": "none"}}, "crops|missing"),
        ({"params__class_weight": [[1]]}, "damaged: ValueError"),
        ({"params": []}, "damaged: TypeError"),
        ({"params": "x"}, "damaged: TypeError"),
        ({"params__aggregate": "max"}, "aggregate must be one of"),
        ({"images": "many"}, "damaged: its card says nothing sensible"),
        ({"images": 0}, "damaged: its card says nothing sensible"),
        ({"cnncodes": 5}, "damaged: its card says nothing sensible"),
    ],
)
def test_a_changed_card(saved, tmp_path, changes, text):
    refused(change_card(saved("ridge"), tmp_path / "a", **changes), text, cnncodes.errors.CnnCodesError)


def test_a_card_without_a_key_says_which(saved, tmp_path):
    card = json.loads(zipfile.ZipFile(saved("ridge")).read("card.json"))
    del card["classes"], card["shares"]  # older files have no shares
    path = change(saved("ridge"), tmp_path / "a", {"card.json": json.dumps(card).encode()})
    refused(path, "is damaged: its card.json lacks 'classes'.$")
    del card["space"]["layer"]
    card["classes"] = ["dark", "light"]
    refused(change(saved("ridge"), tmp_path / "b", {"card.json": json.dumps(card).encode()}), "lacks 'layer'")


def test_a_backbone_that_is_not_in_the_zoo(saved, tmp_path):
    path = change_card(saved("ridge"), tmp_path / "a", backbone__name="efficientnet-lite9")
    refused(path, "Did you mean 'efficientnet-lite0'", BackboneError)


def test_another_network_in_the_file(fitted, tmp_path):
    fitted("ridge").save(tmp_path / "a")
    name = fitted("ridge").backbone.card.model_file
    path = change(tmp_path / "a", tmp_path / "b", {f"backbone/{name}": b"another network"})
    refused(path, "but its card says", BackboneError)


@pytest.mark.parametrize(
    ("member", "data", "text"),
    [
        ("head/coef.npy", None, "lacks 'head/coef.npy'"),
        ("head/coef.npy", npy(np.zeros((2, 1280))), "classes do not fit"),
        ("head/coef.npy", npy(np.zeros((3, 7))), "takes 7 columns and its codes have 1280"),
        ("head/coef.npy", npy(np.full((3, 1280), np.nan)), "a is damaged: .* finite"),
        ("head/coef.npy", npy(np.array([["a"]])), "do not fit together"),
        ("head/coef.npy", npy(np.zeros((3, 1280)))[:-8], "its header promises"),
        ("head/coef.npy", npy(np.zeros((3, 1280))).replace(b"(3, 1280), }", b"(3, 10**9)}"), "damaged"),
        ("head/coef.npy", npy(np.zeros((3, 1280))).replace(b"(3, 1280)", b"(9**9999,)"), "damaged"),
        ("head/coef.npy", b"", "damaged at 'head/coef.npy'"),
        ("head/coef.npy", pickle.dumps(np.zeros((3, 1280))), "damaged at 'head/coef.npy'"),
        ("head/classes.npy", npy(np.array([{}, print], dtype=object)), "damaged at 'head/classes.npy'"),
        ("head/intercept.npy", npy(np.zeros((3, 1))), "needs coef"),
        ("head/temperature.npy", npy(np.array(-1.0)), "temperature must be"),
        ("training/contents.npy", None, "lacks 'training/contents.npy'"),
        ("training/contents.npy", npy(np.zeros((2, 1), np.uint64)), "sorted list of uint64"),
        ("training/contents.npy", npy(np.array(7, np.uint64)), "sorted list of uint64"),
        ("training/contents.npy", npy(np.arange(3)), "sorted list of uint64"),
        ("training/contents.npy", npy(np.array([2, 1], np.uint64)), "sorted list of uint64"),
        ("training/contents.npy", npy(np.array([1, 1], np.uint64)), "sorted list of uint64"),
        ("training/contents.npy", npy(np.arange(3).astype(">u8")), "sorted list of uint64"),
        ("training/contents.npy", npy(np.array([print], dtype=object)), "damaged at 'training/contents"),
        ("training/contents.npy", pickle.dumps(np.arange(3)), "damaged at 'training/contents.npy'"),
    ],
)  # fmt: skip
def test_changed_arrays(saved, tmp_path, member, data, text):
    refused(change(saved("ridge"), tmp_path / "a", {member: data}), text)


@pytest.mark.parametrize(
    ("name", "member", "data", "text"),
    [
        ("knn", "head/rows.npy", None, "lacks 'head/rows.npy'"),
        (
            "knn",
            "head/rows.npy",
            npy(np.zeros((18, 7), np.float32)),
            "mean must have the shape|takes 7 columns",
        ),
        ("knn", "head/labels.npy", npy(np.full(18, 3)), "labels must be whole numbers from 0 to 2"),
        ("knn", "head/weight.npy", npy(np.full(18, np.nan)), "weight must be finite"),
        ("knn", "head/k.npy", npy(np.array(["1"] * 2)), "k must hold numbers"),
        ("knn", "head/coef.npy", npy(np.zeros(3)), "which no saved classifier has"),
        ("rbf-svm", "head/support.npy", pickle.dumps(np.zeros(3)), "damaged at 'head/support.npy'"),
        ("rbf-svm", "head/support.npy", npy(np.full((2, 1280), 1e30)), "support must be finite and up to 1e"),
        ("rbf-svm", "head/dual.npy", npy(np.zeros((1, 2))), "dual must have the shape"),
        ("rbf-svm", "head/gamma.npy", npy(np.array(-1.0)), "gamma must be above 0"),
        ("rbf-svm", "head/intercept.npy", npy(np.zeros(3, complex)), "intercept must hold numbers"),
    ],
)
def test_damaged_heads_of_rows(saved, tmp_path, name, member, data, text):
    refused(change(saved(name), tmp_path / "a", {member: data}), text)


def test_a_zip_of_arrays_in_place_of_one(saved, tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, coef=np.zeros((3, 1280)))
    refused(change(saved("ridge"), tmp_path / "a", {"head/coef.npy": buffer.getvalue()}), "damaged at")


# Bombs


def bomb(path, name, size):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as target:
        target.writestr(name, b"\0" * size)


def test_a_member_that_shrinks_a_thousandfold(saved, tmp_path):
    path = change(saved("ridge"), tmp_path / "a", {"head/coef.npy": None})
    bomb(path, "head/coef.npy", 40_000_000)
    refused(path, "holds 'head/coef.npy' of 40000000 bytes in a file of [0-9]+: too large")


def test_a_member_that_promises_more_than_memory_holds(saved, tmp_path):
    data = bytearray(saved("ridge").read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 0xF0000000)
    (tmp_path / "a").write_bytes(data)
    refused(tmp_path / "a", "'card.json' of 4026531840 bytes")


def test_a_bomb_inside_the_head(saved, tmp_path):
    inner = tmp_path / "inner"
    inner.write_bytes(zipfile.ZipFile(saved("svc")).read("head/head.skops"))
    bomb(inner, "99.npy", 40_000_000)
    path = change(saved("svc"), tmp_path / "a", {"head/head.skops": inner.read_bytes()})
    refused(path, "head.skops holds '99.npy' of 40000000 bytes")


def test_a_large_file_is_not_taken_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    (tmp_path / "a").write_bytes(b"x" * 1001)
    refused(tmp_path / "a", "is no saved classifier: 1001 bytes are too large")


# Hostile heads


def with_head(saved, target, data):
    return change(saved("svc"), target, {"head/head.skops": data})


def edit_schema(data, edit):
    """Change the schema of a skops file and keep its arrays."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    schema = json.loads(members["schema.json"])
    members["schema.json"] = json.dumps(edit(schema) or schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


def text_node(text):
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode",
            "content": json.dumps(text), "is_json": True}  # fmt: skip


@pytest.mark.parametrize("loader", ["ConstructorFromReduceNode", "ObjectNode", "FunctionNode", "TypeNode"])
def test_a_crafted_call_of_the_system_is_refused_and_not_run(saved, tmp_path, loader):
    trace = tmp_path / "run"
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode",
                 "content": [text_node(f"touch {trace}")]}  # fmt: skip
    node = {"__class__": "system", "__module__": "os", "__loader__": loader, "content": arguments}
    head = zipfile.ZipFile(saved("svc")).read("head/head.skops")

    def edit(schema):
        schema["content"]["content"]["kernel"] = node

    refused(with_head(saved, tmp_path / "a", edit_schema(head, edit)), f"with os.system, which is {UNSAFE}")
    whole = edit_schema(head, lambda schema: {**node, "protocol": schema["protocol"]})
    refused(with_head(saved, tmp_path / "b", whole), f"os.system, which is {UNSAFE}")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (OwnHead(), "OwnHead"),
        (functools.partial(os.system, "true"), "functools.partial"),
        (make_pipeline(FunctionTransformer(os.system), SVC()), "posix.system"),
        (make_pipeline(FunctionTransformer(print), SVC()), "builtins.print"),
        ([Path], "pathlib"),
    ],
)
def test_a_head_of_unknown_types_is_named(saved, tmp_path, head, named):
    path = with_head(saved, tmp_path / "a", skops.io.dumps(head))
    refused(path, f"{named}.*, which is {UNSAFE}: it was not loaded")


@pytest.mark.parametrize("head", [{"a": 1}, [1, 2], "text", Ridge(), SVC()])
def test_what_is_no_fitted_classifier(saved, tmp_path, head):
    path = with_head(saved, tmp_path / "a", skops.io.dumps(head))
    refused(path, f"holds a {type(head).__name__} as its head, which is no classifier")


def test_a_head_for_other_codes(saved, tmp_path):
    small = SVC().fit(np.eye(6), ["dark", "light", "red"] * 2)
    path = with_head(saved, tmp_path / "a", skops.io.dumps(small))
    refused(path, "its head takes 6 columns and its codes have 1280")


@pytest.mark.parametrize("data", [b"", b"no zip", pickle.dumps(SVC()), pickle.dumps(print)])
def test_a_pickle_in_place_of_the_head(saved, tmp_path, data):
    refused(with_head(saved, tmp_path / "a", data), "no saved classifier, or is damaged|is damaged")


@pytest.mark.parametrize(
    "edit",
    [
        lambda schema: {"protocol": 1},
        lambda schema: {**schema, "__loader__": "NoSuchNode"},
        lambda schema: {**schema, "protocol": 10**6},
        lambda schema: schema["content"]["content"].pop("classes_") and None,
        lambda schema: schema["content"]["content"]["classes_"].update(file="none.npy"),
    ],
)
def test_a_damaged_schema(saved, tmp_path, edit):
    head = zipfile.ZipFile(saved("svc")).read("head/head.skops")
    refused(with_head(saved, tmp_path / "a", edit_schema(head, edit)), "its head is damaged|no classifier")


def spoil_nodes(data, spoil):
    """Change the nodes of the first tree of a forest."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    for name in sorted(members):
        if name.endswith(".npy"):
            array = np.load(io.BytesIO(members[name]))
            if array.dtype.names and "left_child" in array.dtype.names and len(array) > 1:
                spoil(array)
                members[name] = npy(array)
                break
    else:
        raise AssertionError("no tree was found")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left_child", 10**6),
        ("right_child", 10**6),
        ("right_child", -5),
        ("left_child", 0),  # a ring: it would never end
        ("feature", 1280),
        ("feature", -7),
    ],
)
def test_a_tree_that_points_out_of_itself(saved, tmp_path, field, value):
    def spoil(nodes):
        nodes[field][0] = value

    head = zipfile.ZipFile(saved("forest")).read("head/head.skops")
    refused(with_head(saved, tmp_path / "a", spoil_nodes(head, spoil)), "a tree whose nodes point out of it")


@pytest.mark.parametrize(("name", "value"), [("node_count", 0), ("node_count", -1)])
def test_a_tree_without_nodes(saved, tmp_path, name, value):
    def edit(schema):
        def walk(node):
            if isinstance(node, dict):
                for key, child in node.items():
                    if key == name:
                        child.update(text_node(value), __id__=10**9)
                    else:
                        walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)

        walk(schema)

    head = zipfile.ZipFile(saved("forest")).read("head/head.skops")
    path = with_head(saved, tmp_path / "a", edit_schema(head, edit))
    refused(path, "a tree whose nodes point out of it")


def test_a_forest_whose_trees_want_other_columns(saved, pictures, tmp_path):
    wide = RandomForestClassifier(3, random_state=0).fit(
        np.random.default_rng(0).normal(size=(18, 9000)), pictures.labels
    )
    narrow = RandomForestClassifier(3, random_state=0).fit(np.eye(18, 1280), pictures.labels)
    narrow.estimators_[1] = wide.estimators_[1]
    path = with_head(saved, tmp_path / "a", skops.io.dumps(narrow))
    refused(path, "a tree whose nodes point out of it")
