"""Saved classifiers, of one label or several, and regressors: a zip file, of which no code is run.

Format 2: ``card.json`` first, whose ``kind`` says which of these it is; ``head/*.npy`` for a head by name
(`cnncodes.estimators.packing.SCORERS`), ``head/head.skops`` for any other scikit-learn estimator;
``training/contents.npy``, by which a training image is known again, and ``training/groups.npy`` of groups,
where there are any; of a classifier
``training/answer_*.npy``, by which it is known when to abstain, of a regressor ``training/residuals.npy``, by
which its intervals are, and ``novelty/*.npy``, where there are any, which format 1 has not (nor
``shares`` in its card); ``members`` of the card names those of ``training/`` and ``novelty/`` that there are;
``backbone/card.toml`` and ``backbone/<model>`` unless left out. A folder with the same members is read too.
When the layout changes, raise `cnncodes.estimators.saved_card.FORMAT`, keep reading the older ones, and say
in docs/design.md what changed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cnncodes.backbones import Backbone, load_backbone
from cnncodes.backbones.graphs.picks import was_picked
from cnncodes.embedding import Embedder
from cnncodes.errors import CnnCodesError, SavedModelError, SpaceMismatch, UsageError, check_path, sentence
from cnncodes.estimators.aggregation import check_aggregate
from cnncodes.estimators.answers import unpack_answers
from cnncodes.estimators.archive import Archive, check_replaceable, open_archive, write_zip
from cnncodes.estimators.contents import pack_contents, unpack_contents
from cnncodes.estimators.label_predictor import LabelPredictor, check_label_aggregate
from cnncodes.estimators.label_sets import check_delimiter
from cnncodes.estimators.novelty import unpack_scale
from cnncodes.estimators.number_predictor import NumberPredictor, check_number_aggregate
from cnncodes.estimators.packing import CLASSES, LABELS, NUMBERS, head_members, pack_head, unpack_head
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.residuals import unpack_residuals
from cnncodes.estimators.saved_card import (
    MULTILABEL,
    REGRESSOR,
    make_card,
    read_backbone_card,
    read_card,
    read_shares,
    read_targets,
    unpack_params,
)
from cnncodes.heads.arrays import ArrayScorer
from cnncodes.heads.multilabel.scorers import check_threshold
from cnncodes.images import Decoding
from cnncodes.store import Space
from cnncodes.store.files import write_file
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.estimators.base import ImageEstimator

AnyPredictor: TypeAlias = Predictor | NumberPredictor | LabelPredictor

_PREDICTS = {REGRESSOR: NUMBERS, MULTILABEL: LABELS}


@dataclass(frozen=True)
class Saved:
    """What a saved classifier or regressor holds."""

    card: dict[str, Any]
    predictor: AnyPredictor


def save_estimator(
    estimator: ImageEstimator, path: Path, *, include_backbone: bool, alone: bool = True
) -> None:
    """Write a fitted estimator; the file appears whole or not at all.

    `alone` says whether nothing else is written before it, which would be kept where the disk is full.
    """
    check_replaceable(path)
    predictor: AnyPredictor = estimator.predictor_
    backbone = predictor.embedder.backbone
    head_type, members = pack_head(predictor.head)
    members |= pack_contents(predictor.trained, predictor.trained_groups)
    for kept in predictor.list_kept():
        members |= kept.pack()
    kept_members = sorted(members.keys() - head_members(head_type))
    card = make_card(estimator, head_type, kept_members, include_backbone=include_backbone)
    if include_backbone:
        members["backbone/card.toml"] = backbone.card.to_toml().encode()
        members[f"backbone/{backbone.card.model_file}"] = backbone.model_bytes()
    text = json.dumps(card, indent=1, ensure_ascii=False)
    write_file(path, write_zip({"card.json": text.encode(), **members}), alone=alone)


def read_card_of(path: str | Path) -> dict[str, Any]:
    """Read and check the card alone of a saved file."""
    check_path(path)
    archive = open_archive(Path(path))
    with _telling_damage(path):
        return read_card(archive)


def load_predictor(path: str | Path) -> AnyPredictor:
    """Load what is needed to predict from a saved classifier or regressor, and no more."""
    return read_saved(path).predictor


@contextlib.contextmanager
def _telling_damage(path: str | Path) -> Iterator[None]:
    """Raise `SavedModelError` instead of what a file with a wrong content leads to."""
    try:
        yield
    except UsageError as error:  # of a view plan or a way of decoding: a wrong file, not a wrong argument
        raise SavedModelError(f"{path} is damaged: {error}") from error
    except CnnCodesError:
        raise
    except KeyError as error:
        raise SavedModelError(f"{path} is damaged: it lacks {sentence(error)}") from error
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SavedModelError(f"{path} is damaged: {type(error).__name__}: {sentence(error)}") from error


def read_kind(path: str | Path) -> str:
    """Read from its card alone what a saved file says that it is, such as `saved_card.REGRESSOR`."""
    return str(read_card_of(path)["kind"])


def read_saved(path: str | Path) -> Saved:
    """Read and check a saved classifier or regressor; of scikit-learn only what its head needs."""
    check_path(path)
    archive = open_archive(Path(path))
    with _telling_damage(path):
        card = read_card(archive)
        head = unpack_head(archive, card["head"]["type"], _PREDICTS.get(card["kind"], CLASSES))
        backbone = _read_backbone(archive, card)
        train_plan = ViewPlan.from_dict(card["train_plan"])
        unpack_params(card, head)  # not needed to predict, but checked all the same
        decoding = Decoding.make(card["space"]["decoding"], card["params"]["max_pixels"])
        embedder = Embedder(backbone, ViewPlan.from_dict(card["test_plan"]), decoding)
        differing = Space.from_dict(card["space"]).differences(embedder.space)
        if differing:
            raise SpaceMismatch(
                f"{path}: the backbone is not the one it was trained on: {'; '.join(differing)}."
            )
        same_views = train_plan == embedder.plan
        predictor = _make_predictor(archive, card, embedder=embedder, head=head, same_views=same_views)
        _check_fit(archive, card, predictor)
        return Saved(card, predictor)


def _make_predictor(archive: Archive, card: Mapping[str, Any], **read: Any) -> AnyPredictor:
    """Return what predicts, with what the file keeps beside the head."""
    aggregate = card["params"].get("aggregate", "auto")
    code_size = read["embedder"].backbone.code_size
    read["trained"], read["trained_groups"] = unpack_contents(archive)
    if card["kind"] == REGRESSOR:
        check_number_aggregate(aggregate)
        targets = read_targets(archive, card)
        return NumberPredictor(
            aggregate=aggregate,
            targets=targets,
            residuals=unpack_residuals(archive, len(targets)),
            scale=unpack_scale(archive, 1, code_size),
            **read,
        )
    if card["kind"] == MULTILABEL:
        check_label_aggregate(aggregate)
        check_delimiter(card["label_delimiter"])
        check_threshold(card["params"]["threshold"])
        return LabelPredictor(
            aggregate=aggregate,
            delimiter=card["label_delimiter"],
            scale=unpack_scale(archive, 1, code_size),
            **read,
        )
    check_aggregate(aggregate, read["head"])
    return Predictor(
        aggregate=aggregate,
        answers=unpack_answers(archive),
        scale=unpack_scale(archive, len(card["classes"]), code_size),
        shares=read_shares(archive, card),
        **read,
    )


def _check_fit(archive: Archive, card: Mapping[str, Any], predictor: AnyPredictor) -> None:
    """Raise unless head, backbone and card speak of the same codes, and classes or targets."""
    head, code_size = predictor.head, predictor.embedder.backbone.code_size
    columns = head.code_size if isinstance(head, ArrayScorer) else getattr(head, "n_features_in_", None)
    if columns not in (None, code_size):
        raise SavedModelError(
            f"{archive.name} is damaged: its head takes {columns} columns and its codes have {code_size}."
        )
    if type(card["images"]) is not int or card["images"] < 1 or not isinstance(card["cnncodes"], str):
        raise SavedModelError(f"{archive.name} is damaged: its card says nothing sensible of its origin.")
    if isinstance(predictor, NumberPredictor):
        targets = getattr(head, "n_targets", len(predictor.targets))
        if targets != len(predictor.targets):
            raise SavedModelError(
                f"{archive.name} is damaged: its head predicts {targets} numbers and its card names"
                f" {len(predictor.targets)}."
            )
    elif predictor.classes.tolist() != card["classes"]:
        raise SavedModelError(
            f"{archive.name} is damaged: the classes of its head are not those of its card."
        )


def _read_backbone(archive: Archive, card: Mapping[str, Any]) -> Backbone:
    name, wanted = card["backbone"]["name"], card["backbone"]["sha256"]
    if card["backbone"]["included"]:
        backbone_card = read_backbone_card(archive)
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
