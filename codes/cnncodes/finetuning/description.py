"""What a training is of, kept beside its checkpoints: it tells what has changed where these do not match."""

from __future__ import annotations

import dataclasses
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from cnncodes.disk import parse_json
from cnncodes.finetuning.differences import Trained, compare_images, compare_requests
from cnncodes.finetuning.task import ASIDE, Task, identify
from cnncodes.store.files import atomic_write

#: Its file.
DESCRIPTION = "training.json.gz"
#: Hexadecimal digits of an image's hash that are kept.
_DIGITS = 16


def describe_request(task: Task) -> dict[str, Any]:
    """Return what a training is asked for beside its settings, as plain values."""
    backbone = task.embedder.backbone
    return {
        "backbone": {"name": backbone.card.name, "sha256": backbone.sha256},
        "head": task.head,
        "train_views": task.train_plan.to_dict(),
        "test_views": task.embedder.plan.to_dict(),
        "decode": task.embedder.decoding.mode,
    }


def write_description(task: Task, folder: Path) -> None:
    """Keep what a training is of, as its checkpoints are; nothing is written where that is there already."""
    facts = {**_describe(task), "identity": identify(task)}
    data = gzip.compress(json.dumps(facts).encode(), 6, mtime=0)
    path = folder / DESCRIPTION
    if not (path.is_file() and path.read_bytes() == data):
        atomic_write(path, data)


def explain_difference(task: Task, folder: Path, identity: str) -> str:
    """Return in words how a task differs from the one of that identity; empty where that is not known."""
    try:
        before = parse_json(gzip.decompress((folder / DESCRIPTION).read_bytes()))
        if before["identity"] != identity:
            return ""
        now = json.loads(json.dumps(_describe(task)))
        asked = compare_requests(before["asked"], now["asked"])
        images = [{key: Trained(*facts) for key, *facts in one["images"]} for one in (before, now)]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):  # none, or damaged
        return ""
    said = asked + compare_images(images[0], images[1], task.unread)
    if not said and before["images"] != now["images"]:
        said = ["the images are the same, and in another order, or others of them are held out"]
    return "; ".join(said)


def _describe(task: Task) -> dict[str, Any]:
    """Return it as plain values. Of images that are held out by chance it does not say which these are."""
    settings = {name: value for name, value in dataclasses.asdict(task.settings).items() if name not in ASIDE}
    parts = [("train", task.train), ("train" if task.held_out else "val", task.validation)]
    images = [
        [record.key, content[:_DIGITS], str(label), part]
        for part, some in parts
        for record, content, label in zip(some.records, some.contents, some.y, strict=True)
    ]
    return {"asked": {**describe_request(task), **settings}, "images": images}
