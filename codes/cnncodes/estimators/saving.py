"""Saved classifiers: one zip file, read without running any code from it.

Format 2: ``card.json`` first; ``head/*.npy`` for a head by name (`cnncodes.estimators.packing.SCORERS`),
``head/head.skops`` for any other scikit-learn classifier; ``training/contents.npy``, by which a training
image is known again; ``training/answer_*.npy``, by which it is known when to abstain, and ``novelty/*.npy``,
where there are any, which format 1 has not (nor ``shares`` in its card); ``backbone/card.toml`` and
``backbone/<model>`` unless left out.
A folder with the same members is read too. When the layout changes, raise `FORMAT`, keep reading the older
ones, and say in
docs/design.md what changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import cnncodes
from cnncodes.backbones import Backbone, Card, load_backbone
from cnncodes.backbones.graphs.picks import was_picked
from cnncodes.embedding import Embedder
from cnncodes.errors import CnnCodesError, SavedModelError, SpaceMismatch, UsageError, check_path, sentence
from cnncodes.estimators.aggregation import check_aggregate
from cnncodes.estimators.answers import ANSWERS_MEMBERS, unpack_answers
from cnncodes.estimators.archive import Archive, check_replaceable, open_archive, write_zip
from cnncodes.estimators.contents import CONTENTS_MEMBER, pack_contents, unpack_contents
from cnncodes.estimators.novelty import scale_members, unpack_scale
from cnncodes.estimators.packing import head_members, pack_head, unpack_head
from cnncodes.estimators.predictor import Predictor
from cnncodes.heads.scoring import Scorer
from cnncodes.images import Decoding
from cnncodes.store import Space
from cnncodes.store.files import write_file
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.estimators.classifier import ImageClassifier

FORMAT = 2

#: What this version reads.
_READ = (1, 2)

#: Keys of the card ("") and of its tables; spaces and view plans check their own.
_KEYS = {
    "": {
        "format", "kind", "cnncodes", "head", "classes", "space", "train_plan", "test_plan", "images",
        "params", "backbone", "shares",
    },
    "head": {"type"},
    "params": {"head", "class_weight", "max_pixels", "on_error", "random_state", "aggregate"},
    "backbone": {"name", "sha256", "included"},
}  # fmt: skip


@dataclass(frozen=True)
class Saved:
    """What a saved classifier holds."""

    card: dict[str, Any]
    predictor: Predictor


def save_classifier(
    classifier: ImageClassifier, path: Path, *, include_backbone: bool, alone: bool = True
) -> None:
    """Write a fitted `ImageClassifier`; the file appears whole or not at all.

    `alone` says whether nothing else is written before it, which would be kept where the disk is full.
    """
    check_replaceable(path)
    predictor = classifier.predictor_
    backbone = predictor.embedder.backbone
    head_type, members = pack_head(predictor.head)
    members |= pack_contents(predictor.trained)
    for kept in (predictor.answers, predictor.scale):
        members |= {} if kept is None else kept.pack()
    card = {
        "format": FORMAT,
        "kind": "image-classifier",
        "cnncodes": cnncodes.__version__,
        "head": {"type": head_type},
        "classes": predictor.classes.tolist(),
        "space": predictor.embedder.space.to_dict(),
        "train_plan": classifier.train_plan_.to_dict(),
        "test_plan": predictor.embedder.plan.to_dict(),
        "images": classifier.n_images_,
        "params": _pack_params(classifier),
        "shares": None if predictor.shares is None else predictor.shares.tolist(),
        "backbone": {"name": backbone.card.name, "sha256": backbone.sha256, "included": include_backbone},
    }
    if include_backbone:
        members["backbone/card.toml"] = backbone.card.to_toml().encode()
        members[f"backbone/{backbone.card.model_file}"] = backbone.model_bytes()
    text = json.dumps(card, indent=1, ensure_ascii=False)
    write_file(path, write_zip({"card.json": text.encode(), **members}), alone=alone)


def load(path: str | Path) -> ImageClassifier:
    """Load a saved classifier. No code from the file is run.

    Parameters
    ----------
    path : path
        What `ImageClassifier.save` wrote, or a folder with the same members.

    Returns
    -------
    ImageClassifier
        Fitted; its predictions equal those before saving, bit for bit.

    Raises
    ------
    SavedModelError
        If the file is damaged, of a newer format, or holds anything unexpected; the text names it.
    """
    saved = read_saved(path)
    embedder, card = saved.predictor.embedder, saved.card
    # A name alone would mean the network's first file, fp32, when it is fitted again.
    by_name = not card["backbone"]["included"] and embedder.backbone.precision == "fp32"
    return assemble_classifier(
        saved.predictor,
        ViewPlan.from_dict(card["train_plan"]),
        card["images"],
        backbone=card["backbone"]["name"] if by_name else embedder.backbone,
        **_unpack_params(card["params"], saved.predictor.head),
    )


def assemble_classifier(
    predictor: Predictor, train_plan: ViewPlan, n_images: int, *, backbone: Any, **params: Any
) -> ImageClassifier:
    """Return a fitted `ImageClassifier` around a predictor.

    Parameters
    ----------
    predictor : Predictor
    train_plan : ViewPlan
        The views that its head was trained on.
    n_images : int
        Images that it was trained on.
    backbone, **params
        Parameters of the classifier, for when it is fitted again.
    """
    from cnncodes.estimators.classifier import ImageClassifier

    embedder = predictor.embedder
    classifier = ImageClassifier(
        backbone=backbone,
        train_views=train_plan,
        test_views=embedder.plan,
        decode=embedder.decoding.mode,
        **params,
    )
    classifier._take(predictor, train_plan, n_images)
    return classifier


def load_predictor(path: str | Path) -> Predictor:
    """Load what is needed to predict from a saved classifier, and no more."""
    return read_saved(path).predictor


def read_saved(path: str | Path) -> Saved:
    """Read and check a saved classifier; of scikit-learn only what its head needs."""
    check_path(path)
    archive = open_archive(Path(path))
    try:
        card = _read_card(archive)
        head = unpack_head(archive, card["head"]["type"])
        backbone = _read_backbone(archive, card)
        ViewPlan.from_dict(card["train_plan"])  # not needed to predict, but checked all the same,
        _unpack_params(card["params"], head)  # and so are these
        decoding = Decoding.make(card["space"]["decoding"], card["params"]["max_pixels"])
        embedder = Embedder(backbone, ViewPlan.from_dict(card["test_plan"]), decoding)
        differing = Space.from_dict(card["space"]).differences(embedder.space)
        if differing:
            raise SpaceMismatch(
                f"{path}: the backbone is not the one it was trained on: {'; '.join(differing)}."
            )
        aggregate = card["params"].get("aggregate", "auto")
        check_aggregate(aggregate, head)
        predictor = Predictor(
            embedder,
            head,
            unpack_contents(archive),
            aggregate,
            unpack_answers(archive),
            unpack_scale(archive, len(card["classes"]), embedder.backbone.code_size),
            same_views=ViewPlan.from_dict(card["train_plan"]) == embedder.plan,
            shares=_unpack_shares(archive, card),
        )
        _check_fit(archive, card, predictor)
        return Saved(card, predictor)
    except UsageError as error:  # of a view plan or a way of decoding: a wrong file, not a wrong argument
        raise SavedModelError(f"{path} is damaged: {error}") from error
    except CnnCodesError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SavedModelError(f"{path} is damaged: {type(error).__name__}: {sentence(error)}") from error


def _unpack_shares(archive: Archive, card: Mapping[str, Any]) -> Any:
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


def _check_fit(archive: Archive, card: Mapping[str, Any], predictor: Predictor) -> None:
    """Raise unless head, backbone and card speak of the same codes and classes."""
    head, code_size = predictor.head, predictor.embedder.backbone.code_size
    columns = head.code_size if isinstance(head, Scorer) else getattr(head, "n_features_in_", None)
    if columns not in (None, code_size):
        raise SavedModelError(
            f"{archive.name} is damaged: its head takes {columns} columns and its codes have {code_size}."
        )
    if type(card["images"]) is not int or card["images"] < 1 or not isinstance(card["cnncodes"], str):
        raise SavedModelError(f"{archive.name} is damaged: its card says nothing sensible of its origin.")
    if predictor.classes.tolist() != card["classes"]:
        raise SavedModelError(
            f"{archive.name} is damaged: the classes of its head are not those of its card."
        )


def _pack_params(classifier: ImageClassifier) -> dict[str, Any]:
    """Return parameters as JSON holds them; objects are saved as the head itself or not at all."""
    weight, state = classifier.class_weight, classifier.random_state
    if isinstance(weight, dict):  # pairs, since JSON would make text of every key
        weight = [[_plain(name), float(value)] for name, value in weight.items()]
    return {
        "head": classifier.head if isinstance(classifier.head, str) else None,
        "class_weight": weight,
        "max_pixels": _plain(classifier.max_pixels),
        "on_error": classifier.on_error,
        "random_state": int(state) if isinstance(state, int | np.integer) else None,
        "aggregate": classifier.predictor_.aggregate,
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _unpack_params(params: Mapping[str, Any], head: Any) -> dict[str, Any]:
    weight = params["class_weight"]
    return {
        "head": params["head"] or (head.kind if isinstance(head, Scorer) else head),
        "class_weight": dict(weight) if isinstance(weight, list) else weight,
        "max_pixels": params["max_pixels"],
        "on_error": params["on_error"],
        "random_state": params["random_state"],
        "aggregate": params.get("aggregate", "auto"),
    }


def _read_card(archive: Archive) -> dict[str, Any]:
    if "card.json" not in archive.sizes:
        raise SavedModelError(f"{archive.name} is no saved classifier: it has no card.json.")
    card = json.loads(archive.read("card.json"))
    if not isinstance(card, dict) or card.get("kind") != "image-classifier":
        raise SavedModelError(f"{archive.name} is no saved classifier: its card.json is of something else.")
    if card.get("format") not in _READ:
        raise SavedModelError(
            f"{archive.name} is of format {card.get('format')!r}; this version of cnncodes reads"
            f" formats {' and '.join(map(str, _READ))}. Upgrade cnncodes."
        )
    _check_keys(archive, card)
    expected = {"card.json", CONTENTS_MEMBER} | head_members(card["head"]["type"])
    if card["backbone"]["included"]:
        model = _backbone_card(archive).model_file
        expected |= {"backbone/card.toml", f"backbone/{model}"}
    extra = sorted(set(archive.sizes) - expected - ({*ANSWERS_MEMBERS} | scale_members()))
    if extra:
        raise SavedModelError(
            f"{archive.name} holds {extra[0]!r}, which no saved classifier has: it was not loaded."
        )
    return card


def _check_keys(archive: Archive, card: Mapping[str, Any]) -> None:
    """Raise if the card holds a key that this version does not know: it would be lost without a word."""
    for table, known in _KEYS.items():
        values = card[table] if table else card
        if not isinstance(values, dict):
            raise TypeError(f"{table} in its card.json is no table")
        extra = sorted(set(values) - known)
        if extra:
            name = f"{table}.{extra[0]}" if table else extra[0]
            raise SavedModelError(
                f"{archive.name}: its card.json holds {name!r}, which no saved classifier has: it was not"
                " loaded."
            )


def _backbone_card(archive: Archive) -> Card:
    return Card.from_toml(archive.read("backbone/card.toml").decode())


def _read_backbone(archive: Archive, card: Mapping[str, Any]) -> Backbone:
    name, wanted = card["backbone"]["name"], card["backbone"]["sha256"]
    if card["backbone"]["included"]:
        backbone_card = _backbone_card(archive)
        backbone = Backbone.from_bytes(archive.read(f"backbone/{backbone_card.model_file}"), backbone_card)
    elif not isinstance(name, str) or Path(name).name != name:  # a file must not choose what else is opened
        raise SavedModelError(f"{archive.name} names the backbone {name!r}, which is no name in the zoo.")
    else:
        layer = str(card["space"]["layer"])
        backbone = load_backbone(
            name,
            precision=card["space"].get("precision"),
            layer=layer if was_picked(layer) else None,
        )
    if backbone.sha256 != wanted:
        raise SavedModelError(
            f"{archive.name} was trained on the backbone {name!r} with sha256 {wanted}; the one at hand has"
            f" {backbone.sha256}."
        )
    return backbone
