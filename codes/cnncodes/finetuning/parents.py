"""Which network a rounded one was made from, as far as its card or a backbone at hand knows."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path

from cnncodes.backbones import Card, find_backbone, list_backbones
from cnncodes.errors import CnnCodesError


def advise_parent(card: Card, folder: Path | None = None) -> str:
    """Return what to take in the place of a rounded network.

    Parameters
    ----------
    card : Card
    folder : Path, optional
        Where it was loaded from: its parent may lie there, too.

    Examples
    --------
    >>> import cnncodes
    >>> advise_parent(cnncodes.load_backbone(precision="int8").card)
    "take the fp32 network that it was made from, 'efficientnet-lite0' (--backbone efficientnet-lite0)"
    """
    take = "take the fp32 network that it was made from"
    named = dict(_list_named())
    if folder is not None and folder not in named.values() and _is_made_of(card, folder):
        return f"{take}, in the same folder (--backbone {shlex.quote(str(folder))})"
    name = next((name for name, place in named.items() if _is_made_of(card, place)), None)
    if name is not None:
        return f"{take}, {name!r} (--backbone {name})"
    if card.parent is not None:
        return f"{take}, whose file has the sha256 {card.parent}; none at hand has"
    if card.address is not None:
        return f"{take}, of {card.address}, which 'cnncodes models export' makes a backbone of"
    return f"{take}; its card does not say which that is, and none at hand has such a file"


def _list_named() -> Iterator[tuple[str, Path]]:
    """Yield the backbones at hand, by names that mean no folder here as well."""
    for name in list_backbones():
        with contextlib.suppress(CnnCodesError):
            yield name, find_backbone(name)


def _is_made_of(rounded: Card, folder: Path) -> bool:
    """Tell whether a folder has the fp32 network that is the parent, or has the file as a further one."""
    try:
        card = Card.read(folder / "card.toml")
    except CnnCodesError:
        return False  # damaged, or of another version: no reason to say nothing of the others
    further = {card.files[file] for file in card.precisions.values()}
    is_parent = card.files[card.model_file] == rounded.parent
    return card.precision == "fp32" and (is_parent or rounded.files[rounded.model_file] in further)
