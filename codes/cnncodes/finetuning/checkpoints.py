"""Where a training stands, on disk: it goes on there after a kill."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnncodes.disk import find_free_name, parse_json
from cnncodes.errors import StoreError, sentence
from cnncodes.finetuning.history import HEAD_STAGE, EpochFigures
from cnncodes.finetuning.warning import warn
from cnncodes.store.files import atomic_write, writing_errors

Tensors = dict[str, Any]
#: State, network, kept weights, their average, and the optimiser's state.
Content = tuple["State", Tensors, Tensors, Tensors, dict[str, Any] | None]

_PARTS = ("network", "kept", "average")
#: What is added to the name of the one before, and of one that is damaged.
PREVIOUS, DAMAGED = ".previous", ".damaged"


@dataclass
class State:
    """Where a training stands.

    Attributes
    ----------
    stage : str
        The one at work.
    epoch, step : int
        Epochs done in it, and steps in the epoch at work.
    history : list of EpochFigures
    loss : float
        Sum of the losses of the epoch at work.
    base_lr : float
        The rate that it trains with, which may have been found.
    over : bool
        Whether it is: nothing but its result is kept then.
    threads : int
        That it was trained with, 0 where unknown: with others, sums of gradients have other last bits.
    """

    stage: str = HEAD_STAGE
    epoch: int = 0
    step: int = 0
    history: list[EpochFigures] = field(default_factory=list)
    loss: float = 0.0
    base_lr: float = 0.0
    over: bool = False
    threads: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """The file that holds it all, as safetensors: numbers and plain text, no code.

    The one before is kept beside it. A damaged one is renamed, and the one before takes its place: what is
    trained from there has the same bits. A kept weight that is the network's, or its average's, to the bit is
    not stored again.

    Parameters
    ----------
    path : Path
    identity : str
        Of the work: settings, data and graph. That of another one is refused.
    warn : callable
        Told of a damaged one, a line.
    explain : callable
        Takes the identity of another work and returns in words how that differs, empty where nobody knows.
    """

    path: Path
    identity: str
    warn: Callable[[str], None] = warn
    explain: Callable[[str], str] = lambda identity: ""

    @property
    def previous(self) -> Path:
        """The one before."""
        return self.path.with_name(self.path.name + PREVIOUS)

    def write(
        self,
        state: State,
        network: Tensors,
        kept: Tensors,
        average: Tensors,
        optimizer: dict[str, Any] | None,
    ) -> None:
        """Write where a training stands, whole or not at all."""
        from safetensors.torch import save

        shared = _find_shared(kept, {"network": network, "average": average})
        own = {name: value for name, value in kept.items() if name not in shared}
        tensors: Tensors = {}
        for part, named in zip(_PARTS, (network, own, average), strict=True):
            tensors |= {f"{part}|{name}": value.contiguous().clone() for name, value in named.items()}
        plain: dict[str, Any] = {}
        for number, values in (optimizer or {"state": {}})["state"].items():
            for key, value in values.items():
                if hasattr(value, "numpy"):
                    tensors[f"optimizer|{number}|{key}"] = value.contiguous().clone()
                else:
                    plain[f"{number}|{key}"] = value
        facts = {
            "identity": self.identity,
            "stage": state.stage,
            "epoch": state.epoch,
            "step": state.step,
            "loss": state.loss,
            "base_lr": state.base_lr,
            "over": state.over,
            "threads": state.threads,
            "shared": shared,
            "history": [figures.to_dict() for figures in state.history],
            "groups": None if optimizer is None else optimizer["param_groups"],
            "plain": plain,
            "sum": _add_up(tensors),
        }
        text = json.dumps(facts)
        data = save(tensors, {"cnncodes": text, "sum": _add_up({}, text)})
        with writing_errors(self.path):
            if self.path.exists():
                os.replace(self.path, self.previous)
        atomic_write(self.path, data)

    def read(self) -> Content | None:
        """Return what `write` was given, last or before that; None where there is no sound file.

        Raises
        ------
        StoreError
            If it cannot be read, or is of other work.
        """
        for path in (self.path, self.previous):
            found = self._open(path) if path.exists() else None
            if found is not None:
                return found
        return None

    def _unpack(self, facts: dict[str, Any], tensors: Tensors) -> Content:
        parts: dict[str, Tensors] = {part: {} for part in _PARTS}
        states: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            part, _, rest = name.partition("|")
            if part == "optimizer":
                number, _, key = rest.partition("|")
                states.setdefault(int(number), {})[key] = value
            else:
                parts[part][rest] = value
        for name, value in facts["plain"].items():
            number, _, key = name.partition("|")
            states.setdefault(int(number), {})[key] = value
        for name, part in facts["shared"].items():
            parts["kept"][name] = parts[part][name].clone()  # an average moves in place
        history = [EpochFigures.from_dict(values) for values in facts["history"]]
        names = ("stage", "epoch", "step", "loss", "base_lr", "over", "threads")
        state = State(**{name: facts[name] for name in names}, history=history)
        groups = facts["groups"]
        optimizer = None if groups is None else {"state": states, "param_groups": groups}
        return state, parts["network"], parts["kept"], parts["average"], optimizer

    def _open(self, path: Path) -> Content | None:
        """Return what a file holds; rename one that is damaged, and return None."""
        from safetensors import SafetensorError, safe_open

        if path.is_dir():
            raise StoreError(
                f"{path} is a folder, where the checkpoint of a training is kept: remove it or call it"
                " otherwise, or give another folder for the fine-tuning (-o)."
            )
        try:
            with safe_open(str(path), framework="pt") as file:
                text = file.metadata()["cnncodes"]
                if file.metadata()["sum"] != _add_up({}, text):
                    raise ValueError(text)
                facts = parse_json(text)
                self._check_identity(path, facts["identity"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if facts["sum"] == _add_up(tensors):
                return self._unpack(facts, tensors)
        except OSError as error:
            raise StoreError(f"the checkpoint {path} cannot be read: {sentence(error)}") from error
        except (SafetensorError, ValueError, KeyError, TypeError):
            pass
        self._put_aside(path)
        return None

    def _check_identity(self, path: Path, identity: str) -> None:
        if identity == self.identity:
            return
        begin = f"{path} is the checkpoint of another training"
        if known := self.explain(identity):
            raise StoreError(
                f"{begin}: {known}. Put that back, and the same command goes on with it; or give another"
                " folder (-o), or remove the file to start anew here."
            )
        raise StoreError(
            f"{begin}, of other images, settings or weights, or by another version of cnncodes. Give another"
            " folder (-o), or remove it to start anew here."
        )

    def _put_aside(self, path: Path) -> None:
        aside = find_free_name(self.path.with_name(self.path.name + DAMAGED))
        with writing_errors(path):
            os.replace(path, aside)
        there = path == self.path and self.previous.exists()
        then = "the one before it is gone on with" if there else "the training starts anew"
        self.warn(f"the checkpoint {path} is damaged, and called {aside.name} from now on: {then}")


def _find_shared(kept: Tensors, others: dict[str, Tensors]) -> dict[str, str]:
    """Return which kept tensors have the bits of another part's, and of which."""
    return {
        name: part
        for name, value in kept.items()
        for part, named in others.items()
        if name in named and named[name].shape == value.shape and (_bits(named[name]) == _bits(value)).all()
    }


def _add_up(tensors: Tensors, text: str = "") -> str:
    """Return the CRC-32 of a text and of tensors: names, types, shapes and numbers, by name."""
    total = zlib.crc32(text.encode())
    for name in sorted(tensors):
        value = tensors[name]
        total = zlib.crc32(f"{name}\n{value.dtype}{tuple(value.shape)}".encode(), total)
        total = zlib.crc32(_bits(value), total)
    return f"{total:08x}"


def _bits(tensor: Any) -> Any:
    return tensor.detach().cpu().contiguous().reshape(-1).numpy().view("uint8")
