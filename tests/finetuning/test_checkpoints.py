"""A training on disk: all of it comes back; of another training it is refused, damaged it is replaced."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from cnncodes.errors import ResultWarning, StoreError  # noqa: E402
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


@pytest.mark.slow
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


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    data[-50] ^= 1
    whole = path.read_bytes()
    path.write_bytes({"changed": bytes(data), "cut": whole[:-50], "other": b"x" * 99, "empty": b""}[how])


def write(path: Path, epoch: int) -> None:
    Checkpoint(path, "this").write(State(epoch=epoch), {"a": torch.full((100,), float(epoch))}, {}, {}, None)


@pytest.mark.parametrize("how", ["changed", "cut", "other", "empty"])
def test_where_one_is_damaged_the_one_before_is_gone_on_with(how: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, 1)
    write(path, 2)
    damage(path, how)
    with pytest.warns(
        ResultWarning, match=r"a is damaged, .* a.damaged .*: the one before it is gone on with"
    ):
        found = Checkpoint(path, "this").read()
    assert found is not None and found[0].epoch == 1 and found[1]["a"][0] == 1
    assert (tmp_path / "a.damaged").exists()  # whoever wants to may look at it
    again = Checkpoint(path, "this").read()
    assert again is not None and again[0].epoch == 1
    write(path, 2)
    found = Checkpoint(path, "this").read()
    assert found is not None and found[0].epoch == 2


def test_any_flipped_bit_is_found(tmp_path: Path) -> None:
    """In the header as well: names, types and shapes, the state, the rate, and which tensors are shared."""
    path, before = tmp_path / "a", tmp_path / "a.previous"
    weight, optimizer = train("sgd")
    network = {"a.b": weight.detach(), "c": torch.ones(3, dtype=torch.int64)}
    state = State("network", 2, 5, [FIGURES], 1.25, 0.001)
    for _ in range(2):
        Checkpoint(path, "this").write(state, network, dict(network), {}, optimizer.state_dict())
    whole = path.read_bytes()
    told: list[str] = []
    for at in range(0, len(whole), max(1, len(whole) // 210)):
        data = bytearray(whole)
        data[at] ^= 1 << at % 8
        path.write_bytes(data)
        before.write_bytes(whole)
        Checkpoint(path, "this", told.append).read()
        assert (tmp_path / "a.damaged").read_bytes() == data, (at, whole[at - 20 : at + 20])
        (tmp_path / "a.damaged").unlink()
    assert len(told) >= 200


def test_where_both_are_damaged_it_starts_anew_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, 1)
    write(path, 2)
    damage(path, "cut")
    damage(path.with_name("a.previous"), "cut")
    damaged = path.read_bytes(), path.with_name("a.previous").read_bytes()
    with pytest.warns(ResultWarning) as told:
        assert Checkpoint(path, "this").read() is None
    assert [str(one.message).rpartition(": ")[2] for one in told] == [
        "the one before it is gone on with.",
        "the training starts anew.",
    ]
    assert Checkpoint(path, "this").read() is None
    assert (path.with_name("a.damaged").read_bytes(), path.with_name("a.damaged-2").read_bytes()) == damaged


@pytest.mark.parametrize("name", ["a", "a.previous"])
def test_a_folder_in_its_place_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(StoreError, match=rf"{name} is a folder, where the checkpoint .* remove it or call"):
        Checkpoint(tmp_path / "a", "this").read()


def test_one_of_another_training_is_left_alone_also_where_it_is_damaged(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    damage(tmp_path / "a", "changed")
    with pytest.raises(StoreError, match="checkpoint of another training"):
        Checkpoint(tmp_path / "a", "that").read()
    assert (tmp_path / "a").exists()


def test_a_kill_between_two_leaves_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    (tmp_path / "a").rename(tmp_path / "a.previous")
    found = Checkpoint(tmp_path / "a", "this").read()
    assert found is not None and found[0].epoch == 1


def test_weights_that_are_kept_as_they_are_take_no_room_twice(tmp_path: Path) -> None:
    """Bits are compared: -0 is not 0, and NaN is itself."""
    values = torch.tensor([0.0, float("nan")]).repeat(500_000)
    network, average = {"a": values, "b": torch.zeros(2)}, {"a": values + 1, "b": torch.ones(2)}
    file = Checkpoint(tmp_path / "one", "this")
    for kept, room in (
        ({"a": values.clone(), "b": -torch.zeros(2)}, 8.1e6),
        ({"a": values + 1, "b": torch.ones(2)}, 8.1e6),
        ({"a": values + 2, "b": torch.ones(2)}, 12.1e6),
    ):
        file.write(State(), network, kept, average, None)
        assert file.path.stat().st_size < room
        found = file.read()
        assert found is not None
        for given, again in zip((network, kept, average), found[1:4], strict=True):
            assert {name: value.numpy().tobytes() for name, value in given.items()} == {
                name: value.numpy().tobytes() for name, value in again.items()
            }
        found[3]["a"].add_(1)  # as a moving average moves
        assert found[2]["a"].numpy().tobytes() == kept["a"].numpy().tobytes()
