"""Whether a backbone still gives the codes of the network that it was made from, which is made again."""

from __future__ import annotations

from typing import Any

from cnncodes.backbones.card import TUNED, Card
from cnncodes.backbones.checking.codes import expect
from cnncodes.backbones.checking.parity import Codes, compare_codes, compare_with_original
from cnncodes.backbones.exporting.addresses import parse_address
from cnncodes.backbones.exporting.drafts import Facts
from cnncodes.backbones.exporting.export import OWN_CODE, choose_reference, make_backbone
from cnncodes.backbones.exporting.layer_parity import find_layers, look_within
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.references import Images, Reference, run_controls
from cnncodes.backbones.exporting.resizing import resize_original
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.backbones.graphs.picks import OUTPUT, Pick, was_picked
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError, MissingFile, UsageError, sentence


def verify_parity(backbone: Backbone, address: str | None = None) -> dict[str, Any]:
    """Compare a backbone with the original network at its address, on photos.

    Parameters
    ----------
    backbone : Backbone
    address : str, optional
        The same with the folders of its files, which the card does not have.

    Returns
    -------
    dict
        The figures of `Parity`, and ``controls``, the same of the original fed in wrong ways. Where codes of
        picked layers are not found within the original, it is exported again and compared with that: then
        there are no controls, but ``own_code``, the figures of that export against the original.

    Raises
    ------
    BackboneError
        If it cannot be made again, the address is another's, or its codes are others.
    """
    from cnncodes.backbones.checking.photos import load_photos

    card = backbone.card
    if card.source_package == TUNED:
        raise BackboneError(
            f"{card.name!r} was fine-tuned: there is no original elsewhere. How close it is to the torch"
            f" network that was trained is on its card; what it came from has the sha256 {card.parent}."
        )
    original = _find_again(card, address)
    _expect_same_feeding(card, original, backbone)
    layer = card.layer if was_picked(card.layer) or card.layer == OUTPUT else None
    reference = choose_reference(original, layer)
    _expect_same_weights(backbone, reference)
    photos = load_photos(backbone.frame)
    ours, codes, controls = backbone.run(photos), reference.run(photos), run_controls(reference, photos)
    if was_picked(card.layer):
        found = _find_layers(card, reference, photos, ours, (codes, controls))
        if found is None:
            return _compare_with_another_export(backbone, original, photos)
        codes, controls = found
    sizes = (backbone.code_size, codes.shape[1])
    expect(sizes[0] == sizes[1], backbone, "its codes have {} values, the original's {}".format(*sizes))
    figures = _compare(backbone, ours, codes, controls)
    compared = {name: compare_codes(ours, wrong).to_dict() for name, wrong in controls.items()}
    return {**figures, "controls": compared}


def _find_layers(
    card: Card, reference: Reference, photos: Images, codes: Codes, own: tuple[Codes, dict[str, Codes]]
) -> tuple[Codes, dict[str, Codes]] | None:
    """Return what the original gives for picked layers, right and wrongly fed; None as in the export."""
    pick = Pick.parse(card.layer)
    sizes = [card.code_size] if len(pick.names) == 1 else [*(card.layers or {}).values()]
    if not sizes or any(key.startswith(OWN_CODE) for key in card.parity):
        return None
    return find_layers(codes, sizes, look_within(reference, photos, pick, *own))


def _compare_with_another_export(backbone: Backbone, original: Original, photos: Images) -> dict[str, Any]:
    """Compare picked layers with those of the original as it is exported now, itself compared with that."""
    card = backbone.card
    try:
        other = make_backbone(original, card.layer)
    except UsageError as error:
        raise BackboneError(
            f"the layers of {card.name!r} are not found again in what its original is exported to now:"
            f" {sentence(error)} Versions of torch other than the card's may be why."
        ) from error
    sizes = (backbone.code_size, other.code_size)
    expect(sizes[0] == sizes[1], backbone, "its codes have {} values, the original's {}".format(*sizes))
    figures = _compare(backbone, backbone.run(photos), other.run(photos), {})
    own = {key.removeprefix(OWN_CODE): value for key, value in other.card.parity.items()}
    return {**figures, "controls": {}, "own_code": own}


def _compare(backbone: Backbone, ours: Codes, theirs: Codes, controls: dict[str, Codes]) -> dict[str, Any]:
    try:
        return compare_with_original(ours, theirs, controls).to_dict()
    except BackboneError as error:
        raise BackboneError(f"backbone {backbone.card.name!r} fails: {sentence(error)}") from error


def _expect_same_feeding(card: Card, original: Original, backbone: Backbone) -> None:
    """Compare what is no part of the graph: how pictures are cut, and what was said of the normalisation."""
    if original.is_file:  # what feeds it, its own card said
        return
    facts = ("frame", "channels", "mean", "std")
    differing = [fact for fact in facts if getattr(card, fact) != getattr(original, fact)]
    expect(
        not differing,
        backbone,
        "; ".join(
            f"its card has {fact} {getattr(card, fact)}, and where it comes from that is"
            f" {getattr(original, fact)}"
            for fact in differing
        ),
    )


def _find_again(card: Card, said: str | None) -> Original:
    own = card.address or card.name
    try:
        address = parse_address(said or own)
        if address.portable != own:
            raise BackboneError(
                f"{said!r} is not where {card.name!r} comes from: expected {own!r}, with the folders of its"
                " files."
            )
        # These do not say it themselves, and their user has said it when they were exported.
        facts = _facts_of(card) if address.source in ("file", "python") else None
        original = find_original(address, card.random_state, facts)
        side = card.frame.height
        sized = facts is None and not original.is_file and side == card.frame.width
        return resize_original(original, side) if sized and side != original.frame.height else original
    except MissingFile as error:
        raise BackboneError(
            f"{error} A card names files without their folders: run this in the folder that holds them, or"
            f" say where they are, --original ADDRESS with {own!r} and the folders of its files."
        ) from error


def _facts_of(card: Card) -> Facts:
    """Return how images are fed as the card says it, so that no file beside the original is asked for."""
    frame = card.frame
    return Facts(
        description=card.description,
        licence=card.licence,
        height=frame.height,
        width=frame.width,
        resize=frame.resize,
        interpolation=frame.interpolation,
        value_range=(0.0, 255.0),
        mean=card.mean,
        std=card.std,
        channels=card.channels,
    )


def _expect_same_weights(backbone: Backbone, reference: Reference) -> None:
    ours, theirs = backbone.card.source_weights, reference.weights
    if backbone.card.address and theirs:  # of the zoo's own, the exporter's packages say which they are
        expect(ours == theirs, backbone, f"its weights are {ours}, those at its address now {theirs}")
