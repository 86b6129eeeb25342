"""Putting an exported network into a folder, where nothing of another one goes unasked."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path

from cnncodes.backbones.card import Card
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.staging import stage_files
from cnncodes.backbones.graphs.dense import DENSE_FILE
from cnncodes.backbones.graphs.picks import OUTPUT, Pick, was_picked
from cnncodes.errors import BackboneError, CardError, sentence

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
    before = read_place(folder, (MODEL_FILE, DENSE_FILE))
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


def check_is_folder(folder: Path) -> None:
    """Raise `BackboneError` where something is there that is no folder."""
    if folder.exists() and not folder.is_dir():
        raise BackboneError(
            f"{str(folder)!r} is no folder: -o takes the folder for the network and its card."
        )


def read_place(folder: Path, names: Iterable[str]) -> Card | None:
    """Return the card of the backbone that a folder holds, None where it holds nothing.

    Parameters
    ----------
    folder : Path
    names : iterable of str
        Of the files that are to come into it.

    Raises
    ------
    BackboneError
        If it holds something that is no backbone's, which may be the user's own: a file of these names that
        no card there names, a card of something else, or without a card anything at all.
    """
    path = folder / CARD_FILE
    try:
        before = Card.read(path) if path.is_file() else None
    except CardError as error:
        raise BackboneError(
            f"{str(folder)!r} holds a {CARD_FILE} that is no backbone's, or is damaged ({error}): give"
            " another folder, -o FOLDER, or move it away."
        ) from error
    named = before.files if before else {}
    for name in names:
        if (folder / name).exists() and name not in (CARD_FILE, *named):
            raise BackboneError(
                f"{str(folder / name)!r} is there already and belongs to no backbone: give another folder, -o"
                " FOLDER."
            )
    if before is None:
        check_folder(folder)
    return before


def check_folder(folder: Path, endings: tuple[str, ...] = ()) -> None:
    """Raise `BackboneError` where a folder without a card holds files: a backbone's would lie among others.

    Hidden files are no matter, nor are those with one of the endings.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        raise BackboneError(
            f"{str(folder)!r} cannot be used as a folder: {sentence(error.strerror or error)} Give another"
            " one, -o FOLDER."
        ) from error
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
        If there is another one by now, unless it may be replaced; or if a file cannot be written: what was
        there is unchanged then.
    """
    before = read_place(folder, files)
    differing = _compare(before, card) if before else []
    if before is not None and not differing:
        card = take_over(folder, before, card)
    elif before is not None and not replace:
        raise _say_other(folder, before, card.name, differing)
    with stage_files(folder) as stage:
        for name, data in {**files, CARD_FILE: card.to_toml().encode()}.items():
            stage.write(name, data)
        stage.commit(order_files(before, files), set(before.files) - set(card.files) if before else ())
    return card


def order_files(before: Card | None, names: Iterable[str]) -> list[str]:
    """Return the files of a network and its card in the order in which they come into their folder.

    After a kill in between the same command has to do: an old card stands until all is there; where there is
    none the new one comes first, since files without a card are taken for the user's own.
    """
    return [CARD_FILE, *names] if before is None else [*names, CARD_FILE]


def _compare(before: Card, card: Card) -> list[str]:
    """Return what of two backbones differs, by the names that a card has for it."""
    differing = [fact for fact in _FACTS if getattr(before, fact) != getattr(card, fact)]
    graphs = [one.files[one.model_file] for one in (before, card)]
    return differing if graphs[0] == graphs[1] else [*differing, "sha256"]


def take_over(folder: Path, before: Card, card: Card) -> Card:
    """Return a network's card with what was made in its folder of the same network before, if it is sound."""
    made = {
        precision: name for precision, name in before.precisions.items() if _is_sound(folder, before, name)
    }
    replaced = {name for precision, name in card.precisions.items() if precision in made}
    files = {name: digest for name, digest in card.files.items() if name not in replaced}
    if DENSE_FILE in before.files and DENSE_FILE not in files and _is_sound(folder, before, DENSE_FILE):
        files[DENSE_FILE] = before.files[DENSE_FILE]
    facts = {key: value for key, value in before.quantization.items() if key in made}
    return dataclasses.replace(
        card,
        files={**files, **{name: before.files[name] for name in made.values()}},
        precisions={**card.precisions, **made},
        quantization={**card.quantization, **facts},
    )


def _is_sound(folder: Path, card: Card, name: str) -> bool:
    try:
        with open(folder / name, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == card.files[name]
    except OSError:
        return False


def _say_other(folder: Path, before: Card, name: str, differing: list[str]) -> BackboneError:
    what = ", ".join("graph" if fact == "sha256" else fact for fact in differing)
    return BackboneError(
        f"{str(folder)!r} holds another backbone, {before.name!r} ({before.source_weights}; {before.layer};"
        f" {before.frame.height} x {before.frame.width}), that differs in {what}: --replace puts"
        f" {name!r} into its place, and what was made of the other one goes, -o FOLDER elsewhere."
    )
