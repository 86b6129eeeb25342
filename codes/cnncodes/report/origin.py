"""How to make the figures again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnncodes.heads.arrays import name_head
from cnncodes.heads.linear import LinearScorer
from cnncodes.report.html import escape, number, paragraph, section, table
from cnncodes.report.material import Origin

if TYPE_CHECKING:
    from cnncodes.estimators.predictor import ImagePredictor

_TIMED = (
    " of each method that it has time for (another machine, or other work beside it, may leave out others;"
    " --budget none tries all)"
)


def show_origin(origin: Origin, predictor: ImagePredictor | None = None) -> str:
    """Return the section that says what the figures were made of and with."""
    rows = [(escape(title), f"<code>{escape(value)}</code>") for title, value in _list(origin, predictor)]
    limit = _TIMED if origin.timed else ""
    return section(
        "origin",
        "How to reproduce it",
        paragraph(f"This command, with these files and versions, gives the same figures{limit}:"),
        f'<pre tabindex="0" role="group" aria-label="Command"><code>{escape(origin.command)}</code></pre>',
        table("What took part", ("What", "Which"), rows),
    )


def _list(origin: Origin, predictor: ImagePredictor | None) -> Iterator[tuple[str, str]]:
    yield "Made", origin.date
    if origin.model is not None:
        yield origin.kind, origin.model
        yield f"{origin.kind}, SHA-256", origin.model_sha256
        for what, value in origin.training.items():
            yield f"{origin.kind}, {what}", value
    yield "Images", f"{origin.source}{'' if origin.split is None else f', part {origin.split}'}"
    yield from origin.others.items()
    if predictor is not None:
        yield from _list_space(predictor)
    for what, state in origin.random_states.items():
        yield f"Random state: {what}", str(state)
    for what, version in origin.versions.items():
        yield f"Version: {what}", version


def _list_space(predictor: ImagePredictor) -> Iterator[tuple[str, str]]:
    space = predictor.embedder.space
    yield "Head", _describe_head(predictor.head)
    yield "Averaged over views", predictor.aggregate
    yield "Backbone", space.backbone
    yield "Backbone, SHA-256", space.backbone_sha256
    for field, value in space.to_dict().items():
        if not field.startswith("backbone"):
            yield f"Space: {field.replace('_', ' ')}", str(value)
    yield "View plan", json.dumps(predictor.embedder.plan.to_dict(), sort_keys=True)


def _describe_head(head: object) -> str:
    if not isinstance(head, LinearScorer):
        return name_head(head)
    scaled = ", codes scaled to length 1" if head.l2_normalize else ""
    return f"{head.kind}, {len(head.classes)} classes, temperature {number(head.temperature)}{scaled}"
