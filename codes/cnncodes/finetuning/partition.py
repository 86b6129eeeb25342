"""The parts of a source: what a fine-tuning trains on, chooses by and tests on, and what is wrong there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from cnncodes.backbones.card import TUNED, Card
from cnncodes.backbones.seen import say_seen
from cnncodes.errors import SourceError, agree, count
from cnncodes.finetuning.examples import Labelled, check_known_classes, tell_missing, tell_share
from cnncodes.finetuning.task import Task, tell_fixed
from cnncodes.images import ImageRecord, ImageSource


def find_parts(source: ImageSource) -> dict[str, list[ImageRecord]]:
    """Return the labelled images by part: ``train``, and ``val`` and ``test`` where there are such.

    Raises
    ------
    SourceError
        If there is nothing to train on.
    """
    labelled = [record for record in source.records if record.label is not None]
    names = {record.split for record in labelled}
    if names == {None}:
        return {"train": labelled}
    parts = {
        name: [record for record in labelled if record.split == name] for name in ("train", "val", "test")
    }
    if not parts["train"]:
        raise SourceError(
            f"{source.name!r} holds no labelled images to train on: expected one folder a class, or a table"
            " with a column of labels; of parts, 'train'."
        )
    return parts


def check_parts(task: Task, test: Labelled | None) -> list[str]:
    """Raise where a part has a class that is not trained on; return what flatters the figures
    or spoils them."""
    notes = (
        tell_share(task.train, task.validation, task.settings.validation)
        if task.held_out
        else _tell_shared("validation", task.validation, [task.train])
    )
    notes += tell_missing(task.train, task.validation, "validation")
    if test is not None:
        check_known_classes(task.train, test, "test")
        notes += tell_missing(task.train, test, "test")
        notes += _tell_shared("test", test, [task.train, task.validation])
    notes += tell_seen(task.embedder.backbone.card, task.validation, test)
    notes += tell_fixed(task.train_plan, "training views")
    given = [task.train, task.validation, *([] if test is None else [test])]
    return notes + _tell_contradictory(given)


def _tell_shared(part: str, images: Labelled, others: Sequence[Labelled]) -> list[str]:
    """Return what is to be said of images that are also among others, or of a group that is, if any is."""
    known = {content for one in others for content in one.contents}
    shared = sum(content in known for content in images.contents)
    groups = {group for one in others if one.groups is not None for group in one.groups}
    related = 0 if images.groups is None else sum(group in groups for group in images.groups)
    of = f"of the {len(images.y):,} {part} images are"
    found = (
        (shared, f"{shared:,} {of} trained on, or chosen by, too: their figures flatter"),
        (related, f"{related:,} {of} of groups that are trained on, or chosen by: their figures flatter"),
    )
    return [text for count, text in found if count]


def tell_seen(card: Card, validation: Labelled, test: Labelled | None = None) -> list[str]:
    """Return what is to be said where the images that judge have tuned the network before, or may have."""
    if card.source_package != TUNED:
        return []
    if card.seen is None:
        return [
            f"{card.name} was fine-tuned before, and its card does not say on which images: where those that"
            " judge now are among them, their figures flatter"
        ]
    notes = []
    for part, images in (("validation", validation), ("test", test)):
        if images is not None and (seen := say_seen(card.seen, images.contents)):
            notes.append(
                f"{seen} of the {len(images.y):,} {part} images have tuned {card.name} before, or"
                " chosen its epoch: their figures flatter"
            )
    return notes


def _tell_contradictory(parts: Sequence[Labelled]) -> list[str]:
    """Return what is to be said of equal images whose labels differ, if there are any."""
    found: dict[str, dict[str, str]] = defaultdict(dict)  # of each content, a key for each label
    for part in parts:
        for record, content, label in zip(part.records, part.contents, part.y, strict=True):
            found[content].setdefault(str(label), record.key)
    wrong = [labels for labels in found.values() if len(labels) > 1]
    if not wrong:
        return []
    shown = ", ".join(f"{key!r} ({label})" for label, key in wrong[0].items())
    said = f"{count(len(wrong), 'image')} {agree(len(wrong), 'is')}"
    return [f"{said} there under several labels, of which one at most can be right: {shown}"]
