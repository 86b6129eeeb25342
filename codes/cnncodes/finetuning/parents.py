"""Which network a rounded one was made from, as far as its card or a backbone at hand knows."""

from __future__ import annotations

from cnncodes.backbones import Card, find_backbone, list_backbones
from cnncodes.errors import CnnCodesError


def advise_parent(card: Card) -> str:
    """Return what to take in the place of a rounded network.

    Examples
    --------
    >>> import cnncodes
    >>> advise_parent(cnncodes.load_backbone(precision="int8").card)
    "take the fp32 network that it was made from, 'efficientnet-lite0' (--backbone efficientnet-lite0)"
    """
    take = "take the fp32 network that it was made from"
    name = _find_at_hand(card)
    if name is not None:
        return f"{take}, {name!r} (--backbone {name})"
    if card.parent is not None:
        return f"{take}, whose file has the sha256 {card.parent}; none at hand has"
    if card.address is not None:
        return f"{take}, of {card.address}, which 'cnncodes models export' makes a backbone of"
    return f"{take}; its card does not say which that is, and none at hand has such a file"


def _find_at_hand(rounded: Card) -> str | None:
    """Return the name of the first fp32 network that is the parent, or that has the file as a further one."""
    for name in list_backbones():
        try:
            card = Card.read(find_backbone(name) / "card.toml")
        except CnnCodesError:
            continue  # damaged, or of another version: no reason to say nothing of the others
        further = {card.files[file] for file in card.precisions.values()}
        is_parent = card.files[card.model_file] == rounded.parent
        if card.precision == "fp32" and (is_parent or rounded.files[rounded.model_file] in further):
            return name
    return None
