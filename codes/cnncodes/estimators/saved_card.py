"""The card of a saved estimator: what it says, and the checks of a file that may be hostile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import cnncodes
from cnncodes.backbones import Card
from cnncodes.disk import parse_json
from cnncodes.errors import SavedModelError
from cnncodes.estimators.answers import ANSWERS_MEMBERS
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.contents import CONTENTS_MEMBER, GROUPS_MEMBER
from cnncodes.estimators.label_predictor import LabelPredictor
from cnncodes.estimators.novelty import scale_members
from cnncodes.estimators.number_predictor import NumberPredictor
from cnncodes.estimators.packing import head_members
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.residuals import RESIDUALS_MEMBERS
from cnncodes.estimators.settings import read_settings
from cnncodes.heads.arrays import ArrayScorer

if TYPE_CHECKING:
    from cnncodes.estimators.base import ImageEstimator

FORMAT = 2

#: What this version reads.
_READ = (1, 2)

#: Said where there is more than this version writes.
_PERHAPS_NEWER = "Where a newer cnncodes has written it, that one reads it."

CLASSIFIER, REGRESSOR = "image-classifier", "image-regressor"
MULTILABEL = "image-multilabel-classifier"

#: Keys of the card ("") and of its tables; spaces and view plans check their own.
_KEYS = {
    "": {
        "format", "kind", "cnncodes", "head", "space", "train_plan", "test_plan", "images", "params",
        "backbone", "settings", "members",
    },
    "head": {"type"},
    "params": {"head", "max_pixels", "on_error", "random_state", "aggregate"},
    "backbone": {"name", "sha256", "included"},
}  # fmt: skip

#: What the card of one kind has besides, and which members its files may have.
_MORE_KEYS = {
    CLASSIFIER: {"": {"classes", "shares"}, "params": {"class_weight"}},
    REGRESSOR: {"": {"targets"}},
    MULTILABEL: {"": {"classes", "label_delimiter"}, "params": {"threshold"}},
}
_MORE_MEMBERS: dict[str, set[str]] = {
    CLASSIFIER: {*ANSWERS_MEMBERS},
    REGRESSOR: {*RESIDUALS_MEMBERS},
    MULTILABEL: set(),
}
#: Keys that older files lack.
_LATER = {"shares", "aggregate", "settings", "members"}


def make_card(
    estimator: ImageEstimator, head_type: str, members: list[str], *, include_backbone: bool
) -> dict[str, Any]:
    """Return the card of a fitted estimator; `members` are kept beside its head and its network."""
    predictor: Predictor | NumberPredictor | LabelPredictor = estimator.predictor_
    backbone = predictor.embedder.backbone
    says: dict[str, Any]
    if isinstance(predictor, NumberPredictor):
        kind, says = REGRESSOR, {"targets": list(predictor.targets)}
    elif isinstance(predictor, LabelPredictor):
        kind = MULTILABEL
        says = {"classes": predictor.classes.tolist(), "label_delimiter": predictor.delimiter}
    else:
        shares = None if predictor.shares is None else predictor.shares.tolist()
        kind, says = CLASSIFIER, {"classes": predictor.classes.tolist(), "shares": shares}
    return {
        "format": FORMAT,
        "kind": kind,
        "cnncodes": cnncodes.__version__,
        "head": {"type": head_type},
        **says,
        "space": predictor.embedder.space.to_dict(),
        "train_plan": estimator.train_plan_.to_dict(),
        "test_plan": predictor.embedder.plan.to_dict(),
        "images": estimator.n_images_,
        "settings": estimator._list_settings(),
        "params": _pack_params(estimator),
        "backbone": {"name": backbone.card.name, "sha256": backbone.sha256, "included": include_backbone},
        "members": members,
    }


def _pack_params(estimator: ImageEstimator) -> dict[str, Any]:
    """Return parameters as JSON holds them; objects are saved as the head itself or not at all."""
    state = estimator.random_state
    params = {
        "head": estimator.head if isinstance(estimator.head, str) else None,
        "max_pixels": _plain(estimator.max_pixels),
        "on_error": estimator.on_error,
        "random_state": int(state) if isinstance(state, int | np.integer) else None,
        "aggregate": estimator.predictor_.aggregate,
    }
    if isinstance(estimator.predictor_, NumberPredictor):
        return params
    if isinstance(estimator.predictor_, LabelPredictor):
        return {**params, "threshold": _plain(estimator.threshold)}
    weight = estimator.class_weight
    if isinstance(weight, dict):  # pairs, since JSON would make text of every key
        weight = [[_plain(name), float(value)] for name, value in weight.items()]
    return {**params, "class_weight": weight}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def unpack_params(card: Mapping[str, Any], head: Any) -> dict[str, Any]:
    """Return the parameters of the estimator that a card is of, but for the backbone and the views."""
    params = card["params"]
    found = {
        "head": params["head"] or (head.kind if isinstance(head, ArrayScorer) else head),
        "max_pixels": params["max_pixels"],
        "on_error": params["on_error"],
        "random_state": params["random_state"],
        "aggregate": params.get("aggregate", "auto"),
    }
    if card["kind"] == REGRESSOR:
        return found
    if card["kind"] == MULTILABEL:
        return {**found, "threshold": params["threshold"], "label_delimiter": card["label_delimiter"]}
    weight = params["class_weight"]
    return {**found, "class_weight": dict(weight) if isinstance(weight, list) else weight}


def read_card(archive: Archive) -> dict[str, Any]:
    """Read and check a card, and that the file holds nothing that its kind does not.

    Raises
    ------
    SavedModelError
        If the file is of something else, of a newer version, or holds anything unexpected.
    """
    if "card.json" not in archive.sizes:
        raise SavedModelError(f"{archive.name} is no saved classifier: it has no card.json.")
    card = parse_json(archive.read("card.json"))
    if not isinstance(card, dict) or card.get("kind") not in _MORE_KEYS:
        raise SavedModelError(
            f"{archive.name} is no saved classifier or regressor: its card.json is of something else, or of a"
            " newer version of cnncodes."
        )
    if card.get("format") not in _READ:
        number = card.get("format")
        newer = isinstance(number, int) and number > max(_READ)
        told = f"is of format {number!r}" if "format" in card else "does not say of what format it is"
        raise SavedModelError(
            f"{archive.name} {told}; this version of cnncodes reads formats"
            f" {' and '.join(map(str, _READ))}. {'Upgrade cnncodes.' if newer else 'The file is damaged.'}"
        )
    _check_keys(archive, card)
    read_settings(card)
    expected = {"card.json", CONTENTS_MEMBER} | head_members(card["head"]["type"])
    if card["backbone"]["included"]:
        model = read_backbone_card(archive).model_file
        expected |= {"backbone/card.toml", f"backbone/{model}"}
    expected |= _MORE_MEMBERS[card["kind"]] | scale_members() | {GROUPS_MEMBER}
    extra = sorted(set(archive.sizes) - expected)
    if extra:
        raise SavedModelError(
            f"{archive.name} holds {extra[0]!r}, which no saved classifier has: it was not loaded."
            f" {_PERHAPS_NEWER}"
        )
    _check_members(archive, card)
    return card


def _check_members(archive: Archive, card: Mapping[str, Any]) -> None:
    """Raise if a member is gone that some files have and some have not; older cards do not name them."""
    members = card.get("members", [])
    if not isinstance(members, list) or not all(type(member) is str for member in members):
        raise SavedModelError(
            f"{archive.name} is damaged: 'members' in its card.json must be a list of names."
        )
    if gone := [member for member in members if member not in archive.sizes]:
        raise SavedModelError(f"{archive.name} lacks {gone[0]!r}: it is damaged.")


def _check_keys(archive: Archive, card: Mapping[str, Any]) -> None:
    """Raise if the card lacks a key, or holds one that this version does not know: it would be lost."""
    more = _MORE_KEYS[card["kind"]]
    for table, shared in _KEYS.items():
        known = shared | more.get(table, set())
        values = card[table] if table else card
        if not isinstance(values, dict):
            raise TypeError(f"{table} in its card.json is no table")
        before = f"{table}." if table else ""
        lacking = sorted(known - _LATER - set(values))
        if lacking:
            names = ", ".join(repr(before + key) for key in lacking)
            raise SavedModelError(f"{archive.name} is damaged: its card.json lacks {names}.")
        extra = sorted(set(values) - known)
        if extra:
            raise SavedModelError(
                f"{archive.name}: its card.json holds {before + extra[0]!r}, which no saved classifier has:"
                f" it was not loaded. {_PERHAPS_NEWER}"
            )


def read_targets(archive: Archive, card: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Return the names of a regressor's targets."""
    targets = card["targets"]
    if not isinstance(targets, list) or not targets or not all(t is None or type(t) is str for t in targets):
        raise SavedModelError(f"{archive.name} is damaged: its card does not say what is predicted.")
    return tuple(targets)


def read_shares(archive: Archive, card: Mapping[str, Any]) -> Any:
    """Return the shares of the classes that probabilities are made for; older files have none."""
    if card.get("shares") is None:
        return None
    shares = np.array(card["shares"], dtype=np.float64)
    sound = shares.shape == (len(card["classes"]),) and bool((shares > 0).all())
    if not sound or not abs(shares.sum() - 1) < 1e-6:
        raise SavedModelError(
            f"{archive.name} is damaged: 'shares' in its card.json must be a share for each class."
        )
    return shares


def read_backbone_card(archive: Archive) -> Card:
    """Read the card of the backbone in the file."""
    return Card.from_toml(archive.read("backbone/card.toml").decode())
