"""Loading a backbone: which file and which layers, and what is no way to say that."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.errors import BackboneError, UsageError


def test_a_missing_model_is_named(place: Callable[..., Path]) -> None:
    folder = place()
    (folder / "model.onnx").unlink()
    with pytest.raises(BackboneError, match=r"model\.onnx cannot be read: No such file"):
        load_backbone(folder)


def test_nothing_but_names_and_folders_is_taken() -> None:
    with pytest.raises(UsageError, match="name or a folder. Got int"):
        load_backbone(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layer": 3}, "layers must be text, such as 'add_3' or 'add_3,code'. Got int instead."),
        ({"layer": ["code"]}, "layers must be text"),
        ({"layer": b"code"}, "Got bytes instead"),
        ({"pool": 3}, "pool must be one of mean, max, both. Got 3 instead."),
        ({"pool": ["mean"]}, "Got ['mean'] instead"),
        ({"precision": 3}, "unknown precision 3. Known: auto, bf16, fp16, fp32, int8."),
        ({"precision": ["int8"]}, "unknown precision ['int8']"),
    ],
)
def test_what_says_which_codes_are_wanted_has_to_be_text(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        load_backbone("efficientnet-lite0", **arguments)


def test_a_backbone_says_its_precision_and_loads_the_one_that_is_asked_for(shipped: Backbone) -> None:
    int8 = load_backbone(precision="int8")
    assert (shipped.precision, int8.precision) == ("fp32", "int8")
    assert load_backbone(precision="fp32").sha256 == shipped.sha256 != int8.sha256
    assert int8.sha256 == shipped.card.files["int8.onnx"]
    copy = pickle.loads(pickle.dumps(int8))
    assert (copy.precision, copy.sha256) == ("int8", int8.sha256)


def test_a_precision_that_is_not_there_or_unknown_is_refused() -> None:
    with pytest.raises(BackboneError, match=r"has no fp16 file; it has fp32, int8\."):
        load_backbone(precision="fp16")
    with pytest.raises(UsageError, match=r"unknown precision 'int4'. Did you mean 'int8'\?"):
        load_backbone(precision="int4")


def test_two_poolings_that_differ_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'add_3; max' are to be pooled by 'max', and pool .* is 'mean'"):
        load_backbone(layer="add_3; max", pool="mean")
    assert load_backbone(layer="add_3; max", pool="max").card.layer == "add_3; max"


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_a_pooling_without_a_layer_is_refused(pool: str) -> None:
    with pytest.raises(UsageError, match=rf"pool='{pool}' says how .* and no layer is given: name a layer"):
        load_backbone(pool=pool)
