"""Pulling a ready backbone from a hub: a repository that holds a card and the files that it names."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cnncodes.backbones.card import Card
from cnncodes.backbones.checking.verification import verify_backbone
from cnncodes.backbones.exporting.addresses import Address, parse_address
from cnncodes.backbones.exporting.hub import Repository, fetch_file, find_repository
from cnncodes.backbones.zoo import models_folder, user_models_folder
from cnncodes.errors import BackboneError, sentence

_CARD = "card.toml"

#: What a backbone's files may be: what is pulled is data, and nothing that something could run.
_KINDS = (".onnx", ".json", ".toml", ".txt", ".md", ".npy")


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
        Put it into the place of another backbone that is there.

    Raises
    ------
    BackboneError
        If the repository is no backbone (the text says what makes one of it), a file is not what the card
        says, the backbone is not sound, or another one is in its place.
    """
    parsed = parse_address(address)
    if parsed.source != "hf-hub" or parsed.file is not None:
        raise BackboneError(f"{address!r} is no repository of a ready backbone. {_advise(parsed)}")
    repository = find_repository(parsed)
    if _CARD not in repository.hashes:
        raise BackboneError(
            f"{repository} is no ready backbone: it has no {_CARD} beside an ONNX file. {_advise(parsed)}"
        )
    fetched = fetch_file(repository, _CARD)
    card = Card.read(fetched)
    _check_names(card, repository)
    folder = Path(out) if out is not None else _find_place(card)
    if _is_there(folder, fetched, card, replace=replace):
        return Pulled(folder, card, repository.commit, changed=False)
    with _place(folder) as new:
        for name in (_CARD, *card.files):
            shutil.copyfile(fetch_file(repository, name), new / name)
        verify_backbone(new)
    return Pulled(folder, card, repository.commit, changed=True)


def _advise(address: Address) -> str:
    return f"'cnncodes models export {address}' makes a backbone of a network; pull takes hf-hub:OWNER/REPO."


def _check_names(card: Card, repository: Repository) -> None:
    for name in card.files:
        if not name.lower().endswith(_KINDS):
            raise BackboneError(
                f"the card of {repository} names {name!r}: files of backbones end in {', '.join(_KINDS)}."
            )
        if name == _CARD or name not in repository.hashes:
            raise BackboneError(f"{repository} lacks the file {name!r} that its card names.")


def _find_place(card: Card) -> Path:
    if (models_folder() / card.name).exists():
        raise BackboneError(
            f"a backbone {card.name!r} comes with cnncodes and would be found first: give this one another"
            " folder, -o FOLDER."
        )
    return user_models_folder() / card.name


def _is_there(folder: Path, fetched: Path, card: Card, *, replace: bool) -> bool:
    """Tell whether a folder has this backbone already, and raise if it has something that is not to go."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if not (folder / _CARD).is_file():
        raise BackboneError(f"{str(folder)!r} is there and is no backbone: give another folder, -o FOLDER.")
    if (folder / _CARD).read_bytes() == fetched.read_bytes():
        with contextlib.suppress(BackboneError):  # damaged: it is fetched again
            verify_backbone(folder)
            return True
    elif not replace:
        raise BackboneError(
            f"{str(folder)!r} holds another backbone than {card.name!r} of the repository: --replace puts"
            " this one into its place, -o FOLDER elsewhere."
        )
    return False


@contextlib.contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, and put it into place when that is done; what was there goes then."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".pull-") as space:
            new, old = Path(space) / "new", Path(space) / "old"
            new.mkdir()
            yield new
            if folder.exists():
                os.rename(folder, old)
            try:
                os.rename(new, folder)
            except OSError:
                if old.exists():
                    os.rename(old, folder)
                raise
    except OSError as error:
        raise BackboneError(
            f"{str(folder)!r} cannot be written: {sentence(error.strerror or error)}"
        ) from error
