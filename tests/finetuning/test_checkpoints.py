"""A training on disk: all of it comes back, and what is damaged or of another training is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from cnncodes.errors import StoreError  # noqa: E402
from cnncodes.finetuning.checkpoints import Checkpoint, State  # noqa: E402
from cnncodes.finetuning.history import EpochFigures  # noqa: E402

pytestmark = pytest.mark.torch

FIGURES = EpochFigures("start", 0, float("nan"), 0.5, 0.8, 0.7, 0.9, 0.1, 0.0, 0.2, 50, True, 0.0, 0.0, 1.0)


def train(optimizer_name: str) -> tuple[Any, Any]:
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    kind = torch.optim.AdamW if optimizer_name == "adamw" else torch.optim.SGD
    options = {} if optimizer_name == "adamw" else {"momentum": 0.9}
    optimizer = kind([{"params": [weight], "share": 0.1}], lr=0.1, **options)
    for _ in range(3):
        optimizer.zero_grad()
        (weight**2).sum().backward()
        optimizer.step()
    return weight, optimizer


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_all_of_it_comes_back(name: str, tmp_path: Path) -> None:
    weight, optimizer = train(name)
    state = State("network", 2, 5, [FIGURES], 1.25, 0.003)
    network, best = {"a.b": weight.detach(), "head/bias": torch.ones(1)}, {"a.b": weight.detach() + 1}
    file = Checkpoint(tmp_path / "checkpoint.safetensors", "this")
    file.write(state, network, best, {}, optimizer.state_dict())
    found = file.read()
    assert found is not None
    again, tensors, better, average, optimized = found
    assert [one.to_dict() for one in again.history] == [FIGURES.to_dict()]
    assert dataclasses.replace(again, history=[]) == dataclasses.replace(state, history=[])
    assert all(torch.equal(tensors[key], value) for key, value in network.items())
    assert torch.equal(better["a.b"], best["a.b"]) and average == {}
    fresh = train(name)[1]
    fresh.load_state_dict(optimized)
    for key, value in optimizer.state_dict()["state"][0].items():
        assert torch.equal(torch.as_tensor(fresh.state_dict()["state"][0][key]), torch.as_tensor(value))
    assert fresh.param_groups[0]["share"] == 0.1


def test_without_a_file_there_is_nothing(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "none", "this").read() is None


def test_that_of_another_training_is_refused(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "a", "this").write(State(), {"a": torch.ones(1)}, {}, {}, None)
    with pytest.raises(StoreError, match="checkpoint of another training"):
        Checkpoint(tmp_path / "a", "that").read()


def test_a_number_that_has_changed_is_noticed(tmp_path: Path) -> None:
    file = Checkpoint(tmp_path / "a", "this")
    file.write(State(), {"a": torch.ones(100)}, {}, {}, None)
    data = bytearray((tmp_path / "a").read_bytes())
    data[-50] ^= 1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"):
        file.read()


@pytest.mark.parametrize("damage", ["cut", "other", "empty"])
def test_a_damaged_file_is_named(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    Checkpoint(path, "this").write(State(), {"a": torch.ones(100)}, {}, {}, None)
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-50], "other": b"x" * 99, "empty": b""}[damage])
    with pytest.raises(StoreError, match=r"the checkpoint .* is damaged: remove it"):
        Checkpoint(path, "this").read()
