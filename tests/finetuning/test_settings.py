"""How a network is fine-tuned: every value checked, all problems said at once."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest

from cnncodes.errors import UsageError
from cnncodes.finetuning.settings import FineTuning
from cnncodes.schema import from_mapping


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("base_lr", 0.0, "must be above 0 and at most 1,000,000. Got 0.0"),
        ("base_lr", -0.1, "above 0 and at most 1,000,000"),
        ("base_lr", math.nan, "must be above 0 and at most 1,000,000. Got nan"),
        ("base_lr", math.inf, "must be above 0 and at most 1,000,000. Got inf"),
        ("warmup_epochs", math.inf, "must be a finite number of at least 0. Got inf"),
        ("base_lr", "seek", "a number above 0, or 'find'"),
        ("backbone_lr_mult", 0.0, "above 0"),
        ("layer_decay", 1.5, "above 0 and at most 1"),
        ("epochs", 0, "at least 1"),
        ("epochs", 2.5, "a whole number"),
        ("freeze_epochs", -1, "at least 0"),
        ("batch_size", 0, "at least 1"),
        ("ema", 1.0, "below 1"),
        ("label_smoothing", -0.1, "at least 0"),
        ("validation", 0.9, "at most 0.5"),
        ("optimizer", "adam", "adamw, sgd"),
        ("unfreeze", "none", "'cnncodes fit'"),
        ("device", "tpu", "auto, cpu, cuda or cuda:N"),
        ("device", "cuda:x", "auto, cpu, cuda or cuda:N"),
        ("unfreeze", " ", "last:N"),
        ("unfreeze", 2, "above 0 and at most 1. Got 2. For the last 2 blocks give 'last:2'"),
        ("unfreeze", 1.5, "a share of the layers must be above 0 and at most 1. Got 1.5."),
        ("unfreeze", "1.5", "above 0 and at most 1. Got 1.5"),
        ("unfreeze", math.nan, "above 0 and at most 1. Got nan"),
        ("unfreeze", "-1e-9", "above 0 and at most 1. Got -1e-9"),
        (
            "unfreeze",
            "last: 2",
            "'last:2', in small letters and without blanks. Got 'last: 2'",
        ),
        ("unfreeze", "LAST:2", "must be written 'last:2'"),
        ("unfreeze", " All", "must be written 'all'"),
        ("unfreeze", "last:0", "last:N takes a whole number of blocks, from 1 on. Got 'last:0'"),
        ("cache", "many", "amount of disk"),
        ("random_state", -1, "at least 0"),
        ("class_weight", "even", "must be 'balanced' or a dictionary. Got 'even'"),
        ("class_weight", {"a": 0.0}, "weights above 0. Got 0.0 of 'a'"),
        ("class_weight", {"a": "2"}, "weights above 0. Got '2' of 'a'"),
        ("class_weight", {"a": math.inf}, "weights above 0. Got inf of 'a'"),
        ("class_weight", [1, 2], "must be text or a dictionary"),
        ("checkpoint_minutes", 0, "above 0"),
    ],
)
def test_a_value_that_cannot_be_right_is_named(name: str, value: Any, said: str) -> None:
    with pytest.raises(UsageError, match=f"^{name} ") as caught:
        FineTuning(**{name: value})
    assert said in str(caught.value)


def test_a_share_may_be_a_number() -> None:
    assert FineTuning(unfreeze=0.3) == FineTuning(unfreeze="0.3")
    assert FineTuning(cache=0).cache == 0
    for tiny in (1e-9, "1e-9"):
        assert FineTuning(unfreeze=tiny).unfreeze == "0.000000001"
    for name in ("2", "layer1.0", "nano", "1e", "last:12", "last"):
        assert FineTuning(unfreeze=name).unfreeze == name


def test_more_batches_to_a_step_than_there_are_is_refused() -> None:
    assert FineTuning(accumulate=2).choose_batch_size(38) == 32
    with pytest.raises(
        UsageError,
        match=r"accumulate \(--accumulate\) 3 is more than the 2 batches of 32 that 38 images make",
    ):
        FineTuning(accumulate=3).choose_batch_size(38)


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(UsageError, match=r"epochs .*\. base_lr ") as caught:
        FineTuning(epochs=0, base_lr=-1.0)
    assert str(caught.value).count("is wrong") == 2


def test_each_setting_is_explained() -> None:
    for field in dataclasses.fields(FineTuning):
        assert f"{field.name}" in str(FineTuning.__doc__)
        assert field.metadata["help"].endswith((".", "]"))


@pytest.mark.parametrize(("asked", "images", "given"), [(None, 1000, 32), (None, 7, 7), (64, 64, 64)])
def test_the_batch_has_at_most_all_images(asked: int | None, images: int, given: int) -> None:
    assert FineTuning(batch_size=asked).choose_batch_size(images) == given


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"batch_size \(--batch-size\) 65 is more than the 64 images .* give 64 or less"
    ):
        FineTuning(batch_size=65).choose_batch_size(64)


NUMPY = {int: (np.int64, np.int32), float: (np.float64, np.float32), bool: (np.bool_,), str: (np.str_,)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((one.name, one.default) for one in dataclasses.fields(FineTuning) if one.default is not None),
        ("unfreeze", 0.25),
        ("base_lr", 0.5),
        ("batch_size", 16),
        ("cache", 10**6),
    ],
)
def test_numbers_of_numpy_are_numbers(name: str, value: Any) -> None:
    """A search over rates takes them from an array."""
    for kind in NUMPY[type(value)]:
        settings = FineTuning(**{name: kind(value)})
        found = getattr(settings, name)
        assert type(found) is type(getattr(FineTuning(**{name: value}), name))
        assert found == pytest.approx(getattr(FineTuning(**{name: value}), name)) or name == "unfreeze"
        assert json.dumps(dataclasses.asdict(settings))
        assert from_mapping(FineTuning, {name: kind(value)}) == settings
    with pytest.raises(UsageError, match=r"epochs must be a whole number\. Got 2\.0 instead"):
        FineTuning(epochs=np.float64(2))  # type: ignore[arg-type]


def test_weights_of_classes_are_plain_numbers() -> None:
    given = {np.str_("a"): np.float32(2), "b": 1, np.int64(3): 0.5}
    settings = FineTuning(class_weight=given)
    assert settings.class_weight == {"a": 2.0, "b": 1.0, 3: 0.5}
    assert json.loads(json.dumps(dataclasses.asdict(settings)))["class_weight"]["a"] == 2.0
    given["b"] = 7  # what is given may change afterwards
    assert settings.class_weight["b"] == 1.0  # type: ignore[index]
