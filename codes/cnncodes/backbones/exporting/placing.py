"""Putting an exported network into a folder, where nothing of another one goes unasked."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path

from cnncodes.backbones.card import Card
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.graphs.dense import DENSE_FILE
from cnncodes.backbones.graphs.picks import OUTPUT, Pick, was_picked
from cnncodes.errors import BackboneError

CARD_FILE = "card.toml"
MODEL_FILE = "model.onnx"

#: What makes codes what they are, beside the graph.
_FACTS = ("name", "layer", "code_size", "value_range", "channels", "mean", "std", "frame")


def check_place(
    folder: Path, original: Original, layer: str | None, pool: str | None, *, replace: bool = False
) -> None:
    """Raise where a folder holds something that an export would replace; asked before the work.

    What only the finished graph can tell is left to `place_network`.

    Raises
    ------
    BackboneError
        If there is another backbone, unless it may be replaced, or a file that no card there names, which may
        be the user's own or even the source; or if there is no backbone, but something else.
    """
    before = _read_card(folder)
    named = before.files if before else {}
    for name in (MODEL_FILE, DENSE_FILE):
        if (folder / name).exists() and name not in named:
            raise BackboneError(
                f"{str(folder / name)!r} is there already and belongs to no backbone: give another folder, -o"
                " FOLDER."
            )
    if before is None:
        check_folder(folder)
    if before is None or replace:
        return
    facts = ("name", "channels", "mean", "std", "frame")
    differing = [fact for fact in facts if getattr(before, fact) != getattr(original, fact)]
    if not before.source_weights.startswith(original.weights):
        differing.append("source_weights")
    picked = before.layer if was_picked(before.layer) else None
    if picked != (None if layer in (None, OUTPUT) else str(Pick.parse(str(layer), pool))):
        differing.append("layer")
    if differing:
        raise _say_other(folder, before, original.name, differing)


def check_folder(folder: Path, endings: tuple[str, ...] = ()) -> None:
    """Raise `BackboneError` where a folder without a card holds files: a backbone's would lie among others.

    Hidden files are no matter, nor are those with one of the endings.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:  # not there yet, or no folder
        return
    others = [name for name in names if not (endings and name.endswith(endings))]
    if others:
        raise BackboneError(
            f"{str(folder)!r} holds other things ({', '.join(map(repr, others[:3]))}"
            f"{', …' if len(others) > 3 else ''}) and no backbone: give a folder that is new, empty or a"
            f" backbone's, such as -o {folder / 'NAME'}."
        )


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
    differing = _compare(before, card) if before else []
    if before is not None and not differing:
        card = _take_over(before, card)
    elif before is not None and not replace:
        raise _say_other(folder, before, card.name, differing)
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


def _compare(before: Card, card: Card) -> list[str]:
    """Return what of two backbones differs, by the names that a card has for it."""
    differing = [fact for fact in _FACTS if getattr(before, fact) != getattr(card, fact)]
    graphs = [one.files[one.model_file] for one in (before, card)]
    return differing if graphs[0] == graphs[1] else [*differing, "sha256"]


def _take_over(before: Card, card: Card) -> Card:
    """Return the card with what was made of the same network before."""
    made = [name for name in (*before.precisions.values(), DENSE_FILE) if name in before.files]
    return dataclasses.replace(
        card,
        files={**{name: before.files[name] for name in made}, **card.files},
        precisions=before.precisions,
        quantization=before.quantization,
    )


def _say_other(folder: Path, before: Card, name: str, differing: list[str]) -> BackboneError:
    what = ", ".join("graph" if fact == "sha256" else fact for fact in differing)
    return BackboneError(
        f"{str(folder)!r} holds another backbone, {before.name!r} ({before.source_weights}; {before.layer};"
        f" {before.frame.height} x {before.frame.width}), that differs in {what}: --replace puts"
        f" {name!r} into its place, and what was made of the other one goes, -o FOLDER elsewhere."
    )


def _replace(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
