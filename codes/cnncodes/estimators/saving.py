"""Saved classifiers: one zip file, read without running any code from it.

Format 1: ``card.json`` first; ``head/*.npy`` for a linear head, ``head/head.skops`` for any other
scikit-learn classifier; ``backbone/card.toml`` and ``backbone/<model>`` unless left out. A folder
with the same members is read too. When the layout changes, raise `FORMAT`, keep reading the older
ones, and say in docs/design.md what changed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import cnncodes
from cnncodes.backbones import Backbone, Card, load_backbone
from cnncodes.embedding import Embedder
from cnncodes.errors import CnnCodesError, SavedModelError, SpaceMismatch
from cnncodes.estimators.predictor import Predictor
from cnncodes.heads.linear import LinearScorer
from cnncodes.images import Decoding
from cnncodes.store import Space
from cnncodes.store.files import atomic_write
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from cnncodes.estimators.classifier import ImageClassifier

FORMAT = 1
#: More than any classifier of ours needs; a zip can promise what no memory holds.
MAX_MEMBER_BYTES = 2 << 30
_PARAMS = ("head", "class_weight", "on_error", "random_state")


@dataclass(frozen=True)
class Saved:
    """What a saved classifier holds."""

    card: dict[str, Any]
    predictor: Predictor


def save_classifier(classifier: ImageClassifier, path: Path, *, include_backbone: bool) -> None:
    """Write a fitted `ImageClassifier`; the file appears whole or not at all."""
    predictor = classifier.predictor_
    backbone = predictor.embedder.backbone
    members, head = _pack_head(predictor.head, classifier)
    card = {
        "format": FORMAT,
        "kind": "image-classifier",
        "cnncodes": cnncodes.__version__,
        "head": head,
        "classes": predictor.classes.tolist(),
        "space": predictor.embedder.space.to_dict(),
        "train_plan": ViewPlan.parse(classifier.train_views).to_dict(),
        "test_plan": predictor.embedder.plan.to_dict(),
        "images": classifier.n_images_,
        "params": {name: _plain(getattr(classifier, name)) for name in _PARAMS},
        "backbone": {"name": backbone.card.name, "sha256": backbone.sha256, "included": include_backbone},
    }
    if include_backbone:
        members["backbone/card.toml"] = backbone.card.to_toml().encode()
        members[f"backbone/{backbone.card.model_file}"] = backbone.model_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        text = json.dumps(card, indent=1, ensure_ascii=False)
        for name, data in {"card.json": text.encode(), **members}.items():
            # A fixed date: the same classifier gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, buffer.getvalue())


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
    from cnncodes.estimators.classifier import ImageClassifier

    saved = read_saved(path)
    embedder, card = saved.predictor.embedder, saved.card
    params = {name: card["params"].get(name) for name in _PARAMS}
    if card["head"]["type"] != "linear":
        params["head"] = saved.predictor.head
    classifier = ImageClassifier(
        backbone=embedder.backbone if card["backbone"]["included"] else card["backbone"]["name"],
        train_views=ViewPlan.from_dict(card["train_plan"]),
        test_views=embedder.plan,
        decode=embedder.decoding.mode,
        **params,
    )
    classifier.predictor_ = saved.predictor
    classifier.head_ = saved.predictor.head
    classifier.classes_ = saved.predictor.classes
    classifier.space_ = embedder.space
    classifier.n_images_ = card["images"]
    return classifier


def read_saved(path: str | Path) -> Saved:
    """Read and check a saved classifier; of scikit-learn only what its head needs."""
    path = Path(path)
    members = _read_members(path)
    try:
        card = _read_card(path, members)
        backbone = _read_backbone(path, card, members)
        decoding = Decoding(mode=card["space"]["decoding"])
        embedder = Embedder(backbone, ViewPlan.from_dict(card["test_plan"]), decoding)
        differing = Space.from_dict(card["space"]).differences(embedder.space)
        if differing:
            raise SpaceMismatch(
                f"{path}: the backbone is not the one it was trained on: {'; '.join(differing)}."
            )
        return Saved(card, Predictor(embedder, _unpack_head(path, card, members)))
    except CnnCodesError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SavedModelError(f"{path} is damaged: {type(error).__name__}: {error}.") from error


def _plain(value: Any) -> Any:
    """Return a parameter as JSON holds it; objects are saved as the head itself or not at all."""
    try:
        json.dumps(value)
    except TypeError:
        return None
    return value


def _pack_head(head: Any, classifier: ImageClassifier) -> tuple[dict[str, bytes], dict[str, Any]]:
    if isinstance(head, LinearScorer):
        arrays = head.to_arrays()
        return {f"head/{name}.npy": _to_npy(array) for name, array in arrays.items()}, {"type": "linear"}
    import skops.io

    return {"head/head.skops": skops.io.dumps(classifier.head_)}, {"type": "skops"}


def _to_npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def _read_members(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}
    if not path.exists():
        raise SavedModelError(f"there is no saved classifier at {str(path)!r}.")
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.file_size > MAX_MEMBER_BYTES:
                    raise SavedModelError(
                        f"{path} holds {info.filename!r} of {info.file_size} bytes: too large."
                    )
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise SavedModelError(f"{path} is no saved classifier, or is damaged: {error}.") from error


def _read_card(path: Path, members: Mapping[str, bytes]) -> dict[str, Any]:
    if "card.json" not in members:
        raise SavedModelError(f"{path} is no saved classifier: it has no card.json.")
    card = json.loads(members["card.json"])
    if not isinstance(card, dict) or card.get("kind") != "image-classifier":
        raise SavedModelError(f"{path} is no saved classifier: its card.json is of something else.")
    if card.get("format") != FORMAT:
        raise SavedModelError(
            f"{path} is of format {card.get('format')!r}; this version of cnncodes reads format {FORMAT}."
            " Upgrade cnncodes."
        )
    expected = {"card.json"}
    expected |= {"head/head.skops"} if card["head"]["type"] == "skops" else _linear_members()
    if card["backbone"]["included"]:
        expected |= {"backbone/card.toml"}
    extra = [
        n for n in members if n not in expected and not (n.startswith("backbone/") and n.endswith(".onnx"))
    ]
    if extra:
        raise SavedModelError(f"{path} holds {extra[0]!r}, which no saved classifier has: it was not loaded.")
    return card


def _linear_members() -> set[str]:
    return {f"head/{name}.npy" for name in LinearScorer.ARRAYS}


def _read_backbone(path: Path, card: Mapping[str, Any], members: Mapping[str, bytes]) -> Backbone:
    if not card["backbone"]["included"]:
        backbone = load_backbone(card["backbone"]["name"])
    else:
        backbone_card = Card.from_toml(members["backbone/card.toml"].decode())
        backbone = Backbone.from_bytes(members[f"backbone/{backbone_card.model_file}"], backbone_card)
    if backbone.sha256 != card["backbone"]["sha256"]:
        raise SavedModelError(
            f"{path} was trained on the backbone {card['backbone']['name']!r} with sha256"
            f" {card['backbone']['sha256']}; the one at hand has {backbone.sha256}."
        )
    return backbone


def _unpack_head(path: Path, card: Mapping[str, Any], members: Mapping[str, bytes]) -> Any:
    if card["head"]["type"] == "linear":
        arrays = {
            name: np.load(io.BytesIO(members[f"head/{name}.npy"]), allow_pickle=False)
            for name in LinearScorer.ARRAYS
        }
        return LinearScorer.from_arrays(arrays)
    if card["head"]["type"] != "skops":
        raise SavedModelError(f"{path} holds a head of unknown type {card['head']['type']!r}.")
    import skops.io

    data = members["head/head.skops"]
    untrusted = skops.io.get_untrusted_types(data=data)
    if untrusted:
        raise SavedModelError(
            f"{path} holds a head with {', '.join(untrusted)}, which is not known to be safe:"
            " it was not loaded."
        )
    return skops.io.loads(data, trusted=[])
