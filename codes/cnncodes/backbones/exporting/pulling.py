"""Pulling a ready backbone from a hub: a repository that holds a card and the files that it names."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, fields
from pathlib import Path

from cnncodes.backbones.card import Card
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.backbones.exporting.addresses import Address, parse_address
from cnncodes.backbones.exporting.hub import Repository, fetch_file, find_repository
from cnncodes.backbones.exporting.placing import CARD_FILE, order_files, read_place, take_over
from cnncodes.backbones.exporting.staging import stage_files
from cnncodes.backbones.zoo import choose_own_folder
from cnncodes.errors import BackboneError, sentence

#: What a backbone's files may be: what is pulled is data, and nothing that something could run.
_KINDS = (".onnx", ".json", ".toml", ".txt", ".md", ".npy")

#: What may be added to a backbone that was pulled, which is the same one then.
_MADE = ("files", "precisions", "quantization")


@dataclass(frozen=True)
class Pulled:
    """What has been pulled.

    Attributes
    ----------
    folder : Path
    card : Card
    commit : str
        Of the repository.
    changed : bool
        False where the same backbone was there already.
    """

    folder: Path
    card: Card
    commit: str
    changed: bool


def pull_backbone(address: str, out: str | Path | None = None, *, replace: bool = False) -> Pulled:
    """Fetch a ready backbone, compare its files with its card, try it, and only then put it into place.

    Parameters
    ----------
    address : str
        ``hf-hub:OWNER/REPO``, with ``@REVISION`` after it or without.
    out : path, optional
        Folder for it; by default one of the card's name in the user's folder of models.
    replace : bool
        Put it into the place of another backbone that is there, whose files go. What was made of the very
        same one stays, as do files that no card names.

    Raises
    ------
    BackboneError
        If the repository is no backbone (the text says what makes one of it), a file is not what the card
        says, the backbone is not sound, another one or something else is in its place, or a file cannot be
        written. What was there is unchanged then.
    """
    parsed = parse_address(address)
    if parsed.source != "hf-hub" or parsed.file is not None:
        raise BackboneError(f"{address!r} is no repository of a ready backbone. {_advise(parsed)}")
    repository = find_repository(parsed)
    if CARD_FILE not in repository.hashes:
        raise BackboneError(
            f"{repository} is no ready backbone: it has no {CARD_FILE} beside an ONNX file. {_advise(parsed)}"
        )
    fetched = fetch_file(repository, CARD_FILE)
    card = Card.read(fetched)
    _check_names(card, repository)
    folder = Path(out) if out is not None else choose_own_folder(card.name)
    before = read_place(folder, card.files)
    if before is None:
        whole = card
    else:
        whole = _join(folder, before, card, may_replace=replace)
        if whole == before and _is_whole(folder):
            return Pulled(folder, whole, repository.commit, changed=False)
    names = [name for name in card.files if whole.files.get(name) == card.files[name]]
    with stage_files(folder) as stage:
        for name in (CARD_FILE, *card.files):
            stage.write(name, _read(fetch_file(repository, name)))
        verify_backbone(stage.path)
        if whole != card:
            stage.write(CARD_FILE, whole.to_toml().encode())
        stage.commit(order_files(before, names), set(before.files) - set(whole.files) if before else ())
    return Pulled(folder, whole, repository.commit, changed=True)


def _advise(address: Address) -> str:
    return f"'cnncodes models export {address}' makes a backbone of a network; pull takes hf-hub:OWNER/REPO."


def _check_names(card: Card, repository: Repository) -> None:
    for name in card.files:
        if not name.lower().endswith(_KINDS):
            raise BackboneError(
                f"the card of {repository} names {name!r}: files of backbones end in {', '.join(_KINDS)}."
            )
        if name == CARD_FILE or name not in repository.hashes:
            raise BackboneError(f"{repository} lacks the file {name!r} that its card names.")


def _join(folder: Path, before: Card, card: Card, *, may_replace: bool) -> Card:
    """Return the card of a backbone with what was made of the same one, and raise if another is not to go."""
    differing = [
        field.name
        for field in fields(Card)
        if field.name not in _MADE and getattr(before, field.name) != getattr(card, field.name)
    ]
    if before.files[before.model_file] != card.files[card.model_file]:
        differing.append("graph")
    if not differing:
        return take_over(folder, before, card)
    if not may_replace:
        raise BackboneError(
            f"{str(folder)!r} holds another backbone than {card.name!r} of the repository, which differs in"
            f" {', '.join(differing)}: --replace puts this one into its place, -o FOLDER elsewhere."
        )
    return card


def _is_whole(folder: Path) -> bool:
    """Tell whether a backbone is sound: what is damaged is fetched again."""
    with contextlib.suppress(BackboneError):
        verify_backbone(folder)
        return True
    return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BackboneError(f"{str(path)!r} cannot be read: {sentence(error.strerror or error)}") from error
