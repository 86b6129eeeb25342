"""Putting an exported network into a folder, where nothing of another one goes unasked."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path

from cnncodes.backbones.card import Card
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.graphs.dense import DENSE_FILE
from cnncodes.backbones.graphs.layers import Pick, was_picked
from cnncodes.errors import BackboneError

CARD_FILE = "card.toml"
MODEL_FILE = "model.onnx"

#: Asked for as a layer: what the network gives, where it has no classifier.
OUTPUT = "output"

#: What makes codes what they are, beside the graph.
_FACTS = ("name", "layer", "code_size", "value_range", "mean", "std", "frame")


def check_place(
    folder: Path, original: Original, layer: str | None, pool: str, *, replace: bool = False
) -> None:
    """Raise where a folder holds something that an export would replace; asked before the work.

    What only the finished graph can tell is left to `place_network`.

    Raises
    ------
    BackboneError
        If there is another backbone, unless it may be replaced, or a file that no card there names, which may
        be the user's own or even the source.
    """
    before = _read_card(folder)
    named = before.files if before else {}
    for name in (MODEL_FILE, DENSE_FILE):
        if (folder / name).exists() and name not in named:
            raise BackboneError(
                f"{str(folder / name)!r} is there already and belongs to no backbone: give another folder, -o"
                " FOLDER."
            )
    if before is None or replace:
        return
    same = before.source_weights.startswith(original.weights) and all(
        getattr(before, fact) == getattr(original, fact) for fact in ("name", "mean", "std", "frame")
    )
    if layer not in (None, OUTPUT):
        same = same and before.layer == str(Pick.parse(str(layer), pool))
    elif was_picked(before.layer):
        same = False
    if not same:
        raise _say_other(folder, before, original.name)


def place_network(folder: Path, card: Card, files: dict[str, bytes], *, replace: bool = False) -> Card:
    """Put a network into a folder and return its card there.

    The files of another that was there go; what was made of the very same one stays.

    Raises
    ------
    BackboneError
        If there is another one by now, unless it may be replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = _read_card(folder)
    old = before.files if before else {}
    if before is not None and _is_same(before, card):
        card = _take_over(before, card)
    elif before is not None and not replace:
        raise _say_other(folder, before, card.name)
    for name, data in files.items():
        _replace(folder / name, data)
    _replace(folder / CARD_FILE, card.to_toml().encode())
    for name in set(old) - set(card.files):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    return card


def _read_card(folder: Path) -> Card | None:
    path = folder / CARD_FILE
    return Card.read(path) if path.is_file() else None


def _is_same(before: Card, card: Card) -> bool:
    graphs = [one.files[one.model_file] for one in (before, card)]
    return graphs[0] == graphs[1] and all(getattr(before, fact) == getattr(card, fact) for fact in _FACTS)


def _take_over(before: Card, card: Card) -> Card:
    """Return the card with what was made of the same network before."""
    made = [name for name in (*before.precisions.values(), DENSE_FILE) if name in before.files]
    return dataclasses.replace(
        card,
        files={**{name: before.files[name] for name in made}, **card.files},
        precisions=before.precisions,
        quantization=before.quantization,
    )


def _say_other(folder: Path, before: Card, name: str) -> BackboneError:
    return BackboneError(
        f"{str(folder)!r} holds another backbone, {before.name!r} ({before.source_weights}; {before.layer};"
        f" {before.frame.height} x {before.frame.width}): --replace puts {name!r} into its place, and what"
        " was made of the other one goes, -o FOLDER elsewhere."
    )


def _replace(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
