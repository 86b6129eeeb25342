"""Placing a file of less precision beside the one that it was made from, with its entry on the card."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.errors import BackboneError

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone, Card
    from cnncodes.backbones.precisions import Quantization


@dataclass(frozen=True)
class Place:
    """Where a further file of a backbone goes.

    Attributes
    ----------
    source : Path
        The folder of the backbone.
    out : Path
        The folder that gets the file: the same, or a copy, which need not be there yet.
    card : Card
        What stands on the card there now, or will stand there without the file.
    """

    source: Path
    out: Path
    card: Card


def find_place(name: str, precision: str, out: str | None) -> Place:
    """Return where a further file of a backbone goes; asked before it is made.

    That is `out`, else the backbone's own folder; those that come with cnncodes are not touched, and a copy
    is made in the user's folder of models.

    Raises
    ------
    BackboneError
        If the folder holds another network, or other things.
    StoreError
        If nothing can be written there.
    """
    from cnncodes.backbones import Card, find_backbone, models_folder, user_models_folder
    from cnncodes.backbones.exporting.placing import check_folder
    from cnncodes.store.files import check_writable

    source = find_backbone(name)
    card = Card.read(source / "card.toml")
    folder = source if out is None else Path(out)
    if out is None and models_folder().resolve() in source.resolve().parents:
        card = dataclasses.replace(card, name=f"{card.name}-{precision}", address=card.address or card.name)
        folder = user_models_folder() / card.name
    if (folder / "card.toml").is_file():
        there = Card.read(folder / "card.toml")
        if there.files[there.model_file] != card.files[card.model_file]:
            raise BackboneError(
                f"{str(folder)!r} holds another network, {there.name!r}: give another folder with -o."
            )
        card = there
    elif folder.resolve() != source.resolve():
        check_folder(folder, (".onnx",))  # of a run that was interrupted
        card = _leave_out(card, precision)
    check_writable(folder / "card.toml", follow=False)
    return Place(source, folder, card)


def _leave_out(card: Card, precision: str) -> Card:
    """Return the card of a copy that is to have another file of that precision."""
    file = card.precisions.get(precision)
    return dataclasses.replace(
        card,
        files={name: digest for name, digest in card.files.items() if name != file},
        precisions={key: name for key, name in card.precisions.items() if key != precision},
        quantization={key: facts for key, facts in card.quantization.items() if key != precision},
    )


def add_file(place: Place, made: Backbone, facts: Quantization) -> Card:
    """Write a file, and what else its folder lacks, then the card, at once; return the card.

    Until the card is there, the folder is what it was before, however the work ends.
    """
    from cnncodes.store.files import write_file

    card, precision, data = place.card, made.precision, made.model_bytes()
    for name in card.files:
        if not (place.out / name).exists():
            write_file(place.out / name, (place.source / name).read_bytes(), follow=False)
    before = card.precisions.get(precision)
    name = made.card.model_file
    if (place.out / name).exists() and card.files.get(name) != made.sha256:
        name = f"{precision}-{made.sha256[:8]}.onnx"  # what the card names now stays as long as it does
    files = {key: digest for key, digest in card.files.items() if key != before}
    changed = dataclasses.replace(
        card,
        files={**files, name: made.sha256},
        precisions={**card.precisions, precision: name},
        quantization={**card.quantization, precision: facts},
    )
    write_file(place.out / name, data, follow=False)  # a link may lead to another's store of files
    write_file(place.out / "card.toml", changed.to_toml().encode(), follow=False)
    if before is not None and before != name:
        with contextlib.suppress(OSError):  # nothing reads it any more
            (place.out / before).unlink()
    return changed
